//! Times of rounds, and what is said of them.

use std::fmt;
use std::time::{Duration, Instant};

/// How long something takes.
pub fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let begin = Instant::now();
    let done = work();
    (begin.elapsed(), done)
}

/// A median and its quartiles.
pub struct Spread {
    quarter: f64,
    pub median: f64,
    three_quarters: f64,
}

impl Spread {
    /// Of one number a round.
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = numbers.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |quarters: usize| sorted[(sorted.len() - 1) * quarters / 4];
        Self { quarter: at(1), median: at(2), three_quarters: at(3) }
    }

    /// Of the quotients of two sides, round by round.
    pub fn quotient(one: &[Duration], other: &[Duration]) -> Self {
        Self::of(one.iter().zip(other).map(|(one, other)| one.as_secs_f64() / other.as_secs_f64()))
    }

    /// How many of something a second, by how long a round of so many took.
    pub fn rate(times: &[Duration], count: f64) -> Self {
        Self::of(times.iter().map(|time| count / time.as_secs_f64()))
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { quarter, median, three_quarters } = self;
        let digits = match median {
            ..10.0 => 2,
            ..100.0 => 1,
            _ => 0,
        };
        write!(f, "{median:.digits$} ({quarter:.digits$} to {three_quarters:.digits$})")
    }
}
