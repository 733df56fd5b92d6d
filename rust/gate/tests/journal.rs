//! A journal whose file is not as it was written: an incomplete last record is dropped and told, and anything else is
//! refused, with the record where it begins, and left as it is.

mod vault;

use std::fs;
use std::path::Path;

use gxrisk_core::Event;
use gxrisk_gate::journal::{Entry, Head, JournalReader, Storage};
use gxrisk_gate::{Custody, Gate, GateError, JournalError};
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};
use vault::{Dice, Scratch, VAULT, approve, clock, create, limits, n, open, setting, sound};

/// A journal of two epochs that was closed, but for its last checkpoint where it was left by a crash.
fn written(scratch: &Scratch, is_closed: bool) -> (Storage, Vec<Entry>) {
    let (storage, clock) = (scratch.storage(), clock());
    let gate = create(&storage, &clock).unwrap();
    (0..6).for_each(|_| drop(approve(&gate, None).unwrap()));
    gate.close().unwrap();
    // A closed gate still reads, which would keep the log.
    drop(gate);
    let gate = open(&storage, &clock).unwrap().0;
    (0..6).for_each(|_| drop(approve(&gate, None).unwrap()));
    if is_closed {
        gate.close().unwrap();
    }
    drop(gate);
    let entries = sound(&storage).unwrap();
    (storage, entries)
}

/// The same work on the file through a plain connection.
fn edit(storage: &Storage, work: impl FnOnce(&Connection)) {
    let connection = Connection::open(&storage.path).unwrap();
    work(&connection);
    connection.close().unwrap();
}

fn frame(storage: &Storage, sequence: u64) -> Vec<u8> {
    let mut frame = Vec::new();
    edit(storage, |connection| frame = cell(connection, "frame", sequence));
    frame
}

fn cell(connection: &Connection, column: &str, sequence: u64) -> Vec<u8> {
    let query = format!("SELECT {column} FROM records WHERE sequence = ?1");
    connection.query_row(&query, params![sequence.cast_signed()], |row| row.get(0)).unwrap()
}

fn put(connection: &Connection, column: &str, sequence: u64, bytes: &[u8]) {
    let change = format!("UPDATE records SET {column} = ?1 WHERE sequence = ?2");
    assert_eq!(connection.execute(&change, params![bytes, sequence.cast_signed()]).unwrap(), 1);
}

/// Hashes the rows from a record on again, as one who wants to hide a change would.
fn hash_again(connection: &Connection, from: u64, last: u64) {
    let mut head = cell(connection, "hash", from - 1);
    for sequence in from..=last {
        let frame = cell(connection, "frame", sequence);
        let hash = Sha256::new().chain_update("gxrisk record v1\n").chain_update(&head).chain_update(frame);
        head = hash.finalize().to_vec();
        put(connection, "hash", sequence, &head);
    }
}

/// Opening to write, and verifying, are refused alike; and the file stays as it is, byte for byte.
fn refused(storage: &Storage) -> JournalError {
    let before = fs::read(&storage.path).unwrap();
    let Err(GateError::Journal(error)) = open(storage, &clock()) else { panic!("it was opened") };
    let made = Gate::create(storage, VAULT, limits(), clock(), &Custody::default());
    assert!(matches!(made, Err(GateError::Journal(_))), "it was made anew");
    assert!(fs::read(&storage.path).unwrap() == before, "the file was changed");
    error
}

fn verified(storage: &Storage) -> Result<(), JournalError> {
    JournalReader::open(storage)?.verify(None, |_| true).map(|_| ())
}

/// The record that an error names.
fn place(error: &JournalError) -> Option<u64> {
    if let JournalError::Damaged { sequence, .. } = error { Some(*sequence) } else { None }
}

