//! The durable journal: records are taken in under the gate's lock, and written in groups by whoever waits first.
//!
//! A thread that needs its record to be safe becomes the writer where nobody is; it takes all that has gathered, writes
//! it in one transaction, and wakes the others. So many threads share one `fsync`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gxrisk_core::{Engine, Event, Record};
use parking_lot::{Condvar, Mutex};

use super::audit::entries;
use super::frame::{chained, framed, genesis};
use super::lock::WriterLock;
use super::parking::Mark;
use super::pool::{Pool, Slot};
use super::recovery::{Rebuilt, last_cut_short, rebuild};
use super::store::{Checkpoint, Row, Store};
use super::{Entry, Hash, Journal, JournalError, Receipt, Stamp};

/// How long the records between two checkpoints are, at least.
const CHECKPOINT_BYTES_MIN: usize = 4 << 20;

/// Where a journal's file is.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Its path.
    pub path: PathBuf,
    /// `SQLite`'s name of the file layer below it; the system's own unless a test says otherwise.
    pub vfs: Option<String>,
    /// A checkpoint is taken when the records since the last one are twice as long as it was, and at least this long.
    pub checkpoint_bytes: usize,
    /// Whom it shares the number of open files with; all journals of the process unless a test says otherwise.
    pub pool: Arc<Pool>,
}

impl From<&Path> for Storage {
    fn from(path: &Path) -> Self {
        let (path, pool) = (path.to_owned(), Pool::of_process());
        Self { path, vfs: None, checkpoint_bytes: CHECKPOINT_BYTES_MIN, pool }
    }
}

/// What opening a journal found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The last record.
    pub sequence: u64,
    /// How many records were replayed on top of the last checkpoint.
    pub replayed: u64,
    /// Bytes of an incomplete last record, which was dropped; nobody had been told of it.
    pub dropped: u64,
    /// The epoch that begins.
    pub epoch: u64,
}

/// A journal that was opened, with the engine that its records rebuild.
#[derive(Debug)]
pub struct Opened {
    /// The journal.
    pub journal: FileJournal,
    /// The engine as it was after the last record.
    pub engine: Engine,
    /// What was found.
    pub recovery: Recovery,
}

#[derive(Debug)]
struct Queue {
    rows: Vec<Row>,
    checkpoint: Option<Checkpoint>,
    /// The hash of the last record that was taken in.
    head: Hash,
    last: u64,
    durable: u64,
    is_writing: bool,
    failure: Option<JournalError>,
    since_checkpoint: usize,
    checkpoint_bytes: usize,
}

/// Keeps records in a file, durably.
#[derive(Debug)]
pub struct FileJournal {
    storage: Storage,
    epoch: u64,
    queue: Mutex<Queue>,
    written: Condvar,
    reader: Arc<Slot>,
    writer: Arc<Slot>,
    /// The right to write, which goes last, and what was written; `None` once closed.
    right: Mutex<Option<(Mark, WriterLock)>>,
}

impl FileJournal {
    /// Makes a new journal.
    pub fn create(storage: &Storage, vault_id: &str) -> Result<Self, JournalError> {
        let lock = WriterLock::take(&storage.path)?;
        let store = Store::create(storage, vault_id)?;
        Ok(Self::over(storage, (store, lock), 0, (0, genesis(vault_id))))
    }

    /// Opens a journal: rebuilds the engine, drops an incomplete last record, and begins a later epoch.
    pub fn open(storage: &Storage) -> Result<Opened, JournalError> {
        if storage.vfs.is_none() && !storage.path.exists() {
            return Err(JournalError::Missing(storage.path.clone()));
        }
        let lock = WriterLock::take(&storage.path)?;
        let mut store = Store::open(storage)?;
        let cut = last_cut_short(&store)?;
        let Rebuilt { engine, head, epoch, replayed, replayed_bytes, checkpoint_bytes, dropped } =
            rebuild(&store, &storage.path, cut)?;
        let epoch = epoch.saturating_add(1);
        store.begin_epoch(epoch, cut)?;
        let sequence = engine.sequence();
        let mut journal = Self::over(storage, (store, lock), epoch, (sequence, head));
        let queue = journal.queue.get_mut();
        (queue.since_checkpoint, queue.checkpoint_bytes) = (replayed_bytes, checkpoint_bytes);
        Ok(Opened { journal, engine, recovery: Recovery { sequence, replayed, dropped, epoch } })
    }

