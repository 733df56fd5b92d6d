//! What every byte form is made of: integers, texts, names and keys.

use crate::asset::Asset;
use crate::decide::Mask;
use crate::num::{Atto, Nano};
use crate::time::{Day, Span, Time};

use super::{Coded, Input};

impl Coded for u128 {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut rest = *self;
        // As in `decode`: the usual number is short.
        if let Ok(mut short) = u64::try_from(rest) {
            while short >= 0x80 {
                let [low, ..] = short.to_le_bytes();
                out.push(low | 0x80);
                short >>= 7;
            }
            let [low, ..] = short.to_le_bytes();
            out.push(low);
            return;
        }
        loop {
            let [low, ..] = rest.to_le_bytes();
            if rest < 0x80 {
                out.push(low);
                return;
            }
            out.push(low | 0x80);
            rest >>= 7;
        }
    }
    fn decode(input: &mut Input<'_>) -> Option<Self> {
        // Most numbers are short, and 64 bits are shifted faster than 128: nine groups of seven bits fit.
        let (mut short, mut shift) = (0_u64, 0_u32);
        while shift < 63 {
            let byte = input.byte()?;
            short |= u64::from(byte & 0x7f).wrapping_shl(shift);
            if byte & 0x80 == 0 {
                // An empty last group would be a second form of the same number.
                return (byte != 0 || shift == 0).then_some(u128::from(short));
            }
            shift = shift.saturating_add(7);
        }
        let mut value = u128::from(short);
        loop {
            let byte = input.byte()?;
            let part = u128::from(byte & 0x7f);
            let placed = part.checked_shl(shift)?;
            if placed.wrapping_shr(shift) != part {
                return None; // beyond 128 bits
            }
            value |= placed;
            if byte & 0x80 == 0 {
                return (byte != 0).then_some(value);
            }
            shift = shift.saturating_add(7);
        }
    }
}

impl Coded for i128 {
    fn encode(&self, out: &mut Vec<u8>) {
        (self.wrapping_shl(1) ^ self.wrapping_shr(127)).cast_unsigned().encode(out);
    }
    fn decode(input: &mut Input<'_>) -> Option<Self> {
        let zigzag = u128::decode(input)?;
        let sign = 0_i128.wrapping_sub((zigzag & 1).cast_signed());
        Some((zigzag >> 1).cast_signed() ^ sign)
    }
}

/// A type by the type that it is kept as: there, and back where it is in range.
macro_rules! coded_as {
    ($($name:ty: $kept:ty, $to:expr, $from:expr;)+) => {$(
        impl Coded for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                let to: fn(Self) -> $kept = $to;
                to(*self).encode(out);
            }
            fn decode(input: &mut Input<'_>) -> Option<Self> {
                let from: fn($kept) -> Option<Self> = $from;
                from(Coded::decode(input)?)
            }
        }
    )+};
}

coded_as! {
    u32: u128, u128::from, |wide| u32::try_from(wide).ok();
    u64: u128, u128::from, |wide| u64::try_from(wide).ok();
    i64: i128, i128::from, |wide| i64::try_from(wide).ok();
    bool: u128, u128::from, |bit| match bit { 0 => Some(false), 1 => Some(true), _ => None };
    Nano: i128, Nano::raw, |raw| Some(Nano::from_raw(raw));
    Atto: i128, Atto::raw, |raw| Some(Atto::from_raw(raw));
    Time: i64, Time::nanos, |nanos| Some(Time::from_nanos(nanos));
    Span: u64, |span| span.nanos().unsigned_abs(), |nanos| i64::try_from(nanos).ok().map(Span::from_nanos);
    // A day outside of time has no date.
    Day: i64, |day| day.0, |day| Some(Day(day)).filter(|day| day.start().day() == *day);
    Mask: u32, |mask| mask.0, |bits| Some(Mask(bits)).filter(|_| bits & !Mask::ALL == 0);
}

impl<const N: usize> Coded for [u8; N] {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
    fn decode(input: &mut Input<'_>) -> Option<Self> {
        input.take(N)?.try_into().ok()
    }
}

pub(super) fn encode_count(count: usize, out: &mut Vec<u8>) {
    // INVARIANT: a length in memory fits 64 bits.
    u64::try_from(count).unwrap_or(u64::MAX).encode(out);
}

