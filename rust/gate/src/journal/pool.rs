//! How many connections to journals stay open. Each takes three files of those that a process may have, so where there
//! are many journals, the connection that was not used for the longest time is closed, and opened again when it is needed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;

use super::JournalError;
use super::lock::WriterLock;
use super::store::Store;

/// The files of a connection: the journal, its log, and the log's index.
const FILES_EACH: usize = 3;
/// Connections get one part in so many of the files that the writers' locks leave.
const PARTS: usize = 3;
/// At least so many are open whatever the limit.
const OPEN_MIN: usize = 8;

/// Connections that share a number of open files.
#[derive(Default)]
pub struct Pool {
    most: Option<usize>,
    open: Mutex<Open>,
}

/// The slots whose connection is open, the longest unused first.
#[derive(Default)]
struct Open {
    uses: u64,
    by_use: BTreeMap<u64, Arc<Slot>>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pool").field("most", &self.most).finish_non_exhaustive()
    }
}

impl Pool {
    /// That of the process: as many as its limit of open files allows at the time.
    pub fn of_process() -> Arc<Self> {
        static POOL: LazyLock<Arc<Pool>> = LazyLock::new(Arc::default);
        Arc::clone(&POOL)
    }

    /// One that keeps so many open.
    pub fn of(most: usize) -> Arc<Self> {
        Arc::new(Self { most: Some(most), ..Self::default() })
    }

    fn most(&self) -> usize {
        let of_process = || (files_max().saturating_sub(WriterLock::held()) / PARTS / FILES_EACH).max(OPEN_MIN);
        self.most.unwrap_or_else(of_process)
    }

    /// A slot's connection is used now; where it was opened for this, others make room.
    fn note_use(&self, slot: &Arc<Slot>) {
        let open = &mut *self.open.lock();
        open.uses += 1;
        let before = slot.used.swap(open.uses, Ordering::Relaxed);
        let was_open = open.by_use.remove(&before).is_some();
        open.by_use.insert(open.uses, Arc::clone(slot));
        if !was_open {
            open.park(open.by_use.len().saturating_sub(self.most()));
        }
    }

    /// A slot's connection was closed.
    fn forget(&self, slot: &Slot) {
        self.open.lock().by_use.remove(&slot.used.load(Ordering::Relaxed));
    }

    /// Closes whatever is idle; says whether there was any.
    fn park_all(&self) -> bool {
        self.open.lock().park(usize::MAX) > 0
    }
}

impl Open {
    /// Closes so many connections, those that are at work left out; says how many.
    fn park(&mut self, count: usize) -> usize {
        let idle = self.by_use.iter().filter(|(_, slot)| slot.park_idle()).map(|(used, _)| *used);
        let parked: Vec<u64> = idle.take(count).collect();
        for used in &parked {
            self.by_use.remove(used);
        }
        parked.len()
    }
}

/// Room for one connection, which is open while it is used, and after that as long as the pool allows.
///
/// INVARIANT: it is in its pool exactly while the connection is open; both change under the lock of the connection.
/// That lock comes before the pool's, and whoever has the pool's only tries it.
#[derive(Debug)]
pub(crate) struct Slot {
    pool: Arc<Pool>,
    /// When it was used last, counted by the pool.
    used: AtomicU64,
    store: Mutex<Option<Store>>,
}

impl Slot {
    /// An empty one.
    pub fn new(pool: &Arc<Pool>) -> Arc<Self> {
        Arc::new(Self { pool: Arc::clone(pool), used: AtomicU64::new(0), store: Mutex::new(None) })
    }

    /// One for a connection that is open.
    pub fn holding(pool: &Arc<Pool>, store: Store) -> Arc<Self> {
        let slot = Self::new(pool);
        let mut kept = slot.store.lock();
        *kept = Some(store);
        pool.note_use(&slot);
        drop(kept);
        slot
    }

    /// Works on the connection, and opens it first where that is needed.
    pub fn with<T>(
        self: &Arc<Self>,
        open: impl Fn() -> Result<Store, JournalError>,
        work: impl FnOnce(&mut Store) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let mut kept = self.store.lock();
        let store = match kept.take() {
            Some(store) => store,
            None => match open() {
                // What kept it closed may be the limit of open files, for others in the process take some, too.
                Err(JournalError::Storage { .. }) if self.pool.park_all() => open()?,
                opened => opened?,
            },
        };
        let store = kept.insert(store);
        self.pool.note_use(self);
        work(store)
    }

    /// Closes the connection until it is needed again.
    pub fn park(&self) {
        self.close_with(Store::park);
    }

    /// Closes the connection as one does for good.
    pub fn close(&self) {
        self.close_with(drop);
    }

    fn close_with(&self, close: impl FnOnce(Store)) {
        let mut kept = self.store.lock();
        if let Some(store) = kept.take() {
            self.pool.forget(self);
            close(store);
        }
    }

    /// Closes the connection unless it is at work; for the pool, which then forgets it.
    fn park_idle(&self) -> bool {
        let Some(mut kept) = self.store.try_lock() else { return false };
        kept.take().map(Store::park).is_some()
    }
}

#[cfg(unix)]
fn files_max() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.and_then(|files| usize::try_from(files).ok()).unwrap_or(FILES_MAX)
}

#[cfg(not(unix))]
fn files_max() -> usize {
    FILES_MAX
}

/// Where the system sets no limit.
const FILES_MAX: usize = 1 << 20;
