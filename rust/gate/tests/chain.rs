//! The chain by its documentation: every hash worked out anew, and what a chain cannot hide even where it was made anew.

mod support;

use std::path::Path;
use std::sync::Arc;

use gxrisk_core::codec::{decoded, encoded};
use gxrisk_core::{Engine, Event, Mask, Origin, Outcome, Record};
use gxrisk_gate::journal::{JournalReader, Storage};
use gxrisk_gate::{Custody, Gate, GateError, JournalError, SystemClock};
use rusqlite::{Connection, params};
use sha2::{Digest as _, Sha256};
use support::{Folder, fund, n, order, roomy};

const VAULT: &str = "v";
/// Length, format, epoch.
const HEAD_BYTES: usize = 4 + 1 + 8;

/// A row as it lies in the file.
struct Row {
    sequence: i64,
    frame: Vec<u8>,
    hash: Vec<u8>,
}

fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    parts.iter().fold(Sha256::new(), Sha256::chain_update).finalize().to_vec()
}

fn genesis() -> Vec<u8> {
    sha256(&[b"gxrisk journal v1\n", VAULT.as_bytes()])
}

fn chained(before: &[u8], frame: &[u8]) -> Vec<u8> {
    sha256(&[b"gxrisk record v1\n", before, frame])
}

fn rows(path: &Path) -> Vec<Row> {
    let db = Connection::open(path).unwrap();
    let mut query = db.prepare("SELECT sequence, frame, hash FROM records ORDER BY sequence").unwrap();
    let read = |row: &rusqlite::Row<'_>| Ok(Row { sequence: row.get(0)?, frame: row.get(1)?, hash: row.get(2)? });
    query.query_map([], read).unwrap().map(Result::unwrap).collect()
}

/// Changes the frames, and writes a chain over them that holds.
fn rewrite(path: &Path, change: impl Fn(i64, &mut Vec<u8>)) {
    let mut rows = rows(path);
    let db = Connection::open(path).unwrap();
    let mut head = genesis();
    for row in &mut rows {
        change(row.sequence, &mut row.frame);
        head = chained(&head, &row.frame);
        let values = params![row.frame, head, row.sequence];
        db.execute("UPDATE records SET frame = ?1, hash = ?2 WHERE sequence = ?3", values).unwrap();
    }
}

/// The same, where what is changed is the record in a frame.
fn rewrite_record(path: &Path, sequence: u64, change: impl Fn(&mut Record)) {
    rewrite(path, |at, frame| {
        if at == sequence.cast_signed() {
            let mut record: Record = decoded(&frame[HEAD_BYTES..]).unwrap();
            change(&mut record);
            frame.truncate(HEAD_BYTES);
            frame.extend(encoded(&record));
            let length = u32::try_from(frame.len() - 4).unwrap();
            frame[..4].copy_from_slice(&length.to_be_bytes());
        }
    });
}

/// A vault with an approval that was used and a refusal, left as a crash would; gives their records.
fn written(path: &Path) -> (u64, u64) {
    let gate = Gate::create(&Storage::from(path), VAULT, roomy(), Arc::new(SystemClock), &Custody::default()).unwrap();
    fund(&gate).unwrap();
    let approval = gate.authorize(&order(None), Origin::Agent).unwrap().approval.unwrap();
    gate.redeem(&approval).unwrap();
    let mut greedy = (*order(None)).clone();
    greedy.terms.quantity = n("1000");
    let refused = gate.authorize(&Arc::new(greedy), Origin::Agent).unwrap().ruling;
    assert_eq!(refused.outcome(), Outcome::Rejected);
    (approval.sequence(), refused.sequence)
}

fn open(path: &Path) -> Result<Gate, GateError> {
    Gate::open(&Storage::from(path), Arc::new(SystemClock), None).map(|(gate, _)| gate)
}

fn verify(path: &Path) -> Result<(), JournalError> {
    JournalReader::open(&Storage::from(path))?.verify(None, |_| true).map(|_| ())
}

#[track_caller]
fn damaged_at(error: &JournalError, record: u64) {
    assert!(matches!(error, JournalError::Damaged { sequence, .. } if *sequence == record), "{error}");
}

