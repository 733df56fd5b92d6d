//! 256-bit intermediates: products of two 128-bit numbers, compared and divided without rounding in between.

use std::cmp::Ordering;

/// A product of two `u128`, as its high and low halves.
type Wide = (u128, u128);

fn product(a: u128, b: u128) -> Wide {
    const LOW: u128 = u64::MAX as u128;
    let (a_high, a_low, b_high, b_low) = (a >> 64, a & LOW, b >> 64, b & LOW);
    // INVARIANT: each partial product is below 2^128 and each sum of halves below 2^128, so nothing wraps.
    let low = a_low.wrapping_mul(b_low);
    let middle_1 = a_high.wrapping_mul(b_low).wrapping_add(low >> 64);
    let middle_2 = a_low.wrapping_mul(b_high).wrapping_add(middle_1 & LOW);
    let high = a_high.wrapping_mul(b_high).wrapping_add(middle_1 >> 64).wrapping_add(middle_2 >> 64);
    (high, (middle_2 << 64) | (low & LOW))
}

/// Compares `a * b` with `c * d`, exactly.
pub(crate) fn compare_products(a: i128, b: i128, c: i128, d: i128) -> Ordering {
    if let (Some(left), Some(right)) = (a.checked_mul(b), c.checked_mul(d)) {
        return left.cmp(&right);
    }
    let (left, right) = (a.signum().wrapping_mul(b.signum()), c.signum().wrapping_mul(d.signum()));
    left.cmp(&right).then_with(|| {
        let (left_size, right_size) =
            (product(a.unsigned_abs(), b.unsigned_abs()), product(c.unsigned_abs(), d.unsigned_abs()));
        if left < 0 { right_size.cmp(&left_size) } else { left_size.cmp(&right_size) }
    })
}

/// `(quotient, remainder)` of a 256-bit number by a 128-bit one; `None` when the quotient has more than 128 bits.
fn divide((high, low): Wide, divisor: u128) -> Option<(u128, u128)> {
    if high >= divisor {
        return None; // also refuses a divisor of zero
    }
    // Restoring division, one bit at a time: rare, and short enough to be seen to be right.
    let (mut remainder, mut quotient) = (high, 0_u128);
    for bit in (0..128).rev() {
        let carry = remainder >> 127 == 1;
        remainder = (remainder << 1) | ((low >> bit) & 1);
        if carry || remainder >= divisor {
            // With the carry the true remainder is 2^128 + remainder, and below 2 * divisor: the wrap takes it off.
            remainder = remainder.wrapping_sub(divisor);
            quotient |= 1 << bit;
        }
    }
    Some((quotient, remainder))
}

/// Which whole number a quotient goes to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Toward {
    Floor,
    Ceiling,
}

/// `a * b / divisor` for a positive divisor, rounded as told; `None` when it does not fit 128 bits.
pub(crate) fn multiply_divide(a: i128, b: i128, divisor: i128, toward: Toward) -> Option<i128> {
    if divisor <= 0 {
        return None;
    }
    if let Some(narrow) = a.checked_mul(b) {
        // One division, as they cost most here: the remainder follows from it, and has the sign of the dividend.
        let quotient = narrow.checked_div(divisor)?;
        let remainder = narrow.wrapping_sub(quotient.wrapping_mul(divisor));
        return match toward {
            Toward::Floor if remainder < 0 => quotient.checked_sub(1),
            Toward::Ceiling if remainder > 0 => quotient.checked_add(1),
            _ => Some(quotient),
        };
    }
    let negative = (a < 0) != (b < 0);
    let (size, remainder) = divide(product(a.unsigned_abs(), b.unsigned_abs()), divisor.unsigned_abs())?;
    // The size is cut toward zero; one more away from zero where the asked direction lies there.
    let away = remainder != 0 && negative == (toward == Toward::Floor);
    let size = if away { size.checked_add(1)? } else { size };
    if negative { 0_i128.checked_sub_unsigned(size) } else { i128::try_from(size).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn products_of_the_largest_numbers_compare() {
        assert_eq!(compare_products(i128::MAX, i128::MAX, i128::MIN, i128::MIN), Ordering::Less);
        assert_eq!(compare_products(i128::MIN, i128::MAX, i128::MIN, i128::MIN), Ordering::Less);
        assert_eq!(compare_products(i128::MAX, 2, 2, i128::MAX), Ordering::Equal);
        assert_eq!(compare_products(i128::MIN, 3, i128::MIN, 2), Ordering::Less);
    }

    #[test]
    fn a_quotient_that_does_not_fit_is_none() {
        assert_eq!(multiply_divide(i128::MAX, 2, 1, Toward::Floor), None);
        assert_eq!(multiply_divide(1, 1, 0, Toward::Floor), None);
        assert_eq!(multiply_divide(i128::MAX, i128::MAX, i128::MAX, Toward::Floor), Some(i128::MAX));
        assert_eq!(multiply_divide(i128::MIN, i128::MAX, i128::MAX, Toward::Floor), Some(i128::MIN));
    }

    proptest! {
        /// For a*b = q*d + r the wide path must agree with the definition of floor and ceiling.
        #[test]
        fn quotients_hold_their_definition(a in any::<i128>(), b in any::<i128>(), d in 1..i128::MAX) {
            if let (Some(floor), Some(ceiling)) =
                (multiply_divide(a, b, d, Toward::Floor), multiply_divide(a, b, d, Toward::Ceiling)) {
                prop_assert_ne!(compare_products(floor, d, a, b), Ordering::Greater);
                prop_assert_ne!(compare_products(ceiling, d, a, b), Ordering::Less);
                prop_assert!(ceiling.wrapping_sub(floor) == 0 || ceiling.wrapping_sub(floor) == 1);
                prop_assert_eq!(ceiling == floor, compare_products(floor, d, a, b) == Ordering::Equal);
            }
        }

        #[test]
        fn small_numbers_agree_with_plain_arithmetic(a in -1_000_000_i64..1_000_000, b in any::<i64>(), d in 1..i64::MAX) {
            let (a, b, d) = (i128::from(a), i128::from(b), i128::from(d));
            prop_assert_eq!(multiply_divide(a, b, d, Toward::Floor), Some((a * b).div_euclid(d)));
            prop_assert_eq!(compare_products(a, b, d, 1), (a * b).cmp(&d));
        }
    }
}
