//! The chain by its documentation: every hash worked out anew, and what a chain cannot hide even where it was made anew.

mod vault;

use std::sync::Arc;

use ed25519_dalek::{Signer as _, SigningKey};
use gxrisk_core::codec::{decoded, encoded};
use gxrisk_core::event::Consent;
use gxrisk_core::time::Span;
use gxrisk_core::{Engine, Event, Mask, Origin, Outcome, Record, Time};
use gxrisk_gate::custody::ReactivationRequest;
use gxrisk_gate::journal::{JournalReader, Storage};
use gxrisk_gate::{Custody, Gate, GateError, JournalError};
use rusqlite::{Connection, params};
use sha2::{Digest as _, Sha256};
use vault::{START, Scratch, VAULT, approve, clock, create, limits, open, order, order_of};

/// Length, format, epoch.
const HEAD_BYTES: usize = 4 + 1 + 8;

/// The record that stops a vault which was killed before anything else happened to it.
const STOP: u64 = 4;

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

fn rows(storage: &Storage) -> Vec<Row> {
    let db = Connection::open(&storage.path).unwrap();
    let mut query = db.prepare("SELECT sequence, frame, hash FROM records ORDER BY sequence").unwrap();
    let read = |row: &rusqlite::Row<'_>| Ok(Row { sequence: row.get(0)?, frame: row.get(1)?, hash: row.get(2)? });
    query.query_map([], read).unwrap().map(Result::unwrap).collect()
}

/// Changes the frames, and writes a chain over them that holds.
fn rewrite(storage: &Storage, change: impl Fn(i64, &mut Vec<u8>)) {
    let mut rows = rows(storage);
    let db = Connection::open(&storage.path).unwrap();
    let mut head = genesis();
    for row in &mut rows {
        change(row.sequence, &mut row.frame);
        head = chained(&head, &row.frame);
        let values = params![row.frame, head, row.sequence];
        db.execute("UPDATE records SET frame = ?1, hash = ?2 WHERE sequence = ?3", values).unwrap();
    }
}

