//! A gate that meets a bug, a full disk, or another gate's approval.

use std::sync::atomic::AtomicBool;

use gxrisk_core::{Time, TradingState};

use super::*;
use crate::journal::MemoryJournal;

/// A clock that can be told to fail: a bug, as far as the gate can see.
#[derive(Default)]
struct BrokenClock(AtomicBool);

impl Clock for BrokenClock {
    fn now(&self) -> Time {
        assert!(!self.0.load(Ordering::Relaxed), "planted bug");
        Time::default()
    }
}

/// A journal that can be told to be full.
#[derive(Default)]
struct FullJournal(Arc<AtomicBool>, MemoryJournal);

impl Journal for FullJournal {
    fn append(&self, records: &mut Vec<Record>) -> Result<Receipt, JournalError> {
        self.1.append(records)
    }
    fn sync(&self, _through: u64) -> Result<(), JournalError> {
        if self.0.load(Ordering::Relaxed) {
            Err(JournalError::Storage { path: "journal".into(), what: "no space left".into() })
        } else {
            Ok(())
        }
    }
    fn read(&self, after: u64, max: usize) -> Result<Vec<Entry>, JournalError> {
        self.1.read(after, max)
    }
    fn is_durable(&self) -> bool {
        true
    }
}

fn order() -> Arc<Order> {
    let n = |text| Nano::parse(text).unwrap();
    let terms = Terms {
        asset: Asset::new("BTC").unwrap(),
        side: Side::Buy,
        quantity: n("1"),
        price: None,
        leverage: Nano::ONE,
        stop_loss: Some(n("98")),
        take_profit: None,
        reduce_only: false,
        confidence: Nano::ONE,
    };
    Arc::new(Order { terms, reasoning: "a test".into(), client_order_id: None })
}

fn gate(clock: Arc<dyn Clock>, journal: Box<dyn Journal>) -> Gate {
    let gate = Gate::new("v", Limits::for_tier("growth").unwrap(), clock, journal).unwrap();
    let n = |text| Nano::parse(text).unwrap();
    gate.deposit(n("10000")).unwrap();
    assert!(gate.mark(Asset::new("BTC").unwrap(), n("100"), Some(n("1")), None).unwrap());
    gate
}

#[test]
fn a_bug_halts_the_gate_for_good() {
    let clock = Arc::new(BrokenClock::default());
    let gate = gate(clock.clone(), Box::<MemoryJournal>::default());
    assert_eq!(gate.validate(&order().terms, None, Origin::Agent).0.mask, Mask(0));
    clock.0.store(true, Ordering::Relaxed);
    assert_eq!(gate.validate(&order().terms, None, Origin::Agent).0.mask, Mask(Mask::ENGINE_HALTED));
    clock.0.store(false, Ordering::Relaxed);
    assert_eq!(gate.validate(&order().terms, None, Origin::Agent).0.mask, Mask(Mask::ENGINE_HALTED));
    assert_eq!(gate.authorize(&order(), Origin::Agent).unwrap_err(), GateError::EngineHalted);
    assert_eq!(gate.deposit(Nano::ONE), Err(GateError::EngineHalted));
    assert_eq!(gate.state(), TradingState::Halted);
    assert!(!gate.events(0, 9).unwrap().is_empty());
}

#[test]
fn without_a_record_there_is_no_approval() {
    let (full, journal) = (Arc::new(AtomicBool::new(false)), MemoryJournal::default());
    let clock = Arc::new(crate::clock::ManualClock::new(Time::default()));
    let gate = gate(clock, Box::new(FullJournal(Arc::clone(&full), journal)));
    full.store(true, Ordering::Relaxed);
    let lost = JournalError::Storage { path: "journal".into(), what: "no space left".into() };
    assert_eq!(gate.authorize(&order(), Origin::Agent).unwrap_err(), GateError::Journal(lost.clone()));
    full.store(false, Ordering::Relaxed);
    let stopped = GateError::RecordLost(lost);
    assert_eq!(gate.authorize(&order(), Origin::Agent).unwrap_err(), stopped);
    assert_eq!(gate.deposit(Nano::ONE), Err(stopped.clone()));
    let verdict = gate.validate(&order().terms, None, Origin::Agent).0;
    assert_eq!((verdict.mask, verdict.stopped), (Mask(Mask::ENGINE_HALTED), Some(Box::new(stopped))));
    assert_eq!(gate.state(), TradingState::Halted);
    assert!(!gate.events(0, 9).unwrap().is_empty());
}

#[test]
fn an_approval_passes_once_and_only_its_own_gate() {
    let new = || gate(Arc::new(crate::clock::ManualClock::new(Time::default())), Box::<MemoryJournal>::default());
    let (first, second) = (new(), new());
    let approval = first.authorize(&order(), Origin::Agent).unwrap().approval.unwrap();
    assert!(matches!(second.redeem(&approval), Err(GateError::Refused(Refusal::Approval(_)))));
    let redeemed = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..64).map(|_| scope.spawn(|| first.redeem(&approval).is_ok())).collect();
        tries.into_iter().map(|one| one.join().unwrap()).filter(|ok| *ok).count()
    });
    assert_eq!(redeemed, 1);
}

#[test]
fn in_memory_too_a_key_that_was_rotated_away_still_checks_what_it_signed() {
    let gate = gate(Arc::new(crate::clock::ManualClock::new(Time::default())), Box::<MemoryJournal>::default());
    let ask = || gate.authorize(&order(), Origin::Agent).unwrap().approval.unwrap();
    // The first one is signed after the rotations, by the key that its decision belongs to.
    let mut given = vec![ask()];
    for _ in 0..2 {
        given.push(ask());
        given.last().unwrap().token().unwrap();
        gate.rotate_keys(None).unwrap();
    }
    given.push(ask());
    for approval in given {
        assert_eq!(*gate.redeem_token(&approval.token().unwrap()).unwrap(), *order());
    }
}
