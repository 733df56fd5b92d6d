//! The orders that surely pass: a box around each asset and side, for judging very many of them.
//!
//! Every rule that bounds an order bounds it from one side: no smaller quantity, no price nearer to the mark, no lower
//! leverage, no higher confidence fails where a larger, further, higher or lower one passes. So the worst order of a box
//! is put before [`decide`](super::decide), once, and where it passes, all of the box does. Whoever is outside the box is
//! judged like anyone else.

use crate::limits::Limits;
use crate::num::Nano;
use crate::order::{Origin, Side, Terms};
use crate::time::Time;

use super::{Facts, Mask, decide};

/// A box of opening agent orders, in raw nanos, that are all approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    mark: i64,
    quantity_max: i64,
    price_min: i64,
    price_max: i64,
    distance_min: i64,
    distance_max: i64,
    leverage_max: i64,
    confidence_min: i64,
}

/// The numbers of an opening order with a stop, in raw nanos.
#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    /// Its quantity.
    pub quantity: i64,
    /// Its limit price, or [`Numbers::NO_PRICE`] for a market order.
    pub price: i64,
    /// Its leverage.
    pub leverage: i64,
    /// Its stop-loss.
    pub stop_loss: i64,
    /// Its confidence.
    pub confidence: i64,
}

impl Numbers {
    /// The price of a market order.
    pub const NO_PRICE: i64 = i64::MAX;

    /// The numbers of an opening order with a stop; `None` for any other, or where 64 bits do not hold them.
    #[inline]
    pub fn of(terms: &Terms) -> Option<Self> {
        let raw = |value: Nano| i64::try_from(value.raw()).ok();
        if terms.reduce_only {
            return None;
        }
        Some(Self {
            quantity: raw(terms.quantity)?,
            price: terms.price.map_or(Some(Self::NO_PRICE), raw)?,
            leverage: raw(terms.leverage)?,
            stop_loss: raw(terms.stop_loss?)?,
            confidence: raw(terms.confidence)?,
        })
    }
}

/// The room of one asset and side, kept while nothing changes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Remembered {
    /// The state that it is of.
    version: u64,
    questions: u8,
    /// Until then no mark that counts is stale.
    until: Time,
    room: Option<Room>,
}

impl Remembered {
    /// Making a room costs as much as several judgements, so it waits until a strategy is seen to ask many times a mark.
    const QUESTIONS: u8 = 8;

    /// Whether it says that an order passes; nothing follows from a no.
    #[inline]
    pub fn holds(&self, version: u64, now: Time, terms: &Terms) -> bool {
        let (Some(room), true) = (&self.room, self.version == version && now <= self.until) else { return false };
        Numbers::of(terms).is_some_and(|numbers| room.holds(&numbers, terms.side))
    }

    /// Notes an order that was approved, and makes the room when there were enough of them in this state.
    pub fn note(&mut self, version: u64, facts: &Facts<'_>, terms: &Terms) {
        if self.version != version {
            *self = Self { version, ..Self::default() };
        }
        self.questions = self.questions.saturating_add(1);
        if self.questions == Self::QUESTIONS {
            self.room = Room::of(facts, terms, terms.side);
            let oldest = facts.holding.mark.map_or(Time::START, |mark| mark.time.min(facts.account.oldest_mark));
            self.until = oldest.after(facts.limits.mark_age_s_max);
        }
    }
}

const ONE: i64 = 1_000_000_000;