#[test]
fn an_incomplete_last_record_is_dropped_and_told() {
    for is_closed in [true, false] {
        let scratch = Scratch::new("journal");
        let (storage, entries) = written(&scratch, is_closed);
        let last = entries.len() as u64;
        let (whole, kept) = (frame(&storage, last), fs::read(&storage.path).unwrap());
        for length in 0..whole.len() {
            edit(&storage, |connection| put(connection, "frame", last, &whole[..length]));
            assert_eq!(verified(&storage).as_ref().map_err(place), Err(Some(last)), "a reader drops nothing");
            let (gate, recovery) = open(&storage, &clock()).unwrap();
            assert_eq!((recovery.sequence, recovery.dropped), (last - 1, length as u64));
            let found = gate.events(0, usize::MAX).unwrap();
            assert_eq!(found[..entries.len() - 1], entries[..entries.len() - 1]);
            assert!(
                matches!(found[entries.len() - 1].record.event, Event::Restarted { dropped, .. } if dropped == length as u64)
            );
            drop(gate);
            sound(&storage).unwrap();
            fs::write(&storage.path, &kept).unwrap();
        }
    }
}

#[test]
fn an_incomplete_record_is_dropped_only_where_all_else_is_right() {
    let damages: [Damage; 4] = [
        |rows, _| {
            put(rows, "frame", 5, &[&cell(rows, "frame", 5)[..], b"!"].concat());
            Some(5)
        },
        |rows, last| {
            rows.execute("DELETE FROM records WHERE sequence = ?1 - 1", [last.cast_signed()]).unwrap();
            Some(last - 1)
        },
        |rows, _| {
            rows.execute("UPDATE checkpoints SET state = CAST(state || x'00' AS BLOB)", []).unwrap();
            Some(
                rows.query_row("SELECT sequence FROM checkpoints", [], |row| row.get(0).map(i64::cast_unsigned))
                    .unwrap(),
            )
        },
        |rows, last| {
            rows.execute("UPDATE checkpoints SET sequence = ?1 + 5", [last.cast_signed()]).unwrap();
            Some(last)
        },
    ];
    for damage in damages {
        let scratch = Scratch::new("journal");
        let (storage, entries) = written(&scratch, false);
        let (last, mut at) = (entries.len() as u64, None);
        edit(&storage, |rows| {
            let whole = cell(rows, "frame", last);
            put(rows, "frame", last, &whole[..whole.len() - 1]);
            at = damage(rows, last);
        });
        let error = refused(&storage);
        assert_eq!(place(&error), at, "{error}");
    }
}

#[test]
fn the_first_record_is_never_dropped() {
    let scratch = Scratch::new("journal");
    let (storage, _) = written(&scratch, false);
    edit(&storage, |rows| {
        let cut = "DELETE FROM checkpoints; DELETE FROM records WHERE sequence > 1;
                   UPDATE records SET frame = substr(frame, 1, 20)";
        rows.execute_batch(cut).unwrap();
    });
    assert_eq!(place(&refused(&storage)), Some(1));
}

/// Changed in any byte, a record is damage where it is; the last one too, and its length no less: it was not cut short.
#[test]
fn a_changed_bit_is_found_where_it_is() {
    for (is_closed, is_last) in [(true, false), (true, true), (false, true)] {
        let scratch = Scratch::new("journal");
        let (storage, entries) = written(&scratch, is_closed);
        let decision = entries.iter().rposition(|entry| matches!(entry.record.event, Event::Decided(_))).unwrap() + 1;
        let at = if is_last { entries.len() } else { decision } as u64;
        for (column, whole) in [("frame", frame(&storage, at)), ("hash", entry_hash(&entries, at))] {
            for bit in bits(column, whole.len()) {
                let mut changed = whole.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                edit(&storage, |rows| put(rows, column, at, &changed));
                for error in [refused(&storage), verified(&storage).unwrap_err()] {
                    assert_eq!(place(&error), Some(at), "{column} {bit}: {error}");
                }
            }
            edit(&storage, |rows| put(rows, column, at, &whole));
        }
        sound(&storage).unwrap();
    }
}

/// Every bit of a frame's first bytes, and one of each other byte.
fn bits(column: &str, length: usize) -> impl Iterator<Item = usize> {
    let all = if column == "frame" { 13 } else { 0 };
    (0..all * 8).chain((all..length).map(|at| at * 8 + at % 8))
}

fn entry_hash(entries: &[Entry], sequence: u64) -> Vec<u8> {
    entries[usize::try_from(sequence).unwrap() - 1].stamp.hash.to_vec()
}

/// What is done to the rows, and the record that is named then.
type Damage = fn(&Connection, u64) -> Option<u64>;

