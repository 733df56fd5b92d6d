//! One vault behind a lock.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gxrisk_core::asset::Asset;
use gxrisk_core::decide::{Evidence, Facts};
use gxrisk_core::engine::{FillReport, Frozen, FrozenAsset, Refusal, TripView, VaultView};
use gxrisk_core::event::{Ruling, Tick};
use gxrisk_core::{Engine, Limits, Mask, Nano, Order, Origin, Record, Side, Terms, Time, TradingState};
use parking_lot::Mutex;

use crate::approval::Approval;
use crate::clock::Clock;
use crate::journal::{Journal, JournalError};

/// Why an operation was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// It does not fit the vault.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The record of it could not be kept, or read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A bug was met before; nothing passes any more.
    #[error("the gate met a bug in itself and stopped (engine_halted); nothing passes until it is opened again")]
    EngineHalted,
}

/// The answer to `validate`: the violated rules, and what they were computed from.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Zero: it would be approved.
    pub mask: Mask,
    /// Kept only where a rule was violated.
    pub evidence: Option<Box<Evidence>>,
}

/// The answer to `authorize`.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The decision on record.
    pub ruling: Arc<Ruling>,
    /// The approval, where one was given and has not long run out.
    pub approval: Option<Arc<Approval>>,
}

struct Inner {
    engine: Engine,
    journal: Box<dyn Journal>,
    /// Approvals by their decision, for an identical repeat; forgotten once expired.
    approvals: BTreeMap<u64, Arc<Approval>>,
    is_halted: bool,
}

impl Inner {
    /// Brings the engine to now, does the operation, and keeps what happened. A bug or a lost record stops the gate.
    #[inline]
    fn operate<T>(&mut self, clock: &dyn Clock, operation: impl FnOnce(&mut Engine) -> T) -> Result<T, GateError> {
        if self.is_halted {
            return Err(GateError::EngineHalted);
        }
        let engine = &mut self.engine;
        let done = catch_unwind(AssertUnwindSafe(|| {
            engine.bring_to(clock.now());
            operation(engine)
        }));
        let Ok(answer) = done else {
            self.is_halted = true;
            return Err(GateError::EngineHalted);
        };
        if self.engine.has_records() {
            self.keep_records()?;
        }
        Ok(answer)
    }

    fn keep_records(&mut self) -> Result<(), GateError> {
        self.journal.append(self.engine.outbox()).map_err(|error| {
            self.is_halted = true;
            GateError::Journal(error)
        })
    }
}

/// The gate of one vault: the only thing that can approve an order for it.
pub struct Gate {
    /// Tells apart gates of one process that share a vault id.
    number: u64,
    vault_id: Arc<str>,
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
}

impl Gate {
    /// A new vault, recorded in a journal that is empty.
    pub fn new(
        vault_id: &str,
        limits: Limits,
        clock: Arc<dyn Clock>,
        journal: Box<dyn Journal>,
    ) -> Result<Self, GateError> {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let engine = Engine::new(vault_id, limits, clock.now());
        let mut inner = Inner { engine, journal, approvals: BTreeMap::new(), is_halted: false };
        inner.keep_records()?;
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Ok(Self { number, vault_id: vault_id.into(), clock, inner: Mutex::new(inner) })
    }

    #[inline]
    fn operate<T>(&self, operation: impl FnOnce(&mut Engine) -> T) -> Result<T, GateError> {
        self.inner.lock().operate(&*self.clock, operation)
    }

    /// An operation that can itself be refused.
    fn attempt<T>(&self, operation: impl FnOnce(&mut Engine) -> Result<T, Refusal>) -> Result<T, GateError> {
        self.operate(operation)?.map_err(GateError::Refused)
    }

    /// The vault's id.
    pub fn vault_id(&self) -> &str {
        &self.vault_id
    }

    /// Judges an order and changes nothing.
    #[inline]
    pub fn validate(&self, terms: &Terms, client_order_id: Option<&str>, origin: Origin) -> Verdict {
        let judged = self.operate(|engine| {
            let mask = engine.judge(terms, client_order_id, origin);
            let evidence = if mask.0 == 0 { None } else { Some(Box::new(engine.evidence(terms, client_order_id))) };
            Verdict { mask, evidence }
        });
        judged.unwrap_or(Verdict { mask: Mask(Mask::ENGINE_HALTED), evidence: None })
    }

