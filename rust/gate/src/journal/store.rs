//! The `SQLite` file: one table of frames in a chain, one checkpoint, one row that says whose they are.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior, ffi, params};

use super::frame::{FORMAT, Hash};
use super::lock::beside;
use super::{JournalError, Storage};

/// Marks the file as a journal: `gxr1`.
const APPLICATION_ID: i32 = 0x6778_7231;

const SCHEMA: &str = "
CREATE TABLE journal (one INTEGER PRIMARY KEY CHECK (one = 1), vault_id TEXT NOT NULL, epoch INTEGER NOT NULL) STRICT;
CREATE TABLE records (sequence INTEGER PRIMARY KEY, frame BLOB NOT NULL, hash BLOB NOT NULL) STRICT;
CREATE TABLE checkpoints (sequence INTEGER PRIMARY KEY, state BLOB NOT NULL) STRICT;
";

/// Whether a vault was ever recorded: what is left of one is not made anew.
const IN_USE: &str = "
SELECT EXISTS (SELECT 1 FROM records) OR EXISTS (SELECT 1 FROM checkpoints)
    OR EXISTS (SELECT 1 FROM journal WHERE epoch > 0)
";

/// A record as a row.
#[derive(Debug)]
pub(crate) struct Row {
    pub sequence: u64,
    pub frame: Vec<u8>,
    pub hash: Hash,
}

/// The engine's state after a record.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    pub sequence: u64,
    pub state: Vec<u8>,
}

/// One connection to a journal's file.
#[derive(Debug)]
pub(crate) struct Store {
    pub(super) connection: Connection,
    path: PathBuf,
    /// The files that were opened, to see when they are moved away; empty where the system cannot tell.
    pub(super) files: Vec<(PathBuf, FileId)>,
}

pub(super) type FileId = (u64, u64);

#[cfg(unix)]
pub(super) fn file_id(path: &Path) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

#[cfg(not(unix))]
pub(super) fn file_id(_path: &Path) -> Option<FileId> {
    None
}

