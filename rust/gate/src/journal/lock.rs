//! One writer at a time: a lock file beside the journal, held by the operating system as long as the writer lives.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::JournalError;

/// How many are held in this process.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// The right to write a journal; given back when dropped, also by a crash.
#[derive(Debug)]
pub(crate) struct WriterLock {
    held: File,
    process: u32,
}

/// A path with something behind its name.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

impl WriterLock {
    /// Takes the lock of a journal, or says that another has it.
    pub fn take(journal: &Path) -> Result<Self, JournalError> {
        let path = beside(journal, ".lock");
        let storage = |error: std::io::Error| JournalError::Storage { path: path.clone(), what: error.to_string() };
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(storage)?;
        match file.try_lock() {
            Ok(()) => {
                HELD.fetch_add(1, Ordering::Relaxed);
                Ok(Self { held: file, process: std::process::id() })
            }
            Err(TryLockError::WouldBlock) => Err(JournalError::InUse(journal.to_owned())),
            Err(TryLockError::Error(error)) => Err(storage(error)),
        }
    }

    /// How many are held in this process, each by a file that is open.
    pub fn held() -> usize {
        HELD.load(Ordering::Relaxed)
    }
}

impl Drop for WriterLock {
    fn drop(&mut self) {
        HELD.fetch_sub(1, Ordering::Relaxed);
        // A child that was forked shares the lock: it would keep it beyond this file, and must not give it back.
        if self.process == std::process::id() {
            let _ = self.held.unlock();
        }
    }
}
