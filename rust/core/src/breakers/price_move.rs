//! Trips when: an asset's mark differs by more than 10 % (of the earlier one) from any of its marks of the last 5 minutes of feed time, both ends included.
//!
//! In a crash the first minutes are the ones in which a model knows least.

use std::cmp::Ordering;

use crate::asset::Asset;
use crate::num::Nano;
use crate::reason::{Reason, percent};
use crate::wide::compare_products;

use super::window::Point;
use super::{Doc, Ending, Watch};
use crate::state::TradingState;

/// This breaker.
pub(super) const DOC: Doc = Doc {
    code: "price_move",
    trips_when: "an asset's mark differs by more than 10 % (of the earlier one) from any of its marks of the last 5 minutes of feed time, both ends included",
    effect: "halted",
    ends: "exactly 15 minutes after the last trip; a new trip while tripped restarts it",
    why: "In a crash the first minutes are the ones in which a model knows least.",
    limits: &["price_move_max", "price_move_window_s", "price_move_pause_s"],
    state: TradingState::Halted,
    ending: Ending::Timed,
};

/// Two marks that lie further apart than the limit.
#[derive(Clone, Debug)]
pub(crate) struct Jump {
    asset: Asset,
    from: Point,
    to: Nano,
}

impl Jump {
    /// Whether a mark lies too far from the lowest or the highest of its window.
    pub fn find(asset: Asset, to: Nano, extremes: (Point, Point), max: Nano) -> Option<Self> {
        let (low, high) = extremes;
        let is_too_far = |from: &Point| {
            // |to - from| > max x from, nothing divided
            let distance = to.minus(from.price).and_then(Nano::size).map_or(i128::MAX, Nano::raw);
            compare_products(distance, Nano::ONE.raw(), max.raw(), from.price.raw()) == Ordering::Greater
        };
        [low, high].into_iter().find(is_too_far).map(|from| Self { asset, from, to })
    }
}

pub(super) fn finds(watch: &Watch<'_>) -> Option<Reason> {
    let Jump { asset, from, to } = watch.jump?;
    let distance = to.minus(from.price).and_then(Nano::size);
    let moved = distance.and_then(Nano::widened).and_then(|d| d.fraction_of(from.price.widened()?));
    let word = if *to > from.price { "rose" } else { "fell" };
    let message = format!(
        "{asset} {word} from {} to {to} within {}: {}, more than {}",
        from.price,
        watch.limits.price_move_window_s,
        moved.map_or_else(|| "beyond measure".to_owned(), percent),
        percent(watch.limits.price_move_max),
    );
    Some(Reason::new(watch.limits.price_move_max, moved, message))
}
