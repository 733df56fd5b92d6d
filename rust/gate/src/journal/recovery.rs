//! From the rows of a journal back to the engine: every hash is checked, every record after the last checkpoint replayed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gxrisk_core::{Engine, Event, Limits};

use super::frame::{Fault, chained, check, genesis, hash_of, unframed};
use super::store::{Checkpoint, Store};
use super::{FORMAT, Hash, JournalError};

/// What the rows of a journal come to.
pub(crate) struct Rebuilt {
    pub engine: Engine,
    /// The hash of the last record.
    pub head: Hash,
    /// The last epoch that anyone began.
    pub epoch: u64,
    pub replayed: u64,
    /// How long those are.
    pub replayed_bytes: usize,
    /// How long the checkpoint is.
    pub checkpoint_bytes: usize,
    /// How long the last record is that was cut short.
    pub dropped: u64,
}

/// A walk along the chain, row by row.
pub(crate) struct Chain {
    path: PathBuf,
    pub head: Hash,
    pub last: u64,
    pub epoch: u64,
}

impl Chain {
    pub fn new(path: &Path, vault_id: &str) -> Self {
        Self { path: path.to_owned(), head: genesis(vault_id), last: 0, epoch: 0 }
    }

    /// An error that names a record.
    pub fn damaged(&self, sequence: u64, what: impl Into<String>) -> JournalError {
        JournalError::Damaged { path: self.path.clone(), sequence, what: what.into() }
    }

    /// A fault of a record's frame.
    pub fn fault(&self, sequence: u64, fault: Fault) -> JournalError {
        match fault {
            Fault::Newer(format) => {
                let what = format!("record {sequence} of {}", self.path.display());
                JournalError::Newer { what, seen: u64::from(format) }
            }
            Fault::Incomplete => self.damaged(sequence, "it is shorter than it says"),
            Fault::Unreadable => self.damaged(sequence, format!("it cannot be read as a record of format {FORMAT}")),
        }
    }

    fn comes_next(&self, sequence: u64) -> Result<(), JournalError> {
        let next = self.last.saturating_add(1);
        if sequence == next {
            return Ok(());
        }
        Err(self.damaged(next, format!("it is missing; the next one is {sequence}")))
    }

    /// Takes the next row in: its number, its frame and its hash must follow.
    pub fn step(&mut self, sequence: u64, frame: &[u8], hash: &[u8]) -> Result<(), JournalError> {
        self.comes_next(sequence)?;
        let head = chained(&self.head, frame);
        if head != hash {
            return Err(match check(frame) {
                // What it says of itself tells more than a hash.
                Err(fault @ Fault::Incomplete) => self.fault(sequence, fault),
                _ => self.damaged(sequence, "its bytes are not those of its hash"),
            });
        }
        let epoch = check(frame).map_err(|fault| self.fault(sequence, fault))?;
        if epoch < self.epoch {
            return Err(self.damaged(sequence, format!("its epoch {epoch} is before {}", self.epoch)));
        }
        (self.head, self.last, self.epoch) = (head, sequence, epoch);
        Ok(())
    }

    /// Whether a row comes next and is shorter than it was: a record that is there to its end has another length before
    /// it than it was written with.
    fn cut_short(&self, sequence: u64, frame: &[u8]) -> Result<(), JournalError> {
        self.comes_next(sequence)?;
        let rest = frame.get(4..).unwrap_or_default();
        let length = u32::try_from(rest.len()).unwrap_or(u32::MAX).to_be_bytes();
        if unframed(&[&length, rest].concat(), &mut None).is_ok() {
            return Err(self.damaged(sequence, "its length is not that of its bytes"));
        }
        if self.last == 0 {
            return Err(self.fault(sequence, Fault::Incomplete));
        }
        Ok(())
    }
}

/// The last record, where not all of it was written.
pub(crate) fn last_cut_short(store: &Store) -> Result<Option<u64>, JournalError> {
    let Some(last) = store.last()? else { return Ok(None) };
    let mut cut = None;
    store.scan(last.saturating_sub(1), 1, |sequence, frame, _| {
        cut = (check(frame) == Err(Fault::Incomplete)).then_some(sequence);
        Ok(())
    })?;
    Ok(cut)
}