/// The same, where what is changed is the record in a frame.
fn rewrite_record(storage: &Storage, sequence: u64, change: impl Fn(&mut Record)) {
    rewrite(storage, |at, frame| {
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
fn written(storage: &Storage) -> (u64, u64) {
    let gate = create(storage, &clock()).unwrap();
    let (decided, approval) = approve(&gate, None).unwrap();
    gate.redeem(&approval).unwrap();
    let refused = gate.authorize(&order_of("1000000", None), Origin::Agent).unwrap().ruling;
    assert_eq!(refused.outcome(), Outcome::Rejected);
    (decided.ruling.sequence, refused.sequence)
}

fn verify(storage: &Storage) -> Result<(), JournalError> {
    JournalReader::open(storage)?.verify(None, |_| true).map(|_| ())
}

#[track_caller]
fn damaged_at(error: &JournalError, record: u64) {
    assert!(matches!(error, JournalError::Damaged { sequence, .. } if *sequence == record), "{error}");
}

#[test]
fn every_hash_is_the_one_of_the_documentation() {
    let scratch = Scratch::new("chain");
    let storage = scratch.storage();
    written(&storage);
    let mut head = genesis();
    for row in rows(&storage) {
        head = chained(&head, &row.frame);
        assert!(row.hash == head, "record {}", row.sequence);
    }
    verify(&storage).unwrap();
    // The tests below change records, and only what they change is to be found.
    rewrite(&storage, |_, _| {});
    verify(&storage).unwrap();
}

#[test]
fn an_approval_that_no_rule_gave_is_found_in_a_chain_that_holds() {
    let scratch = Scratch::new("chain");
    let storage = scratch.storage();
    let (_, refused) = written(&storage);
    rewrite_record(&storage, refused, |record| {
        let Event::Decided(ruling) = &mut record.event else { panic!("a decision") };
        Arc::make_mut(ruling).mask = Mask(0);
    });
    damaged_at(&verify(&storage).unwrap_err(), refused);
}

#[test]
fn a_redemption_that_the_wallet_did_not_sign_is_found_in_a_chain_that_holds() {
    let scratch = Scratch::new("chain");
    let storage = scratch.storage();
    let (approved, _) = written(&storage);
    rewrite_record(&storage, approved + 1, |record| {
        let Event::Redeemed { signature: Some(signature), .. } = &mut record.event else { panic!("a redemption") };
        signature[0] ^= 1;
    });
    damaged_at(&verify(&storage).unwrap_err(), approved + 1);
}

#[test]
fn a_reactivation_that_the_owner_did_not_sign_is_found_in_a_chain_that_holds() {
    let owner = SigningKey::from_bytes(&[0x33; 32]);
    let later = START.after(Span::seconds(60));
    let message =
        |ends: u64, expires: Time| ReactivationRequest::new(VAULT, ends, false, expires.nanos()).unwrap().message();
    let signed = |ends: u64, expires: Time| {
        let signature = owner.sign(&message(ends, expires)).to_bytes();
        Consent { ends, expires, signature }
    };
    let good = signed(STOP, later);
    let token = [message(STOP, later), good.signature.to_vec()].concat();
    for (case, consent, is_sound) in [
        ("as it was", Some(good.clone()), true),
        ("unsigned", None, false),
        ("signed by nobody", Some(Consent { signature: [7; 64], ..good }), false),
        ("a later expiry", Some(Consent { expires: later.after(Span::seconds(1)), ..good }), false),
        ("another stop", Some(Consent { ends: STOP - 1, ..good }), false),
        ("signed for another stop", Some(signed(STOP - 1, later)), false),
        ("signed with an end before it", Some(signed(STOP, START)), false),
    ] {
        let scratch = Scratch::new("chain");
        let storage = scratch.storage();
        let custody = Custody { passphrase: None, owner_key: Some(owner.verifying_key().to_bytes()) };
        let gate = Gate::create(&storage, VAULT, limits(), clock(), &custody).unwrap();
        gate.kill("a drill").unwrap();
        assert_eq!(gate.stopped_by().unwrap(), Some(STOP));
        gate.reactivate(false, Some(&token)).unwrap();
        drop(gate);
        rewrite_record(&storage, STOP + 1, |record| {
            let Event::Reactivated { consent: kept, .. } = &mut record.event else { panic!("a reactivation") };
            *kept = consent.clone().map(Box::new);
        });
        match verify(&storage) {
            Ok(()) => assert!(is_sound, "{case}"),
            Err(error) => {
                assert!(!is_sound, "{case}: {error}");
                damaged_at(&error, STOP + 1);
            }
        }
    }
}

#[test]
fn an_epoch_that_goes_back_is_found_in_a_chain_that_holds() {
    let scratch = Scratch::new("chain");
    let storage = scratch.storage();
    written(&storage);
    let gate = open(&storage, &clock()).unwrap().0;
    gate.authorize(&order(None), Origin::Agent).unwrap();
    drop(gate);
    let last = rows(&storage).last().unwrap().sequence;
    rewrite(&storage, |sequence, frame| {
        if sequence == last {
            frame[5..HEAD_BYTES].fill(0);
        }
    });
    damaged_at(&verify(&storage).unwrap_err(), last.cast_unsigned());
    assert!(open(&storage, &clock()).is_err());
}

#[test]
fn a_checkpoint_counts_only_where_the_record_after_it_vouches_for_it() {
    let scratch = Scratch::new("chain");
    let storage = scratch.storage();
    written(&storage);
    open(&storage, &clock()).unwrap().0.close().unwrap();
    let db = Connection::open(&storage.path).unwrap();
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
    let Err(GateError::Journal(error)) = open(&storage, &clock()) else { panic!("it was opened") };
    damaged_at(&error, sequence);
}
