//! The simulated disk is honest: on it a synced database keeps its promise, and one that syncs nothing does not.

mod disk;

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use disk::{Disk, Fault, Loss, Step, Trace};
use rusqlite::{Connection, ErrorCode, OpenFlags};

const PATH: &str = "/vault/vault.db";
const SEED: u64 = 0x6778_7269_736B;

fn open(disk: &Disk) -> rusqlite::Result<Connection> {
    Connection::open_with_flags_and_vfs(PATH, OpenFlags::default(), disk.vfs().as_str())
}

/// Opens a database with a WAL so short that it often starts anew.
fn begin(disk: &Disk, synchronous: &str) -> rusqlite::Result<Connection> {
    let db = open(disk)?;
    db.execute_batch(&format!(
        "PRAGMA journal_mode = wal; PRAGMA synchronous = {synchronous}; PRAGMA wal_autocheckpoint = 50;
         CREATE TABLE IF NOT EXISTS a (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
         CREATE TABLE IF NOT EXISTS b (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);"
    ))?;
    Ok(db)
}

/// Inserts a row into both tables, in one transaction.
fn insert(db: &Connection, id: u64) -> rusqlite::Result<()> {
    let id = id.cast_signed();
    let text = format!("{id} {}", "x".repeat(index(id) * 37 % 900));
    let transaction = db.unchecked_transaction()?;
    transaction.execute("INSERT INTO a VALUES (?1, ?2)", (id, &text))?;
    transaction.execute("INSERT INTO b VALUES (?1, ?2)", (id, &text))?;
    transaction.commit()
}

/// A disk on which rows were inserted, each marked when its commit was acknowledged.
fn worked(disk: Disk, synchronous: &str, rows: u64) -> Disk {
    let db = begin(&disk, synchronous).expect("begin");
    for id in 1..=rows {
        insert(&db, id).expect("insert");
        disk.mark(id);
    }
    drop(db);
    disk
}

fn index(number: i64) -> usize {
    number.try_into().expect("a small number")
}

fn ids(db: &Connection, table: &str) -> rusqlite::Result<Vec<u64>> {
    let mut query = db.prepare(&format!("SELECT id FROM {table} ORDER BY id"))?;
    query.query_map([], |row| row.get(0).map(i64::cast_unsigned))?.collect()
}

/// Whether a disk holds a sound database, whole transactions, and all marked rows.
fn sound(disk: &Disk, marks: &[u64]) -> Result<(), String> {
    let look = || {
        let db = open(disk)?;
        let health: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        let tables: i64 =
            db.query_row("SELECT count(*) FROM sqlite_schema WHERE type = 'table'", [], |row| row.get(0))?;
        if tables < 2 {
            return Ok((health, Vec::new(), Vec::new()));
        }
        Ok((health, ids(&db, "a")?, ids(&db, "b")?))
    };
    let (health, a, b) = look().map_err(|error: rusqlite::Error| error.to_string())?;
    if health != "ok" {
        return Err(health);
    }
    if a != b {
        return Err(format!("half a transaction: {a:?} and {b:?}"));
    }
    match marks.iter().find(|mark| a.binary_search(mark).is_err()) {
        Some(lost) => Err(format!("row {lost} is lost")),
        None => Ok(()),
    }
}

fn losses(seed: u64) -> impl Iterator<Item = Loss> {
    let seeds = (0..3).map(move |at| seed + at);
    let some = seeds.flat_map(|seed| [Loss::Random(seed), Loss::Torn(seed)]);
    [Loss::Nothing, Loss::Everything].into_iter().chain(some)
}

/// Looks at every image after the steps of a range; says how many there were, or what was wrong with the first bad one.
fn check(trace: &Trace, steps: Range<usize>, again: bool) -> Result<usize, String> {
    let mut count: usize = 0;
    for at in steps {
        let marks = trace.marks_before(at);
        for loss in losses(SEED) {
            let wrong = |wrong| {
                let step = at.checked_sub(1).map_or_else(String::new, |at| trace.steps()[at].to_string());
                format!("{wrong}, after step {at} ({step}) with {loss:?}")
            };
            let image = trace.image(at, loss);
            sound(&image, &marks).map_err(wrong)?;
            count += 1;
            // The power fails again while SQLite recovers, or after.
            if again && count.is_multiple_of(16) {
                let recovery = image.trace();
                let then = (count / 16).wrapping_mul(7) % (recovery.len() + 1);
                sound(&recovery.image(then, Loss::Torn(SEED + count as u64)), &marks)
                    .map_err(|error| wrong(format!("{error}, at step {then} of the recovery")))?;
            }
        }
    }
    Ok(count)
}

/// Checks all steps, on some threads.
fn check_all(disk: &Disk) -> usize {
    let trace = disk.trace();
    let steps = trace.len() + 1;
    let part = |part: usize| part * steps / 4;
    thread::scope(|scope| {
        let parts = (0..4).map(|at| (trace.clone(), part(at)..part(at + 1)));
        let parts: Vec<_> = parts.map(|(trace, steps)| scope.spawn(move || check(&trace, steps, true))).collect();
        parts.into_iter().map(|part| part.join().expect("no panic").expect("sound")).sum()
    })
}

#[test]
fn sqlite_keeps_its_promise() {
    for (disk, rows) in [(Disk::new(), 200), (Disk::powersafe(), 80)] {
        let disk = worked(disk, "full", rows);
        assert_eq!(disk.marks_before(disk.len()), (1..=rows).collect::<Vec<_>>());
        println!("seed {SEED}, {} steps, {} images", disk.len(), check_all(&disk));
    }
}

#[test]
fn unsynced_commits_are_lost() {
    let disk = worked(Disk::new(), "off", 50);
    let trace = disk.trace();
    let wrong = check(&trace, 0..trace.len() + 1, false).expect_err("a disk that syncs nothing loses something");
    println!("seed {SEED}: {wrong}");
    // A killed process loses nothing even so.
    sound(&trace.image(trace.len(), Loss::Nothing), &trace.marks_before(trace.len())).expect("sound");
}

#[test]
fn an_image_is_its_seeds() {
    let disk = worked(Disk::new(), "full", 20);
    let trace = disk.trace();
    let holds = |disk: &Disk| disk.paths().into_iter().map(|path| (disk.bytes(&path), path)).collect::<Vec<_>>();
    let mut differ = 0;
    for at in (0..=trace.len()).rev() {
        for loss in losses(SEED) {
            assert!(holds(&trace.image(at, loss)) == holds(&disk.trace().image(at, loss)), "{at} {loss:?}");
        }
        let images = [1, 2].map(|seed| holds(&trace.image(at, Loss::Torn(seed))));
        differ += usize::from(images[0] != images[1]);
    }
    assert!(differ > trace.len() / 4, "{differ}");
    assert!(holds(&trace.image(trace.len(), Loss::Nothing)) == holds(&disk));
}

#[test]
fn a_reader_sees_a_writer() {
    let disk = Disk::new();
    let name = disk.vfs();
    let writer = begin(&disk, "full").expect("begin");
    let seen = AtomicUsize::new(0);
    let read = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = Connection::open_with_flags_and_vfs(PATH, flags, name.as_str()).expect("open");
        let mut last = 0;
        while last < 300 {
            let transaction = reader.unchecked_transaction().expect("begin");
            let [a, b] = ["a", "b"].map(|table| ids(&transaction, table).expect("read"));
            assert_eq!(a, b);
            assert!(a.len() >= last);
            last = a.len();
            seen.store(last, Ordering::Release);
        }
        let denied = insert(&reader, 1000).expect_err("a reader");
        assert_eq!(denied.sqlite_error_code(), Some(ErrorCode::ReadOnly));
    };
    thread::scope(|scope| {
        let readers = [scope.spawn(read), scope.spawn(read)];
        for id in 1..=300_u64 {
            // In step with a reader now and then, so that they run at once.
            while id % 50 == 0 && seen.load(Ordering::Acquire) + 20 < index(id.cast_signed()) {
                thread::yield_now();
            }
            insert(&writer, id).expect("insert");
            disk.mark(id);
        }
        for reader in readers {
            reader.join().expect("no panic");
        }
    });
    // Two writers exclude each other.
    let other = open(&disk).expect("open");
    other.busy_timeout(std::time::Duration::ZERO).expect("no wait");
    let held = rusqlite::Transaction::new_unchecked(&writer, rusqlite::TransactionBehavior::Immediate).expect("begin");
    let busy = other.execute_batch("BEGIN IMMEDIATE").expect_err("busy");
    assert_eq!(busy.sqlite_error_code(), Some(ErrorCode::DatabaseBusy));
    drop(held);
    insert(&other, 301).expect("insert");
    // Checkpoints beside readers are sound, too.
    let trace = disk.trace();
    println!("seed {SEED}, {} images", check(&trace, trace.len() / 2..trace.len() / 2 + 300, true).expect("sound"));
}

