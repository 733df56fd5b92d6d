//! What can be seen of an engine from outside.

use std::sync::Arc;

use crate::asset::Asset;
use crate::breakers::Breaker;
use crate::decide::{ClientId, Facts};
use crate::event::Ruling;
use crate::limits::Limits;
use crate::num::{Atto, Nano};
use crate::order::words;
use crate::reason::Reason;
use crate::state::{Account, GroupSum, Holding, TradingState};
use crate::time::Time;

use super::Engine;
use super::finished::Finished;

/// How far an approved order has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Approved, its approval not used yet.
    Approved,
    /// Its approval was used.
    Redeemed,
    /// The venue took it.
    Accepted,
    /// Wholly executed.
    Filled,
    /// The venue confirmed its end.
    Cancelled,
    /// The venue did not take it.
    Failed,
    /// Its approval ran out unredeemed.
    Expired,
}
words!(Stage {
    Approved = "approved",
    Redeemed = "redeemed",
    Accepted = "accepted",
    Filled = "filled",
    Cancelled = "cancelled",
    Failed = "failed",
    Expired = "expired"
});

impl Stage {
    /// Ended, for good; what only expired may have reached the venue after all.
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Filled | Self::Cancelled | Self::Failed)
    }

    /// At the venue, or on its way there.
    pub fn is_working(self) -> bool {
        matches!(self, Self::Approved | Self::Redeemed | Self::Accepted)
    }
}

/// A tripped breaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TripView {
    /// Which.
    pub breaker: Breaker,
    /// When it was found.
    pub since: Time,
    /// When it ends by itself.
    pub until: Option<Time>,
    /// Why.
    pub cause: Reason,
}

/// What is held in one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worth {
    /// Which.
    pub asset: Asset,
    /// The signed position.
    pub position: Nano,
    /// Its signed cost.
    pub cost: Atto,
    /// The last mark.
    pub mark: Option<Nano>,
    /// The unrealised P&L.
    pub unrealised: Atto,
    /// The furthest stop of the orders that built the position; none where one of them had none.
    pub stop: Option<Nano>,
    /// The exposure.
    pub exposure: Atto,
}

/// A working order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedOrder {
    /// Its decision.
    pub ruling: Arc<Ruling>,
    /// What is not executed yet.
    pub remaining: Nano,
    /// How far it has come.
    pub stage: Stage,
    /// It is to be cancelled at the venue.
    pub cancel_requested: bool,
}

/// The vault at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultView {
    /// The gate's time.
    pub now: Time,
    /// The sums.
    pub account: Account,
    /// What the drawdown is measured from.
    pub base: Atto,
    /// The drawdown as a fraction of the base, never below zero, rounded up.
    pub drawdown: Nano,
    /// Opening orders that the rate bucket lets pass.
    pub tokens: Nano,
    /// What is held or priced, by name.
    pub worths: Vec<Worth>,
    /// Working orders, oldest first.
    pub working: Vec<BookedOrder>,
    /// The last record's sequence.
    pub sequence: u64,
}

impl Engine {
    /// The vault's id.
    pub fn vault_id(&self) -> &str {
        &self.vault_id
    }

    /// The gate's time.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The limits in force.
    pub fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    /// The trading state.
    pub fn state(&self) -> TradingState {
        self.account.state
    }

    /// The last record's sequence.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// How far an approved order has come.
    pub fn stage(&self, order: u64) -> Option<Stage> {
        let booked = self.orders.get(&order).map(|booked| booked.stage);
        booked.or_else(|| self.finished.get(&order).map(Finished::stage))
    }

    /// The decision that approved an order, until it has ended.
    pub fn ruling(&self, order: u64) -> Option<&Arc<Ruling>> {
        self.orders.get(&order).map(|booked| &booked.ruling)
    }

