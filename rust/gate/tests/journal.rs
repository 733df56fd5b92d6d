//! A vault's file that was damaged, cut short, taken over or opened twice.

mod support;

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::thread;

use gxrisk_core::limits::Value;
use gxrisk_core::{Event, Limits, Nano, Origin, Outcome};
use gxrisk_gate::custody::Passphrase;
use gxrisk_gate::journal::{FileJournal, JournalReader, Recovery, Storage};
use gxrisk_gate::{Custody, Gate, GateError, JournalError, SystemClock};
use rusqlite::Connection;
use support::{Folder, fund, order, roomy};

const VAULT: &str = "v";

fn create(path: &Path) -> Gate {
    let gate = Gate::create(&Storage::from(path), VAULT, roomy(), Arc::new(SystemClock), &Custody::default()).unwrap();
    fund(&gate).unwrap();
    gate
}

/// Approvals that outlive the making of a key from a passphrase on a slow machine.
fn long() -> Limits {
    roomy().replace([("approval_ttl_s", Value::Number(Nano::whole(600)))]).unwrap()
}

fn open(path: &Path) -> Result<(Gate, Recovery), GateError> {
    Gate::open(&Storage::from(path), Arc::new(SystemClock), None)
}

/// A closed vault with some decisions; gives its last record.
fn closed(path: &Path) -> u64 {
    let gate = create(path);
    for _ in 0..5 {
        assert!(gate.authorize(&order(None), Origin::Agent).unwrap().approval.is_some());
    }
    gate.close().unwrap();
    last(path)
}

fn last(path: &Path) -> u64 {
    JournalReader::open(&Storage::from(path)).unwrap().head().unwrap().sequence
}