const DAMAGES: [(&str, Damage); 14] = [
    ("a row is gone", |rows, _| {
        rows.execute("DELETE FROM records WHERE sequence = 7", []).unwrap();
        Some(7)
    }),
    ("a row is gone and the others moved up", |rows, _| {
        let up = "DELETE FROM records WHERE sequence = 7; UPDATE records SET sequence = -sequence WHERE sequence > 7;
                  UPDATE records SET sequence = -sequence - 1 WHERE sequence < 0";
        rows.execute_batch(up).unwrap();
        Some(7)
    }),
    ("two rows are swapped", |rows, _| {
        let [one, two] = [7, 8].map(|at| (cell(rows, "frame", at), cell(rows, "hash", at)));
        for (at, (frame, hash)) in [(7, two), (8, one)] {
            put(rows, "frame", at, &frame);
            put(rows, "hash", at, &hash);
        }
        Some(7)
    }),
    ("the first row is gone", |rows, _| {
        rows.execute("DELETE FROM records WHERE sequence = 1", []).unwrap();
        Some(1)
    }),
    ("the epoch goes back", |rows, last| {
        let mut frame = cell(rows, "frame", last - 1);
        frame[5..13].fill(0);
        put(rows, "frame", last - 1, &frame);
        hash_again(rows, last - 1, last);
        Some(last - 1)
    }),
    ("the vault is another", |rows, _| {
        rows.execute("UPDATE journal SET vault_id = 'other'", []).unwrap();
        Some(1)
    }),
    ("the checkpoint is changed", |rows, last| {
        rows.execute("UPDATE checkpoints SET state = CAST(state || x'00' AS BLOB)", []).unwrap();
        Some(last - 1)
    }),
    ("the checkpoint is of another record", |rows, _| {
        rows.execute("UPDATE checkpoints SET sequence = 4", []).unwrap();
        Some(4)
    }),
    ("the record behind the checkpoint is gone", |rows, last| {
        rows.execute("DELETE FROM records WHERE sequence = ?1", params![last.cast_signed()]).unwrap();
        Some(last)
    }),
    ("every record is gone", |rows, _| {
        rows.execute("DELETE FROM records", []).unwrap();
        Some(1)
    }),
    ("every record is gone, and the checkpoint", |rows, _| {
        rows.execute_batch("DELETE FROM records; DELETE FROM checkpoints").unwrap();
        Some(1)
    }),
    ("a hash is shorter", |rows, _| {
        let hash = cell(rows, "hash", 7);
        put(rows, "hash", 7, &hash[..31]);
        Some(7)
    }),
    ("the epoch of the file is an earlier one", |rows, last| {
        rows.execute("UPDATE journal SET epoch = 0", []).unwrap();
        Some(last)
    }),
    ("a frame is longer", |rows, _| {
        let frame = cell(rows, "frame", 7);
        put(rows, "frame", 7, &[&frame[..], b"\0"].concat());
        Some(7)
    }),
];

#[test]
fn other_damage_is_refused() {
    for (name, damage) in DAMAGES {
        let scratch = Scratch::new("journal");
        let (storage, entries) = written(&scratch, true);
        let mut expected = None;
        edit(&storage, |rows| expected = damage(rows, entries.len() as u64));
        let error = refused(&storage);
        assert_eq!(place(&error), expected, "{name}: {error}");
        assert!(error.to_string().contains(&storage.path.display().to_string()), "{error}");
    }
}

#[test]
fn a_journal_that_was_cut_does_not_hold_its_head() {
    let scratch = Scratch::new("journal");
    let (storage, entries) = written(&scratch, false);
    let Entry { record, stamp } = entries.last().unwrap();
    let head = Head::unsigned(VAULT, record.sequence, stamp);
    let verify = || JournalReader::open(&storage).unwrap().verify(Some(&head), |_| true);
    assert_eq!(verify().unwrap().head.hash, head.hash);
    edit(&storage, |rows| {
        rows.execute("DELETE FROM records WHERE sequence = ?1", params![record.sequence.cast_signed()]).unwrap();
    });
    assert!(
        matches!(verify(), Err(JournalError::HeadMissing { .. })),
        "the end that is missing shows by the head alone"
    );
}