    /// The tripped breakers, in order.
    pub fn trips(&self) -> Vec<TripView> {
        let view = |(breaker, trip): (Breaker, &crate::breakers::Trip)| TripView {
            breaker,
            since: trip.since,
            until: trip.until,
            cause: trip.cause.clone(),
        };
        self.latches.tripped().map(view).collect()
    }

    /// Everything at this instant.
    pub fn view(&self) -> VaultView {
        let base = self.account.base(&self.limits);
        let lost = base.minus(self.account.equity).unwrap_or_default().max(Atto::ZERO);
        let mut worths: Vec<Worth> = self
            .assets
            .iter()
            .zip(&self.holdings)
            .map(|(asset, holding)| Worth {
                asset: *asset,
                position: holding.position,
                cost: holding.cost,
                mark: holding.mark.map(|mark| mark.price),
                unrealised: holding.unrealised,
                stop: holding.stop.known(),
                exposure: holding.exposure,
            })
            .collect();
        worths.sort_unstable_by_key(|worth| worth.asset);
        let booked = |order| {
            let booked = self.orders.get(order)?;
            Some(BookedOrder {
                ruling: Arc::clone(&booked.ruling),
                remaining: booked.remaining,
                stage: booked.stage,
                cancel_requested: booked.cancel_requested,
            })
        };
        VaultView {
            now: self.now,
            account: self.account,
            base,
            drawdown: lost.fraction_of(base).unwrap_or_default(),
            tokens: self.bucket_at(self.now).tokens(),
            worths,
            working: self.working.iter().filter_map(booked).collect(),
            sequence: self.sequence,
        }
    }

    /// Where a batch looks facts up, all at one instant and without a lock.
    pub fn frozen(&mut self) -> Frozen {
        self.refresh_caps();
        Frozen { engine_now: self.now, limits: Arc::clone(&self.limits), caps: self.caps, account: self.account }
    }

    /// An asset's part of the same instant.
    pub fn frozen_asset(&self, asset: &Asset) -> FrozenAsset {
        let slot = self.slot(asset);
        let holding = slot.and_then(|slot| self.holdings.get(slot)).copied();
        let group = holding.and_then(|holding| self.groups.get(holding.group as usize)).copied();
        FrozenAsset { holding: holding.unwrap_or(Holding::NONE), group: group.unwrap_or(GroupSum::NONE) }
    }

    /// Reads one word of every cache line that a judgement reads: the bound that memory sets, for benchmarks.
    pub fn touch(&self, asset: &Asset) -> i128 {
        let Some(slot) = self.slot(asset) else { return 0 };
        let holding = self.holdings.get(slot).map_or(0, |holding| holding.exposure.raw() ^ holding.position.raw());
        let group = self.groups.first().map_or(0, |group| group.exposure.raw());
        let limits = self.limits.max_leverage.raw() ^ self.limits.price_collar.raw() ^ self.limits.stop_atr_max.raw();
        let account = self.account.equity.raw() ^ self.account.gross.raw() ^ self.account.risk_scale.raw();
        holding ^ group ^ limits ^ account ^ self.caps.gross.raw() ^ self.caps.drawdown.raw()
    }
}

/// The vault-wide part of the facts, on its own.
#[derive(Clone, Debug)]
pub struct Frozen {
    engine_now: Time,
    limits: Arc<Limits>,
    caps: crate::decide::Caps,
    account: Account,
}

/// One asset's part of the facts, on its own.
#[derive(Clone, Copy, Debug)]
pub struct FrozenAsset {
    holding: Holding,
    group: GroupSum,
}

impl Frozen {
    /// The facts for an order in that asset.
    #[inline]
    pub fn facts<'a>(&'a self, asset: &'a FrozenAsset) -> Facts<'a> {
        Facts {
            now: self.engine_now,
            limits: &self.limits,
            caps: &self.caps,
            account: &self.account,
            holding: &asset.holding,
            group: &asset.group,
            client_id: ClientId::Absent,
        }
    }
}
