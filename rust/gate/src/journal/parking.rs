//! A parked journal: its writer has the right to write, and no file of it open but the lock.

use std::path::{Path, PathBuf};

use rusqlite::OpenFlags;
use rusqlite::config::DbConfig;

use super::lock::beside;
use super::store::{FileId, Store, file_id};
use super::{Hash, JournalError, Storage};

/// Of how many pages the log may be that is read whenever a parked journal is opened again.
const LOG_PAGES_MAX: i64 = 64;

/// What the writer knows of its journal while that is parked.
#[derive(Debug)]
pub(crate) struct Mark {
    /// The file, where the system can tell which one it is.
    file: Option<(PathBuf, FileId)>,
    epoch: u64,
    /// The last record, 0 for none, and the hash of the chain there.
    pub last: (u64, Hash),
}

impl Mark {
    /// Of a journal that is open.
    pub fn new(path: &Path, epoch: u64, last: (u64, Hash)) -> Self {
        Self { file: file_id(path).map(|id| (path.to_owned(), id)), epoch, last }
    }
}

impl Store {
    /// Closes the connection and writes nothing, so that this can neither fail nor wait for a disk: all that was kept is
    /// on it, in the file or in its log.
    pub fn park(self) {
        let _ = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    }

    /// Opens a parked journal to write on: the same file, with all that was kept in it and nothing else.
    pub fn open_again(storage: &Storage, mark: &Mark) -> Result<Self, JournalError> {
        // Before it is opened: a file that is another's is not touched.
        if mark.file.iter().any(|(path, id)| file_id(path).as_ref() != Some(id)) {
            return Err(JournalError::Moved(storage.path.clone()));
        }
        let mut store = Self::open_with(storage, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        store.check_kind()?;
        store.set_up()?;
        let log = beside(&storage.path, "-wal");
        store.files = mark.file.iter().cloned().chain(file_id(&log).map(|id| (log, id))).collect();
        store.check_place()?;
        let (_, seen) = store.owner()?;
        if seen > mark.epoch {
            return Err(JournalError::Fenced { mine: mark.epoch, seen });
        }
        if seen < mark.epoch || !store.ends_with(mark.last)? {
            let what = "it was the last one when the file was closed for a while, and is so no more".to_owned();
            return Err(JournalError::Damaged { path: storage.path.clone(), sequence: mark.last.0, what });
        }
        store.shorten_log();
        Ok(store)
    }

    /// Moves a log that has grown long to the file. Where that fails the log has all of it still, and the next try is the
    /// next opening: otherwise a journal that is parked between its records would read an ever longer one each time.
    fn shorten_log(&self) {
        let log = |mode: &str| {
            let query = format!("PRAGMA wal_checkpoint({mode})");
            self.connection.query_row(&query, [], |row| row.get::<_, i64>(1))
        };
        // Passive: it waits for no reader. The next record then begins the log anew.
        if log("NOOP").is_ok_and(|pages| pages > LOG_PAGES_MAX) {
            let _ = log("PASSIVE");
        }
    }

    /// Whether a record is the last one, and the chain's hash there is this.
    fn ends_with(&self, (sequence, hash): (u64, Hash)) -> Result<bool, JournalError> {
        let mut is_last = self.last()?.unwrap_or(0) == sequence;
        if is_last {
            self.scan(sequence.saturating_sub(1), 1, |_, _, kept| {
                is_last = kept == hash;
                Ok(())
            })?;
        }
        Ok(is_last)
    }
}
