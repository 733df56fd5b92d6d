//! Time as integer nanoseconds since 1970 UTC, and the UTC day it falls on.

use std::fmt;

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

/// An instant: nanoseconds since 1970-01-01T00:00:00Z, from 1678 to 2262.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

/// A UTC date as days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Day(pub i64);

/// A length of time in nanoseconds, never negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(i64);

impl Time {
    /// The end of time: later than anything that is waited for.
    pub const END: Self = Self(i64::MAX);
    /// The start of time.
    pub const START: Self = Self(i64::MIN);

    /// From nanoseconds since 1970 UTC.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }
    /// Nanoseconds since 1970 UTC.
    pub const fn nanos(self) -> i64 {
        self.0
    }
    /// The instant a span later; the end of time where that is past it.
    #[must_use]
    pub const fn after(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
    /// The instant a span earlier.
    #[must_use]
    pub const fn before(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
    /// How long ago `earlier` was; nothing where it lies ahead.
    pub const fn since(self, earlier: Self) -> Span {
        let nanos = self.0.saturating_sub(earlier.0);
        Span(if nanos < 0 { 0 } else { nanos })
    }
    /// The UTC date.
    pub const fn day(self) -> Day {
        Day(self.0.div_euclid(DAY))
    }
    /// The second it falls in.
    pub const fn second(self) -> i64 {
        self.0.div_euclid(SECOND)
    }
}

/// Why a text is no instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an RFC 3339 time with its zone, such as 2020-03-12T10:55:00Z, from 1678 to 2261")]
pub struct TimeError;

impl Time {
    /// Reads RFC 3339: a date, `T` or a space, a time with up to nine fractional digits, and `Z` or an offset.
    ///
    /// ```
    /// # use gxrisk_core::Time;
    /// assert_eq!(Time::parse("2020-03-12T11:55:00+01:00").unwrap().to_string(), "2020-03-12T10:55:00Z");
    /// ```
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        parse(text).ok_or(TimeError)
    }
}

/// A number of exactly `count` digits, and what follows it.
fn digits(text: &str, count: usize) -> Option<(i64, &str)> {
    let (number, rest) = text.split_at_checked(count)?;
    if number.bytes().all(|byte| byte.is_ascii_digit()) { Some((number.parse().ok()?, rest)) } else { None }
}

fn parse(text: &str) -> Option<Time> {
    let (year, rest) = digits(text, 4)?;
    let (month, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let (hour, rest) = digits(rest.strip_prefix(['T', 't', ' '])?, 2)?;
    let (minute, rest) = digits(rest.strip_prefix(':')?, 2)?;
    let (second, rest) = digits(rest.strip_prefix(':')?, 2)?;
    let (nanos, rest) = fraction(rest)?;
    let offset_minutes = offset(rest)?;
    let date = Day::of_date(year, month, day)?;
    let is_time = hour < 24 && minute < 60 && second < 60;
    let seconds = date.0.checked_mul(86_400)?.checked_add(hour.checked_mul(3_600)?)?;
    let seconds = seconds.checked_add(minute.checked_sub(offset_minutes)?.checked_mul(60)?)?.checked_add(second)?;
    let nanos = seconds.checked_mul(SECOND)?.checked_add(nanos)?;
    if is_time { Some(Time(nanos)) } else { None }
}

fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(rest) = text.strip_prefix('.') else { return Some((0, text)) };
    let count = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (value, rest) = digits(rest, count).filter(|_| (1..=9).contains(&count))?;
    let scale = 10_i64.checked_pow(u32::try_from(9_usize.checked_sub(count)?).ok()?)?;
    Some((value.checked_mul(scale)?, rest))
}

fn offset(text: &str) -> Option<i64> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("Z" | "z", "") => return Some(0),
        ("+", rest) => (1_i64, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, rest) = digits(rest, 2)?;
    let (minutes, rest) = digits(rest.strip_prefix(':')?, 2)?;
    let is_offset = rest.is_empty() && hours < 24 && minutes < 60;
    if is_offset { sign.checked_mul(hours.checked_mul(60)?.checked_add(minutes)?) } else { None }
}

