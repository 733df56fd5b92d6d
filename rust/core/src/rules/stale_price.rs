//! The order's asset, and every asset with exposure, was marked within 60 s.
//!
//! With an old price every other check measures a market that is gone.

use crate::decide::Case;
use crate::num::Nano;
use crate::reason::Reason;
use crate::rules::{Passes, Rule};
use crate::time::Span;

/// This rule.
pub const RULE: Rule = Rule {
    code: "stale_price",
    passes_when: "the order's asset, and every asset with exposure, was marked within 60 s",
    applies_to: "opening",
    why: "With an old price every other check measures a market that is gone.",
    example: "A buy 61 seconds after the last mark.",
    limits: &["mark_age_s_max"],
    headroom: true,
};

/// Asked for opening orders.
#[inline]
pub fn applies(case: &Case<'_>) -> bool {
    case.is_opening()
}

/// Nothing exposed is older than the limit, and neither is the order's own asset.
#[inline]
pub fn passes(case: &Case<'_>) -> Passes {
    let (account, max) = (case.facts.account, case.facts.limits.mark_age_s_max);
    let own = case.mark().is_some_and(|mark| case.facts.now.since(mark.time) <= max);
    Some(own && account.unmarked == 0 && case.facts.now.since(account.oldest_mark) <= max)
}

fn seconds(span: Span) -> Nano {
    Nano::from_raw(i128::from(span.nanos()))
}

/// The age of the oldest mark that counts.
pub fn explain(case: &Case<'_>) -> Reason {
    let (account, now) = (case.facts.account, case.facts.now);
    let limit = seconds(case.facts.limits.mark_age_s_max);
    let Some(mark) = case.mark() else {
        return Reason::new(limit, None::<Nano>, format!("{} has no price", case.terms.asset));
    };
    if account.unmarked > 0 {
        return Reason::new(limit, None::<Nano>, "an asset with exposure has no price at all");
    }
    let (own, oldest) = (now.since(mark.time), now.since(account.oldest_mark));
    let (age, whose) = if own >= oldest { (own, case.terms.asset.to_string()) } else { (oldest, "an asset with exposure".to_owned()) };
    Reason::new(limit, seconds(age), format!("the price of {whose} is {age} old; at most {limit} s is allowed"))
}