/// Numbers as `SQLite` holds them: a sequence beyond 2^63 is none.
fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Store {
    /// Makes the file, or takes one over in which no record is.
    pub fn create(storage: &Storage, vault_id: &str) -> Result<Self, JournalError> {
        let mut store = Self::open_with(storage, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        let tables = store.number("SELECT count(*) FROM sqlite_schema")?;
        if tables > 0 {
            store.check_kind()?;
            if store.number(IN_USE)? > 0 {
                return Err(JournalError::Exists(storage.path.clone()));
            }
        }
        store.set_up()?;
        store.reporting(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if tables == 0 {
                transaction.execute_batch(SCHEMA)?;
                transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
                transaction.pragma_update(None, "user_version", FORMAT)?;
            }
            transaction.execute("INSERT OR REPLACE INTO journal VALUES (1, ?1, 0)", params![vault_id])?;
            transaction.commit()
        })?;
        sync_directory(&storage.path).map_err(|error| store.storage(error))?;
        store.remember_files();
        Ok(store)
    }

    /// Opens a journal to write on.
    pub fn open(storage: &Storage) -> Result<Self, JournalError> {
        let mut store = Self::open_with(storage, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        store.check_kind()?;
        store.set_up()?;
        // After a sync that failed, the page cache can show what the disk does not hold; this writes it again.
        store.empty_log()?;
        store.remember_files();
        Ok(store)
    }

    /// Opens a journal to read, beside a writer or alone.
    pub fn open_to_read(storage: &Storage) -> Result<Self, JournalError> {
        let live = Self::open_with(storage, OpenFlags::SQLITE_OPEN_READ_ONLY).and_then(|store| {
            store.check_kind()?;
            Ok(store)
        });
        let Err(JournalError::Storage { .. }) = &live else { return live };
        if storage.vfs.is_some() || beside(&storage.path, "-wal").exists() {
            return live;
        }
        // In a folder where SQLite cannot make its own files beside, a file that nobody writes can be read as it is.
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let name = storage.path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        let Ok(connection) = Connection::open_with_flags(format!("file:{name}?immutable=1"), flags) else {
            return live;
        };
        let store = Self { connection, path: storage.path.clone(), files: Vec::new() };
        store.check_kind()?;
        Ok(store)
    }

    pub(super) fn open_with(storage: &Storage, access: OpenFlags) -> Result<Self, JournalError> {
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = match &storage.vfs {
            Some(vfs) => Connection::open_with_flags_and_vfs(&storage.path, flags, vfs.as_str()),
            None => Connection::open_with_flags(&storage.path, flags),
        };
        let path = storage.path.clone();
        match opened {
            Ok(connection) => Ok(Self { connection, path, files: Vec::new() }),
            Err(error) => Err(report(&path, &error)),
        }
    }

    /// Whether this is a journal, of a format that is known.
    pub(super) fn check_kind(&self) -> Result<(), JournalError> {
        let application = self.number("PRAGMA application_id")?;
        if application != u64::from(APPLICATION_ID.unsigned_abs()) {
            let what = format!("it is marked {application:#010x} where a journal is marked {APPLICATION_ID:#010x}");
            return Err(JournalError::Foreign { path: self.path.clone(), what });
        }
        let format = self.number("PRAGMA user_version")?;
        if format > u64::from(FORMAT) {
            return Err(JournalError::Newer { what: self.path.display().to_string(), seen: format });
        }
        Ok(())
    }

    /// What makes a commit durable, set and read back.
    pub(super) fn set_up(&mut self) -> Result<(), JournalError> {
        let (mode, level) = self.reporting(|connection| {
            connection.busy_timeout(std::time::Duration::from_secs(5))?;
            connection.pragma_update(None, "trusted_schema", false)?;
            connection.pragma_update(None, "cell_size_check", true)?;
            connection.pragma_update(None, "fullfsync", true)?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
            let level: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
            Ok((mode, level))
        })?;
        if mode == "wal" && level == 2 {
            return Ok(());
        }
        let what =
            format!("the file system gave journal_mode={mode}, synchronous={level} where wal and 2 (FULL) are needed");
        Err(JournalError::Storage { path: self.path.clone(), what })
    }

    fn remember_files(&mut self) {
        let paths = [self.path.clone(), beside(&self.path, "-wal")];
        self.files = paths.into_iter().filter_map(|path| file_id(&path).map(|id| (path, id))).collect();
    }

    /// Whether the files are still where they were opened: what is written elsewhere would be lost.
    pub(super) fn check_place(&self) -> Result<(), JournalError> {
        let is_there = |(path, id): &(PathBuf, FileId)| file_id(path).as_ref() == Some(id);
        if self.files.iter().all(is_there) { Ok(()) } else { Err(JournalError::Moved(self.path.clone())) }
    }

    fn storage(&self, error: impl std::fmt::Display) -> JournalError {
        JournalError::Storage { path: self.path.clone(), what: error.to_string() }
    }

    fn reporting<T>(&mut self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T, JournalError> {
        work(&mut self.connection).map_err(|error| report(&self.path, &error))
    }

    fn number(&self, query: &str) -> Result<u64, JournalError> {
        let number = self.connection.query_row(query, [], |row| row.get::<_, i64>(0));
        number.map(|number| u64::try_from(number).unwrap_or(0)).map_err(|error| report(&self.path, &error))
    }

    /// Whose journal it is, and its epoch.
    pub fn owner(&self) -> Result<(String, u64), JournalError> {
        let found = self.connection.query_row("SELECT vault_id, epoch FROM journal", [], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
        });
        let (vault_id, epoch) = found.map_err(|error| report(&self.path, &error))?;
        Ok((vault_id, u64::try_from(epoch).unwrap_or(0)))
    }

    /// Begins a later epoch: a writer of an earlier one is fenced from here on. A last record that was not wholly written
    /// goes with it, and the checkpoint that it told of.
    pub fn begin_epoch(&mut self, epoch: u64, cut: Option<u64>) -> Result<(), JournalError> {
        let begun = self.reporting(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let begun =
                transaction.execute("UPDATE journal SET epoch = ?1 WHERE epoch < ?1", params![column(epoch)])?;
            if let Some(cut) = cut.filter(|_| begun == 1) {
                transaction.execute("DELETE FROM records WHERE sequence = ?1", params![column(cut)])?;
                transaction.execute("DELETE FROM checkpoints WHERE sequence + 1 = ?1", params![column(cut)])?;
            }
            transaction.commit()?;
            Ok(begun)
        })?;
        // Where no lock holds, another may have begun it in the same moment.
        if begun == 1 { Ok(()) } else { Err(JournalError::InUse(self.path.clone())) }
    }

    /// Moves what is in the write-ahead log to the file itself.
    pub fn empty_log(&mut self) -> Result<(), JournalError> {
        self.reporting(|connection| connection.pragma_update_and_check(None, "wal_checkpoint", "TRUNCATE", |_| Ok(())))
    }

    /// Keeps rows, all or none; when it returns they are on the disk.
    pub fn append(&mut self, epoch: u64, rows: &[Row], checkpoint: Option<&Checkpoint>) -> Result<(), JournalError> {
        let kept = self.insert(epoch, rows, checkpoint);
        if matches!(kept, Err(JournalError::Storage { .. })) {
            // What a failed sync lost still reads well, and whoever opens the file next would build on it.
            let _ = self.empty_log();
        }
        kept
    }

    fn insert(&mut self, epoch: u64, rows: &[Row], checkpoint: Option<&Checkpoint>) -> Result<(), JournalError> {
        let seen = self.reporting(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let seen: i64 = transaction.prepare_cached("SELECT epoch FROM journal")?.query_row([], |row| row.get(0))?;
            if seen != column(epoch) {
                return Ok(u64::try_from(seen).unwrap_or(0));
            }
            let mut insert = transaction.prepare_cached("INSERT INTO records VALUES (?1, ?2, ?3)")?;
            for row in rows {
                insert.execute(params![column(row.sequence), row.frame, row.hash])?;
            }
            drop(insert);
            if let Some(checkpoint) = checkpoint {
                transaction.execute("DELETE FROM checkpoints", [])?;
                let values = params![column(checkpoint.sequence), checkpoint.state];
                transaction.execute("INSERT INTO checkpoints VALUES (?1, ?2)", values)?;
            }
            transaction.commit()?;
            Ok(epoch)
        })?;
        if seen != epoch {
            return Err(JournalError::Fenced { mine: epoch, seen });
        }
        self.check_place()
    }

    /// The last checkpoint.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, JournalError> {
        let query = "SELECT sequence, state FROM checkpoints ORDER BY sequence DESC LIMIT 1";
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Checkpoint { sequence: u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0), state: row.get(1)? })
        };
        self.connection.query_row(query, [], read).optional().map_err(|error| report(&self.path, &error))
    }

    /// The number of the last record.
    pub fn last(&self) -> Result<Option<u64>, JournalError> {
        let last =
            self.connection.query_row("SELECT max(sequence) FROM records", [], |row| row.get::<_, Option<i64>>(0));
        last.map(|last| last.map(|last| u64::try_from(last).unwrap_or(0))).map_err(|error| report(&self.path, &error))
    }

    /// Shows at most so many rows after a sequence, in order.
    pub fn scan(
        &self,
        after: u64,
        max: usize,
        mut visit: impl FnMut(u64, &[u8], &[u8]) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let mut last = after;
        // Where the file itself cannot be read, the record after the last good one is where.
        let damaged = |last: u64, error: rusqlite::Error| match report(&self.path, &error) {
            JournalError::Damaged { path, what, .. } | JournalError::Foreign { path, what } => {
                JournalError::Damaged { path, sequence: last.saturating_add(1), what }
            }
            other => other,
        };
        let query = "SELECT sequence, frame, hash FROM records WHERE sequence > ?1 ORDER BY sequence LIMIT ?2";
        let mut statement = self.connection.prepare_cached(query).map_err(|error| damaged(last, error))?;
        let limit = i64::try_from(max).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![column(after), limit]).map_err(|error| damaged(last, error))?;
        while let Some(row) = rows.next().map_err(|error| damaged(last, error))? {
            let sequence = row.get::<_, i64>(0).map_err(|error| damaged(last, error))?;
            let blob = |index: usize| Ok(row.get_ref(index)?.as_blob()?);
            let frame = blob(1).map_err(|error| damaged(last, error))?;
            let hash = blob(2).map_err(|error| damaged(last, error))?;
            last = u64::try_from(sequence).unwrap_or(0);
            visit(last, frame, hash)?;
        }
        Ok(())
    }
}

