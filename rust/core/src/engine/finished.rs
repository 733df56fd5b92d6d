//! Orders that have ended: of each only what a late fill is held against, so that a long life costs little.

use std::collections::BTreeSet;

use crate::asset::Asset;
use crate::codec::coded_struct;
use crate::event::Fill;
use crate::num::Nano;
use crate::order::{Side, is_amount};

use super::bookings::{execute, execution};
use super::{Booked, Engine, Refusal, Stage};

/// What is kept of an approved order that has ended; its decision is in the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finished {
    stage: Stage,
    asset: Asset,
    side: Side,
    /// Of what its fills open.
    stop: Option<Nano>,
    /// What was approved and not filled; below zero where more was filled.
    left: Nano,
    fills: BTreeSet<Box<str>>,
}
coded_struct!(Finished { stage, asset, side, stop, left, fills } if Finished::is_sound);

impl Finished {
    fn of(booked: Booked, stage: Stage) -> Self {
        // INVARIANT: both are above zero, so their difference fits.
        let left = booked.left().unwrap_or_default();
        let terms = &booked.ruling.order.terms;
        Self { stage, asset: terms.asset, side: terms.side, stop: terms.opening_stop(), left, fills: booked.fills }
    }

    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    fn is_sound(&self) -> bool {
        self.stage.is_finished() && self.stop.is_none_or(is_amount)
    }
}

/// What a fill of an approved order is held against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub asset: Asset,
    pub side: Side,
    /// What was approved and not filled.
    pub left: Nano,
}

impl Engine {
    /// Lets go of an order, but for what a late fill of it is held against.
    pub(super) fn finish(&mut self, order: u64, stage: Stage) {
        self.working.remove(&order);
        if let Some(booked) = self.orders.remove(&order) {
            self.finished.insert(order, Finished::of(booked, stage));
        }
    }

    /// What fills of an approved order may be, whether it has ended or not.
    pub(super) fn expected(&self, order: u64) -> Option<Expected> {
        if let Some(booked) = self.orders.get(&order) {
            let terms = &booked.ruling.order.terms;
            return Some(Expected { asset: terms.asset, side: terms.side, left: booked.left()? });
        }
        self.finished.get(&order).map(|Finished { asset, side, left, .. }| Expected {
            asset: *asset,
            side: *side,
            left: *left,
        })
    }

    /// The ids of an approved order's fills.
    pub(super) fn fills_of(&self, order: u64) -> Option<&BTreeSet<Box<str>>> {
        let booked = self.orders.get(&order).map(|booked| &booked.fills);
        booked.or_else(|| self.finished.get(&order).map(|finished| &finished.fills))
    }

    /// Books a fill of an order that has ended: nothing is reserved for it any more.
    pub(super) fn book_late_fill(&mut self, order: u64, fill: &Fill) -> Result<(), Refusal> {
        let Some(finished) = self.finished.get(&order) else { return Ok(()) };
        let left = finished.left.minus(fill.quantity).ok_or(Refusal::Overflow)?;
        let (execution, is_first) = (execution(fill, finished.stop), finished.fills.is_empty());
        let slot = self.slot_of(fill.asset);
        self.revise(slot, |holding, account| {
            if is_first {
                account.failures_in_row = 0;
            }
            execute(holding, account, &execution)
        })?;
        if let Some(finished) = self.finished.get_mut(&order) {
            finished.left = left;
            finished.fills.insert(fill.fill_id.clone());
        }
        Ok(())
    }
}
