//! Power loss: after any step of a workload, whatever the disk kept of what was not synced, every acknowledged record is
//! there with the same bytes, and the vault goes on.
//!
//! By default each step is tried once with each kind of loss; `GXRISK_FUZZ=N` tries `N` seeds of each, and
//! `GXRISK_SEED` another workload.

mod disk;
mod vault;

use std::sync::Arc;

use disk::{Disk, Fault, Loss, Step, Trace};
use gxrisk_core::Origin;
use gxrisk_core::engine::{ApprovalRefusal, Refusal};
use gxrisk_gate::journal::{Entry, Recovery, Storage};
use gxrisk_gate::{Gate, GateError, JournalError, ManualClock, SignedApproval};
use vault::{Dice, Scratch, approve, clock, create, fill, is_recorded, mark, n, open, order, setting, sound};

/// What the dice are thrown by.
fn seed() -> u64 {
    setting("GXRISK_SEED", 0x6778_7269_736B)
}

/// A disk on which a vault worked, and what the outside was told; each mark is the last record that was safe.
struct Work {
    scratch: Scratch,
    disk: Disk,
    clock: Arc<ManualClock>,
    entries: Vec<Entry>,
    tokens: Vec<Vec<u8>>,
}

fn operate(gate: &Gate, number: u64, dice: &mut Dice) -> Result<Option<Vec<u8>>, GateError> {
    let id = format!("client-{number}");
    match dice.below(10) {
        0..5 => {
            let (_, approval) = approve(gate, Some(&id))?;
            match dice.below(4) {
                0 => gate.order_cancelled(&approval.order_id()).map(|_| ())?,
                1 => gate.redeem(&approval).map(|_| ())?,
                2 => gate.apply_fill(&fill(&approval.order_id(), "1")).map(|_| ())?,
                _ => {}
            }
            return Ok(Some(approval.token()?));
        }
        5 => gate.hold(None, n("0.5"), &id).map(|_| ())?,
        6 => gate.deposit(n("1"))?,
        7 => gate.authorize(&order(Some("client-1")), Origin::Owner).map(|_| ())?,
        _ => mark(gate, "100.5").and_then(|()| gate.set_volatility(n("0.1")))?,
    }
    Ok(None)
}

/// Works, and marks after each operation up to which record everything was acknowledged.
fn worked(disk: Disk, operations: u64, checkpoint_bytes: usize) -> Work {
    let scratch = Scratch::new("power");
    let (clock, mut dice, mut tokens) = (clock(), Dice::new(seed()), Vec::new());
    let storage = Storage { checkpoint_bytes, ..scratch.storage_on(disk.vfs()) };
    let mut gate = create(&storage, &clock).expect("a vault");
    for number in 0..operations {
        clock.advance(vault::SECOND / 10);
        tokens.extend(operate(&gate, number, &mut dice).expect("an operation"));
        if number % 3 == 2 {
            gate.park();
        }
        if number % 67 == 66 {
            gate.close().expect("closed");
            gate = open(&storage, &clock).expect("opened").0;
        }
        disk.mark(gate.view().expect("a view").sequence);
    }
    drop(gate);
    let entries = sound(&storage).expect("sound");
    assert_eq!(disk.marks_before(disk.len()).pop(), Some(entries.len() as u64));
    Work { scratch, disk, clock, entries, tokens }
}

impl Work {
    fn storage(&self, disk: &Disk) -> Storage {
        self.scratch.storage_on(disk.vfs())
    }

