//! What each event does to the state. Nothing here decides; nothing here is done by halves.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::asset::Asset;
use crate::breakers::{Breaker, PriceWindow, Trip};
use crate::decide::Outcome;
use crate::event::{Event, Fill, MarketMove, Ruling, Tick};
use crate::num::Nano;
use crate::order::{Origin, Side};
use crate::state::{Account, Bucket, Execution, GroupSum, Holding, Mark, RoundTrip};
use crate::time::Time;

use super::{Booked, Engine, Refusal, Stage};

impl Engine {
    pub(super) fn apply(&mut self, event: &Event) -> Result<(), Refusal> {
        self.version = self.version.wrapping_add(1);
        match event {
            Event::Opened { vault_id, .. } => self.vault_id.clone_from(vault_id),
            Event::Market(market) => self.apply_market(market)?,
            Event::Flow { amount } => {
                let amount = amount.widened().ok_or(Refusal::Overflow)?;
                self.revise_account(|account| account.book_flow(amount))?;
            }
            Event::Funding { amount, .. } => {
                let amount = amount.widened().ok_or(Refusal::Overflow)?;
                self.revise_account(|account| {
                    account.funding = account.funding.plus(amount)?;
                    account.sum_equity()
                })?;
            }
            Event::Volatility { value } => self.account.volatility = *value,
            Event::LotSteps { steps } => self.lot_steps.clone_from(steps),
            Event::Groups { groups } => self.apply_groups(groups)?,
            Event::Decided(ruling) => self.apply_ruling(ruling)?,
            Event::Hold { .. } => {}
            Event::Redeemed { order } => self.set_stage(*order, Stage::Redeemed),
            Event::Accepted { order } => self.apply_accepted(*order)?,
            Event::Filled(fill) => self.book_fill(fill)?,
            Event::Cancelled { order } => self.release(*order, Stage::Cancelled)?,
            Event::Failed { order, .. } => {
                self.release(*order, Stage::Failed)?;
                self.account.failures_in_row = self.account.failures_in_row.saturating_add(1);
            }
            Event::Expired { order } => self.release(*order, Stage::Expired)?,
            Event::DayOpened { day, opening } => {
                self.account.day = *day;
                self.account.day_opening = *opening;
                self.account.daily_trades = 0;
                self.caps_are_old = true;
            }
            Event::Tripped { breaker, until, cause } => {
                let trip = Trip { since: self.now, until: *until, cause: (**cause).clone() };
                self.latches.set(*breaker, Some(trip));
                // Tripped by the decision that is the last record: the day's last opening, approved all the same.
                if let (Breaker::TradeLimit, Some(booked)) = (breaker, self.orders.get_mut(&self.sequence)) {
                    booked.reached_trade_limit = true;
                }
            }
            Event::Ended { breaker } => {
                self.latches.set(*breaker, None);
                match breaker {
                    Breaker::ConsecutiveLosses => self.account.loss_streak = 0,
                    Breaker::OracleFailure => self.stale = None,
                    _ => {}
                }
            }
            Event::CancelRequested { orders } => {
                for order in orders {
                    if let Some(booked) = self.orders.get_mut(order) {
                        booked.cancel_requested = true;
                    }
                }
            }
            Event::Paused => self.account.paused = true,
            Event::Resumed => {
                self.account.paused = false;
                self.account.failures_in_row = 0;
            }
            Event::Killed { .. } => self.account.killed = true,
            Event::Reactivated { rebase } => {
                self.account.killed = false;
                if let Some(rebase) = rebase {
                    self.account.deposit_base = rebase.new_base;
                    self.account.peak = rebase.new_base;
                    self.caps_are_old = true;
                }
            }
            Event::LimitsSet { limits } => {
                let old = std::mem::replace(&mut self.limits, Arc::clone(limits));
                let bucket = self.account.bucket.at(self.now, old.orders_per_minute, old.order_burst);
                self.account.bucket = bucket.at(self.now, limits.orders_per_minute, limits.order_burst);
                self.caps_are_old = true;
            }
            Event::RiskScaleSet { scale } => {
                self.account.risk_scale = *scale;
                self.caps_are_old = true;
            }
        }
        self.account.raise_peak();
        self.refresh_state();
        Ok(())
    }

    fn revise_account(&mut self, change: impl FnOnce(&mut Account) -> Option<()>) -> Result<(), Refusal> {
        let mut account = self.account;
        change(&mut account).ok_or(Refusal::Overflow)?;
        self.account = account;
        self.caps_are_old = true;
        Ok(())
    }

    /// Changes one holding, and every sum that it is part of by the difference.
    pub(super) fn revise(
        &mut self,
        slot: usize,
        change: impl FnOnce(&mut Holding, &mut Account) -> Option<()>,
    ) -> Result<(), Refusal> {
        let revised = self.revised(slot, change).ok_or(Refusal::Overflow)?;
        let (holding, account, group) = revised;
        let group_slot = holding.group as usize;
        if let (Some(held), Some(sum)) = (self.holdings.get_mut(slot), self.groups.get_mut(group_slot)) {
            (*held, *sum, self.account) = (holding, group, account);
        }
        self.caps_are_old = true;
        Ok(())
    }

