//! When the gate has answered, the disk holds it: whatever power takes that was not synced, and also after a sync failed.

mod disk;
mod vault;

use disk::{Disk, Fault, Loss};
use gxrisk_core::{Event, Origin, Outcome};
use gxrisk_gate::journal::JournalReader;
use gxrisk_gate::{Gate, GateError, JournalError};
use vault::{Scratch, approve, clock, create, mark, open, order};

#[test]
fn what_was_approved_is_there_when_power_takes_all_that_was_not_synced() {
    let (scratch, disk) = (Scratch::new("syncs"), Disk::new());
    let gate = create(&scratch.storage_on(disk.vfs()), &clock()).unwrap();
    for _ in 0..5 {
        let (_, approval) = approve(&gate, None).unwrap();
        let trace = disk.trace();
        let image = trace.image(trace.len(), Loss::Everything);
        let engine = JournalReader::open(&scratch.storage_on(image.vfs())).unwrap().engine().unwrap();
        let ruling = engine.ruling(approval.sequence()).expect("the decision is lost");
        assert_eq!(ruling.outcome(), Outcome::Approved);
    }
}

#[test]
fn a_sync_that_failed_gives_no_approval_and_is_not_asked_again() {
    let (scratch, disk) = (Scratch::new("syncs"), Disk::powersafe());
    let gate = create(&scratch.storage_on(disk.vfs()), &clock()).unwrap();
    disk.fail_once(Fault::Sync, 0);
    let failed = gate.authorize(&order(Some("a")), Origin::Agent).map(|_| ()).unwrap_err();
    let GateError::Journal(lost @ JournalError::Storage { .. }) = failed else { panic!("{failed}") };
    // The disk is well again, and what it lost reads well: the gate must not go on from it.
    assert_eq!(gate.authorize(&order(Some("b")), Origin::Agent).map(|_| ()), Err(GateError::RecordLost(lost)));
    let decided = |gate: &Gate| {
        let entries = gate.events(0, usize::MAX).unwrap();
        entries.iter().filter(|entry| matches!(entry.record.event, Event::Decided(_))).count()
    };
    drop(gate);
    let trace = disk.trace();
    let durable = trace.image(trace.len(), Loss::Everything);
    let (gate, _) = open(&scratch.storage_on(durable.vfs()), &clock()).unwrap();
    // At most the one that was being asked, and whatever is asked from here on is safe.
    let before = decided(&gate);
    assert!(before <= 1);
    mark(&gate, "100").unwrap();
    approve(&gate, Some("c")).unwrap();
    assert_eq!(decided(&gate), before + 1);
}
