//! Trips when: an asset with exposure has no mark for more than 60 s.
//!
//! Without a price nothing that is held can be measured.

use crate::asset::Asset;
use crate::num::Nano;
use crate::reason::Reason;
use crate::state::TradingState;
use crate::time::Span;

use super::{Doc, Ending, Watch};

/// This breaker.
pub(super) const DOC: Doc = Doc {
    code: "oracle_failure",
    trips_when: "an asset with exposure has no mark for more than 60 s",
    effect: "halted",
    ends: "when every such asset has a fresh mark, or none has exposure",
    why: "Without a price nothing that is held can be measured.",
    limits: &["mark_age_s_max"],
    state: TradingState::Halted,
    ending: Ending::Cleared,
};

/// Why no price can be trusted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Silence {
    /// An asset with exposure has no mark at all.
    NeverMarked,
    /// An asset with exposure has an old one.
    Stale {
        /// Which.
        asset: Asset,
        /// How old.
        age: Span,
    },
}

pub(super) fn finds(watch: &Watch<'_>) -> Option<Reason> {
    let max = watch.limits.mark_age_s_max;
    let limit = Nano::from_raw(i128::from(max.nanos()));
    Some(match watch.silence? {
        Silence::NeverMarked => Reason::new(limit, None::<Nano>, "an asset with exposure was never marked"),
        Silence::Stale { asset, age } => {
            let message = format!("the last price of {asset} is {age} old, more than {max}");
            Reason::new(limit, Nano::from_raw(i128::from(age.nanos())), message)
        }
    })
}
