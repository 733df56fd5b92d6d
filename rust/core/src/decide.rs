//! The decision: a pure function of limits, facts and an order.
//!
//! [`Facts`] are what the vault knows at one instant; a [`Case`] is an order held against them. Every rule is asked,
//! none stops the others, and only an order that violates none becomes [`Approved`](crate::Approved).

pub mod approved;
pub mod room;

use std::sync::Arc;

pub use crate::decide::approved::Approved;
use crate::exposure::exposure_quantity;
use crate::limits::Limits;
use crate::num::{Atto, Nano};
use crate::order::{Order, Origin, Side, Terms, words};
use crate::rules::{self, RULES, Violation};
use crate::state::{Account, GroupSum, Holding, Mark};
use crate::time::Time;

/// The gate's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every rule passed.
    Approved,
    /// A rule was violated.
    Rejected,
    /// The model was not sure enough to open anything.
    Held,
}
words!(Outcome { Approved = "approved", Rejected = "rejected", Held = "held" });

/// Violated rules as bits: bit i is `RULES[i]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Mask(pub u32);

impl Mask {
    /// The order is held.
    pub const HELD: u32 = 1 << 29;
    /// A number in a check went beyond 128 bits.
    pub const ARITHMETIC_OVERFLOW: u32 = 1 << 30;
    /// A bug was met; nothing passes any more.
    pub const ENGINE_HALTED: u32 = 1 << 31;

    /// Every bit that a mask can have.
    pub const ALL: u32 = ((1 << RULES.len()) - 1) | Self::HELD | Self::ARITHMETIC_OVERFLOW | Self::ENGINE_HALTED;

    /// What the mask says.
    pub fn outcome(self) -> Outcome {
        match self.0 {
            0 => Outcome::Approved,
            bits if bits & Self::HELD != 0 => Outcome::Held,
            _ => Outcome::Rejected,
        }
    }
}

/// Limits as amounts of money, worked out when equity, base or limits change rather than for each order.
///
/// Each is rounded so that comparing a whole number of attos with it decides exactly as the cross-multiplication does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Caps {
    /// The most gross exposure.
    pub gross: Atto,
    /// The most notional of an order.
    pub notional: Atto,
    /// The most exposure in one asset.
    pub asset: Atto,
    /// The most exposure in one correlation group.
    pub group: Atto,
    /// The most loss if every stop is hit, before the day's loss; only with the budget set.
    pub stop_risk: Option<Atto>,
    /// The day's loss that trips.
    pub day_loss: Atto,
    /// The loss from the base that trips.
    pub drawdown: Atto,
}

impl Caps {
    /// The caps of an account under limits.
    pub fn new(limits: &Limits, account: &Account) -> Self {
        let (equity, scale) = (account.equity, account.risk_scale);
        Self {
            gross: equity.share_floor(limits.max_leverage),
            notional: equity.scaled_share_floor(limits.max_position_fraction, scale),
            asset: equity.scaled_share_floor(limits.max_concentration, scale),
            group: equity.scaled_share_floor(limits.max_correlated_exposure, scale),
            stop_risk: limits.stop_risk_budget.map(|budget| account.day_opening.share_floor(budget)),
            day_loss: account.day_opening.share_ceiling(limits.max_daily_loss),
            drawdown: account.base(limits).share_ceiling(limits.max_drawdown),
        }
    }
}

/// What is known of an order's client order id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientId {
    /// The order has none.
    Absent,
    /// No order that was decided on had it.
    New,
    /// It was used before.
    Used,
}

/// All that a decision is computed from, beside the order.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The gate's time.
    pub now: Time,
    /// The limits in force.
    pub limits: &'a Limits,
    /// The same as amounts of money.
    pub caps: &'a Caps,
    /// The vault as a whole.
    pub account: &'a Account,
    /// What is held in the order's asset.
    pub holding: &'a Holding,
    /// The order's correlation group.
    pub group: &'a GroupSum,
    /// What is known of the client order id.
    pub client_id: ClientId,
}

/// [`Facts`] on their own: kept with a decision, so that anyone can work it out again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The gate's time.
    pub now: Time,
    /// The limits in force.
    pub limits: Arc<Limits>,
    /// The vault as a whole.
    pub account: Account,
    /// What is held in the order's asset.
    pub holding: Holding,
    /// The order's correlation group.
    pub group: GroupSum,
    /// What was known of the client order id.
    pub client_id: ClientId,
}

impl Evidence {
    /// Keeps what a decision reads of facts, and so the same from every engine that holds the same; `limits` are the
    /// ones that they point to.
    pub fn keep(facts: &Facts<'_>, limits: Arc<Limits>) -> Self {
        let Facts { now, account, group, client_id, .. } = *facts;
        let mut account = *account;
        // Until it looks stale the oldest mark is a bound that only saves searching, and no rule reads more of it.
        if account.unmarked > 0 || now.since(account.oldest_mark) <= limits.mark_age_s_max {
            account.oldest_mark = Time::END;
        }
        // A group's number says nothing by itself, and another order of first sight gives another one.
        let holding = Holding { group: 0, ..*facts.holding };
        Self { now, limits, account, holding, group: *group, client_id }
    }

