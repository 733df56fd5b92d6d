//! The operator's side: marks, flows, funding, volatility, lot steps, groups.

use std::collections::{BTreeMap, BTreeSet};

use crate::asset::Asset;
use crate::breakers::{Breaker, Jump, PriceWindow};
use crate::event::{Event, MarketMove, Tick};
use crate::num::Nano;
use crate::time::{Span, Time};

use super::{Engine, Refusal};

/// How far ahead of the gate a feed's clock may be.
const FUTURE_MAX: Span = Span::seconds(5);

impl Engine {
    /// Takes a mark; `false` where a newer one is known.
    pub fn mark(&mut self, tick: &Tick) -> Result<bool, Refusal> {
        if !tick.is_sound() {
            return Err(Refusal::OutOfRange);
        }
        if tick.time > self.now.after(FUTURE_MAX) {
            return Err(Refusal::FutureMark { asset: tick.asset, time: tick.time, now: self.now });
        }
        let known = self.slot(&tick.asset);
        let newest = known.and_then(|slot| self.holdings.get(slot)?.mark);
        if newest.is_some_and(|mark| mark.time > tick.time) {
            self.account.ignored_marks = self.account.ignored_marks.saturating_add(1);
            self.look();
            return Ok(false);
        }
        let slot = known.unwrap_or_else(|| self.slot_of(tick.asset));
        self.place_mark(slot, tick)?;
        self.untold.insert(slot);
        self.jump = self.find_jump(slot);
        self.look();
        Ok(true)
    }

    /// Whether the asset's newest mark lies too far from one of its window.
    pub(super) fn find_jump(&self, slot: usize) -> Option<Jump> {
        let extremes = self.windows.get(slot).and_then(PriceWindow::extremes)?;
        let newest = self.holdings.get(slot)?.mark?;
        Jump::find(*self.assets.get(slot)?, newest.price, extremes, self.limits.price_move_max)
    }

    /// Records what the marks since the last record did, so that the records rebuild it.
    pub(super) fn tell_marks(&mut self) {
        if self.untold.is_empty() && self.account.ignored_marks == self.ignored_told {
            return;
        }
        let mut numbered = Vec::new();
        for slot in std::mem::take(&mut self.untold) {
            let (Some(asset), Some(holding), Some(window)) =
                (self.assets.get(slot), self.holdings.get(slot), self.windows.get(slot))
            else {
                continue;
            };
            let points = window.since(self.told);
            numbered.extend(points.into_iter().map(|point| {
                (point.number, Tick { asset: *asset, price: point.price, time: point.time, atr: holding.atr })
            }));
        }
        numbered.sort_unstable_by_key(|(number, _)| *number);
        let market = MarketMove {
            ticks: numbered.into_iter().map(|(_, tick)| tick).collect(),
            peak: self.account.peak,
            ignored_marks: self.account.ignored_marks,
        };
        self.told = self.ticks;
        self.ignored_told = self.account.ignored_marks;
        self.keep(Event::Market(Box::new(market)));
    }

    /// Books a deposit.
    pub fn deposit(&mut self, amount: Nano) -> Result<(), Refusal> {
        self.commit(Event::Flow { amount })?;
        self.look();
        Ok(())
    }

    /// Books funding received, or paid where negative; `false` where the asset's payment of that time or a later one
    /// is booked already.
    pub fn funding(&mut self, asset: Asset, amount: Nano, paid: Option<Time>) -> Result<bool, Refusal> {
        if paid.is_some_and(|paid| self.funded.get(&asset).is_some_and(|last| paid <= *last)) {
            return Ok(false);
        }
        self.commit(Event::Funding { asset, amount, paid })?;
        self.look();
        Ok(true)
    }

    /// Takes the market's volatility, a fraction.
    pub fn set_volatility(&mut self, value: Nano) -> Result<(), Refusal> {
        self.commit(Event::Volatility { value })?;
        if value <= self.limits.volatility_max && self.latches.get(Breaker::Volatility).is_some() {
            self.commit(Event::Ended { breaker: Breaker::Volatility })?;
        }
        self.look();
        Ok(())
    }

    /// Sets the lot steps of all assets.
    pub fn set_lot_steps(&mut self, steps: BTreeMap<Asset, Nano>) -> Result<(), Refusal> {
        self.commit(Event::LotSteps { steps })?;
        self.look();
        Ok(())
    }

    /// Sets the correlation groups of all assets.
    pub fn set_groups(&mut self, groups: BTreeMap<Box<str>, Vec<Asset>>) -> Result<(), Refusal> {
        let mut seen = BTreeSet::new();
        if let Some(asset) = groups.values().flatten().find(|asset| !seen.insert(**asset)) {
            return Err(Refusal::TwoGroups(*asset));
        }
        self.commit(Event::Groups { groups })?;
        self.look();
        Ok(())
    }
}