    fn revised(
        &self,
        slot: usize,
        change: impl FnOnce(&mut Holding, &mut Account) -> Option<()>,
    ) -> Option<(Holding, Account, GroupSum)> {
        let old = self.holdings.get(slot)?;
        let (mut new, mut account) = (*old, self.account);
        let mut group = *self.groups.get(old.group as usize)?;
        change(&mut new, &mut account)?;
        new.revalue()?;
        account.unrealised = account.unrealised.minus(old.unrealised)?.plus(new.unrealised)?;
        account.gross = account.gross.minus(old.exposure)?.plus(new.exposure)?;
        account.stop_risk = account.stop_risk.minus(old.stop_risk)?.plus(new.stop_risk)?;
        group.exposure = group.exposure.minus(old.exposure)?.plus(new.exposure)?;
        let count = |sum: u32, before: bool, after: bool| {
            sum.saturating_add(u32::from(after)).saturating_sub(u32::from(before))
        };
        account.unmarked = count(account.unmarked, old.unmarked, new.unmarked);
        account.stop_unknown = count(account.stop_unknown, old.stop_unknown, new.stop_unknown);
        group.unmarked = count(group.unmarked, old.unmarked, new.unmarked);
        account.sum_equity()?;
        if let (true, Some(mark)) = (new.is_exposed(), new.mark) {
            account.oldest_mark = account.oldest_mark.min(mark.time);
        }
        Some((new, account, group))
    }

    /// The slot of an asset, made where it has none.
    pub(super) fn slot_of(&mut self, asset: Asset) -> usize {
        if let Some(slot) = self.slot(&asset) {
            return slot;
        }
        let slot = self.assets.len();
        let named = self.group_names.values().position(|members| members.contains(&asset));
        let group = named.unwrap_or(self.groups.len());
        if named.is_none() {
            self.groups.push(GroupSum::NONE);
        }
        // INVARIANT: an operator's assets number far below 2^32.
        let (group, number) = (u32::try_from(group).unwrap_or(u32::MAX), u32::try_from(slot).unwrap_or(u32::MAX));
        self.assets.push(asset);
        self.holdings.push(Holding { group, ..Holding::NONE });
        self.windows.push(PriceWindow::default());
        self.remembered.push(Default::default());
        self.index.insert(asset, number);
        slot
    }

    /// Takes back a slot that was made for what could not be booked.
    fn forget_newest_slot(&mut self, asset: &Asset) {
        self.index.remove(asset);
        self.assets.pop();
        self.windows.pop();
        self.remembered.pop();
        let is_own_group = self.holdings.pop().is_some_and(|holding| holding.group as usize >= self.group_names.len());
        if is_own_group {
            self.groups.pop();
        }
    }

    fn apply_groups(&mut self, groups: &BTreeMap<Box<str>, Vec<Asset>>) -> Result<(), Refusal> {
        let mut sums = vec![GroupSum::NONE; groups.len()];
        let mut holdings = self.holdings.clone();
        for (asset, holding) in self.assets.iter().zip(&mut holdings) {
            let slot = groups.values().position(|members| members.contains(asset)).unwrap_or(sums.len());
            if slot == sums.len() {
                sums.push(GroupSum::NONE);
            }
            if let Some(sum) = sums.get_mut(slot) {
                sum.exposure = sum.exposure.plus(holding.exposure).ok_or(Refusal::Overflow)?;
                sum.unmarked = sum.unmarked.saturating_add(u32::from(holding.unmarked));
            }
            holding.group = u32::try_from(slot).unwrap_or(u32::MAX);
        }
        self.group_names.clone_from(groups);
        (self.groups, self.holdings) = (sums, holdings);
        Ok(())
    }

    fn apply_market(&mut self, market: &MarketMove) -> Result<(), Refusal> {
        for tick in &market.ticks {
            let slot = self.slot_of(tick.asset);
            self.place_mark(slot, tick)?;
        }
        self.account.peak = self.account.peak.max(market.peak);
        self.account.ignored_marks = market.ignored_marks;
        self.told = self.ticks;
        self.ignored_told = market.ignored_marks;
        self.untold.clear();
        Ok(())
    }

    /// Takes a mark in: price, ATR and window.
    pub(super) fn place_mark(&mut self, slot: usize, tick: &Tick) -> Result<(), Refusal> {
        self.revise(slot, |holding, _| {
            holding.mark = Some(Mark { price: tick.price, time: tick.time });
            holding.atr = tick.atr.or(holding.atr);
            Some(())
        })?;
        self.ticks = self.ticks.saturating_add(1);
        let point = crate::breakers::Point { price: tick.price, time: tick.time, number: self.ticks };
        if let Some(window) = self.windows.get_mut(slot) {
            window.push(point);
            window.forget_before(tick.time.before(self.limits.price_move_window_s));
        }
        Ok(())
    }