fn encode_text(text: &str, out: &mut Vec<u8>) {
    encode_count(text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

fn decode_text<'a>(input: &mut Input<'a>) -> Option<&'a str> {
    let count = input.count()?;
    std::str::from_utf8(input.take(count)?).ok()
}

/// A type by the text that it is kept as.
macro_rules! coded_text {
    ($($name:ty: $to:expr, $from:expr;)+) => {$(
        impl Coded for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                let to: fn(&Self) -> &str = $to;
                encode_text(to(self), out);
            }
            fn decode(input: &mut Input<'_>) -> Option<Self> {
                let from: fn(&str) -> Option<Self> = $from;
                from(decode_text(input)?)
            }
        }
    )+};
}

coded_text! {
    Box<str>: |text| text, |text| Some(text.into());
    String: |text| text, |text| Some(text.into());
    Asset: Asset::name, |name| Asset::new(name).ok();
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::codec::{decoded, encoded};
    use proptest::prelude::*;

    #[test]
    fn numbers_have_one_form() {
        for (value, form) in [(0, "00"), (-1, "01"), (1, "02"), (63, "7e"), (64, "8001"), (i128::MIN, MIN)] {
            let bytes: Vec<u8> =
                (0..form.len()).step_by(2).map(|at| u8::from_str_radix(&form[at..at + 2], 16).unwrap()).collect();
            assert_eq!((encoded(&value), decoded(&bytes)), (bytes, Some(value)));
        }
        for overlong in [&[0x80, 0x00][..], &[0xff, 0x80, 0x00], &[0x80; 19], &[0xff; 30], &[]] {
            assert_eq!(decoded::<u128>(overlong), None, "{overlong:?}");
        }
        let mut beyond = encoded(&u128::MAX);
        *beyond.last_mut().unwrap() = 4;
        assert_eq!(decoded::<u128>(&beyond), None);
    }

    const MIN: &str = "ffffffffffffffffffffffffffffffffffff03";

    #[test]
    fn what_is_out_of_range_or_order_is_refused() {
        assert_eq!(decoded::<u32>(&encoded(&(u64::from(u32::MAX) + 1))), None);
        assert_eq!(decoded::<i64>(&encoded(&(i128::from(i64::MAX) + 1))), None);
        assert_eq!(decoded::<Span>(&encoded(&u64::MAX)), None);
        assert_eq!(decoded::<Day>(&encoded(&106_751_i64)), Some(Day(106_751)));
        assert_eq!(decoded::<Day>(&encoded(&106_752_i64)), None);
        assert_eq!(decoded::<bool>(&[2]), None);
        assert_eq!(decoded::<Option<bool>>(&[2, 0]), None);
        assert_eq!(decoded::<Asset>(b"\x03B C"), None);
        assert_eq!(decoded::<String>(b"\x02\xc3\x28"), None);
        assert_eq!(decoded::<BTreeSet<u32>>(&[2, 1, 2]), Some([1, 2].into()));
        for unordered in [[2, 2, 1], [2, 1, 1]] {
            assert_eq!(decoded::<BTreeSet<u32>>(&unordered), None);
        }
        assert_eq!(decoded::<BTreeMap<u32, bool>>(&[2, 1, 0, 1, 1]), None);
        assert_eq!(decoded::<u32>(&[1, 1]), None, "trailing");
    }

    #[test]
    fn a_length_beyond_the_input_allocates_nothing() {
        let huge = encoded(&u64::MAX);
        assert_eq!(decoded::<Vec<u64>>(&huge), None);
        assert_eq!(decoded::<String>(&huge), None);
    }

    proptest! {
        #[test]
        fn numbers_come_back(value in any::<i128>(), shift in 0_u32..128) {
            let value = value >> shift;
            prop_assert_eq!(decoded::<i128>(&encoded(&value)), Some(value));
        }

        #[test]
        fn whatever_is_read_is_written_the_same(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
            if let Some(value) = decoded::<i128>(&bytes) { prop_assert_eq!(encoded(&value), bytes.clone()); }
            if let Some(map) = decoded::<BTreeMap<u32, Option<i64>>>(&bytes) { prop_assert_eq!(encoded(&map), bytes.clone()); }
            if let Some(value) = decoded::<Vec<String>>(&bytes) { prop_assert_eq!(encoded(&value), bytes); }
        }
    }
}