    /// Opens what was left of the disk: all that was acknowledged is there, and the vault goes on.
    fn check(&self, image: &Disk, acknowledged: u64, is_deep: bool) -> Result<(), String> {
        let storage = self.storage(image);
        let (gate, Recovery { sequence, .. }) = match open(&storage, &self.clock) {
            Ok(opened) => opened,
            Err(GateError::Journal(JournalError::Foreign { .. } | JournalError::Storage { .. }))
                if acknowledged == 0 =>
            {
                create(&storage, &self.clock).map_err(|error| format!("made again: {error}"))?;
                return sound(&storage).map(|_| ()).map_err(|error| error.to_string());
            }
            Err(error) => return Err(error.to_string()),
        };
        if sequence < acknowledged {
            return Err(format!("{sequence} records of {acknowledged}"));
        }
        let known = usize::try_from(acknowledged).expect("small");
        let kept = gate.events(0, known).map_err(|error| error.to_string())?;
        if self.entries[..known] != kept {
            return Err("other records".to_owned());
        }
        if is_deep {
            self.redeem_last(&gate, acknowledged)?;
            drop(gate);
            sound(&storage).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// The last approval that was acknowledged is known.
    fn redeem_last(&self, gate: &Gate, acknowledged: u64) -> Result<(), String> {
        let sequence = |token: &&Vec<u8>| SignedApproval::parse(token).expect("a token").sequence;
        let Some(token) = self.tokens.iter().rev().find(|token| sequence(token) <= acknowledged) else { return Ok(()) };
        match gate.redeem_token(token) {
            Ok(_) | Err(GateError::Refused(Refusal::Approval(ApprovalRefusal::Used | ApprovalRefusal::Ended))) => {
                Ok(())
            }
            Err(error) => Err(format!("record {}: {error}", sequence(&token))),
        }
    }

    /// Every loss after every step; and the power fails again in the recovery of some.
    fn check_all(&self, trace: &Trace, seeds: u64) -> u64 {
        let mut count = 0;
        for at in 0..=trace.len() {
            let acknowledged = trace.marks_before(at).pop().unwrap_or(0);
            let step = at.checked_sub(1).and_then(|at| trace.steps().get(at));
            for loss in losses(seed() ^ (at as u64), seeds).filter(|loss| is_news(step, *loss)) {
                let image = trace.image(at, loss);
                let wrong = |error: String| {
                    let step = step.map_or_else(String::new, ToString::to_string);
                    panic!("{error}; after step {at} of {} ({step}) with {loss:?}, {acknowledged}", trace.len())
                };
                self.check(&image, acknowledged, count % 8 == 0).unwrap_or_else(wrong);
                if count % 8 == 4 {
                    let recovery = image.trace();
                    let then = usize::try_from(Dice::new(count).below(recovery.len() as u64 + 1)).expect("small");
                    let again = recovery.image(then, Loss::Torn(seed() ^ count));
                    let wrong = |error| wrong(format!("{error}; and again after step {then} of the recovery"));
                    self.check(&again, acknowledged, false).unwrap_or_else(wrong);
                }
                count += 1;
            }
        }
        count
    }
}

/// What the disk may keep of what was not synced.
fn losses(seed: u64, seeds: u64) -> impl Iterator<Item = Loss> {
    let some = (0..seeds).flat_map(move |more| [Loss::Random(seed ^ (more << 32)), Loss::Torn(seed ^ (more << 32))]);
    [Loss::Nothing, Loss::Everything].into_iter().chain(some)
}

/// Whether a step changes what the loss leaves, or what was acknowledged.
fn is_news(step: Option<&Step>, loss: Loss) -> bool {
    match loss {
        Loss::Nothing => !matches!(step, Some(Step::Sync { .. })),
        Loss::Everything => !matches!(step, Some(Step::Write { .. } | Step::Truncate { .. })),
        Loss::Random(_) | Loss::Torn(_) => true,
    }
}

fn nothing_is_lost(disk: Disk, checkpoint_bytes: usize) {
    let work = worked(disk, 200, checkpoint_bytes);
    let engine = gxrisk_gate::journal::JournalReader::open(&work.storage(&work.disk)).unwrap().engine().unwrap();
    assert!(work.tokens.len() > 80 && work.tokens.iter().all(|token| is_recorded(&work.entries, &engine, token)));
    let trace = work.disk.trace();
    let images = work.check_all(&trace, setting("GXRISK_FUZZ", 1));
    println!("GXRISK_SEED={}, {} records, {} steps, {images} images", seed(), work.entries.len(), trace.len());
}

#[test]
fn nothing_acknowledged_is_lost_on_the_harshest_disk() {
    nothing_is_lost(Disk::new(), 4 << 20);
}

#[test]
fn nothing_acknowledged_is_lost_with_checkpoints() {
    nothing_is_lost(Disk::powersafe(), 8 << 10);
}

/// A disk after a workload whose process was killed, and what was acknowledged.
fn killed(powersafe: bool, operations: u64) -> (Work, u64) {
    let work = worked(if powersafe { Disk::powersafe() } else { Disk::new() }, operations, 8 << 10);
    let acknowledged = work.entries.len() as u64;
    (work, acknowledged)
}

#[test]
fn the_power_fails_in_the_middle_of_recovery() {
    for powersafe in [false, true] {
        let (work, acknowledged) = killed(powersafe, 50);
        let trace = work.disk.trace();
        for loss in losses(seed(), 2) {
            let image = trace.image(trace.len(), loss);
            work.check(&image, acknowledged, false).expect("sound");
            let recovery = image.trace();
            assert!(recovery.len() > 10, "opening a journal writes");
            for at in 0..=recovery.len() {
                for again in losses(seed() ^ (at as u64), 2) {
                    let wrong = |error| panic!("{error}; with {loss:?}, then {again:?} after step {at}");
                    work.check(&recovery.image(at, again), acknowledged, true).unwrap_or_else(wrong);
                }
            }
        }
    }
}

/// A sync fails, so that the page cache shows what the disk never got; the process is killed; the next one opens the
/// journal, and the power fails while it does.
#[test]
fn the_power_fails_in_the_recovery_from_a_failed_sync() {
    for operations in [5, 20, 40] {
        let (work, _) = killed(true, operations);
        let storage = work.storage(&work.disk);
        let (gate, _) = open(&storage, &work.clock).expect("opened");
        approve(&gate, None).expect("approved");
        let acknowledged = gate.view().expect("a view").sequence;
        work.disk.fail_once(Fault::Sync, 0);
        let failed = gate.authorize(&order(None), Origin::Agent).expect_err("a failed sync");
        assert!(matches!(failed, GateError::Journal(JournalError::Storage { .. })), "{failed}");
        let next = work.disk.killed();
        // A dead process holds no lock.
        std::fs::remove_file(work.scratch.0.join("journal.db.lock")).expect("the lock");
        let storage = work.storage(&next);
        let before = next.len();
        let (gate, _) = open(&storage, &work.clock).expect("opened again");
        approve(&gate, None).expect("approved");
        let entries = gate.events(0, usize::MAX).expect("read");
        let later = gate.view().expect("a view").sequence;
        next.mark(later);
        let trace = next.trace();
        drop(gate);
        let work = Work { entries, ..work };
        for at in before..=trace.len() {
            let acknowledged = if at == trace.len() { later } else { acknowledged };
            for loss in losses(seed() ^ (at as u64), 4) {
                let wrong = |error| panic!("{error}; {operations} operations, {loss:?} after step {at} of {before}..");
                work.check(&trace.image(at, loss), acknowledged, true).unwrap_or_else(wrong);
            }
        }
    }
}
