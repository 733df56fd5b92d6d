//! Who may write a vault's journal: one gate at a time, whose threads share the disk.

mod disk;
mod vault;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::thread;

use disk::{Disk, Step};
use gxrisk_core::{Event, Mask, Origin};
use gxrisk_gate::journal::{JournalReader, Storage};
use gxrisk_gate::{GateError, JournalError};
use vault::{Scratch, approve, clock, create, open, order, sound};

const LOCKED: &str = "GXRISK_LOCKED";

#[test]
fn one_writer() {
    if let Ok(path) = std::env::var(LOCKED) {
        let error = open(&Storage::from(Path::new(&path)), &clock()).map(|_| ()).unwrap_err();
        println!("\n{error}");
        return;
    }
    let scratch = Scratch::new("writers");
    let storage = scratch.storage();
    let gate = create(&storage, &clock()).unwrap();
    for error in [open(&storage, &clock()).map(|_| ()), create(&storage, &clock()).map(|_| ())] {
        assert_eq!(error.unwrap_err(), GateError::Journal(JournalError::InUse(storage.path.clone())));
    }
    let mut other = Command::new(std::env::current_exe().unwrap());
    let said = other.args(["--exact", "one_writer", "--nocapture"]).env(LOCKED, &storage.path).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("is open in another gate or process"), "{said}");
    // Readers may look on, and the writer goes on.
    sound(&storage).unwrap();
    approve(&gate, None).unwrap();
    gate.close().unwrap();
    assert!(matches!(approve(&gate, None), Err(GateError::Journal(JournalError::Closed))));
    approve(&open(&storage, &clock()).unwrap().0, None).unwrap();
    sound(&storage).unwrap();
}

#[test]
fn a_writer_that_was_overtaken_is_fenced() {
    let scratch = Scratch::new("writers");
    let storage = scratch.storage();
    let old = create(&storage, &clock()).unwrap();
    let approval = approve(&old, None).unwrap().1;
    // As on a file system without locks.
    std::fs::remove_file(scratch.0.join("journal.db.lock")).unwrap();
    let new = open(&storage, &clock()).unwrap().0;
    let fenced = JournalError::Fenced { mine: 0, seen: 1 };
    assert_eq!(old.authorize(&order(None), Origin::Agent).unwrap_err(), GateError::Journal(fenced.clone()));
    let stopped = GateError::RecordLost(fenced);
    assert!(stopped.to_string().ends_with("the gate that took over goes on"), "{stopped}");
    assert_eq!(old.authorize(&order(None), Origin::Agent).unwrap_err(), stopped);
    assert_eq!(old.validate(&order(None).terms, None, Origin::Agent).0.mask, Mask(Mask::ENGINE_HALTED));
    approve(&new, None).unwrap();
    assert_eq!(old.redeem(&approval).unwrap_err(), stopped);
    old.close().unwrap();
    drop(old);
    // Its last approval is good at the gate that overtook it, once.
    let token = approval.token().unwrap();
    new.redeem_token(&token).unwrap();
    assert!(matches!(new.redeem_token(&token), Err(GateError::Refused(_))));
    approve(&new, None).unwrap();
    new.close().unwrap();
    sound(&storage).unwrap();
}

#[test]
fn many_threads_share_one_sync() {
    let (scratch, disk, clock) = (Scratch::new("group"), Disk::powersafe(), clock());
    let storage = scratch.storage_on(disk.vfs());
    let gate = create(&storage, &clock).unwrap();
    approve(&gate, None).unwrap();
    let (before, started) = (gate.view().unwrap().sequence, disk.len());
    disk.hold();
    let sequences = thread::scope(|scope| {
        let ask = || scope.spawn(|| approve(&gate, None).unwrap().0.ruling.sequence);
        let threads: Vec<_> = (0..64).map(|_| ask()).collect();
        while gate.view().unwrap().sequence < before + 64 {
            thread::yield_now();
        }
        disk.release();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<BTreeSet<_>>()
    });
    assert_eq!(sequences, (before + 1..=before + 64).collect());
    let syncs = disk.trace().steps()[started..].iter().filter(|step| matches!(step, Step::Sync { .. })).count();
    assert!(syncs <= 4, "{syncs} syncs for 64 records");
    // What was handed out is safe without any more syncs.
    let trace = disk.trace();
    drop(gate);
    let image = trace.image(trace.len(), disk::Loss::Everything);
    assert_eq!(sound(&scratch.storage_on(image.vfs())).unwrap().len() as u64, before + 64);
}

#[test]
fn only_what_is_behind_a_checkpoint_is_replayed() {
    let scratch = Scratch::new("checkpoints");
    let (storage, clock) = (Storage { checkpoint_bytes: 8 << 10, ..scratch.storage() }, clock());
    let gate = create(&storage, &clock).unwrap();
    for _ in 0..300 {
        let (_, approval) = approve(&gate, None).unwrap();
        gate.order_cancelled(&approval.order_id()).unwrap();
    }
    drop(gate);
    let entries = sound(&storage).unwrap();
    let (gate, recovery) = open(&storage, &clock).unwrap();
    assert_eq!(recovery.sequence, entries.len() as u64);
    assert!(recovery.sequence > 600 && recovery.replayed < recovery.sequence, "{recovery:?}");
    // Those before it are still there to be read.
    assert_eq!(gate.events(0, entries.len()).unwrap(), entries);
    gate.close().unwrap();
    let (gate, recovery) = open(&storage, &clock).unwrap();
    assert_eq!(recovery.replayed, 1, "closed, it is the record of the checkpoint alone");
    drop(gate);
    sound(&storage).unwrap();
}

#[test]
fn what_a_thread_is_answered_every_reader_finds() {
    let (scratch, clock) = (Scratch::new("group"), clock());
    let storage = scratch.storage();
    let gate = create(&storage, &clock).unwrap();
    let sequences: BTreeSet<u64> = thread::scope(|scope| {
        let ask = || {
            let sequence = approve(&gate, None).unwrap().0.ruling.sequence;
            let found = JournalReader::open(&storage).unwrap().read(sequence - 1, 1).unwrap();
            assert!(matches!(&found[0].record.event, Event::Decided(ruling) if ruling.sequence == sequence));
            sequence
        };
        let threads: Vec<_> = (0..64).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(sequences.len(), 64);
    drop(gate);
    sound(&storage).unwrap();
    assert_eq!(open(&storage, &clock).unwrap().0.view().unwrap().working.len(), 64);
}
