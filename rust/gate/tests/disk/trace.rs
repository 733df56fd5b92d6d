//! What was done to a disk, and what may be left of it when the power fails.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::loss::{Fate, History, Op, Rng, build};
use super::{Disk, Files, Loss};

/// A file: its number, which a new file by an old name does not share, and the name it was made by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub id: u64,
    pub path: Arc<str>,
}

/// One thing done to a disk.
#[derive(Clone, Debug)]
pub enum Step {
    /// A new file.
    Create { file: File },
    /// A file's name goes; `durable` if SQLite asked for the directory to be synced.
    Delete { path: Arc<str>, durable: bool },
    /// Bytes written.
    Write { file: File, offset: usize, bytes: Arc<[u8]> },
    /// A file cut or extended.
    Truncate { file: File, len: usize },
    /// A file synced; if not `ok`, what was not yet synced is lost but still reads well, as on Linux.
    Sync { file: File, ok: bool },
    /// The caller was told that an operation is done.
    Mark(u64),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { file } => write!(f, "create {}", file.path),
            Self::Delete { path, durable } => write!(f, "delete {path} durable={durable}"),
            Self::Write { file, offset, bytes } => write!(f, "write {} {offset}+{}", file.path, bytes.len()),
            Self::Truncate { file, len } => write!(f, "truncate {} to {len}", file.path),
            Self::Sync { file, ok } => write!(f, "sync {} ok={ok}", file.path),
            Self::Mark(label) => write!(f, "mark {label}"),
        }
    }
}

/// A disk's steps up to now, numbered from 1. Images in rising order of steps are cheap; give each thread a clone.
pub struct Trace {
    base: Arc<Files>,
    steps: Arc<Vec<Step>>,
    powersafe: bool,
    replay: Mutex<Replay>,
}

impl Clone for Trace {
    fn clone(&self) -> Self {
        Self::new(&self.base, &self.steps, self.powersafe)
    }
}

impl Trace {
    pub(super) fn new(base: &Arc<Files>, steps: &Arc<Vec<Step>>, powersafe: bool) -> Self {
        let replay = Mutex::new(Replay::new(base));
        Self { base: Arc::clone(base), steps: Arc::clone(steps), powersafe, replay }
    }

    /// How many steps.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// The steps; the first is step 1.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The labels acknowledged in the first `at` steps.
    pub fn marks_before(&self, at: usize) -> Vec<u64> {
        marks(&self.steps[..at])
    }

    /// A disk as the power failing right after step `at` may leave it; 0 is before the first.
    pub fn image(&self, at: usize, loss: Loss) -> Disk {
        let mut replay = self.replay.lock().unwrap_or_else(PoisonError::into_inner);
        if replay.at > at {
            *replay = Replay::new(&self.base);
        }
        for step in &self.steps[replay.at..at] {
            replay.step(step);
        }
        Disk::holding(replay.image(loss, self.powersafe), self.powersafe)
    }
}

/// The labels acknowledged in some steps.
pub(super) fn marks(steps: &[Step]) -> Vec<u64> {
    steps.iter().filter_map(|step| if let Step::Mark(label) = step { Some(*label) } else { None }).collect()
}

/// A name made or deleted, not yet durable.
enum Entry {
    Create(File),
    Delete(Arc<str>),
}

impl Entry {
    fn path(&self) -> &Arc<str> {
        match self {
            Self::Create(file) => &file.path,
            Self::Delete(path) => path,
        }
    }

    fn apply(&self, names: &mut BTreeMap<Arc<str>, u64>) {
        match self {
            Self::Create(file) => names.insert(Arc::clone(&file.path), file.id),
            Self::Delete(path) => names.remove(path),
        };
    }
}

/// A disk after some steps: what is durable, and what is on its way.
struct Replay {
    at: usize,
    files: BTreeMap<u64, History>,
    live: BTreeMap<Arc<str>, u64>,
    durable: BTreeMap<Arc<str>, u64>,
    entries: Vec<Entry>,
}