    /// The caps, worked out again.
    pub fn caps(&self) -> Caps {
        Caps::new(&self.limits, &self.account)
    }

    /// The facts again, with the caps of the same evidence.
    pub fn facts<'a>(&'a self, caps: &'a Caps) -> Facts<'a> {
        let Self { now, limits, account, holding, group, client_id } = self;
        Facts { now: *now, limits, caps, account, holding, group, client_id: *client_id }
    }

    /// The violations of an order that was judged by this evidence.
    pub fn explain(&self, terms: &Terms, origin: Origin, mask: Mask) -> Vec<Violation> {
        let caps = self.caps();
        rules::explain(&Case::new(self.facts(&caps), terms, origin), mask)
    }
}

/// Where an order's stop lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// There is none.
    Missing,
    /// It is not on the losing side of the entry, or the entry is unknown.
    WrongSide,
    /// It is this far from the entry.
    Distance(Nano),
}

/// An order held against the facts, with what several rules need worked out once.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The facts.
    pub facts: Facts<'a>,
    /// The order.
    pub terms: &'a Terms,
    /// Who proposes.
    pub origin: Origin,
    /// The limit price, else the mark.
    pub entry: Option<Nano>,
    /// Quantity x the higher of entry and mark.
    pub notional: Option<Atto>,
    /// The asset's exposure with this order reserved.
    pub exposure_after: Option<Atto>,
    /// Where the stop lies.
    pub stop: Stop,
    overflow: bool,
}

impl<'a> Case<'a> {
    /// Holds an order against the facts.
    #[inline]
    pub fn new(facts: Facts<'a>, terms: &'a Terms, origin: Origin) -> Self {
        let mark = facts.holding.mark.map(|mark| mark.price);
        let entry = terms.price.or(mark);
        let mut case = Self {
            facts,
            terms,
            origin,
            entry,
            notional: None,
            exposure_after: None,
            stop: Stop::Missing,
            overflow: false,
        };
        if case.is_opening() {
            if let (Some(entry), Some(mark)) = (entry, mark) {
                case.notional = terms.quantity.times(entry.max(mark));
                case.exposure_after = case.exposure_at(mark);
                case.overflow = case.notional.is_none() || case.exposure_after.is_none();
            }
            case.stop = find_stop(terms, entry);
        }
        case
    }

    fn exposure_at(&self, mark: Nano) -> Option<Atto> {
        let Holding { position, buys, sells, .. } = *self.facts.holding;
        let quantity = match self.terms.side {
            Side::Buy => exposure_quantity(position, buys.plus(self.terms.quantity)?, sells),
            Side::Sell => exposure_quantity(position, buys, sells.plus(self.terms.quantity)?),
        };
        quantity?.times(mark)
    }

    /// Not reduce-only.
    #[inline]
    pub fn is_opening(&self) -> bool {
        !self.terms.reduce_only
    }

    /// Opening, by the agent.
    #[inline]
    pub fn is_agent_opening(&self) -> bool {
        self.is_opening() && self.origin == Origin::Agent
    }

    /// The asset's mark.
    #[inline]
    pub fn mark(&self) -> Option<Mark> {
        self.facts.holding.mark
    }

    /// A sum of exposures with this asset's part as it would be after the order.
    #[inline]
    pub fn sum_after(&self, sum: Atto) -> Option<Atto> {
        sum.minus(self.facts.holding.exposure)?.plus(self.exposure_after?)
    }

    /// The distance from entry to a stop on the right side.
    #[inline]
    pub fn stop_distance(&self) -> Option<Nano> {
        if let Stop::Distance(distance) = self.stop { Some(distance) } else { None }
    }

    /// The violated rules.
    #[inline]
    pub fn mask(&self) -> Mask {
        let mut bits = rules::violated(self);
        if self.overflow {
            bits |= Mask::ARITHMETIC_OVERFLOW;
        }
        if self.is_agent_opening() && self.terms.confidence < self.facts.limits.min_confidence {
            bits |= Mask::HELD;
        }
        Mask(bits)
    }
}

fn find_stop(terms: &Terms, entry: Option<Nano>) -> Stop {
    let Some(stop) = terms.stop_loss else { return Stop::Missing };
    let distance = entry.and_then(|entry| match terms.side {
        Side::Buy => entry.minus(stop),
        Side::Sell => stop.minus(entry),
    });
    match distance {
        Some(distance) if distance.is_positive() => Stop::Distance(distance),
        _ => Stop::WrongSide,
    }
}

/// Judges an order. Total: no input makes it panic, and a rule that cannot compute is violated.
#[inline]
pub fn decide(facts: Facts<'_>, terms: &Terms, origin: Origin) -> Mask {
    Case::new(facts, terms, origin).mask()
}

/// Judges an order and, only where no rule is violated, gives it back as the proof.
pub fn approve(facts: Facts<'_>, order: &Arc<Order>, origin: Origin) -> Result<Approved<Arc<Order>>, Mask> {
    match decide(facts, &order.terms, origin) {
        Mask(0) => Ok(Approved::by_decision(Arc::clone(order))),
        mask => Err(mask),
    }
}
