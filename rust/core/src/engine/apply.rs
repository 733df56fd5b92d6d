//! What each event does to the state. Nothing here decides; nothing here is done by halves.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::asset::Asset;
use crate::breakers::{Breaker, PriceWindow, Trip};
use crate::event::{Event, MarketMove, Rebase, Tick};
use crate::limits::Limits;
use crate::num::{Atto, Nano};
use crate::state::{Account, GroupSum, Holding, Mark};
use crate::time::{Day, Time};

use super::{Engine, Refusal, Stage};

impl Engine {
    pub(super) fn apply(&mut self, event: &Event) -> Result<(), Refusal> {
        self.version = self.version.wrapping_add(1);
        match event {
            Event::Opened { vault_id, .. } => self.vault_id.clone_from(vault_id),
            Event::Market(market) => self.apply_market(market)?,
            Event::Flow { amount } => self.book_flow(Some(*amount))?,
            Event::Funding { asset, amount, paid } => self.book_funding(*asset, *amount, *paid)?,
            Event::Volatility { value } => self.account.volatility = *value,
            Event::LotSteps { steps } => self.lot_steps.clone_from(steps),
            Event::Groups { groups } => self.apply_groups(groups)?,
            Event::Decided(ruling) => self.apply_ruling(ruling)?,
            Event::Hold { .. } | Event::Checkpointed { .. } => {}
            Event::Redeemed { order, .. } => self.set_stage(*order, Stage::Redeemed),
            Event::Accepted { order } => self.apply_accepted(*order)?,
            Event::Filled(fill) => self.book_fill(fill)?,
            Event::Cancelled { order } => self.release(*order, Stage::Cancelled)?,
            Event::Failed { order, .. } => {
                self.release(*order, Stage::Failed)?;
                self.account.failures_in_row = self.account.failures_in_row.saturating_add(1);
            }
            Event::Expired { order } => self.release(*order, Stage::Expired)?,
            Event::DayOpened { day, opening } => self.open_day(*day, *opening),
            Event::Tripped { breaker, until, cause } => {
                self.apply_trip(*breaker, Trip { since: self.now, until: *until, cause: (**cause).clone() });
                if *breaker == Breaker::Drawdown {
                    self.custody.stop = self.sequence.saturating_add(1);
                }
            }
            Event::Ended { breaker } => self.apply_end(*breaker),
            Event::CancelRequested { orders } => self.apply_cancel_request(orders),
            Event::Paused => self.account.paused = true,
            Event::Resumed => {
                self.account.paused = false;
                self.account.failures_in_row = 0;
            }
            Event::Killed { .. } => {
                self.account.killed = true;
                self.custody.stop = self.sequence.saturating_add(1);
            }
            Event::Reactivated { rebase, .. } => self.apply_reactivation(rebase.as_deref()),
            Event::LimitsSet { limits } => self.apply_limits(limits),
            Event::RiskScaleSet { scale } => {
                self.account.risk_scale = *scale;
                self.caps_are_old = true;
            }
            Event::Restarted { epoch, .. } => self.epoch = *epoch,
            Event::KeysSet(keys) => {
                self.custody.keys.insert(self.sequence.saturating_add(1), *keys);
            }
            Event::OwnerKeySet { key, .. } => self.custody.owner_keys.push(*key),
            Event::Withdrawn(withdrawal) => {
                self.book_flow(withdrawal.amount.negated())?;
                self.custody.nonces.insert(withdrawal.nonce);
            }
            Event::Noted { topic, text } => self.apply_note(topic, text),
        }
        self.account.raise_peak();
        self.refresh_state();
        Ok(())
    }

    fn book_flow(&mut self, amount: Option<Nano>) -> Result<(), Refusal> {
        self.revise_account(|account| account.book_flow(amount?.widened()?))
    }

    fn book_funding(&mut self, asset: Asset, amount: Nano, paid: Option<Time>) -> Result<(), Refusal> {
        self.revise_account(|account| {
            account.funding = account.funding.plus(amount.widened()?)?;
            account.sum_equity()
        })?;
        if let Some(paid) = paid {
            self.funded.insert(asset, paid);
        }
        Ok(())
    }

    fn open_day(&mut self, day: Day, opening: Atto) {
        self.account.day = day;
        self.account.day_opening = opening;
        self.account.daily_trades = 0;
        self.caps_are_old = true;
    }

    fn apply_trip(&mut self, breaker: Breaker, trip: Trip) {
        self.latches.set(breaker, Some(trip));
        // Tripped by the decision that is the last record: the day's last opening, approved all the same.
        if let (Breaker::TradeLimit, Some(booked)) = (breaker, self.orders.get_mut(&self.sequence)) {
            booked.reached_trade_limit = true;
        }
    }

    fn apply_end(&mut self, breaker: Breaker) {
        self.latches.set(breaker, None);
        match breaker {
            Breaker::ConsecutiveLosses => self.account.loss_streak = 0,
            Breaker::OracleFailure => self.stale = None,
            _ => {}
        }
    }

    fn apply_cancel_request(&mut self, orders: &[u64]) {
        for order in orders {
            if let Some(booked) = self.orders.get_mut(order) {
                booked.cancel_requested = true;
            }
        }
    }

    fn apply_reactivation(&mut self, rebase: Option<&Rebase>) {
        self.account.killed = false;
        if let Some(rebase) = rebase {
            self.account.deposit_base = rebase.new_base;
            self.account.peak = rebase.new_base;
            self.caps_are_old = true;
        }
    }

    fn apply_limits(&mut self, limits: &Arc<Limits>) {
        let old = std::mem::replace(&mut self.limits, Arc::clone(limits));
        let bucket = self.account.bucket.at(self.now, old.orders_per_minute, old.order_burst);
        self.account.bucket = bucket.at(self.now, limits.orders_per_minute, limits.order_burst);
        self.caps_are_old = true;
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
        // A reservation alone moves no equity, and the caps follow that; working them out anew is what costs most.
        self.caps_are_old |= account.equity != self.account.equity;
        if let (Some(held), Some(sum)) = (self.holdings.get_mut(slot), self.groups.get_mut(group_slot)) {
            (*held, *sum, self.account) = (holding, group, account);
        }
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
    pub(super) fn forget_newest_slot(&mut self, asset: &Asset) {
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
}
