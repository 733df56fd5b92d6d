//! What is reserved for orders, and what the venue's fills do to it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::decide::Outcome;
use crate::event::{Fill, Ruling};
use crate::num::Nano;
use crate::order::{Origin, Side};
use crate::state::{Account, Bucket, Execution, Holding, RoundTrip};
use crate::time::Time;

use super::{Booked, Engine, Refusal, Stage};

impl Engine {
    pub(super) fn apply_ruling(&mut self, ruling: &Arc<Ruling>) -> Result<(), Refusal> {
        let terms = &ruling.order.terms;
        let opening = !terms.reduce_only;
        if ruling.outcome() == Outcome::Approved {
            let slot = self.slot_of(terms.asset);
            self.revise(slot, |holding, account| {
                reserve(holding, ruling, terms.quantity)?;
                account.working = account.working.saturating_add(1);
                account.daily_trades = account.daily_trades.saturating_add(u32::from(opening));
                Some(())
            })?;
            self.working.insert(ruling.sequence);
            self.next_expiry = self.next_expiry.min(ruling.expires);
            let booked = Booked {
                ruling: Arc::clone(ruling),
                stage: Stage::Approved,
                remaining: terms.quantity,
                filled: Nano::ZERO,
                cancel_requested: false,
                reached_trade_limit: false,
                fills: BTreeSet::new(),
            };
            self.orders.insert(ruling.sequence, booked);
        }
        if opening && ruling.origin == Origin::Agent {
            let bucket = self.bucket_at(ruling.evidence.now);
            self.account.bucket = bucket.taken();
        }
        if let Some(id) = &ruling.order.client_order_id {
            // The first use of an id is the one that counts.
            self.client_ids.entry(id.clone()).or_insert(ruling.sequence);
        }
        Ok(())
    }

    pub(super) fn bucket_at(&self, now: Time) -> Bucket {
        self.account.bucket.at(now, self.limits.orders_per_minute, self.limits.order_burst)
    }

    pub(super) fn set_stage(&mut self, order: u64, stage: Stage) {
        if let Some(booked) = self.orders.get_mut(&order) {
            booked.stage = stage;
        }
    }

    pub(super) fn apply_accepted(&mut self, order: u64) -> Result<(), Refusal> {
        let Some(booked) = self.orders.get(&order) else { return Ok(()) };
        if booked.stage == Stage::Expired {
            self.restore(order, booked.remaining)?;
        }
        self.set_stage(order, Stage::Accepted);
        self.account.failures_in_row = 0;
        Ok(())
    }

    /// Reserves again what an approval that seemed to have expired still has working.
    pub(super) fn restore(&mut self, order: u64, remaining: Nano) -> Result<(), Refusal> {
        let Some(booked) = self.orders.get(&order) else { return Ok(()) };
        let ruling = Arc::clone(&booked.ruling);
        let slot = self.slot_of(ruling.order.terms.asset);
        self.revise(slot, |holding, account| {
            account.working = account.working.saturating_add(1);
            reserve(holding, &ruling, remaining)
        })?;
        self.working.insert(order);
        Ok(())
    }

    pub(super) fn release(&mut self, order: u64, stage: Stage) -> Result<(), Refusal> {
        let Some(booked) = self.orders.get(&order).filter(|booked| booked.stage.is_working()) else { return Ok(()) };
        let (ruling, remaining) = (Arc::clone(&booked.ruling), booked.remaining);
        let slot = self.slot_of(ruling.order.terms.asset);
        self.revise(slot, |holding, account| {
            account.working = account.working.saturating_sub(1);
            reserve(holding, &ruling, remaining.negated()?)
        })?;
        if stage.is_finished() {
            self.finish(order, stage);
        } else {
            self.working.remove(&order);
            self.set_stage(order, stage);
        }
        Ok(())
    }

    pub(super) fn book_fill(&mut self, fill: &Fill) -> Result<(), Refusal> {
        if let Some(order) = fill.order.filter(|order| self.finished.contains_key(order)) {
            return self.book_late_fill(order, fill);
        }
        let Some((order, booked)) = fill.order.and_then(|order| Some((order, self.orders.get(&order)?))) else {
            return self.book_foreign_fill(fill);
        };
        let (ruling, stage, remaining) = (Arc::clone(&booked.ruling), booked.stage, booked.remaining);
        let filled = booked.filled.plus(fill.quantity).ok_or(Refusal::Overflow)?;
        let is_first = booked.filled.is_zero();
        let taken = remaining.min(fill.quantity);
        let left = remaining.minus(taken).ok_or(Refusal::Overflow)?;
        let execution = execution(fill, ruling.order.terms.opening_stop());
        let was_working = stage.is_working();
        let is_done = left.is_zero();
        let slot = self.slot_of(fill.asset);
        self.revise(slot, |holding, account| {
            if was_working {
                reserve(holding, &ruling, taken.negated()?)?;
                account.working = account.working.saturating_sub(u32::from(is_done));
            } else if !is_done {
                // It reached the venue after all, so what is left of it works there.
                reserve(holding, &ruling, left)?;
                account.working = account.working.saturating_add(1);
            }
            if is_first {
                account.failures_in_row = 0;
            }
            execute(holding, account, &execution)
        })?;
        if let Some(booked) = self.orders.get_mut(&order) {
            booked.filled = filled;
            booked.fills.insert(fill.fill_id.clone());
            booked.remaining = left;
            booked.stage = Stage::Accepted;
        }
        if is_done {
            self.finish(order, Stage::Filled);
        } else {
            self.working.insert(order);
        }
        Ok(())
    }

    fn book_foreign_fill(&mut self, fill: &Fill) -> Result<(), Refusal> {
        let execution = execution(fill, None);
        let is_new = self.slot(&fill.asset).is_none();
        let slot = self.slot_of(fill.asset);
        let booking = self.revise(slot, |holding, account| execute(holding, account, &execution));
        if is_new && booking.is_err() {
            self.forget_newest_slot(&fill.asset);
        }
        booking?;
        self.foreign_fills.entry(fill.order_id.clone()).or_default().insert(fill.fill_id.clone());
        Ok(())
    }
}

/// A fill as it is booked; what it opens has this stop.
pub(super) fn execution(fill: &Fill, stop: Option<Nano>) -> Execution {
    Execution { side: fill.side, quantity: fill.quantity, price: fill.price, fee: fill.fee, stop }
}

/// Books an execution, and the round trip that it ended.
pub(super) fn execute(holding: &mut Holding, account: &mut Account, execution: &Execution) -> Option<()> {
    if let RoundTrip::Finished(profit) = holding.book_fill(execution, account)? {
        account.count_round_trip(profit);
    }
    Some(())
}

/// Adds a quantity of an order to its reservation; a negative one takes from it.
fn reserve(holding: &mut Holding, ruling: &Ruling, quantity: Nano) -> Option<()> {
    let terms = &ruling.order.terms;
    let sum = match (terms.side, terms.reduce_only) {
        (Side::Buy, false) => &mut holding.buys,
        (Side::Sell, false) => &mut holding.sells,
        (Side::Buy, true) => &mut holding.reducing_buys,
        (Side::Sell, true) => &mut holding.reducing_sells,
    };
    *sum = sum.plus(quantity)?;
    if let (false, Some(stop), Some(entry)) = (terms.reduce_only, terms.stop_loss, ruling.entry) {
        let at_risk = quantity.times(entry.minus(stop)?.size()?)?;
        holding.order_stop_risk = holding.order_stop_risk.plus(at_risk)?;
    }
    Some(())
}
