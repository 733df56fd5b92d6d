//! Plain `SQLite`, as lean as it gets: the journal's pragmas, its table of records, prepared statements, nothing checked.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};

/// A record's row.
#[derive(Clone)]
pub struct Row {
    pub sequence: u64,
    pub frame: Vec<u8>,
    pub hash: Vec<u8>,
}

/// The rows of a journal after a record, in order.
pub fn rows(journal: &Connection, after: u64) -> Vec<Row> {
    let query = "SELECT sequence, frame, hash FROM records WHERE sequence > ?1 ORDER BY sequence";
    let mut statement = journal.prepare_cached(query).expect("a query");
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Row { sequence: row.get::<_, i64>(0)?.unsigned_abs(), frame: row.get(1)?, hash: row.get(2)? })
    };
    let found = statement.query_map(params![after.cast_signed()], read).expect("rows");
    found.map(|row| row.expect("a row")).collect()
}

/// A journal's file, to read beside its writer.
pub fn reader(path: &Path) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags).expect("a journal")
}

/// A file with a table of records.
pub struct Plain(Connection);

impl Plain {
    /// Makes the file.
    pub fn create(path: &Path) -> Self {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(path, flags).expect("a file");
        db.execute_batch(
            "PRAGMA trusted_schema = off; PRAGMA cell_size_check = on; PRAGMA fullfsync = on;
             PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL;
             CREATE TABLE records (sequence INTEGER PRIMARY KEY, frame BLOB NOT NULL, hash BLOB NOT NULL) STRICT;",
        )
        .expect("a table");
        Self(db)
    }

    /// Writes rows in one transaction; when it returns they are on the disk.
    pub fn write(&self, rows: &[Row]) {
        let done = || -> rusqlite::Result<()> {
            let mut insert = self.0.prepare_cached("INSERT INTO records VALUES (?1, ?2, ?3)")?;
            if let [row] = rows {
                // By itself a statement is a transaction: the fastest that there is for one row.
                insert.execute(params![row.sequence.cast_signed(), row.frame, row.hash])?;
                return Ok(());
            }
            self.0.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
            for row in rows {
                insert.execute(params![row.sequence.cast_signed(), row.frame, row.hash])?;
            }
            self.0.prepare_cached("COMMIT")?.execute([])?;
            Ok(())
        };
        done().expect("written");
    }
}
