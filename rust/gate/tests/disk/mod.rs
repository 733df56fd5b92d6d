//! A disk for tests that loses power: a SQLite VFS in memory that writes down every step, builds what a real disk
//! could hold had the power failed after any of them, and fails on demand.
//!
//! `Disk::new` promises no more than the harshest honest disk. Its sectors are of 512 bytes and its device
//! characteristics are 0: no atomic writes, no order, and no power-safe overwrite (the write that the power cuts may
//! spoil the whole sector it was in, also bytes there that were synced before). SQLite then pads each WAL commit to
//! the next sector, so that later writes cannot touch it, and with `synchronous=FULL` its promise holds, as
//! `disk_itself.rs` checks. But SQLite does not sync the padding's end with its commit: if a later sync fails and
//! loses that end, all commits behind it are lost.
//!
//! `Disk::powersafe` claims power-safe overwrite, as SQLite's unix VFS does, and nothing else. SQLite then writes what
//! it writes on a real machine, without padding, and its promise holds beyond a failed sync while the connection
//! lives. Use it where syncs fail.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::doc_markdown, reason = "SQLite is a name, not code")]

mod calls;
mod locks;
mod loss;
mod pages;
mod trace;
mod vfs;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use locks::{FileLock, Shm};
use pages::Pages;
#[allow(unused_imports, reason = "each test file uses a part of it")]
pub use trace::{File, Step, Trace};

/// The size of a sector.
pub const SECTOR: usize = 512;

/// Files by path.
type Files = BTreeMap<Arc<str>, Pages>;

/// What the failing power takes of the steps that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// All of it arrived; also what a killed process leaves.
    Nothing,
    /// None of it arrived.
    Everything,
    /// Some of it arrived, in any order: the seed says what.
    Random(u64),
    /// The same, and one of the writes that arrived is torn.
    Torn(u64),
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The disk is full: half of a write gets in, then `SQLITE_FULL`.
    Full,
    /// `SQLITE_IOERR_FSYNC`: what was not synced is lost, but still reads well.
    Sync,
    /// `SQLITE_IOERR_WRITE`, and nothing is written.
    Write,
    /// `SQLITE_IOERR_READ`.
    Read,
    /// `SQLITE_CANTOPEN`.
    Open,
    /// No right to write: `SQLITE_READONLY`, or `SQLITE_PERM` when a file is opened to write or deleted.
    Perm,
}

/// A fault, how many calls it still lets pass, and whether it strikes but once.
struct Plan {
    fault: Fault,
    pass: usize,
    once: bool,
}

/// A file that has a name or is open.
#[derive(Default)]
struct Node {
    // None for SQLite's temporary files, which no trace shows.
    file: Option<File>,
    pages: Pages,
    users: usize,
    lock: FileLock,
    shm: Shm,
}

#[derive(Default)]
struct State {
    base: Arc<Files>,
    names: BTreeMap<Arc<str>, u64>,
    nodes: BTreeMap<u64, Node>,
    next: u64,
    powersafe: bool,
    steps: Arc<Vec<Step>>,
    plans: Vec<Plan>,
}

/// What the handles share.
#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    // Dropped, and so unregistered, with the last handle and the last open file.
    registered: Mutex<Vec<vfs::Registration>>,
    // Whether syncs wait.
    held: Mutex<bool>,
    released: Condvar,
}

/// A disk. Clones are handles to the same one.
#[derive(Clone, Default)]
pub struct Disk(Arc<Inner>);

