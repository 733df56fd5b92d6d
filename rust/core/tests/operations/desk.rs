//! Carries operations out as a gate does: to now first, then the operation, then its records are kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use gxrisk_core::engine::{Answer, FillReport, order_id};
use gxrisk_core::event::{Consent, Keys, Tick, Withdrawal};
use gxrisk_core::{
    Engine, Event, Limits, Nano, Order, Origin, Outcome, Record, Refusal, Side, Terms, Time, TradingState,
};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::{ASSETS, Execution, Operation, Proposal, asset};

/// When every desk opens: a quarter of an hour before midnight.
const START: Time = Time::from_nanos(1_584_056_700_000_000_000);

/// An engine with its clock, its records, and what the outside knows of it.
#[derive(Clone, Debug)]
pub struct Desk {
    /// The engine.
    pub engine: Engine,
    /// Every record so far.
    pub records: Vec<Record>,
    /// The named correlation groups, as indices of assets.
    pub groups: Vec<Vec<usize>>,
    /// The lot step of the first asset; the others have none.
    pub lot_step: Nano,
    clock: i64,
    marks: [Nano; ASSETS.len()],
    /// The sequences of approved orders with their quantities.
    approved: Vec<(u64, Nano)>,
    /// The last checkpoint and the sequence of its last record.
    checkpoint: Option<(Vec<u8>, u64)>,
}

impl Desk {
    /// A new vault.
    pub fn new(limits: Limits) -> Self {
        let mut engine = Engine::new("vault", limits, START).expect("a vault is made");
        let records = engine.take_records();
        let marks = [Nano::whole(100); ASSETS.len()];
        Self {
            engine,
            records,
            groups: Vec::new(),
            lot_step: Nano::STEP,
            clock: START.nanos(),
            marks,
            approved: Vec::new(),
            checkpoint: None,
        }
    }

    /// The same desk around an engine that was rebuilt from the records.
    pub fn rebuilt(&self) -> Option<Self> {
        Some(self.around(Engine::replay(&self.records)?))
    }

    /// The same desk around an engine from the last checkpoint and the records after it.
    pub fn resumed(&self) -> Option<Self> {
        let Some((bytes, sequence)) = &self.checkpoint else { return self.rebuilt() };
        let mut engine = Engine::from_checkpoint(bytes)?;
        for record in self.records.iter().filter(|record| record.sequence > *sequence) {
            engine.follow(record)?;
        }
        Some(self.around(engine))
    }

    /// The same desk around another engine.
    pub fn around(&self, engine: Engine) -> Self {
        Self { engine, ..self.clone() }
    }

    /// The terms of a proposal at the last marks; `None` where a number does not fit an order.
    pub fn terms(&self, proposal: &Proposal) -> Option<Terms> {
        let mark = self.marks[proposal.asset];
        let scaled = |thousandths: i64| Some(Nano::from_raw(mark.raw().checked_mul(i128::from(thousandths))? / 1_000));
        let entry = proposal.price.map_or(Some(mark), scaled)?;
        let distance = proposal.stop.map_or(Some(None), |stop| scaled(stop).map(Some))?;
        let stop_loss = distance.map(|distance| match proposal.side {
            Side::Buy => entry.minus(distance),
            Side::Sell => entry.plus(distance),
        });
        let terms = Terms {
            asset: asset(proposal.asset),
            side: proposal.side,
            quantity: proposal.quantity,
            price: proposal.price.map(|_| entry),
            leverage: proposal.leverage,
            stop_loss: stop_loss.map_or(Some(None), |stop| stop.map(Some))?,
            take_profit: None,
            reduce_only: proposal.reduce_only,
            confidence: proposal.confidence,
        };
        terms.check().is_ok().then_some(terms)
    }