/// Changes the file behind the gate's back.
fn tamper(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

/// What opening the file is refused with, by the gate and by the journal; the file stays as it is.
fn refused(path: &Path) -> JournalError {
    let before = std::fs::read(path).unwrap();
    let error = FileJournal::open(&Storage::from(path)).unwrap_err();
    assert_eq!(open(path).map(|_| ()).unwrap_err(), GateError::Journal(error.clone()));
    assert!(std::fs::read(path).unwrap() == before, "a refused file was changed");
    error
}

/// Asserts that the file is refused as damaged at that record, also by a verification.
#[track_caller]
fn damaged_at(path: &Path, record: u64) {
    for error in [refused(path), verification(path).unwrap_err()] {
        assert!(matches!(error, JournalError::Damaged { sequence, .. } if sequence == record), "{error}");
    }
}

fn verification(path: &Path) -> Result<(), JournalError> {
    JournalReader::open(&Storage::from(path))?.verify(None, |_| true).map(|_| ())
}

/// The frame of a record, with its last byte changed.
fn change(path: &Path, sequence: u64) {
    let db = Connection::open(path).unwrap();
    let read = "SELECT frame FROM records WHERE sequence = ?1";
    let mut frame: Vec<u8> = db.query_row(read, [sequence.cast_signed()], |row| row.get(0)).unwrap();
    *frame.last_mut().unwrap() ^= 1;
    let write = "UPDATE records SET frame = ?1 WHERE sequence = ?2";
    db.execute(write, (frame, sequence.cast_signed())).unwrap();
}

const CUT: &str = "UPDATE records SET frame = substr(frame, 1, length(frame) - 7)
    WHERE sequence = (SELECT max(sequence) FROM records)";

#[test]
fn an_incomplete_last_record_is_dropped_and_reported() {
    let folder = Folder::new();
    let path = folder.journal();
    let end = closed(&path);
    tamper(&path, CUT);
    let (gate, recovery) = open(&path).unwrap();
    assert!(recovery.dropped > 0);
    // The record that was cut told of the checkpoint, so everything before it was replayed.
    assert_eq!((recovery.sequence, recovery.replayed, recovery.epoch), (end - 1, end - 1, 1));
    let entries = gate.events(end - 1, 1).unwrap();
    let told = Event::Restarted { epoch: 1, dropped: recovery.dropped };
    assert_eq!(entries.first().unwrap().record.event, told);
    assert!(gate.authorize(&order(None), Origin::Agent).unwrap().approval.is_some());
    gate.close().unwrap();
    verification(&path).unwrap();
    assert_eq!(open(&path).unwrap().1.dropped, 0);
}

#[test]
fn an_incomplete_record_in_the_middle_is_refused() {
    let folder = Folder::new();
    let path = folder.journal();
    closed(&path);
    tamper(&path, "UPDATE records SET frame = substr(frame, 1, length(frame) - 7) WHERE sequence = 5");
    damaged_at(&path, 5);
}

#[test]
fn a_flipped_bit_is_refused_where_it_is() {
    for record in 1..=6 {
        let folder = Folder::new();
        let path = folder.journal();
        closed(&path);
        change(&path, record);
        damaged_at(&path, record);
    }
}

#[test]
fn a_missing_record_is_refused_where_it_was() {
    let folder = Folder::new();
    let path = folder.journal();
    closed(&path);
    tamper(&path, "DELETE FROM records WHERE sequence = 4");
    damaged_at(&path, 4);
}

#[test]
fn another_vaults_name_is_refused() {
    let folder = Folder::new();
    let path = folder.journal();
    closed(&path);
    tamper(&path, "UPDATE journal SET vault_id = 'w'");
    damaged_at(&path, 1);
}

#[test]
fn a_damaged_checkpoint_is_refused() {
    let changes = ["state = substr(state, 1, length(state) - 1)", "state = zeroblob(10)", "sequence = sequence - 1"];
    for change in changes {
        let folder = Folder::new();
        let path = folder.journal();
        let end = closed(&path);
        tamper(&path, &format!("UPDATE checkpoints SET {change}"));
        let error = refused(&path);
        assert!(matches!(error, JournalError::Damaged { sequence, .. } if sequence + 2 >= end), "{error}");
        // The records themselves are whole.
        verification(&path).unwrap();
    }
}

#[test]
fn a_checkpoint_beyond_the_records_is_refused() {
    let folder = Folder::new();
    let path = folder.journal();
    let end = closed(&path);
    tamper(&path, "DELETE FROM records WHERE sequence = (SELECT max(sequence) FROM records)");
    let error = refused(&path);
    assert!(matches!(error, JournalError::Damaged { sequence, .. } if sequence >= end - 1), "{error}");
}

#[test]
fn a_file_of_another_kind_is_refused() {
    let folder = Folder::new();
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "dear diary, ".repeat(1_000)).unwrap();
    assert!(matches!(refused(&text), JournalError::Foreign { .. }));
    let database = folder.path().join("other.db");
    tamper(&database, "CREATE TABLE records (sequence INTEGER PRIMARY KEY)");
    assert!(matches!(refused(&database), JournalError::Foreign { .. }));
    let missing = folder.path().join("missing");
    assert!(matches!(open(&missing).map(|_| ()), Err(GateError::Journal(JournalError::Missing(_)))));
    assert!(!missing.exists());
}

#[test]
fn a_newer_format_is_refused() {
    let folder = Folder::new();
    let path = folder.journal();
    closed(&path);
    tamper(&path, "PRAGMA user_version = 2");
    assert!(matches!(refused(&path), JournalError::Newer { seen: 2, .. }));
}

#[test]
fn a_vault_that_exists_is_not_made_again() {
    let folder = Folder::new();
    let path = folder.journal();
    closed(&path);
    let again = Gate::create(&Storage::from(&*path), VAULT, roomy(), Arc::new(SystemClock), &Custody::default());
    assert_eq!(again.map(|_| ()).unwrap_err(), GateError::Journal(JournalError::Exists(path)));
}

#[test]
fn a_vault_has_one_writer() {
    let folder = Folder::new();
    let path = folder.journal();
    let gate = create(&path);
    assert_eq!(open(&path).map(|_| ()).unwrap_err(), GateError::Journal(JournalError::InUse(path.clone())));
    assert!(gate.authorize(&order(None), Origin::Agent).unwrap().approval.is_some());
    drop(gate);
    open(&path).unwrap();
}