    fn over(storage: &Storage, (store, lock): (Store, WriterLock), epoch: u64, last: (u64, Hash)) -> Self {
        let queue = Queue {
            rows: Vec::new(),
            checkpoint: None,
            head: last.1,
            last: last.0,
            durable: last.0,
            is_writing: false,
            failure: None,
            since_checkpoint: 0,
            checkpoint_bytes: 0,
        };
        Self {
            storage: storage.clone(),
            epoch,
            queue: Mutex::new(queue),
            written: Condvar::new(),
            reader: Slot::new(&storage.pool),
            writer: Slot::holding(&storage.pool, store),
            right: Mutex::new(Some((Mark::new(&storage.path, epoch, last), lock))),
        }
    }

    /// The last record that is safe.
    pub fn durable(&self) -> u64 {
        self.queue.lock().durable
    }

    /// Writes what was taken from the queue; on a failure nothing is ever taken in again.
    fn write(&self, rows: &[Row], checkpoint: Option<&Checkpoint>) -> Result<(), JournalError> {
        let mut right = self.right.lock();
        let Some((mark, _)) = right.as_mut() else { return Err(JournalError::Closed) };
        let open_again = || Store::open_again(&self.storage, mark);
        self.writer.with(open_again, |store| store.append(self.epoch, rows, checkpoint))?;
        if let Some(row) = rows.last() {
            mark.last = (row.sequence, row.hash);
        }
        Ok(())
    }
}

impl Drop for FileJournal {
    fn drop(&mut self) {
        // The writer as the last one leaves a single file, unless it is parked; the right to write goes after it.
        self.reader.close();
        self.writer.close();
    }
}

impl Journal for FileJournal {
    fn append(&self, records: &mut Vec<Record>) -> Result<Receipt, JournalError> {
        let mut queue = self.queue.lock();
        if let Some(failure) = &queue.failure {
            return Err(failure.clone());
        }
        let mut decision = None;
        for record in records.drain(..) {
            let Some(frame) = framed(&record, self.epoch) else {
                let what = format!("record {} is longer than 4 GiB", record.sequence);
                return Err(JournalError::Storage { path: self.storage.path.clone(), what });
            };
            queue.head = chained(&queue.head, &frame);
            queue.last = record.sequence;
            queue.since_checkpoint += frame.len();
            if matches!(record.event, Event::Decided(_)) {
                decision = Some(Stamp { epoch: self.epoch, hash: queue.head });
            }
            let hash = queue.head;
            queue.rows.push(Row { sequence: record.sequence, frame, hash });
        }
        Ok(Receipt { through: queue.last, decision })
    }

    fn sync(&self, through: u64) -> Result<(), JournalError> {
        let mut queue = self.queue.lock();
        // A record that was never taken in is not waited for.
        let through = through.min(queue.last);
        loop {
            if queue.durable >= through {
                return Ok(());
            }
            if let Some(failure) = &queue.failure {
                return Err(failure.clone());
            }
            if queue.is_writing {
                self.written.wait(&mut queue);
                continue;
            }
            queue.is_writing = true;
            let (rows, checkpoint, last) = (std::mem::take(&mut queue.rows), queue.checkpoint.take(), queue.last);
            drop(queue);
            let done = self.write(&rows, checkpoint.as_ref());
            queue = self.queue.lock();
            queue.is_writing = false;
            match done {
                Ok(()) => queue.durable = last,
                Err(failure) => queue.failure = Some(failure),
            }
            self.written.notify_all();
        }
    }

    fn read(&self, after: u64, max: usize) -> Result<Vec<Entry>, JournalError> {
        let max = usize::try_from(self.durable().saturating_sub(after)).map_or(max, |safe| max.min(safe));
        let open = || Store::open_to_read(&self.storage);
        self.reader.with(open, |store| entries(store, &self.storage.path, after, max))
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn path(&self) -> Option<&Path> {
        Some(&self.storage.path)
    }

    fn wants_checkpoint(&self) -> bool {
        let queue = self.queue.lock();
        queue.since_checkpoint >= self.storage.checkpoint_bytes.max(queue.checkpoint_bytes.saturating_mul(2))
    }

    fn put_checkpoint(&self, sequence: u64, state: Vec<u8>) {
        let mut queue = self.queue.lock();
        (queue.since_checkpoint, queue.checkpoint_bytes) = (0, state.len());
        queue.checkpoint = Some(Checkpoint { sequence, state });
    }

    fn park(&self) {
        self.reader.park();
        self.writer.park();
    }

    fn close(&self) {
        let mut queue = self.queue.lock();
        while queue.is_writing {
            self.written.wait(&mut queue);
        }
        let is_sound = queue.failure.is_none();
        queue.failure.get_or_insert(JournalError::Closed);
        let Some((mark, lock)) = self.right.lock().take() else { return };
        self.reader.close();
        if is_sound {
            // Whoever copies the file now has all of it; where that fails, the log beside it still has the rest.
            let _ = self.writer.with(|| Store::open_again(&self.storage, &mark), Store::empty_log);
        }
        self.writer.close();
        drop(lock);
    }
}