    /// Carries an operation out, and checks what must hold of every decision.
    pub fn perform(&mut self, operation: &Operation) -> Result<(), TestCaseError> {
        if let Operation::Wait(nanos) = operation {
            self.clock = self.clock.saturating_add(*nanos);
        }
        self.engine.bring_to(Time::from_nanos(self.clock));
        match operation {
            Operation::Authorize(proposal) => self.authorize(proposal)?,
            other => {
                // What the vault does not take is an answer like any other.
                let _: Result<(), Refusal> = self.operate(other);
            }
        }
        let fresh = self.engine.take_records();
        for record in &fresh {
            prop_assert_eq!(record.sequence, self.records.len() as u64 + 1, "the sequence has a gap");
            if let Event::Decided(ruling) = &record.event {
                prop_assert_eq!(ruling.decided_again(), ruling.mask, "the evidence does not give the decision");
            }
            self.records.push(record.clone());
        }
        Ok(())
    }

    fn authorize(&mut self, proposal: &Proposal) -> Result<(), TestCaseError> {
        let Some(terms) = self.terms(proposal) else { return Ok(()) };
        let id = proposal.id.map(|id| format!("client-{id}").into());
        let order = Arc::new(Order { terms, reasoning: "a random order".into(), client_order_id: id });
        let state = self.engine.state();
        let answer = match self.engine.authorize(Arc::clone(&order), proposal.origin, false) {
            Ok(Answer::Seen(first)) => {
                let record = self.records.iter().find(|record| record.sequence == first);
                let Some(Event::Decided(ruling)) = record.map(|record| &record.event) else {
                    return Err(TestCaseError::fail("the id was not used by a decision"));
                };
                prop_assert_eq!(&ruling.order.client_order_id, &order.client_order_id);
                if ruling.order == order && ruling.origin == proposal.origin {
                    return Ok(());
                }
                self.engine.authorize(order, proposal.origin, true)
            }
            answer => answer,
        };
        let Ok(answer) = answer else { return Ok(()) };
        let Answer::Decided { ruling, approved } = answer else {
            return Err(TestCaseError::fail("another order with a known id was not decided on"));
        };
        if approved.is_none() {
            return Ok(());
        }
        prop_assert_eq!(ruling.outcome(), Outcome::Approved);
        prop_assert!(proposal.origin != Origin::Agent || state != TradingState::Halted, "approved while halted");
        prop_assert!(terms.reduce_only || state == TradingState::Active, "opened while {}", state);
        prop_assert!(terms.reduce_only || proposal.origin == Origin::Agent, "the {} opened", proposal.origin);
        self.approved.push((ruling.sequence, terms.quantity));
        Ok(())
    }

    /// The id of an approved order counted from the newest, with its quantity; of none where there are fewer.
    fn order(&self, back: usize) -> (String, Option<Nano>) {
        match self.approved.iter().rev().nth(back) {
            Some((sequence, quantity)) => (order_id(*sequence), Some(*quantity)),
            None => (format!("stranger-{back}"), None),
        }
    }