impl Day {
    /// The day of a year, month and day of the proleptic Gregorian calendar; `None` where there is none.
    #[expect(clippy::arithmetic_side_effects, reason = "four digits of year; divisors are constants")]
    pub fn of_date(year: i64, month: i64, day: i64) -> Option<Self> {
        if !(1..=9_999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let shifted_year = if month <= 2 { year - 1 } else { year };
        let (era, of_era) = (shifted_year.div_euclid(400), shifted_year.rem_euclid(400));
        let shifted_month = if month > 2 { month - 3 } else { month + 9 };
        let of_year = (153 * shifted_month + 2) / 5 + day - 1;
        let found = Self(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468);
        // The 31st of a short month lands in the next one.
        (found.date() == (year, month, day)).then_some(found)
    }

    /// The first instant of the day.
    pub const fn start(self) -> Time {
        Time(self.0.saturating_mul(DAY))
    }
    /// The day after.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
    /// Year, month and day of the proleptic Gregorian calendar.
    ///
    /// Source: the rule of leap years, counted in eras of 400 years that begin in March.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "a day that fits Time is below 2^17 in size; divisors are constants"
    )]
    pub const fn date(self) -> (i64, i64, i64) {
        let days = self.0 + 719_468; // since 0000-03-01
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let (day, month) =
            (of_year - (153 * shifted + 2) / 5 + 1, if shifted < 10 { shifted + 3 } else { shifted - 9 });
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        (year, month, day)
    }
}

impl Span {
    /// From nanoseconds; a negative number is no time at all.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(if nanos < 0 { 0 } else { nanos })
    }
    /// From whole seconds.
    pub const fn seconds(seconds: i64) -> Self {
        Self::from_nanos(seconds.saturating_mul(SECOND))
    }
    /// Nanoseconds.
    pub const fn nanos(self) -> i64 {
        self.0
    }
}

/// RFC 3339 in UTC, with as many fractional digits as are needed.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.day().date();
        let of_day = self.0.rem_euclid(DAY);
        let (seconds, nanos) = (of_day.div_euclid(SECOND), of_day.rem_euclid(SECOND));
        let (hour, minute, second) =
            (seconds.div_euclid(3600), seconds.div_euclid(60).rem_euclid(60), seconds.rem_euclid(60));
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if nanos != 0 {
            let digits = format!("{nanos:09}");
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Seconds, with as many fractional digits as are needed.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", crate::Nano::from_raw(i128::from(self.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_print_as_rfc_3339() {
        for (nanos, shown) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_583_971_200_000_000_000, "2020-03-12T00:00:00Z"),
            (1_582_934_400_000_000_001, "2020-02-29T00:00:00.000000001Z"),
            (-1, "1969-12-31T23:59:59.999999999Z"),
            (1_709_164_800_500_000_000, "2024-02-29T00:00:00.5Z"),
        ] {
            assert_eq!(Time::from_nanos(nanos).to_string(), shown);
        }
    }

    #[test]
    fn rfc_3339_is_read_back() {
        for text in
            ["2020-03-12T10:55:00Z", "2024-02-29T23:59:59.999999999Z", "1969-12-31T23:59:59.5Z", "1700-01-01T00:00:00Z"]
        {
            assert_eq!(Time::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "2020-03-12",
            "2020-03-12T10:55:00",
            "2020-02-30T00:00:00Z",
            "2020-13-01T00:00:00Z",
            "2020-03-12T24:00:00Z",
            "2020-03-12T10:55:00.Z",
            "2020-03-12T10:55:00.1234567890Z",
            "2020-03-12T10:55:00+1:00",
            "9999-01-01T00:00:00Z",
        ] {
            assert_eq!(Time::parse(text), Err(TimeError), "{text}");
        }
    }

    #[test]
    fn a_day_is_half_open() {
        let midnight = Time::from_nanos(1_583_971_200_000_000_000);
        assert_eq!(midnight.before(Span::from_nanos(1)).day().next(), midnight.day());
        assert_eq!(midnight.day().start(), midnight);
    }
}
