//! Exact numbers: 128-bit fixed point with checked arithmetic.
//!
//! A [`Nano`] holds nine fractional digits: a price, a quantity, a ratio, an amount as it was entered. An [`Atto`]
//! holds eighteen: the product of two of them, so that quantity x price is money without rounding.

use std::fmt;

use crate::wide::{Toward, multiply_divide};

const NANO: i128 = 1_000_000_000;
const ATTO: i128 = NANO * NANO;

/// A number with nine fractional digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Nano(i128);

/// A number with eighteen fractional digits: a product of two [`Nano`]s.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Atto(i128);

/// Why a text or a float is not a number that the gate takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not a number at all: words, NaN, an infinity, spaces, underscores.
    #[error("is not a finite decimal number")]
    NotANumber,
    /// A digit other than zero after the ninth fractional one.
    #[error("has more than nine fractional digits")]
    TooFine,
    /// More than the gate's numbers hold.
    #[error("is too large")]
    TooLarge,
}

macro_rules! checked_sums {
    ($name:ident, $scale:expr, $digits:literal) => {
        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(0);

            /// From the raw integer, in units of the last digit.
            pub const fn from_raw(raw: i128) -> Self {
                Self(raw)
            }
            /// The raw integer, in units of the last digit.
            pub const fn raw(self) -> i128 {
                self.0
            }
            /// The sum, or `None` on overflow.
            #[inline]
            pub fn plus(self, other: Self) -> Option<Self> {
                self.0.checked_add(other.0).map(Self)
            }
            /// The difference, or `None` on overflow.
            #[inline]
            pub fn minus(self, other: Self) -> Option<Self> {
                self.0.checked_sub(other.0).map(Self)
            }
            /// The number with the other sign, or `None` on overflow.
            #[inline]
            pub fn negated(self) -> Option<Self> {
                self.0.checked_neg().map(Self)
            }
            /// The size without the sign, or `None` on overflow.
            #[inline]
            pub fn size(self) -> Option<Self> {
                self.0.checked_abs().map(Self)
            }
            /// Above zero.
            #[inline]
            pub fn is_positive(self) -> bool {
                self.0 > 0
            }
            /// Exactly zero.
            #[inline]
            pub fn is_zero(self) -> bool {
                self.0 == 0
            }
        }

        /// The shortest exact decimal text.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let (size, scale) = (self.0.unsigned_abs(), ($scale as i128).unsigned_abs());
                let sign = if self.0 < 0 { "-" } else { "" };
                // INVARIANT: the scale is a positive constant.
                let (whole, part) = (size.checked_div(scale).unwrap_or(0), size.checked_rem(scale).unwrap_or(0));
                if part == 0 {
                    return write!(f, "{sign}{whole}");
                }
                let digits = format!(concat!("{:0", $digits, "}"), part);
                write!(f, "{sign}{whole}.{}", digits.trim_end_matches('0'))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}
checked_sums!(Nano, NANO, "9");
checked_sums!(Atto, ATTO, "18");

impl Nano {
    /// One.
    pub const ONE: Self = Self(NANO);
    /// The largest price, quantity or amount that the gate takes: 1e18.
    pub const MAX: Self = Self(NANO * 1_000_000_000_000_000_000);
    /// The smallest step.
    pub const STEP: Self = Self(1);

    /// A whole number.
    pub const fn whole(value: i64) -> Self {
        Self((value as i128).wrapping_mul(NANO))
    }

    /// The exact product.
    #[inline]
    pub fn times(self, other: Self) -> Option<Atto> {
        if let (Ok(a), Ok(b)) = (i64::try_from(self.0), i64::try_from(other.0)) {
            // INVARIANT: a product of two 64-bit numbers has at most 127 bits.
            return Some(Atto(i128::from(a).wrapping_mul(i128::from(b))));
        }
        self.0.checked_mul(other.0).map(Atto)
    }