#[test]
fn every_hash_is_the_one_of_the_documentation() {
    let folder = Folder::new();
    let path = folder.journal();
    written(&path);
    let mut head = genesis();
    for row in rows(&path) {
        head = chained(&head, &row.frame);
        assert!(row.hash == head, "record {}", row.sequence);
    }
    verify(&path).unwrap();
    // The tests below change records, and only what they change is to be found.
    rewrite(&path, |_, _| {});
    verify(&path).unwrap();
}

#[test]
fn an_approval_that_no_rule_gave_is_found_in_a_chain_that_holds() {
    let folder = Folder::new();
    let path = folder.journal();
    let (_, refused) = written(&path);
    rewrite_record(&path, refused, |record| {
        let Event::Decided(ruling) = &mut record.event else { panic!("a decision") };
        Arc::make_mut(ruling).mask = Mask(0);
    });
    damaged_at(&verify(&path).unwrap_err(), refused);
}

#[test]
fn a_redemption_that_the_wallet_did_not_sign_is_found_in_a_chain_that_holds() {
    let folder = Folder::new();
    let path = folder.journal();
    let (approved, _) = written(&path);
    rewrite_record(&path, approved + 1, |record| {
        let Event::Redeemed { signature: Some(signature), .. } = &mut record.event else { panic!("a redemption") };
        signature[0] ^= 1;
    });
    damaged_at(&verify(&path).unwrap_err(), approved + 1);
}

#[test]
fn an_epoch_that_goes_back_is_found_in_a_chain_that_holds() {
    let folder = Folder::new();
    let path = folder.journal();
    written(&path);
    let gate = open(&path).unwrap();
    gate.authorize(&order(None), Origin::Agent).unwrap();
    drop(gate);
    let last = rows(&path).last().unwrap().sequence;
    rewrite(&path, |sequence, frame| {
        if sequence == last {
            frame[5..HEAD_BYTES].fill(0);
        }
    });
    damaged_at(&verify(&path).unwrap_err(), last.cast_unsigned());
    assert!(open(&path).is_err());
}

#[test]
fn a_last_record_is_dropped_only_where_its_end_is_missing() {
    let changes: [fn(&mut Vec<u8>); 4] = [
        // Its length says more than there is, and its bytes are all there.
        |frame| frame[3] += 1,
        // More than its length says.
        |frame| frame.push(0),
        // Another format, and another byte in the middle.
        |frame| frame[4] = 0,
        |frame| frame[HEAD_BYTES + 2] ^= 1,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let folder = Folder::new();
        let path = folder.journal();
        written(&path);
        let mut last = rows(&path).pop().unwrap();
        change(&mut last.frame);
        let db = Connection::open(&path).unwrap();
        db.execute("UPDATE records SET frame = ?1 WHERE sequence = ?2", params![last.frame, last.sequence]).unwrap();
        drop(db);
        let Err(GateError::Journal(error)) = open(&path) else { panic!("change {number} was opened") };
        damaged_at(&error, last.sequence.cast_unsigned());
        assert_eq!(rows(&path).last().map(|row| row.sequence), Some(last.sequence), "nothing was dropped");
    }
}

#[test]
fn a_checkpoint_counts_only_where_the_record_after_it_vouches_for_it() {
    let folder = Folder::new();
    let path = folder.journal();
    written(&path);
    open(&path).unwrap().close().unwrap();
    let db = Connection::open(&path).unwrap();
    let read = "SELECT sequence, state FROM checkpoints";
    let (sequence, state): (i64, Vec<u8>) = db.query_row(read, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let sequence = sequence.cast_unsigned();
    // Another state that is whole, of the same record: a vault that never was.
    let other = (0..state.len()).rev().find_map(|at| {
        let mut other = state.clone();
        other[at] ^= 2;
        Engine::from_checkpoint(&other).filter(|engine| engine.sequence() == sequence).map(|_| other)
    });
    db.execute("UPDATE checkpoints SET state = ?1", [other.expect("a state that can be read")]).unwrap();
    drop(db);
    let Err(GateError::Journal(error)) = open(&path) else { panic!("it was opened") };
    damaged_at(&error, sequence);
}
