//! A journal whose file is not as it was written: an incomplete last record is dropped and told, and anything else is
//! refused, with the record where it begins, and left as it is.

mod disk;
mod vault;

use std::fs;
use std::path::Path;

use gxrisk_core::Event;
use gxrisk_gate::journal::{Entry, Head, JournalReader, Storage};
use gxrisk_gate::{Custody, Gate, GateError, JournalError};
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};
use vault::{Scratch, VAULT, approve, clock, create, limits, n, open, sound};

/// A journal of two epochs that was closed, but for its last checkpoint where it was left by a crash.
fn written(scratch: &Scratch, is_closed: bool) -> (Storage, Vec<Entry>) {
    let (storage, clock) = (scratch.storage(), clock());
    let gate = create(&storage, &clock).unwrap();
    (0..6).for_each(|_| drop(approve(&gate, None).unwrap()));
    gate.close().unwrap();
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
    let scratch = Scratch::new("journal");
    let (storage, entries) = written(&scratch, true);
    let last = entries.len() as u64;
    let whole = frame(&storage, last);
    // A length that was changed is no record cut short.
    for bit in 0..32 {
        let mut longer = whole.clone();
        longer[bit / 8] ^= 1 << (bit % 8);
        edit(&storage, |connection| put(connection, "frame", last, &longer));
        assert_eq!(place(&refused(&storage)), Some(last), "bit {bit}");
    }
    let other = frame(&storage, 5);
    edit(&storage, |connection| {
        put(connection, "frame", last, &whole[..whole.len() - 1]);
        put(connection, "frame", 5, &[&other[..], b"!"].concat());
    });
    assert_eq!(place(&refused(&storage)), Some(5));
}

#[test]
fn a_changed_bit_is_found_where_it_is() {
    let scratch = Scratch::new("journal");
    let (storage, entries) = written(&scratch, true);
    let middle = entries.iter().rposition(|entry| matches!(entry.record.event, Event::Decided(_))).unwrap() as u64;
    for (column, whole) in [("frame", frame(&storage, middle)), ("hash", entry_hash(&entries, middle))] {
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1 << (at % 8);
            edit(&storage, |connection| put(connection, column, middle, &changed));
            for error in [refused(&storage), verified(&storage).unwrap_err()] {
                let is_newer = column == "frame" && at == 4;
                let is_right = match &error {
                    JournalError::Newer { what, .. } => is_newer && what.contains(&format!("record {middle} ")),
                    error => place(error) == Some(middle),
                };
                assert!(is_right, "{column} {at}: {error}");
            }
        }
        edit(&storage, |connection| put(connection, column, middle, &whole));
    }
    sound(&storage).unwrap();
}

fn entry_hash(entries: &[Entry], sequence: u64) -> Vec<u8> {
    entries[usize::try_from(sequence).unwrap() - 1].stamp.hash.to_vec()
}

/// What is done to the rows, and the record that is named then.
type Damage = fn(&Connection, u64) -> Option<u64>;

const DAMAGES: [(&str, Damage); 11] = [
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
        rows.execute("UPDATE checkpoints SET state = state || x'00'", []).unwrap();
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

#[test]
fn garbage_in_the_file_is_refused() {
    let scratch = Scratch::new("journal");
    let (storage, entries) = written(&scratch, true);
    let whole = fs::read(&storage.path).unwrap();
    let damaged = |bytes: &[u8], name: String| {
        fs::write(&storage.path, bytes).unwrap();
        match open(&storage, &clock()) {
            // A page that holds nothing.
            Ok((gate, _)) => assert_eq!(gate.events(0, entries.len()).unwrap(), entries, "{name}"),
            Err(GateError::Journal(JournalError::Damaged { .. } | JournalError::Foreign { .. })) => {
                assert!(fs::read(&storage.path).unwrap() == bytes, "{name}: the file was changed");
            }
            Err(error) => panic!("{name}: {error:?}"),
        }
    };
    for page in 0..whole.len() / 4096 {
        for (start, end) in [(0, 4096), (0, 16), (2000, 2200), (4000, 4096)] {
            let mut bytes = whole.clone();
            bytes[page * 4096 + start..page * 4096 + end].fill(0xA5);
            damaged(&bytes, format!("page {page} {start}..{end}"));
        }
        damaged(&whole[..page * 4096 + 100], format!("cut to {page} pages and some"));
        damaged(&whole[..page * 4096], format!("cut to {page} pages"));
    }
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
    let folder = Storage::from(scratch.0.as_path());
    let error = open(&folder, &clock()).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains(&scratch.0.display().to_string()), "{error}");
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
    let error = refused(&storage);
    assert!(matches!(&error, JournalError::Newer { what, seen: 2 } if !what.contains("record")), "{error}");
}