impl Disk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty disk that claims power-safe overwrite, as SQLite's unix VFS does.
    pub fn powersafe() -> Self {
        Self::holding(Files::new(), true)
    }

    /// A disk that holds files, all durable.
    fn holding(files: Files, powersafe: bool) -> Self {
        let disk = Self::new();
        let mut state = disk.0.state();
        state.powersafe = powersafe;
        for (path, pages) in &files {
            let id = state.create(Some(Arc::clone(path)));
            state.node(id).pages = pages.clone();
        }
        state.base = Arc::new(files);
        state.steps = Arc::default();
        drop(state);
        disk
    }

    /// The disk as it is for the next process when this one is killed: no locks, no shared memory, no faults, but the
    /// same cache, of which the same is durable, and the same steps before. Open connections stay with the old disk.
    pub fn killed(&self) -> Self {
        let mut old = self.0.state();
        let (names, next, powersafe) = (old.names.clone(), old.next, old.powersafe);
        let (base, steps) = (Arc::clone(&old.base), Arc::clone(&old.steps));
        let keep = |id: &u64| {
            let node = old.node(*id);
            (*id, Node { file: node.file.clone(), pages: node.pages.clone(), ..Node::default() })
        };
        let nodes = names.values().map(keep).collect();
        let state = State { base, names, nodes, next, powersafe, steps, plans: Vec::new() };
        Self(Arc::new(Inner { state: Mutex::new(state), ..Inner::default() }))
    }

    /// Makes the disk known to SQLite as a VFS of this name, which must be new.
    pub fn register(&self, name: &str) {
        let registration = vfs::register(&self.0, name);
        self.0.registered.lock().unwrap_or_else(PoisonError::into_inner).push(registration);
    }

    /// Makes the disk known to SQLite by a new name.
    pub fn vfs(&self) -> String {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("disk-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.register(&name);
        name
    }

    /// Writes down that the caller was told of an operation's end.
    pub fn mark(&self, label: u64) {
        self.0.state().log(Step::Mark(label));
    }

    /// How many steps there were.
    pub fn len(&self) -> usize {
        self.0.state().steps.len()
    }

    /// The steps up to now.
    pub fn trace(&self) -> Trace {
        let state = self.0.state();
        Trace::new(&state.base, &state.steps, state.powersafe)
    }

    /// The labels acknowledged in the first `at` steps.
    pub fn marks_before(&self, at: usize) -> Vec<u64> {
        trace::marks(&self.0.state().steps[..at])
    }

    /// A file's bytes as reads show them.
    pub fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        let mut state = self.0.state();
        let id = *state.names.get(path)?;
        Some(state.node(id).pages.to_vec())
    }

    /// The files' paths, in order.
    pub fn paths(&self) -> Vec<String> {
        self.0.state().names.keys().map(ToString::to_string).collect()
    }

    /// Fails every such call from now on.
    pub fn fail(&self, fault: Fault) {
        self.fail_after(fault, 0);
    }

    /// Lets some such calls pass, then fails all.
    pub fn fail_after(&self, fault: Fault, pass: usize) {
        self.0.state().plans.push(Plan { fault, pass, once: false });
    }

    /// Lets some such calls pass, then fails one.
    pub fn fail_once(&self, fault: Fault, pass: usize) {
        self.0.state().plans.push(Plan { fault, pass, once: true });
    }

    /// Lets every sync wait until [`release`](Self::release).
    pub fn hold(&self) {
        *self.0.held.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Lets the syncs go on.
    pub fn release(&self) {
        *self.0.held.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.0.released.notify_all();
    }

    /// Ends all faults. What a failed sync lost stays lost.
    pub fn heal(&self) {
        self.0.state().plans.clear();
    }
}

impl Inner {
    /// Waits while syncs are held.
    fn wait_released(&self) {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.released.wait_while(held, |held| *held).unwrap_or_else(PoisonError::into_inner));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn log(&mut self, step: Step) {
        Arc::make_mut(&mut self.steps).push(step);
    }

    fn node(&mut self, id: u64) -> &mut Node {
        self.nodes.get_mut(&id).expect("a named or open file")
    }

    /// Whether a call fails now.
    fn fails(&mut self, fault: Fault) -> bool {
        let mut failed = false;
        self.plans.retain_mut(|plan| {
            if failed || plan.fault != fault {
                return true;
            }
            if plan.pass > 0 {
                plan.pass -= 1;
                return true;
            }
            failed = true;
            !plan.once
        });
        failed
    }

    /// A new file, without a name if temporary.
    fn create(&mut self, path: Option<Arc<str>>) -> u64 {
        let id = self.next;
        self.next += 1;
        let file = path.map(|path| File { id, path });
        if let Some(file) = &file {
            self.names.insert(Arc::clone(&file.path), id);
            self.log(Step::Create { file: file.clone() });
        }
        self.nodes.insert(id, Node { file, ..Node::default() });
        id
    }

    /// Takes a file's name away; false if there is none.
    fn delete(&mut self, path: &str, durable: bool) -> bool {
        let Some((path, id)) = self.names.remove_entry(path) else { return false };
        self.log(Step::Delete { path, durable });
        self.tidy(id);
        true
    }

    fn write(&mut self, id: u64, offset: usize, bytes: &[u8]) {
        let node = self.node(id);
        node.pages.write(offset, bytes);
        if let Some(file) = node.file.clone() {
            self.log(Step::Write { file, offset, bytes: bytes.into() });
        }
    }

    fn truncate(&mut self, id: u64, len: usize) {
        let node = self.node(id);
        node.pages.set_len(len);
        if let Some(file) = node.file.clone() {
            self.log(Step::Truncate { file, len });
        }
    }

    fn sync(&mut self, id: u64, ok: bool) {
        if let Some(file) = self.node(id).file.clone() {
            self.log(Step::Sync { file, ok });
        }
    }

    /// Forgets a file that has neither name nor user.
    fn tidy(&mut self, id: u64) {
        let node = &self.nodes[&id];
        let named = node.file.as_ref().is_some_and(|file| self.names.get(&file.path) == Some(&id));
        if node.users == 0 && !named {
            self.nodes.remove(&id);
        }
    }
}
