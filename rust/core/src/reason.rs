//! Why: the limit, what was observed, and one sentence that a trader understands.

use crate::num::{Atto, Nano};
use crate::order::words;
use crate::state::TradingState;

/// A word that is a limit or an observed value: one of few, so that a record of it can be read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// A trading state.
    Active,
    /// A trading state.
    ReduceOnly,
    /// A trading state.
    Halted,
    /// Of an order: not reduce-only.
    Opening,
    /// Of a client order id.
    New,
    /// Of a client order id.
    Used,
    /// Of an asset.
    Marked,
    /// Of an asset.
    NeverMarked,
    /// Of an asset.
    Listed,
    /// Of an asset.
    NotListed,
    /// The size of the gate's numbers.
    Bits128,
}
words!(Word {
    Active = "active",
    ReduceOnly = "reduce_only",
    Halted = "halted",
    Opening = "opening",
    New = "new",
    Used = "used",
    Marked = "marked",
    NeverMarked = "never marked",
    Listed = "listed",
    NotListed = "not listed",
    Bits128 = "128 bits"
});

/// A limit or an observed value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Figure {
    /// A price, a quantity or a ratio.
    Number(Nano),
    /// An amount of money.
    Money(Atto),
    /// How many.
    Count(u64),
    /// A state or a condition.
    Word(Word),
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
impl From<Word> for Figure {
    fn from(word: Word) -> Self {
        Self::Word(word)
    }
}
impl From<TradingState> for Figure {
    fn from(state: TradingState) -> Self {
        Self::Word(match state {
            TradingState::Active => Word::Active,
            TradingState::ReduceOnly => Word::ReduceOnly,
            TradingState::Halted => Word::Halted,
        })
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
            Self::Word(word) => write!(f, "{word}"),
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
