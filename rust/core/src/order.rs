//! What a strategy proposes.

use crate::asset::{Asset, NameError, check_name};
use crate::num::Nano;

/// The most characters of a reasoning.
pub const REASONING_CHARS_MAX: usize = 4_000;
/// The largest leverage that an order can name.
pub const LEVERAGE_MAX: Nano = Nano::whole(1_000);

/// Buy or sell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Adds to a long position or takes from a short one.
    Buy,
    /// Adds to a short position or takes from a long one.
    Sell,
}

/// Who proposes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The AI.
    Agent,
    /// A person's control.
    Owner,
    /// Stops and flattening.
    Protection,
}

macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),+ }) => {
        impl $name {
            /// Every word, in order.
            pub const WORDS: &'static [&'static str] = &[$($word),+];
            /// The word for it, as in JSON.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
            /// From the word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}
pub(crate) use words;
words!(Side { Buy = "buy", Sell = "sell" });
words!(Origin { Agent = "agent", Owner = "owner", Protection = "protection" });

impl Side {
    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
    /// The quantity as a change of a signed position.
    pub fn signed(self, quantity: Nano) -> Option<Nano> {
        match self {
            Self::Buy => Some(quantity),
            Self::Sell => quantity.negated(),
        }
    }
}

/// The numbers of an order: all that a decision reads of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What is traded.
    pub asset: Asset,
    /// Buy or sell.
    pub side: Side,
    /// In units of the asset, above zero.
    pub quantity: Nano,
    /// The limit price; a market order has none.
    pub price: Option<Nano>,
    /// The order's leverage.
    pub leverage: Nano,
    /// Where the loss is cut.
    pub stop_loss: Option<Nano>,
    /// Where the gain is taken.
    pub take_profit: Option<Nano>,
    /// Can only make a position smaller.
    pub reduce_only: bool,
    /// How sure the model is, 0 to 1.
    pub confidence: Nano,
}

impl Terms {
    /// The stop of what the order opens; what only reduces opens nothing.
    pub(crate) fn opening_stop(&self) -> Option<Nano> {
        self.stop_loss.filter(|_| !self.reduce_only)
    }
}

/// A field of an order that is outside its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {allowed}")]
pub struct FieldError {
    /// The field's name.
    pub field: &'static str,
    /// The allowed range, as a sentence's end.
    pub allowed: &'static str,
}

/// The sentence's end for a price, a quantity or an amount out of range.
pub const AMOUNT_RANGE: &str = "must be from 0.000000001 to 1e18";

/// Whether a number is a price, a quantity or an amount of money that the gate takes.
pub fn is_amount(value: Nano) -> bool {
    value.is_positive() && value <= Nano::MAX
}

/// Whether a number is an amount that may be negative: a fee, funding.
pub fn is_signed_amount(value: Nano) -> bool {
    value.size().is_some_and(|size| size <= Nano::MAX)
}

impl Terms {
    /// Checks each field's range.
    pub fn check(&self) -> Result<(), FieldError> {
        let amount = |field, value: Option<Nano>| match value {
            Some(value) if !is_amount(value) => Err(FieldError { field, allowed: AMOUNT_RANGE }),
            _ => Ok(()),
        };
        amount("quantity", Some(self.quantity))?;
        amount("price", self.price)?;
        amount("stop_loss", self.stop_loss)?;
        amount("take_profit", self.take_profit)?;
        if !self.leverage.is_positive() || self.leverage > LEVERAGE_MAX {
            return Err(FieldError { field: "leverage", allowed: "must be from 0.000000001 to 1000" });
        }
        check_confidence(self.confidence)
    }
}

/// Checks that a confidence is from 0 to 1.
pub fn check_confidence(confidence: Nano) -> Result<(), FieldError> {
    if confidence < Nano::ZERO || confidence > Nano::ONE {
        return Err(FieldError { field: "confidence", allowed: "must be from 0 to 1" });
    }
    Ok(())
}

/// Checks that a reasoning has 1 to 4,000 characters.
pub fn check_reasoning(reasoning: &str) -> Result<(), FieldError> {
    let chars = if reasoning.len() <= REASONING_CHARS_MAX { reasoning.len() } else { reasoning.chars().count() };
    if chars == 0 || chars > REASONING_CHARS_MAX {
        return Err(FieldError { field: "reasoning", allowed: "must have 1 to 4000 characters" });
    }
    Ok(())
}

/// A whole order: its numbers, and the words that are kept with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The numbers.
    pub terms: Terms,
    /// Why, in the model's words; data, never instructions.
    pub reasoning: Box<str>,
    /// The caller's own id, for a repeat after a lost answer.
    pub client_order_id: Option<Box<str>>,
}

impl Order {
    /// Whether every field lies in its range.
    pub fn is_sound(&self) -> bool {
        self.check().is_ok()
    }

    /// Checks every field.
    pub fn check(&self) -> Result<(), FieldError> {
        self.terms.check()?;
        check_reasoning(&self.reasoning)?;
        match self.client_order_id.as_deref().map(check_name) {
            Some(Err(NameError)) => Err(FieldError {
                field: "client_order_id",
                allowed: "must be 1 to 64 printable ASCII characters without a space",
            }),
            _ => Ok(()),
        }
    }
}
