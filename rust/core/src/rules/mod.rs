//! The rules, one file each, in the order in which violations are reported.
//!
//! To add one: write its file (`RULE`, `applies`, `passes`, `explain`) and its line in the registry below. The tests
//! then name what else is missing.

use crate::decide::{Case, Mask};
use crate::reason::{Figure, Reason, Word};

/// What is known of a rule, beside its check.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its code.
    pub code: &'static str,
    /// It passes when …
    pub passes_when: &'static str,
    /// It is asked for …
    pub applies_to: &'static str,
    /// Why there is such a rule.
    pub why: &'static str,
    /// An order that it refuses, in words.
    pub example: &'static str,
    /// Its limits.
    pub limits: &'static [&'static str],
    /// Whether `headroom` speaks of it: it is asked for a plain market order, and has no need of its stop.
    pub headroom: bool,
}

/// What a check says: `Some(true)` passes, `Some(false)` and what is missing violate, `None` overflowed and violates.
pub type Passes = Option<bool>;

macro_rules! registry {
    ($($module:ident),+ $(,)?) => {
        $(pub mod $module;)+

        /// Every rule, in order.
        pub const REGISTRY: [Rule; [$(stringify!($module)),+].len()] = [$($module::RULE),+];
        /// The codes of the rules, in order.
        pub const RULES: [&str; REGISTRY.len()] = [$($module::RULE.code),+];

        /// The violated rules as bits.
        #[inline]
        pub(crate) fn violated(case: &Case<'_>) -> u32 {
            let (mut bits, mut bit) = (0_u32, 1_u32);
            $(
                if $module::applies(case) {
                    match $module::passes(case) {
                        Some(true) => {}
                        Some(false) => bits |= bit,
                        None => bits |= bit | Mask::ARITHMETIC_OVERFLOW,
                    }
                }
                bit = bit.wrapping_shl(1);
            )+
            let _ = bit;
            bits
        }

        /// Whether each rule is asked for the case.
        fn applying(case: &Case<'_>) -> [bool; REGISTRY.len()] {
            [$($module::applies(case)),+]
        }

        /// Why the rule at an index stands against the case.
        fn explain_rule(index: usize, case: &Case<'_>) -> Reason {
            let explanations: [fn(&Case<'_>) -> Reason; REGISTRY.len()] = [$($module::explain),+];
            explanations.get(index).map_or_else(|| Reason::new(None::<u32>, None::<u32>, ""), |explain| explain(case))
        }
    };
}

registry![
    trading_state,
    duplicate_order,
    unknown_asset,
    stale_price,
    reduce_only,
    leverage,
    position_size,
    stop_loss_required,
    stop_loss_distance,
    daily_loss,
    drawdown,
    concentration,
    correlated_exposure,
    liquidation_buffer,
    stop_risk_budget,
    price_collar,
    order_notional,
    order_rate,
    open_orders,
];

/// A violated rule and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule's code.
    pub rule: &'static str,
    /// Limit, observed value and sentence.
    pub reason: Reason,
}

/// What a rule says of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The rule's code.
    pub rule: &'static str,
    /// Whether it is asked for this order at all.
    pub applies: bool,
    /// Whether it lets the order pass.
    pub passed: bool,
    /// Limit, observed value, and what it takes or what is wrong.
    pub reason: Reason,
}

fn is_set(mask: Mask, index: usize) -> bool {
    mask.0.checked_shr(u32::try_from(index).unwrap_or(u32::MAX)).unwrap_or(0) & 1 == 1
}

/// What every rule says, in order.
pub fn asked(case: &Case<'_>, mask: Mask) -> Vec<Asked> {
    let asked = REGISTRY.iter().zip(applying(case)).enumerate();
    let one = |(index, (rule, applies)): (usize, (&Rule, bool))| {
        let (passed, why) = (!is_set(mask, index), explain_rule(index, case));
        let reason = match (applies, passed) {
            (true, false) => why,
            // The words of a violation do not fit what passed; its numbers do.
            (true, true) => {
                let number = |figure| if matches!(figure, Figure::Word(_)) { Figure::Unknown } else { figure };
                let (limit, observed) = (number(why.limit), number(why.observed));
                Reason { limit, observed, message: rule.passes_when.to_owned() }
            }
            (false, _) => Reason::new(None::<u32>, None::<u32>, format!("asked for: {}", rule.applies_to)),
        };
        Asked { rule: rule.code, applies, passed, reason }
    };
    asked.map(one).collect()
}

/// Every violation of a mask, in order.
pub fn explain(case: &Case<'_>, mask: Mask) -> Vec<Violation> {
    let mut violations: Vec<Violation> = RULES
        .iter()
        .enumerate()
        .filter(|(index, _)| is_set(mask, *index))
        .map(|(index, rule)| Violation { rule, reason: explain_rule(index, case) })
        .collect();
    if mask.0 & Mask::ARITHMETIC_OVERFLOW != 0 {
        let message = "a number in the check does not fit 128 bits, so nothing can be said for the order";
        violations
            .push(Violation { rule: "arithmetic_overflow", reason: Reason::new(Word::Bits128, None::<u32>, message) });
    }
    if mask.0 & Mask::ENGINE_HALTED != 0 {
        violations
            .push(engine_halted("the gate met a bug in itself and stopped; nothing passes until it is opened again"));
    }
    violations
}

/// The violation of every order once the gate has stopped.
pub fn engine_halted(why: &str) -> Violation {
    Violation { rule: "engine_halted", reason: Reason::new(None::<u32>, None::<u32>, why) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_lists_the_table_of_the_specification() {
        let table = "trading_state duplicate_order unknown_asset stale_price reduce_only leverage position_size \
            stop_loss_required stop_loss_distance daily_loss drawdown concentration correlated_exposure \
            liquidation_buffer stop_risk_budget price_collar order_notional order_rate open_orders";
        assert_eq!(RULES.join(" "), table.split_whitespace().collect::<Vec<_>>().join(" "));
    }

    #[test]
    fn every_rule_names_only_limits_that_exist() {
        for rule in REGISTRY {
            for limit in rule.limits {
                assert!(crate::limits::Field::named(limit).is_ok(), "{} names {limit}", rule.code);
            }
            assert!(!rule.why.is_empty() && !rule.example.is_empty());
        }
    }
}