#[test]
fn a_writer_that_was_overtaken_gives_no_approval() {
    let folder = Folder::new();
    let path = folder.journal();
    let stale = create(&path);
    let approval = stale.authorize(&order(None), Origin::Agent).unwrap().approval.unwrap();
    std::fs::remove_file(folder.path().join("vault.journal.lock")).unwrap();
    let (gate, recovery) = open(&path).unwrap();
    let fenced = GateError::Journal(JournalError::Fenced { mine: 0, seen: recovery.epoch });
    assert_eq!(stale.authorize(&order(None), Origin::Agent).map(|_| ()).unwrap_err(), fenced);
    assert_eq!(stale.redeem(&approval), Err(GateError::EngineHalted));
    assert_eq!(stale.authorize(&order(None), Origin::Agent).map(|_| ()), Err(GateError::EngineHalted));
    stale.close().unwrap();
    // Its last approval is good at the gate that overtook it, once.
    let token = approval.token().unwrap();
    gate.redeem_token(&token).unwrap();
    assert!(gate.redeem_token(&token).is_err());
    assert!(gate.authorize(&order(None), Origin::Agent).unwrap().approval.is_some());
    gate.close().unwrap();
    verification(&path).unwrap();
}

#[test]
fn a_client_order_id_is_decided_once_also_over_a_restart() {
    let folder = Folder::new();
    let path = folder.journal();
    let storage = Storage::from(&*path);
    let passphrase = || Passphrase::new("correct horse battery staple".to_owned()).unwrap();
    let custody = Custody { passphrase: Some(passphrase()), owner_key: None };
    let gate = Gate::create(&storage, VAULT, long(), Arc::new(SystemClock), &custody).unwrap();
    fund(&gate).unwrap();
    let first = gate.authorize(&order(Some("a")), Origin::Agent).unwrap();
    let token = first.approval.unwrap().token().unwrap();
    // As after a crash: nothing is closed.
    drop(gate);
    let (gate, _) = Gate::open(&storage, Arc::new(SystemClock), Some(&passphrase())).unwrap();
    let again = gate.authorize(&order(Some("a")), Origin::Agent).unwrap();
    assert_eq!(again.ruling, first.ruling);
    assert_eq!(again.approval.unwrap().token().unwrap(), token);
    assert_eq!(gate.view().unwrap().working.len(), 1);
    gate.redeem_token(&token).unwrap();
    gate.close().unwrap();
    let records = JournalReader::open(&storage).unwrap().read(0, usize::MAX).unwrap();
    assert_eq!(records.iter().filter(|entry| matches!(entry.record.event, Event::Decided(_))).count(), 1);
    verification(&path).unwrap();
}

#[test]
fn what_a_repeat_gives_after_new_keys_passes() {
    let folder = Folder::new();
    let path = folder.journal();
    let gate = create(&path);
    let ids = ["object", "token"];
    for id in ids {
        assert!(gate.authorize(&order(Some(id)), Origin::Agent).unwrap().approval.is_some());
    }
    gate.rotate_keys(None).unwrap();
    let [object, token] = ids.map(|id| gate.authorize(&order(Some(id)), Origin::Agent).unwrap().approval);
    // It may give none; one that it gives must be good, and leave a journal that can be verified.
    let by_object = object.map_or(Ok(()), |approval| gate.redeem(&approval).map(|_| ()));
    let by_token = token.map_or(Ok(()), |approval| gate.redeem_token(&approval.token().unwrap()).map(|_| ()));
    gate.close().unwrap();
    assert_eq!((by_object, by_token, verification(&path)), (Ok(()), Ok(()), Ok(())));
}

#[test]
fn threads_share_the_disk_and_each_answer_is_safe() {
    const THREADS: usize = 64;
    let folder = Folder::new();
    let path = folder.journal();
    let gate = create(&path);
    let (start, reading) = (Barrier::new(THREADS), Storage::from(&*path));
    let sequences: HashSet<u64> = thread::scope(|scope| {
        let one = || {
            start.wait();
            let decided = gate.authorize(&order(None), Origin::Agent).unwrap();
            let sequence = decided.approval.unwrap().sequence();
            // Another reader finds it at once.
            let found = JournalReader::open(&reading).unwrap().read(sequence - 1, 1).unwrap();
            let Event::Decided(ruling) = &found.first().unwrap().record.event else { panic!("no decision") };
            assert_eq!((ruling.sequence, ruling.outcome()), (sequence, Outcome::Approved));
            sequence
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(sequences.len(), THREADS);
    drop(gate);
    verification(&path).unwrap();
    let (gate, _) = open(&path).unwrap();
    assert_eq!(gate.view().unwrap().working.len(), THREADS);
}