/// A checkpoint saves a replay and no more: one that is vouched for and cannot be read is done without.
#[test]
fn a_checkpoint_of_an_unknown_form_is_done_without() {
    let scratch = Scratch::new("journal");
    let (storage, entries) = written(&scratch, true);
    let last = entries.len() as u64;
    let engine = JournalReader::open(&storage).unwrap().engine().unwrap();
    edit(&storage, |rows| {
        let mut kept: Vec<u8> = rows.query_row("SELECT state FROM checkpoints", [], |row| row.get(0)).unwrap();
        kept[0] = 9;
        rows.execute("UPDATE checkpoints SET state = ?1", params![kept]).unwrap();
        let mut frame = cell(rows, "frame", last);
        let digest = frame.len() - 32;
        frame[digest..].copy_from_slice(&Sha256::digest(&kept));
        put(rows, "frame", last, &frame);
        hash_again(rows, last, last);
    });
    let (gate, recovery) = open(&storage, &clock()).unwrap();
    assert_eq!((recovery.sequence, recovery.replayed), (last, last));
    assert_eq!(gate.view().unwrap().working.len(), engine.view().working.len());
}

/// Any file but the one that was written is refused and left as it is, or holds the same records.
fn is_told(storage: &Storage, bytes: &[u8], entries: &[Entry], name: &str) {
    fs::write(&storage.path, bytes).unwrap();
    match open(storage, &clock()) {
        // Bytes that mean nothing.
        Ok((gate, recovery)) => {
            assert_eq!(recovery.dropped, 0, "{name}");
            assert_eq!(gate.events(0, entries.len()).unwrap(), entries, "{name}");
        }
        Err(GateError::Journal(
            JournalError::Damaged { .. } | JournalError::Foreign { .. } | JournalError::Newer { .. },
        )) => {
            assert!(fs::read(&storage.path).unwrap() == bytes, "{name}: the file was changed");
        }
        Err(error) => panic!("{name}: {error:?}"),
    }
}

#[test]
fn garbage_in_the_file_is_refused() {
    let scratch = Scratch::new("journal");
    let (storage, entries) = written(&scratch, true);
    let whole = fs::read(&storage.path).unwrap();
    for page in 0..whole.len() / 4096 {
        for (start, end) in [(0, 4096), (0, 16), (2000, 2200), (4000, 4096)] {
            let mut bytes = whole.clone();
            bytes[page * 4096 + start..page * 4096 + end].fill(0xA5);
            is_told(&storage, &bytes, &entries, &format!("page {page} {start}..{end}"));
        }
        is_told(&storage, &whole[..page * 4096 + 100], &entries, &format!("cut to {page} pages and some"));
        is_told(&storage, &whole[..page * 4096], &entries, &format!("cut to {page} pages"));
    }
}

#[test]
fn a_changed_bit_of_the_file_changes_no_record() {
    let seed = setting("GXRISK_SEED", 0x6778_7269_736B);
    println!("GXRISK_SEED={seed}");
    let scratch = Scratch::new("journal");
    let (storage, entries) = written(&scratch, false);
    let (whole, last) = (fs::read(&storage.path).unwrap(), entries.len() as u64);
    // All of the last row and of what the database keeps before it, and others here and there.
    let row = frame(&storage, last);
    let at = whole.windows(row.len()).position(|bytes| bytes == row).unwrap();
    let (start, end) = ((at - 16) * 8, at * 8);
    let rest = (at..at + row.len() + 32).map(|at| at * 8 + at % 8);
    let mut dice = Dice::new(seed);
    let others =
        (0..1_000 * setting("GXRISK_FUZZ", 1)).map(|_| usize::try_from(dice.below(whole.len() as u64 * 8)).unwrap());
    for bit in (start..end).chain(rest).chain(others) {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        is_told(&storage, &bytes, &entries, &format!("bit {bit}"));
    }
}

