//! When the gate has answered, the disk holds it: whatever power takes that was not synced, and also after a sync failed.

mod disk;
mod support;

use std::sync::Arc;

use disk::{Disk, Fault, Loss};
use gxrisk_core::{Event, Origin, Outcome};
use gxrisk_gate::journal::{JournalReader, Storage};
use gxrisk_gate::{Custody, Gate, GateError, JournalError, SystemClock};
use support::{Folder, fund, order, roomy};

/// The vault's file on a disk; its lock is in a folder of the machine's.
fn storage(folder: &Folder, disk: &Disk) -> Storage {
    Storage { vfs: Some(disk.vfs()), ..Storage::from(folder.journal().as_path()) }
}

fn create(storage: &Storage) -> Gate {
    let gate = Gate::create(storage, "v", roomy(), Arc::new(SystemClock), &Custody::default()).unwrap();
    fund(&gate).unwrap();
    gate
}

#[test]
fn what_was_approved_is_there_when_power_takes_all_that_was_not_synced() {
    let (folder, disk) = (Folder::new(), Disk::new());
    let gate = create(&storage(&folder, &disk));
    for _ in 0..5 {
        let approval = gate.authorize(&order(None), Origin::Agent).unwrap().approval.unwrap();
        let trace = disk.trace();
        let image = trace.image(trace.len(), Loss::Everything);
        let engine = JournalReader::open(&storage(&folder, &image)).unwrap().engine().unwrap();
        let ruling = engine.ruling(approval.sequence()).expect("the decision is lost");
        assert_eq!(ruling.outcome(), Outcome::Approved);
    }
}

#[test]
fn a_sync_that_failed_gives_no_approval_and_is_not_asked_again() {
    let (folder, disk) = (Folder::new(), Disk::powersafe());
    let gate = create(&storage(&folder, &disk));
    disk.fail_once(Fault::Sync, 0);
    let failed = gate.authorize(&order(Some("a")), Origin::Agent).map(|_| ()).unwrap_err();
    assert!(matches!(failed, GateError::Journal(JournalError::Storage { .. })), "{failed}");
    // The disk is well again, and what it lost reads well: the gate must not go on from it.
    assert_eq!(gate.authorize(&order(Some("b")), Origin::Agent).map(|_| ()), Err(GateError::EngineHalted));
    let decided = |gate: &Gate| {
        let entries = gate.events(0, usize::MAX).unwrap();
        entries.iter().filter(|entry| matches!(entry.record.event, Event::Decided(_))).count()
    };
    drop(gate);
    let trace = disk.trace();
    let durable = trace.image(trace.len(), Loss::Everything);
    let (gate, _) = Gate::open(&storage(&folder, &durable), Arc::new(SystemClock), None).unwrap();
    // At most the one that was being asked, and whatever is asked from here on is safe.
    let before = decided(&gate);
    assert!(before <= 1);
    fund(&gate).unwrap();
    assert!(gate.authorize(&order(Some("c")), Origin::Agent).unwrap().approval.is_some());
    assert_eq!(decided(&gate), before + 1);
}