#[test]
fn faults_surface() {
    let faults = [
        (Fault::Full, ErrorCode::DiskFull, 13),
        (Fault::Sync, ErrorCode::SystemIoFailure, 1034),
        (Fault::Write, ErrorCode::SystemIoFailure, 778),
        (Fault::Perm, ErrorCode::ReadOnly, 8),
    ];
    for (fault, code, extended) in faults {
        let disk = worked(Disk::new(), "full", 5);
        let db = begin(&disk, "full").expect("begin");
        disk.fail(fault);
        let error = *insert(&db, 6).expect_err("a fault").sqlite_error().expect("of SQLite");
        assert_eq!((error.code, error.extended_code), (code, extended), "{fault:?}");
        disk.heal();
        insert(&db, 7).expect("healed");
        drop(db);
        sound(&disk, &[1, 2, 3, 4, 5, 7]).expect("sound");
    }
    let disk = worked(Disk::new(), "full", 5);
    for (fault, code) in [
        (Fault::Read, ErrorCode::SystemIoFailure),
        (Fault::Open, ErrorCode::CannotOpen),
        (Fault::Perm, ErrorCode::PermissionDenied),
    ] {
        disk.fail_once(fault, 0);
        let error = open(&disk).and_then(|db| ids(&db, "a")).expect_err("a fault");
        assert_eq!(error.sqlite_error_code(), Some(code), "{fault:?}");
        sound(&disk, &[1, 2, 3, 4, 5]).expect("sound");
    }
}