    fn apply_ruling(&mut self, ruling: &Arc<Ruling>) -> Result<(), Refusal> {
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
                fills: std::collections::BTreeSet::new(),
            };
            self.orders.insert(ruling.sequence, booked);
        }
        if opening && ruling.origin == Origin::Agent {
            let bucket = self.bucket_at(ruling.evidence.now);
            self.account.bucket = bucket.taken();
        }
        if let Some(id) = &ruling.order.client_order_id {
            // The first use of an id is the one that counts.
            self.client_ids.entry(id.clone()).or_insert_with(|| Arc::clone(ruling));
        }
        Ok(())
    }

    pub(super) fn bucket_at(&self, now: Time) -> Bucket {
        self.account.bucket.at(now, self.limits.orders_per_minute, self.limits.order_burst)
    }

    fn set_stage(&mut self, order: u64, stage: Stage) {
        if let Some(booked) = self.orders.get_mut(&order) {
            booked.stage = stage;
        }
    }

    fn apply_accepted(&mut self, order: u64) -> Result<(), Refusal> {
        let Some(booked) = self.orders.get(&order) else { return Ok(()) };
        if booked.stage == Stage::Expired {
            self.restore(order, booked.remaining)?;
        }
        self.set_stage(order, Stage::Accepted);
        self.account.failures_in_row = 0;
        Ok(())
    }

    /// Reserves again what an approval that seemed to have expired still has working.
    fn restore(&mut self, order: u64, remaining: Nano) -> Result<(), Refusal> {
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

    fn release(&mut self, order: u64, stage: Stage) -> Result<(), Refusal> {
        let Some(booked) = self.orders.get(&order).filter(|booked| booked.stage.is_working()) else { return Ok(()) };
        let (ruling, remaining) = (Arc::clone(&booked.ruling), booked.remaining);
        let slot = self.slot_of(ruling.order.terms.asset);
        self.revise(slot, |holding, account| {
            account.working = account.working.saturating_sub(1);
            reserve(holding, &ruling, remaining.negated()?)
        })?;
        self.working.remove(&order);
        self.set_stage(order, stage);
        Ok(())
    }

    fn book_fill(&mut self, fill: &Fill) -> Result<(), Refusal> {
        let Some((order, booked)) = fill.order.and_then(|order| Some((order, self.orders.get(&order)?))) else {
            return self.book_foreign_fill(fill);
        };
        let (ruling, stage, remaining) = (Arc::clone(&booked.ruling), booked.stage, booked.remaining);
        let filled = booked.filled.plus(fill.quantity).ok_or(Refusal::Overflow)?;
        let is_first = booked.filled.is_zero();
        let taken = remaining.min(fill.quantity);
        let left = remaining.minus(taken).ok_or(Refusal::Overflow)?;
        let terms = &ruling.order.terms;
        let execution = Execution {
            side: fill.side,
            quantity: fill.quantity,
            price: fill.price,
            fee: fill.fee,
            stop: terms.stop_loss.filter(|_| !terms.reduce_only),
        };
        let (was_working, was_expired) = (stage.is_working(), stage == Stage::Expired);
        let is_done = left.is_zero();
        let slot = self.slot_of(fill.asset);
        self.revise(slot, |holding, account| {
            if was_working {
                reserve(holding, &ruling, taken.negated()?)?;
                account.working = account.working.saturating_sub(u32::from(is_done));
            } else if was_expired && !is_done {
                // It reached the venue after all, so what is left of it works there.
                reserve(holding, &ruling, left)?;
                account.working = account.working.saturating_add(1);
            }
            if is_first {
                account.failures_in_row = 0;
            }
            if let RoundTrip::Finished(profit) = holding.book_fill(&execution, account)? {
                account.count_round_trip(profit);
            }
            Some(())
        })?;
        if let Some(booked) = self.orders.get_mut(&order) {
            booked.filled = filled;
            booked.fills.insert(fill.fill_id.clone());
            booked.remaining = left;
            if was_working || was_expired {
                booked.stage = if is_done { Stage::Filled } else { Stage::Accepted };
            }
        }
        if is_done {
            self.working.remove(&order);
        } else if was_expired {
            self.working.insert(order);
        }
        Ok(())
    }

    fn book_foreign_fill(&mut self, fill: &Fill) -> Result<(), Refusal> {
        let execution =
            Execution { side: fill.side, quantity: fill.quantity, price: fill.price, fee: fill.fee, stop: None };
        let is_new = self.slot(&fill.asset).is_none();
        let slot = self.slot_of(fill.asset);
        let booking = self.revise(slot, |holding, account| {
            if let RoundTrip::Finished(profit) = holding.book_fill(&execution, account)? {
                account.count_round_trip(profit);
            }
            Some(())
        });
        if is_new && booking.is_err() {
            self.forget_newest_slot(&fill.asset);
        }
        booking?;
        self.foreign_fills.entry(fill.order_id.clone()).or_default().insert(fill.fill_id.clone());
        Ok(())
    }
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