fn report(path: &Path, error: &rusqlite::Error) -> JournalError {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, QueryReturnedNoRows};
    let path = path.to_owned();
    // Where not even the tables can be read, no record can.
    let damaged = |path, what: &str| JournalError::Damaged { path, sequence: 1, what: what.to_owned() };
    if let FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..) | QueryReturnedNoRows =
        error
    {
        return damaged(path, "a row is missing, or holds what is never written in it");
    }
    if error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_SHORT_READ) {
        return damaged(path, "the file ends too early");
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => JournalError::InUse(path),
        Some(ErrorCode::NotADatabase) => JournalError::Foreign { path, what: error.to_string() },
        Some(ErrorCode::DatabaseCorrupt) => damaged(path, &error.to_string()),
        _ => JournalError::Storage { path, what: in_words(error) },
    }
}

/// What the database says, and what it was doing to the disk.
fn in_words(error: &rusqlite::Error) -> String {
    let did = match error.sqlite_error().map(|error| error.extended_code) {
        Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC) => " while syncing (fsync)",
        Some(ffi::SQLITE_IOERR_WRITE) => " while writing",
        Some(ffi::SQLITE_IOERR_READ) => " while reading",
        _ => "",
    };
    format!("{error}{did}")
}

/// Makes a new file's name durable.
pub(crate) fn sync_directory(path: &Path) -> std::io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { std::fs::File::open(directory)?.sync_all() } else { Ok(()) }
}