/// Behind damage in its log the database sees nothing: what is left is the beginning of what was, and the head that was
/// kept elsewhere shows what is missing.
#[test]
fn damage_in_the_log_shows_by_the_head() {
    let scratch = Scratch::new("journal");
    let (storage, clock) = (scratch.storage(), clock());
    let gate = create(&storage, &clock).unwrap();
    (0..6).for_each(|_| drop(approve(&gate, None).unwrap()));
    let (head, entries) = (gate.head().unwrap(), gate.events(0, usize::MAX).unwrap());
    let log = fs::read(scratch.0.join("journal.db-wal")).unwrap();
    let file = fs::read(&storage.path).unwrap();
    drop(gate);
    let copy = Scratch::new("journal");
    let storage = copy.storage();
    let mut cut = 0;
    for at in (0..log.len()).step_by(97) {
        let mut bytes = log.clone();
        bytes[at] ^= 0x10;
        fs::write(&storage.path, &file).unwrap();
        fs::write(copy.0.join("journal.db-wal"), bytes).unwrap();
        let _ = fs::remove_file(copy.0.join("journal.db-shm"));
        let Ok((gate, recovery)) = open(&storage, &clock) else { continue };
        let kept = usize::try_from(recovery.sequence).unwrap();
        assert!(gate.events(0, kept).unwrap() == entries[..kept], "byte {at}");
        drop(gate);
        let verified = JournalReader::open(&storage).unwrap().verify(Some(&head), |_| true);
        // What opening recorded may bear the number of what is gone.
        assert_eq!(verified.is_ok(), kept == entries.len(), "byte {at}");
        cut += usize::from(verified.is_err());
    }
    assert!(cut > 10, "{cut}");
}

#[test]
fn what_is_no_journal_is_left_alone() {
    let scratch = Scratch::new("journal");
    let storage = scratch.storage();
    assert!(matches!(open(&storage, &clock()), Err(GateError::Journal(JournalError::Missing(_)))));
    for text in ["no database", &"a longer text that is no database either\n".repeat(200)] {
        fs::write(&storage.path, text).unwrap();
        assert!(matches!(refused(&storage), JournalError::Foreign { .. }));
    }
    fs::remove_file(&storage.path).unwrap();
    edit(&storage, |rows| rows.execute_batch("CREATE TABLE mine (one); INSERT INTO mine VALUES (1)").unwrap());
    let error = refused(&storage);
    assert!(matches!(error, JournalError::Foreign { .. }), "{error:?}");
    let folder = scratch.0.join("folder");
    fs::create_dir(&folder).unwrap();
    let error = open(&Storage::from(folder.as_path()), &clock()).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains(&folder.display().to_string()), "{error}");
    let lost = Storage::from(Path::new("/nowhere/at/all/journal.db"));
    let made = Gate::create(&lost, VAULT, limits(), clock(), &Custody::default()).map(|_| ()).unwrap_err();
    assert!(made.to_string().contains("/nowhere/at/all/journal.db"), "{made}");
    // Nothing is in an empty file: it is no journal, and may become one.
    fs::write(&storage.path, "").unwrap();
    assert!(matches!(open(&storage, &clock()), Err(GateError::Journal(JournalError::Foreign { .. }))));
    create(&storage, &clock()).unwrap().deposit(n("1")).unwrap();
    sound(&storage).unwrap();
}

#[test]
fn a_newer_format_is_told_from_damage() {
    let scratch = Scratch::new("journal");
    let (storage, entries) = written(&scratch, true);
    edit(&storage, |rows| {
        let mut frame = cell(rows, "frame", 7);
        frame[4] = 2;
        put(rows, "frame", 7, &frame);
        hash_again(rows, 7, entries.len() as u64);
    });
    let error = refused(&storage);
    assert!(matches!(&error, JournalError::Newer { what, seen: 2 } if what.contains("record 7 ")), "{error}");
    edit(&storage, |rows| rows.pragma_update(None, "user_version", 2).unwrap());
    for error in [refused(&storage), verified(&storage).unwrap_err()] {
        assert!(matches!(&error, JournalError::Newer { what, seen: 2 } if !what.contains("record")), "{error}");
    }
}

/// Of a newer format nothing is known, not even that a record was cut short.
#[test]
fn a_last_record_of_a_newer_format_is_not_dropped() {
    let scratch = Scratch::new("journal");
    let (storage, entries) = written(&scratch, false);
    let last = entries.len() as u64;
    edit(&storage, |rows| {
        let mut frame = cell(rows, "frame", last);
        frame[4] = 2;
        put(rows, "frame", last, &frame[..frame.len() - 1]);
    });
    assert_eq!(place(&refused(&storage)), Some(last));
}