    /// The same number with eighteen digits.
    #[inline]
    pub fn widened(self) -> Option<Atto> {
        self.times(Self::ONE)
    }

    /// Reads decimal text, exactly.
    ///
    /// ```
    /// use gxrisk_core::num::{Nano, NumberError};
    /// assert_eq!(Nano::parse("0.1").unwrap().to_string(), "0.1");
    /// assert_eq!(Nano::parse("1e-10"), Err(NumberError::TooFine));
    /// ```
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        let (negative, rest) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] | rest => (false, rest),
        };
        let mut seen = Digits::default();
        let mut bytes = rest.iter();
        let mut exponent = 0_i32;
        while let Some(byte) = bytes.next() {
            match byte {
                b'0'..=b'9' => seen.push(byte.wrapping_sub(b'0')),
                b'.' if !seen.after_point => seen.after_point = true,
                b'e' | b'E' if seen.any => {
                    exponent = parse_exponent(bytes.as_slice())?;
                    break;
                }
                _ => return Err(NumberError::NotANumber),
            }
        }
        if !seen.any {
            return Err(NumberError::NotANumber);
        }
        let size = seen.nano(exponent)?;
        Ok(Self(if negative { 0_i128.saturating_sub(size) } else { size }))
    }

    /// The nearest number with nine digits to a float, a tie to the even one.
    ///
    /// ```
    /// # use gxrisk_core::Nano;
    /// assert_eq!(Nano::from_f64(0.1 + 0.2).unwrap().to_string(), "0.3");
    /// ```
    pub fn from_f64(value: f64) -> Result<Self, NumberError> {
        // A float is mantissa x 2^exponent: only integers are touched here.
        let bits = value.to_bits();
        let biased = (bits >> 52) & 0x7ff;
        if biased == 0x7ff {
            return Err(NumberError::NotANumber);
        }
        let fraction = i128::from(bits & ((1 << 52) - 1));
        let (mantissa, exponent) = match i32::try_from(biased).unwrap_or(0) {
            0 => (fraction, -1074),
            normal => (fraction | (1 << 52), normal.saturating_sub(1075)),
        };
        let scaled = mantissa.wrapping_mul(NANO); // INVARIANT: 53 + 30 bits
        let size = match exponent {
            0.. => {
                let shift = exponent.unsigned_abs();
                if mantissa != 0 && shift > 40 {
                    return Err(NumberError::TooLarge);
                }
                scaled.checked_shl(shift).unwrap_or(0)
            }
            // Below half of the last digit, whatever the mantissa.
            ..-84 => 0,
            _ => {
                let shift = exponent.unsigned_abs();
                let floor = scaled.checked_shr(shift).unwrap_or(0);
                let rest = scaled.wrapping_sub(floor.checked_shl(shift).unwrap_or(0));
                let half = 1_i128.checked_shl(shift.saturating_sub(1)).unwrap_or(0);
                let up = rest > half || (rest == half && floor & 1 == 1);
                floor.wrapping_add(i128::from(up))
            }
        };
        Ok(Self(if bits >> 63 == 1 { 0_i128.wrapping_sub(size) } else { size }))
    }
}

/// The digits of a text as they are read: the value without its point, and where the point stood.
#[derive(Default)]
struct Digits {
    value: i128,
    fraction: i32,
    any: bool,
    after_point: bool,
    /// Zeros that are not yet known to matter: `1.000…0` has any number of them and stays exact.
    zeros: i32,
    overflow: bool,
}

impl Digits {
    fn push(&mut self, digit: u8) {
        self.any = true;
        if self.after_point {
            self.fraction = self.fraction.saturating_add(1);
        }
        if digit == 0 {
            self.zeros = self.zeros.saturating_add(1);
            return;
        }
        let shift = 10_i128.checked_pow(self.zeros.saturating_add(1).unsigned_abs());
        let next = if self.value == 0 { Some(0) } else { shift.and_then(|s| self.value.checked_mul(s)) };
        match next.and_then(|v| v.checked_add(i128::from(digit))) {
            Some(value) => self.value = value,
            None => self.overflow = true,
        }
        self.zeros = 0;
    }

