//! Which values an event can have: asked before it is recorded and when it is read, so that whatever is recorded can be
//! read again, and what no gate would have recorded cannot be read.

use std::collections::{BTreeMap, BTreeSet};

use crate::asset::{Asset, check_name};
use crate::decide::ClientId;
use crate::num::Nano;
use crate::order::{check_confidence, check_reasoning, is_amount, is_signed_amount};
use crate::state::{is_risk_scale, is_volatility};

use super::{Event, Fill, Record, Ruling, Tick, Withdrawal};

/// The most bytes of a withdrawal's destination.
const DESTINATION_BYTES_MAX: usize = 128;
/// The most bytes of a note's text.
pub(crate) const NOTE_BYTES_MAX: usize = 65_536;

impl Record {
    /// Whether it could have been made.
    pub fn is_sound(&self) -> bool {
        match &self.event {
            Event::Decided(ruling) => ruling.sequence == self.sequence,
            _ => self.sequence > 0,
        }
    }
}

impl Event {
    /// Whether each of its values lies in the range of the call that makes it.
    pub fn is_sound(&self) -> bool {
        match self {
            Self::Opened { vault_id, limits } => is_name(vault_id) && limits.is_sound(),
            Self::Market(market) => market.ticks.iter().all(Tick::is_sound),
            Self::Flow { amount } => is_amount(*amount),
            Self::Funding { amount, .. } => is_signed_amount(*amount),
            Self::Volatility { value } => is_volatility(*value),
            Self::LotSteps { steps } => are_lot_steps(steps),
            Self::Groups { groups } => are_groups(groups),
            Self::Decided(ruling) => ruling.is_sound(),
            Self::Hold { confidence, reasoning, .. } => {
                check_confidence(*confidence).is_ok() && check_reasoning(reasoning).is_ok()
            }
            Self::Filled(fill) => fill.is_sound(),
            // A venue may say nothing.
            Self::Failed { reason, .. } => reason.is_empty() || check_reasoning(reason).is_ok(),
            Self::Killed { reason } => check_reasoning(reason).is_ok(),
            Self::Reactivated { rebase, consent } => {
                rebase.as_deref().is_none_or(|rebase| rebase.new_base.is_positive())
                    && consent.as_deref().is_none_or(|consent| consent.ends > 0)
            }
            Self::LimitsSet { limits } => limits.is_sound(),
            Self::RiskScaleSet { scale } => is_risk_scale(*scale),
            Self::Withdrawn(withdrawal) => withdrawal.is_sound(),
            Self::Noted { topic, text } => is_note(topic, text),
            Self::Redeemed { .. }
            | Self::Accepted { .. }
            | Self::Cancelled { .. }
            | Self::Expired { .. }
            | Self::DayOpened { .. }
            | Self::Tripped { .. }
            | Self::Ended { .. }
            | Self::CancelRequested { .. }
            | Self::Paused
            | Self::Resumed
            | Self::Restarted { .. }
            | Self::KeysSet(_)
            | Self::OwnerKeySet { .. }
            | Self::Checkpointed { .. } => true,
        }
    }
}

impl Ruling {
    /// Whether the order is one, and what is kept beside it speaks of this order.
    pub fn is_sound(&self) -> bool {
        let Self { order, evidence, entry, .. } = self;
        order.is_sound()
            && order.client_order_id.is_none() == (evidence.client_id == ClientId::Absent)
            && *entry == order.terms.price.or(evidence.holding.mark.map(|mark| mark.price))
    }
}

impl Tick {
    /// Whether it is a mark that a feed can give.
    pub fn is_sound(&self) -> bool {
        is_amount(self.price) && self.atr.is_none_or(|atr| atr.is_zero() || is_amount(atr))
    }
}

impl Fill {
    fn is_sound(&self) -> bool {
        let Self { order_id, fill_id, quantity, price, fee, .. } = self;
        is_name(order_id) && is_name(fill_id) && is_amount(*quantity) && is_amount(*price) && is_signed_amount(*fee)
    }
}

impl Withdrawal {
    fn is_sound(&self) -> bool {
        let Self { amount, destination, .. } = self;
        let fits = (1..=DESTINATION_BYTES_MAX).contains(&destination.len());
        is_amount(*amount) && fits && destination.bytes().all(|byte| byte.is_ascii_graphic())
    }
}

fn is_name(text: &str) -> bool {
    check_name(text).is_ok()
}

/// Whether a topic has a name, and its text is not too long.
pub(crate) fn is_note(topic: &str, text: &str) -> bool {
    is_name(topic) && text.len() <= NOTE_BYTES_MAX
}

/// Whether each lot step is a quantity.
pub(crate) fn are_lot_steps(steps: &BTreeMap<Asset, Nano>) -> bool {
    steps.values().all(|step| is_amount(*step))
}

/// Whether each group has a name, and no asset is in two.
pub(crate) fn are_groups(groups: &BTreeMap<Box<str>, Vec<Asset>>) -> bool {
    let mut seen = BTreeSet::new();
    groups.keys().all(|name| is_name(name)) && groups.values().flatten().all(|asset| seen.insert(*asset))
}
