//! The venue's side: redeem, accepted, filled, cancelled, failed.

use std::collections::BTreeSet;

use crate::asset::Asset;
use crate::breakers::Breaker;
use crate::event::{Event, Fill};
use crate::num::Nano;
use crate::order::Side;
use crate::reason::Reason;

use super::{ApprovalRefusal, Engine, Refusal, Stage};

/// A fill as the caller tells it.
#[derive(Clone, Copy, Debug)]
pub struct FillReport<'a> {
    /// The order's id.
    pub order_id: &'a str,
    /// The fill's id.
    pub fill_id: &'a str,
    /// How much.
    pub quantity: Nano,
    /// At what price.
    pub price: Nano,
    /// The fee; negative for a rebate.
    pub fee: Nano,
    /// The asset, for an order that the gate does not know.
    pub asset: Option<Asset>,
    /// The side, likewise.
    pub side: Option<Side>,
}

/// The id of an approved order: `gx-` and its decision's sequence.
pub fn order_id(sequence: u64) -> String {
    format!("gx-{sequence}")
}

fn sequence_of(id: &str) -> Option<u64> {
    let digits = id.strip_prefix("gx-")?;
    let is_canonical = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_canonical { digits.parse().ok() } else { None }
}

impl Engine {
    fn known(&self, id: &str) -> Result<(u64, Stage), Refusal> {
        let found = sequence_of(id).and_then(|order| Some((order, self.stage(order)?)));
        found.ok_or_else(|| Refusal::UnknownOrder(id.to_owned()))
    }

    /// Uses an approval: once, in time, and only while the state is no stricter than when it was given.
    pub fn redeem(&mut self, order: u64, signature: Option<[u8; 64]>) -> Result<(), Refusal> {
        self.check_redemption(order)?;
        self.commit(Event::Redeemed { order, signature: signature.map(Box::new) })?;
        self.look();
        Ok(())
    }

    fn check_redemption(&self, order: u64) -> Result<(), ApprovalRefusal> {
        match self.stage(order) {
            Some(Stage::Approved) => {}
            Some(Stage::Expired) => return Err(ApprovalRefusal::Expired),
            Some(Stage::Redeemed | Stage::Accepted | Stage::Filled) => return Err(ApprovalRefusal::Used),
            Some(Stage::Cancelled | Stage::Failed) => return Err(ApprovalRefusal::Ended),
            None => return Err(ApprovalRefusal::Unknown),
        }
        let Some(booked) = self.orders.get(&order) else { return Err(ApprovalRefusal::Unknown) };
        if self.now >= booked.ruling.expires {
            return Err(ApprovalRefusal::Expired);
        }
        if booked.cancel_requested {
            return Err(ApprovalRefusal::Cancelled);
        }
        let counts = |breaker| breaker != Breaker::TradeLimit || !booked.reached_trade_limit;
        if self.latches.state(counts).max(self.controls_state()) > booked.ruling.evidence.account.state {
            return Err(ApprovalRefusal::Stricter);
        }
        Ok(())
    }

    /// The venue took the order; `false` where that changes nothing.
    pub fn order_accepted(&mut self, id: &str) -> Result<bool, Refusal> {
        let (order, stage) = self.known(id)?;
        let is_news = matches!(stage, Stage::Approved | Stage::Redeemed | Stage::Expired);
        if is_news {
            self.commit(Event::Accepted { order })?;
        }
        self.look();
        Ok(is_news)
    }

    /// The venue confirmed the end of the order; `false` where it had ended already.
    pub fn order_cancelled(&mut self, id: &str) -> Result<bool, Refusal> {
        let (order, stage) = self.known(id)?;
        if stage.is_working() {
            self.commit(Event::Cancelled { order })?;
        }
        self.look();
        Ok(stage.is_working())
    }

    /// The venue did not take the order; `false` where it had ended already.
    pub fn order_failed(&mut self, id: &str, reason: &str) -> Result<bool, Refusal> {
        let (order, stage) = self.known(id)?;
        if stage.is_working() {
            self.commit(Event::Failed { order, reason: reason.into() })?;
        }
        self.look();
        Ok(stage.is_working())
    }

    /// The venue executed; `false` where this fill is known already.
    pub fn apply_fill(&mut self, report: &FillReport<'_>) -> Result<bool, Refusal> {
        let known = self.known(report.order_id).ok().map(|(order, _)| order);
        let is_seen = |fills: &BTreeSet<Box<str>>| fills.contains(report.fill_id);
        let of_order = known.and_then(|order| self.fills_of(order));
        if of_order.is_some_and(is_seen) || self.foreign_fills.get(report.order_id).is_some_and(is_seen) {
            self.look();
            return Ok(false);
        }
        let expected = known.and_then(|order| self.expected(order));
        let asset = report.asset.or(expected.map(|expected| expected.asset));
        let side = report.side.or(expected.map(|expected| expected.side));
        let (Some(asset), Some(side)) = (asset, side) else {
            return Err(Refusal::UnnamedFill(report.order_id.to_owned()));
        };
        let approved = expected.filter(|expected| (expected.asset, expected.side) == (asset, side));
        let FillReport { quantity, price, fee, .. } = *report;
        self.mismatch = match approved.map(|expected| expected.left) {
            None => Some(Reason::new(
                Nano::ZERO,
                quantity,
                format!("a {side} of {quantity} {asset} was filled that nobody approved"),
            )),
            Some(left) if quantity > left => {
                let message =
                    format!("order {} was filled for {quantity} {asset} where {left} was left", report.order_id);
                Some(Reason::new(left, quantity, message))
            }
            Some(_) => None,
        };
        let fill = Fill {
            order: known.filter(|_| approved.is_some()),
            order_id: report.order_id.into(),
            fill_id: report.fill_id.into(),
            asset,
            side,
            quantity,
            price,
            fee,
        };
        let booking = self.commit(Event::Filled(Box::new(fill)));
        if booking.is_err() {
            let message = format!("a fill of {quantity} {asset} at {price} is too large to be booked");
            self.mismatch = Some(Reason::new(None::<Nano>, quantity, message));
        }
        self.look();
        booking.map(|()| true)
    }
}