    fn nano(&self, exponent: i32) -> Result<i128, NumberError> {
        if self.value == 0 && !self.overflow {
            return Ok(0);
        }
        // value x 10^power nano-units
        let power = exponent.saturating_add(self.zeros).saturating_sub(self.fraction).saturating_add(9);
        if power < 0 {
            return Err(NumberError::TooFine); // the last digit pushed is not zero
        }
        let scale = 10_i128.checked_pow(power.unsigned_abs());
        match scale.and_then(|s| self.value.checked_mul(s)) {
            Some(size) if !self.overflow => Ok(size),
            _ => Err(NumberError::TooLarge),
        }
    }
}

fn parse_exponent(bytes: &[u8]) -> Result<i32, NumberError> {
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(NumberError::NotANumber);
    }
    let size = digits
        .iter()
        .fold(0_i32, |sum, digit| sum.saturating_mul(10).saturating_add(i32::from(digit.wrapping_sub(b'0'))))
        .min(100_000);
    Ok(if negative { 0_i32.saturating_sub(size) } else { size })
}

impl Atto {
    /// `ratio` of this amount, rounded down. Exact for `x <= result`; saturates, which keeps that comparison exact.
    #[must_use]
    pub fn share_floor(self, ratio: Nano) -> Self {
        self.share(ratio.0, NANO, Toward::Floor)
    }

    /// `ratio` of this amount, rounded up. Exact for `x < result` and `x >= result`.
    #[must_use]
    pub fn share_ceiling(self, ratio: Nano) -> Self {
        self.share(ratio.0, NANO, Toward::Ceiling)
    }

    /// `ratio x scale` of this amount, rounded down.
    #[must_use]
    pub fn scaled_share_floor(self, ratio: Nano, scale: Nano) -> Self {
        if scale == Nano::ONE {
            return self.share_floor(ratio);
        }
        // INVARIANT: limits are at most 1e3 and the scale at most 1, far from the end of 128 bits.
        self.share(ratio.times(scale).map_or(0, Atto::raw), ATTO, Toward::Floor)
    }

    fn share(self, ratio: i128, unit: i128, toward: Toward) -> Self {
        Self(multiply_divide(self.0, ratio, unit, toward).unwrap_or(if self.0 < 0 { i128::MIN } else { i128::MAX }))
    }

    /// `self x part / total`, rounded up; `total` is positive.
    pub fn prorated_ceiling(self, part: Self, total: Self) -> Option<Self> {
        multiply_divide(self.0, part.0, total.0, Toward::Ceiling).map(Self)
    }

    /// `self x part / total`, rounded up; `total` is positive.
    pub fn prorated_by_quantity(self, part: Nano, total: Nano) -> Option<Self> {
        multiply_divide(self.0, part.0, total.0, Toward::Ceiling).map(Self)
    }

    /// `self / total` with nine digits, rounded up (against the trader); `None` for a total that is not positive.
    pub fn fraction_of(self, total: Self) -> Option<Nano> {
        multiply_divide(self.0, NANO, total.0, Toward::Ceiling).map(Nano)
    }