impl Replay {
    fn new(base: &Files) -> Self {
        let names: BTreeMap<_, _> = base.keys().cloned().zip(0..).collect();
        let files = (0..).zip(base.values()).map(|(id, pages)| (id, History::holding(pages))).collect();
        Self { at: 0, files, live: names.clone(), durable: names, entries: Vec::new() }
    }

    fn file(&mut self, file: &File) -> &mut History {
        self.files.entry(file.id).or_default()
    }

    fn step(&mut self, step: &Step) {
        self.at += 1;
        match step {
            Step::Create { file } => {
                self.file(file);
                self.enter(Entry::Create(file.clone()));
            }
            Step::Delete { path, durable } => {
                self.enter(Entry::Delete(Arc::clone(path)));
                if *durable {
                    self.settle(None);
                }
            }
            Step::Write { file, offset, bytes } => self.file(file).push(Op::Write(*offset, Arc::clone(bytes))),
            Step::Truncate { file, len } => self.file(file).push(Op::Truncate(*len)),
            Step::Sync { file, ok: true } => {
                self.file(file).settle(Fate::Durable);
                self.settle(Some(file.id));
            }
            Step::Sync { file, ok: false } => self.file(file).settle(Fate::Doomed),
            Step::Mark(_) => {}
        }
    }

    fn enter(&mut self, entry: Entry) {
        entry.apply(&mut self.live);
        self.entries.push(entry);
    }

    /// All deletions become durable, and the making of one file.
    fn settle(&mut self, synced: Option<u64>) {
        let mut waiting: Vec<Entry> = Vec::new();
        for entry in self.entries.drain(..) {
            if matches!(&entry, Entry::Create(file) if Some(file.id) != synced) {
                waiting.push(entry);
            } else {
                entry.apply(&mut self.durable);
                waiting.retain(|other| other.path() != entry.path());
            }
        }
        self.entries = waiting;
    }

    fn image(&self, loss: Loss, powersafe: bool) -> Files {
        let (seed, torn) = match loss {
            // The cache as it stands: what a killed process leaves on a machine that runs on.
            Loss::Nothing => return self.take(&self.live, |file| file.cache.clone()),
            Loss::Everything => return self.take(&self.durable, History::durable),
            Loss::Random(seed) => (seed, false),
            Loss::Torn(seed) => (seed, true),
        };
        let mut rng = Rng::new(seed ^ (self.at as u64).wrapping_mul(0xA24B_AED4_963E_E407));
        // Few, half or most of the writes arrive.
        let odds = [1, 4, 7][rng.below(3)];
        let mut names = self.durable.clone();
        for entry in &self.entries {
            if rng.below(8) < odds {
                entry.apply(&mut names);
            }
        }
        // In the order of names: no hash decides.
        let arrivals: BTreeMap<_, _> =
            names.values().map(|id| (*id, self.files[id].arrivals(&mut rng, odds))).collect();
        let tearable = |(id, at): &(u64, usize)| arrivals[id][*at] && self.files[id].tearable(*at);
        let writes = names.values().flat_map(|id| (0..arrivals[id].len()).map(move |at| (*id, at)));
        let writes: Vec<_> = writes.filter(tearable).collect();
        let tear = (torn && !writes.is_empty()).then(|| writes[rng.below(writes.len())]);
        let make = |(path, id): (&Arc<str>, &u64)| {
            let tear = tear.filter(|(file, _)| file == id).map(|(_, at)| at);
            (Arc::clone(path), build(&self.files[id], &arrivals[id], tear, powersafe, &mut rng))
        };
        names.iter().map(make).collect()
    }

    fn take(&self, names: &BTreeMap<Arc<str>, u64>, bytes: impl Fn(&History) -> super::Pages) -> Files {
        names.iter().map(|(path, id)| (Arc::clone(path), bytes(&self.files[id]))).collect()
    }
}