impl Room {
    /// The box for an asset (that of the facts) and a side; `None` where there is none to be had.
    pub fn of(facts: &Facts<'_>, blank: &Terms, side: Side) -> Option<Self> {
        let limits = facts.limits;
        let (mark, atr) = (facts.holding.mark?.price, facts.holding.atr?);
        let collar = mark.widened()?.share_floor(limits.price_collar).per_unit(Nano::ONE)?;
        let (price_min, price_max) = (mark.minus(collar)?, mark.plus(collar)?);
        let one_up = |value: Nano| value.plus(Nano::STEP);
        let distance_min = one_up(limits.stop_atr_min.times(atr)?.per_unit(Nano::ONE)?)?;
        let furthest = limits.stop_atr_max.times(atr)?.per_unit(Nano::ONE)?;
        let distance_max = furthest.min(liquidation_distance(limits, price_min)?).min(price_min.minus(Nano::STEP)?);
        let quantity_max = Self::largest(facts, side, mark, price_max)?;
        let stop_loss = match side {
            Side::Buy => price_max.minus(distance_max)?,
            Side::Sell => price_max.plus(distance_max)?,
        };
        let worst = Terms {
            side,
            quantity: quantity_max,
            price: Some(price_max),
            leverage: limits.max_leverage,
            stop_loss: Some(stop_loss),
            take_profit: None,
            reduce_only: false,
            confidence: limits.min_confidence,
            ..*blank
        };
        let is_box = distance_min <= distance_max && quantity_max.is_positive() && price_min.is_positive();
        if !is_box || decide(*facts, &worst, Origin::Agent) != Mask(0) {
            return None;
        }
        let raw = |value: Nano| i64::try_from(value.raw()).ok();
        Some(Self {
            mark: raw(mark)?,
            quantity_max: raw(quantity_max)?,
            price_min: raw(price_min)?,
            price_max: raw(price_max)?,
            distance_min: raw(distance_min)?,
            distance_max: raw(distance_max)?,
            leverage_max: raw(limits.max_leverage)?,
            confidence_min: raw(limits.min_confidence)?,
        })
    }

    /// A quantity that fits every cap on it; a little less than the largest is good enough, for it is put to the test.
    fn largest(facts: &Facts<'_>, side: Side, mark: Nano, price_max: Nano) -> Option<Nano> {
        let (caps, holding) = (facts.caps, facts.holding);
        let others = |sum: crate::Atto| sum.minus(holding.exposure);
        let in_group = caps.group.minus(others(facts.group.exposure)?)?;
        let in_vault = caps.gross.minus(others(facts.account.gross)?)?;
        let exposed = caps.asset.min(in_group).min(in_vault).per_unit(mark)?;
        let held = match side {
            Side::Buy => holding.position.plus(holding.buys)?,
            Side::Sell => holding.sells.minus(holding.position)?,
        };
        let mut largest = exposed.minus(held)?.min(caps.notional.per_unit(price_max)?);
        if let Some(cap) = facts.limits.max_order_notional {
            largest = largest.min(cap.widened()?.per_unit(price_max)?);
        }
        Some(largest)
    }

    /// Whether an order lies in the box.
    #[expect(clippy::needless_bitwise_bool, reason = "without an early way out there is no branch to guess wrong")]
    #[inline]
    pub fn holds(&self, order: &Numbers, side: Side) -> bool {
        let entry = if order.price == Numbers::NO_PRICE { self.mark } else { order.price };
        // A difference that leaves 64 bits ends outside the box on either side.
        let distance = match side {
            Side::Buy => entry.saturating_sub(order.stop_loss),
            Side::Sell => order.stop_loss.saturating_sub(entry),
        };
        (order.quantity > 0)
            & (order.quantity <= self.quantity_max)
            & (self.price_min <= entry)
            & (entry <= self.price_max)
            & (self.distance_min <= distance)
            & (distance <= self.distance_max)
            & (order.stop_loss > 0)
            & (ONE <= order.leverage)
            & (order.leverage <= self.leverage_max)
            & (self.confidence_min <= order.confidence)
            & (order.confidence <= ONE)
    }
}

/// How far a stop may lie from the lowest entry at the highest leverage, and so at any.
fn liquidation_distance(limits: &Limits, price_min: Nano) -> Option<Nano> {
    if limits.max_leverage == Nano::ONE {
        return Some(price_min);
    }
    let margin = limits.maintenance_margin.times(limits.max_leverage)?;
    let room = Nano::ONE.widened()?.minus(margin)?.per_unit(limits.max_leverage)?;
    price_min.times(room)?.share_floor(limits.liquidation_share).per_unit(Nano::ONE)
}