    /// `self / quantity` with nine digits, rounded down.
    pub fn per_unit(self, quantity: Nano) -> Option<Nano> {
        multiply_divide(self.0, 1, quantity.0, Toward::Floor).map(Nano)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_is_taken_exactly() {
        for (text, shown) in [
            ("1", "1"),
            ("-0.1", "-0.1"),
            ("+12.500", "12.5"),
            (".5", "0.5"),
            ("5.", "5"),
            ("1e-9", "0.000000001"),
            ("1.5E3", "1500"),
            ("0e999999999", "0"),
            ("1.00000000000000000000000000000000000000000000", "1"),
            ("100000000000e-20", "0.000000001"),
            ("1000000000000000000", "1000000000000000000"),
            ("-0", "0"),
        ] {
            assert_eq!(Nano::parse(text).map(|n| n.to_string()), Ok(shown.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_not_exact_or_not_a_number_is_refused() {
        for text in
            ["", "-", ".", "e5", "1e", "1e+", "nan", "inf", " 1", "1 ", "1_0", "0x10", "1.2.3", "--1", "1e5.0", "½"]
        {
            assert_eq!(Nano::parse(text), Err(NumberError::NotANumber), "{text}");
        }
        for text in ["1e-10", "0.0000000001", "1.0000000001", "0.1234567891"] {
            assert_eq!(Nano::parse(text), Err(NumberError::TooFine), "{text}");
        }
        for text in ["1e400", "9999999999999999999999999999999999999999", "1e99999999999999999999"] {
            assert_eq!(Nano::parse(text), Err(NumberError::TooLarge), "{text}");
        }
    }

    #[test]
    fn floats_go_to_the_nearest_ninth_digit() {
        for (value, shown) in [
            (0.1, "0.1"),
            (0.1 + 0.2, "0.3"),
            (-0.0, "0"),
            (5e-324, "0"),
            (1e-9, "0.000000001"),
            (0.000_976_562_5, "0.000976562"), // an exact tie: to the even digit
            (0.002_929_687_5, "0.002929688"), // the next one: up to the even digit
            (9_007_199_254_740_993.0, "9007199254740992"),
            (1e18, "1000000000000000000"),
        ] {
            assert_eq!(Nano::from_f64(value).map(|n| n.to_string()), Ok(shown.to_owned()), "{value:e}");
        }
        assert_eq!(Nano::from_f64(f64::NAN), Err(NumberError::NotANumber));
        assert_eq!(Nano::from_f64(f64::NEG_INFINITY), Err(NumberError::NotANumber));
        assert_eq!(Nano::from_f64(1e308), Err(NumberError::TooLarge));
    }

    #[test]
    fn products_are_exact_at_both_ends_of_the_scale() {
        let n = |text| Nano::parse(text).unwrap();
        assert_eq!(n("1000000000000").times(n("0.00000001")).unwrap().to_string(), "10000");
        assert_eq!(n("0.000001").times(n("10000000")).unwrap().to_string(), "10");
        assert_eq!(Nano::MAX.times(Nano::MAX), None);
    }

    proptest! {
        #[test]
        fn text_and_number_are_each_others_inverse(raw in any::<i64>()) {
            let number = Nano::from_raw(i128::from(raw));
            prop_assert_eq!(Nano::parse(&number.to_string()), Ok(number));
        }

        #[test]
        fn a_float_is_at_most_half_a_unit_away(value in -1e9_f64..1e9) {
            let raw = Nano::from_f64(value).unwrap().raw();
            // Rust prints floats exactly when asked for enough digits.
            let exact = format!("{value:.80}");
            let (whole, part) = exact.split_once('.').unwrap();
            let nine: i128 = format!("{whole}{}", &part[..9]).parse().unwrap();
            let up = part.as_bytes()[9] >= b'5';
            let truncated_or_next = if value.is_sign_negative() { nine - i128::from(up) } else { nine + i128::from(up) };
            prop_assert!((raw - truncated_or_next).abs() <= 1);
            if !part[9..].trim_end_matches('0').eq("5") { prop_assert_eq!(raw, truncated_or_next); }
        }

        #[test]
        fn shares_bracket_the_exact_value(money in any::<i64>(), ratio in 1_i64..2_000_000_000) {
            let (money, ratio) = (Atto::from_raw(i128::from(money)), Nano::from_raw(i128::from(ratio)));
            let exact = money.raw() * ratio.raw();
            prop_assert!(money.share_floor(ratio).raw() * NANO <= exact);
            prop_assert!(money.share_ceiling(ratio).raw() * NANO >= exact);
        }
    }
}