    fn operate(&mut self, operation: &Operation) -> Result<(), Refusal> {
        let engine = &mut self.engine;
        match operation {
            Operation::Wait(_) | Operation::Authorize(_) => Ok(()),
            Operation::Deposit(amount) => engine.deposit(*amount),
            Operation::Withdraw { amount, nonce, ahead } => engine.withdraw(Withdrawal {
                amount: *amount,
                destination: "the-owner's-account".into(),
                nonce: [*nonce; 16],
                expires: Time::from_nanos(engine.now().nanos().saturating_add(*ahead)),
                signature: [7; 64],
            }),
            Operation::SetKeys(byte) => engine.set_keys(Keys { wallet: [*byte; 32], head: [!*byte; 32] }),
            Operation::SetOwnerKey(byte) => {
                let signature = engine.owner_key().map(|_| [*byte; 64]);
                engine.set_owner_key([*byte; 32], signature)
            }
            Operation::Restart => engine.restart(engine.epoch() + 1, 0),
            Operation::Checkpoint => {
                engine.tell();
                self.checkpoint = Some((engine.checkpoint(), engine.sequence()));
                engine.note_checkpoint([9; 32])
            }
            Operation::Mark { asset: index, price, atr, ahead } => {
                let time = Time::from_nanos(engine.now().nanos().saturating_add(*ahead));
                if engine.mark(&Tick { asset: asset(*index), price: *price, time, atr: *atr })? {
                    self.marks[*index] = *price;
                }
                Ok(())
            }
            Operation::Funding(index, amount, paid) => {
                engine.funding(asset(*index), *amount, paid.map(Time::from_nanos)).map(drop)
            }
            Operation::Note(topic, text) => engine.note(&format!("topic-{topic}"), &"x".repeat(usize::from(*text))),
            Operation::Volatility(value) => engine.set_volatility(*value),
            Operation::Groups(kind) => self.regroup(*kind),
            Operation::LotSteps(step) => {
                self.lot_step = step.unwrap_or(Nano::STEP);
                engine.set_lot_steps(step.iter().map(|step| (asset(0), *step)).collect::<BTreeMap<_, _>>())
            }
            Operation::Hold(index, confidence) => {
                engine.hold(index.map(asset), *confidence, "nothing to do").map(|_| ())
            }
            Operation::Redeem(back) => match self.approved.iter().rev().nth(*back) {
                Some((sequence, _)) => engine.redeem(*sequence, (sequence % 2 == 0).then_some([5; 64])),
                None => engine.redeem(u64::MAX, None),
            },
            Operation::Accepted(back) => {
                let (id, _) = self.order(*back);
                self.engine.order_accepted(&id).map(|_| ())
            }
            Operation::Cancelled(back) => {
                let (id, _) = self.order(*back);
                self.engine.order_cancelled(&id).map(|_| ())
            }
            Operation::Failed(back) => {
                let (id, _) = self.order(*back);
                self.engine.order_failed(&id, "no answer").map(|_| ())
            }
            Operation::Fill(execution) => self.fill(execution),
            Operation::Pause => engine.pause(),
            Operation::Resume => engine.resume(),
            Operation::Kill => engine.kill("a random kill"),
            Operation::Reactivate { rebase, late } => {
                // Signed where there is an owner, for the stop that is in force, or for one that never was.
                let expires = Time::from_nanos(engine.now().nanos().saturating_add(i64::from(!*late)));
                let ends = engine.stopped_by().unwrap_or(1);
                let consent = engine.owner_key().map(|_| Consent { ends, expires, signature: [3; 64] });
                engine.reactivate(*rebase, consent)
            }
            Operation::SetLimits(changes) => {
                let limits = engine.limits().replace(changes.iter().cloned());
                limits.map_or(Ok(()), |limits| engine.set_limits(limits))
            }
            Operation::RiskScale(scale) => engine.set_risk_scale(*scale),
        }
    }

    fn fill(&mut self, execution: &Execution) -> Result<(), Refusal> {
        let (id, approved) = self.order(execution.order);
        let share = |approved: Nano| approved.raw().saturating_mul(i128::from(execution.part)) / 1_000;
        let quantity = approved.map_or(execution.foreign.raw(), share);
        let report = FillReport {
            order_id: &id,
            fill_id: &format!("fill-{}", execution.fill),
            quantity: Nano::from_raw(quantity.clamp(1, Nano::MAX.raw())),
            price: execution.price,
            fee: execution.fee,
            asset: execution.named.map(|(index, _)| asset(index)),
            side: execution.named.map(|(_, side)| side),
        };
        self.engine.apply_fill(&report).map(|_| ())
    }

    fn regroup(&mut self, kind: usize) -> Result<(), Refusal> {
        let groups = match kind {
            0 => vec![],
            1 => vec![vec![0, 1]],
            2 => vec![vec![3, 0, 2], vec![1]],
            _ => vec![vec![0, 1], vec![1, 2]], // refused: one asset in two
        };
        let name = |index: usize| format!("group-{index}").into_boxed_str();
        let members = |group: &Vec<usize>| group.iter().map(|index| asset(*index)).collect();
        self.engine.set_groups(groups.iter().enumerate().map(|(at, group)| (name(at), members(group))).collect())?;
        self.groups = groups;
        Ok(())
    }
}