/// Rebuilds the engine, but for a last record that was cut short; refuses a journal that is otherwise not as it was
/// written, and says where.
pub(crate) fn rebuild(store: &Store, path: &Path, cut: Option<u64>) -> Result<Rebuilt, JournalError> {
    let (vault_id, _) = store.owner()?;
    let mut chain = Chain::new(path, &vault_id);
    let is_told = |checkpoint: &Checkpoint| Some(checkpoint.sequence.saturating_add(1)) != cut;
    let mut replay = Replay::new(store.checkpoint()?.filter(is_told));
    let mut dropped = 0;
    store.scan(0, usize::MAX, |sequence, frame, hash| {
        if cut == Some(sequence) {
            dropped = u64::try_from(frame.len()).unwrap_or(u64::MAX);
            return chain.cut_short(sequence, frame);
        }
        chain.step(sequence, frame, hash)?;
        replay.step(&chain, frame)
    })?;
    let next = chain.last.saturating_add(1);
    if replay.is_waiting() {
        return Err(chain.damaged(next, "it is missing; a checkpoint tells of it or of a later one"));
    }
    // After the records: an epoch begins before its first one.
    let (_, epoch) = store.owner()?;
    let Some(engine) = replay.engine else {
        if epoch > 0 {
            return Err(chain.damaged(next, "it is missing; the vault was in use"));
        }
        let what = "it holds no record: making the vault was interrupted; make it again".to_owned();
        return Err(JournalError::Foreign { path: path.to_owned(), what });
    };
    if engine.vault_id() != vault_id {
        return Err(chain.damaged(1, format!("it names vault {:?}, the file {vault_id:?}", engine.vault_id())));
    }
    if epoch < chain.epoch {
        return Err(chain.damaged(chain.last, format!("its epoch {} is after the file's {epoch}", chain.epoch)));
    }
    let Replay { replayed, replayed_bytes, checkpoint_bytes, .. } = replay;
    Ok(Rebuilt { engine, head: chain.head, epoch, replayed, replayed_bytes, checkpoint_bytes, dropped })
}

/// The engine, record by record, from the last checkpoint on.
struct Replay {
    /// The checkpoint's place and digest, until the record after it vouches for them.
    told_next: Option<(u64, Hash)>,
    start: u64,
    engine: Option<Engine>,
    limits: Option<Arc<Limits>>,
    replayed: u64,
    replayed_bytes: usize,
    checkpoint_bytes: usize,
}

impl Replay {
    fn new(checkpoint: Option<Checkpoint>) -> Self {
        let checkpoint_bytes = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.state.len());
        let told_next = checkpoint.as_ref().map(|kept| (kept.sequence, hash_of(&[&kept.state])));
        // A state in a form that is not read any more costs time alone: then every record is replayed.
        let engine = checkpoint
            .and_then(|kept| Engine::from_checkpoint(&kept.state).filter(|engine| engine.sequence() == kept.sequence));
        let start = engine.as_ref().map_or(0, Engine::sequence);
        Self { told_next, start, engine, limits: None, replayed: 0, replayed_bytes: 0, checkpoint_bytes }
    }

    /// Whether the record that vouches for the checkpoint did not come.
    fn is_waiting(&self) -> bool {
        self.told_next.is_some()
    }

    /// Does what the last record of the chain says.
    fn step(&mut self, chain: &Chain, frame: &[u8]) -> Result<(), JournalError> {
        let sequence = chain.last;
        if sequence <= self.start {
            return Ok(());
        }
        let record = unframed(frame, &mut self.limits).map_err(|fault| chain.fault(sequence, fault))?;
        if let Some((at, digest)) = self.told_next.filter(|(at, _)| sequence > *at) {
            if !matches!(record.event, Event::Checkpointed { digest: told } if told == digest) {
                return Err(chain.damaged(at, "the checkpoint after it is not as it was written"));
            }
            self.told_next = None;
        }
        let followed = match self.engine.take() {
            Some(mut engine) => engine.follow(&record).map(|()| engine),
            None => Engine::begun(&record),
        };
        let damaged = || chain.damaged(sequence, "it does not follow on the records before it");
        self.engine = Some(followed.ok_or_else(damaged)?);
        (self.replayed, self.replayed_bytes) = (self.replayed + 1, self.replayed_bytes + frame.len());
        Ok(())
    }
}