    /// Decides on an order, reserves for it, records the decision, and only then hands out the approval.
    pub fn authorize(&self, order: Arc<Order>, origin: Origin) -> Result<Decided, GateError> {
        let mut inner = self.inner.lock();
        let answer = inner.operate(&*self.clock, |engine| engine.authorize(order, origin))??;
        let (ruling, now) = (answer.ruling, inner.engine.now());
        if let Some(proof) = answer.approved {
            while let Some(oldest) = inner.approvals.first_entry()
                && oldest.get().expires() <= now
            {
                oldest.remove();
            }
            let vault_id = Arc::clone(&self.vault_id);
            let approval = Approval::issue(self.number, vault_id, ruling.sequence, ruling.expires, proof);
            inner.approvals.insert(ruling.sequence, Arc::new(approval));
        }
        let approval =
            inner.approvals.get(&ruling.sequence).filter(|approval| approval.expires() > now).map(Arc::clone);
        Ok(Decided { ruling, approval })
    }

    /// Uses an approval; gives the order that may go to the venue, exactly as it was approved.
    pub fn redeem(&self, approval: &Approval) -> Result<Arc<Order>, GateError> {
        if !approval.is_of(self.number) {
            return Err(Refusal::Approval("the approval is not of this vault's gate").into());
        }
        self.attempt(|engine| engine.redeem(approval.sequence()))?;
        Ok(Arc::clone(approval.order()))
    }

    /// Records that a model chose to do nothing.
    pub fn hold(&self, confidence: Nano, reasoning: &str) -> Result<u64, GateError> {
        self.attempt(|engine| engine.hold(confidence, reasoning))
    }

    /// The largest quantity for which the order would be approved.
    pub fn max_quantity(
        &self,
        terms: &Terms,
        client_order_id: Option<&str>,
        origin: Origin,
    ) -> Result<Nano, GateError> {
        self.operate(|engine| engine.max_quantity(terms, client_order_id, origin))
    }

    /// The largest quantity that each rule lets pass.
    pub fn headroom(&self, asset: Asset, side: Side) -> Result<Vec<(&'static str, Option<Nano>)>, GateError> {
        self.operate(|engine| engine.headroom(asset, side))
    }

    /// One instant for many orders in these assets, to be judged without the lock.
    pub fn batch(&self, assets: &[Asset]) -> Result<Batch, GateError> {
        self.operate(|engine| Batch {
            vault: engine.frozen(),
            assets: assets.iter().map(|asset| engine.frozen_asset(asset)).collect(),
        })
    }

    /// Takes a mark; without a time of its own it is of now.
    pub fn mark(&self, asset: Asset, price: Nano, atr: Option<Nano>, at: Option<Time>) -> Result<bool, GateError> {
        self.attempt(|engine| {
            let time = at.unwrap_or_else(|| engine.now());
            engine.mark(&Tick { asset, price, time, atr })
        })
    }

    /// Books a deposit.
    pub fn deposit(&self, amount: Nano) -> Result<(), GateError> {
        self.attempt(|engine| engine.deposit(amount))
    }

    /// Books funding.
    pub fn funding(&self, asset: Asset, amount: Nano) -> Result<(), GateError> {
        self.attempt(|engine| engine.funding(asset, amount))
    }

    /// Takes the market's volatility.
    pub fn set_volatility(&self, value: Nano) -> Result<(), GateError> {
        self.attempt(|engine| engine.set_volatility(value))
    }

    /// Sets the lot steps.
    pub fn set_lot_steps(&self, steps: BTreeMap<Asset, Nano>) -> Result<(), GateError> {
        self.attempt(|engine| engine.set_lot_steps(steps))
    }

    /// Sets the correlation groups.
    pub fn set_groups(&self, groups: BTreeMap<Box<str>, Vec<Asset>>) -> Result<(), GateError> {
        self.attempt(|engine| engine.set_groups(groups))
    }

    /// The venue took the order.
    pub fn order_accepted(&self, id: &str) -> Result<bool, GateError> {
        self.attempt(|engine| engine.order_accepted(id))
    }

    /// The venue confirmed the end of the order.
    pub fn order_cancelled(&self, id: &str) -> Result<bool, GateError> {
        self.attempt(|engine| engine.order_cancelled(id))
    }

    /// The venue did not take the order.
    pub fn order_failed(&self, id: &str, reason: &str) -> Result<bool, GateError> {
        self.attempt(|engine| engine.order_failed(id, reason))
    }

    /// The venue executed.
    pub fn apply_fill(&self, report: &FillReport<'_>) -> Result<bool, GateError> {
        self.attempt(|engine| engine.apply_fill(report))
    }

    /// Halts the agent until `resume`.
    pub fn pause(&self) -> Result<(), GateError> {
        self.attempt(Engine::pause)
    }

    /// Ends the pause and the breakers that end by the operator.
    pub fn resume(&self) -> Result<(), GateError> {
        self.attempt(Engine::resume)
    }

