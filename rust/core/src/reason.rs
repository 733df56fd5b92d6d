//! Why: the limit, what was observed, and one sentence that a trader understands.

use crate::num::{Atto, Nano};

/// A limit or an observed value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Figure {
    /// A price, a quantity or a ratio.
    Number(Nano),
    /// An amount of money.
    Money(Atto),
    /// How many.
    Count(u64),
    /// A state or a side.
    Word(&'static str),
    /// Not there, or not computable.
    Unknown,
}

impl From<Nano> for Figure {
    fn from(value: Nano) -> Self {
        Self::Number(value)
    }
}
impl From<Atto> for Figure {
    fn from(value: Atto) -> Self {
        Self::Money(value)
    }
}
impl From<u32> for Figure {
    fn from(value: u32) -> Self {
        Self::Count(u64::from(value))
    }
}
impl From<&'static str> for Figure {
    fn from(word: &'static str) -> Self {
        Self::Word(word)
    }
}
impl<T: Into<Self>> From<Option<T>> for Figure {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Unknown, Into::into)
    }
}

impl std::fmt::Display for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Money(money) => write!(f, "{money}"),
            Self::Count(count) => write!(f, "{count}"),
            Self::Word(word) => f.write_str(word),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// What stood against an order, or tripped a breaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The limit.
    pub limit: Figure,
    /// What was seen.
    pub observed: Figure,
    /// One sentence.
    pub message: String,
}

impl Reason {
    /// A reason of its parts.
    pub fn new(limit: impl Into<Figure>, observed: impl Into<Figure>, message: impl Into<String>) -> Self {
        Self { limit: limit.into(), observed: observed.into(), message: message.into() }
    }
}

/// A fraction as a percentage, exactly: `0.15` is `15 %`.
pub fn percent(fraction: Nano) -> String {
    format!("{} %", Nano::from_raw(fraction.raw().saturating_mul(100)))
}