#[test]
fn a_failed_sync_loses_what_it_held() {
    let disk = Disk::new();
    let db = begin(&disk, "full").expect("begin");
    insert(&db, 1).expect("insert");
    disk.fail_once(Fault::Sync, 0);
    insert(&db, 2).expect_err("a fault");
    let trace = disk.trace();
    let failed =
        trace.steps().iter().rposition(|step| matches!(step, Step::Sync { ok: false, .. })).expect("a step") + 1;
    let wal = format!("{PATH}-wal");
    let [cache, durable] = [Loss::Nothing, Loss::Everything].map(|loss| trace.image(failed, loss).bytes(&wal).unwrap());
    assert!(cache.len() > durable.len() && cache.starts_with(&durable));
}

#[test]
fn acknowledged_rows_outlast_faults() {
    // Whichever call fails, what is acknowledged before or after is durable. See the module on `Disk::new` and syncs.
    for (powersafe, fault) in
        [(true, Fault::Sync), (true, Fault::Write), (true, Fault::Full), (false, Fault::Write), (false, Fault::Full)]
    {
        for pass in (0..100).step_by(7) {
            let disk = if powersafe { Disk::powersafe() } else { Disk::new() };
            let db = begin(&disk, "full").expect("begin");
            disk.fail_once(fault, pass);
            for id in 1..=40 {
                if insert(&db, id).is_ok() {
                    disk.mark(id);
                }
            }
            drop(db);
            let trace = disk.trace();
            let late = trace.len() * 3 / 4;
            check(&trace, late..late + 8, false).unwrap_or_else(|error| panic!("{fault:?} {pass}: {error}"));
        }
    }
}

#[test]
fn a_failed_sync_and_a_kill_lose_later_rows() {
    let disk = Disk::powersafe();
    let db = begin(&disk, "full").expect("begin");
    insert(&db, 1).expect("insert");
    disk.mark(1);
    disk.fail_once(Fault::Sync, 0);
    insert(&db, 2).expect_err("a fault");
    // The next process reads the lost commit from the cache and writes behind it.
    let disk = disk.killed();
    let next = open(&disk).expect("open");
    next.execute_batch("PRAGMA synchronous = full").expect("set");
    assert_eq!(ids(&next, "a").expect("read"), [1, 2]);
    insert(&next, 3).expect("insert");
    disk.mark(3);
    let trace = disk.trace();
    assert_eq!(trace.marks_before(trace.len()), [1, 3]);
    let wrong =
        sound(&trace.image(trace.len(), Loss::Everything), &[1, 3]).expect_err("fsync is not to be asked twice");
    assert_eq!(wrong, "row 3 is lost");
}