    /// Halts the vault until the owner reactivates it.
    pub fn kill(&self, reason: &str) -> Result<(), GateError> {
        self.attempt(|engine| engine.kill(reason))
    }

    /// Ends the kill and the drawdown breaker, or refuses as a whole.
    pub fn reactivate(&self, rebase: bool) -> Result<(), GateError> {
        self.attempt(|engine| engine.reactivate(rebase))
    }

    /// Sets new limits.
    pub fn set_limits(&self, limits: Limits) -> Result<(), GateError> {
        self.attempt(|engine| engine.set_limits(limits))
    }

    /// Sets the risk scale.
    pub fn set_risk_scale(&self, scale: Nano) -> Result<(), GateError> {
        self.attempt(|engine| engine.set_risk_scale(scale))
    }

    /// The limits in force.
    pub fn limits(&self) -> Arc<Limits> {
        Arc::clone(self.inner.lock().engine.limits())
    }

    /// The trading state; halted once a bug was met.
    pub fn state(&self) -> TradingState {
        self.operate(|engine| engine.state()).unwrap_or(TradingState::Halted)
    }

    /// The tripped breakers.
    pub fn trips(&self) -> Result<Vec<TripView>, GateError> {
        self.operate(|engine| engine.trips())
    }

    /// Everything at this instant.
    pub fn view(&self) -> Result<VaultView, GateError> {
        self.operate(|engine| engine.view())
    }

    /// The records after a sequence; readable even after the gate has stopped.
    pub fn events(&self, since: u64) -> Result<Vec<Record>, GateError> {
        match self.operate(|_| ()) {
            Ok(()) | Err(GateError::EngineHalted) => Ok(self.inner.lock().journal.since(since)?),
            Err(error) => Err(error),
        }
    }
}

/// The facts of one instant, for many orders.
#[derive(Clone, Debug)]
pub struct Batch {
    vault: Frozen,
    assets: Vec<FrozenAsset>,
}

impl Batch {
    /// The facts for an order in the asset at an index of those that were asked for.
    #[inline]
    pub fn facts(&self, index: usize) -> Option<Facts<'_>> {
        Some(self.vault.facts(self.assets.get(index)?))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

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
        fn append(&mut self, records: &mut Vec<Record>) -> Result<(), JournalError> {
            if self.0.load(Ordering::Relaxed) {
                Err(JournalError("no space left".into()))
            } else {
                self.1.append(records)
            }
        }
        fn since(&self, sequence: u64) -> Result<Vec<Record>, JournalError> {
            self.1.since(sequence)
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
        assert_eq!(gate.validate(&order().terms, None, Origin::Agent).mask, Mask(0));
        clock.0.store(true, Ordering::Relaxed);
        assert_eq!(gate.validate(&order().terms, None, Origin::Agent).mask, Mask(Mask::ENGINE_HALTED));
        clock.0.store(false, Ordering::Relaxed);
        assert_eq!(gate.validate(&order().terms, None, Origin::Agent).mask, Mask(Mask::ENGINE_HALTED));
        assert_eq!(gate.authorize(order(), Origin::Agent).unwrap_err(), GateError::EngineHalted);
        assert_eq!(gate.deposit(Nano::ONE), Err(GateError::EngineHalted));
        assert_eq!(gate.state(), TradingState::Halted);
        assert!(!gate.events(0).unwrap().is_empty());
    }

    #[test]
    fn without_a_record_there_is_no_approval() {
        let (full, journal) = (Arc::new(AtomicBool::new(false)), MemoryJournal::default());
        let clock = Arc::new(crate::clock::ManualClock::new(Time::default()));
        let gate = gate(clock, Box::new(FullJournal(Arc::clone(&full), journal)));
        full.store(true, Ordering::Relaxed);
        assert!(matches!(gate.authorize(order(), Origin::Agent), Err(GateError::Journal(_))));
        full.store(false, Ordering::Relaxed);
        assert_eq!(gate.authorize(order(), Origin::Agent).unwrap_err(), GateError::EngineHalted);
    }

    #[test]
    fn an_approval_passes_once_and_only_its_own_gate() {
        let new = || gate(Arc::new(crate::clock::ManualClock::new(Time::default())), Box::<MemoryJournal>::default());
        let (first, second) = (new(), new());
        let approval = first.authorize(order(), Origin::Agent).unwrap().approval.unwrap();
        assert!(matches!(second.redeem(&approval), Err(GateError::Refused(Refusal::Approval(_)))));
        let redeemed = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..64).map(|_| scope.spawn(|| first.redeem(&approval).is_ok())).collect();
            tries.into_iter().map(|one| one.join().unwrap()).filter(|ok| *ok).count()
        });
        assert_eq!(redeemed, 1);
    }
}
