//! The byte form of everything that is recorded: canonical, so that one value has exactly one form and a hash of it
//! means something; and refused where it is anything else.
//!
//! | what | form |
//! |---|---|
//! | whole number | LEB128 varint in as few bytes as it needs; a signed one zigzag first |
//! | number, money, time | its raw integer |
//! | bool, option | 0 or 1, then the value where there is one |
//! | text, name | its length in bytes, then UTF-8 |
//! | key, signature | its bytes |
//! | list, set, map | how many, then each; the keys of sets and maps ascending |
//! | struct | its fields in order |
//! | enum | one tag byte, then the fields of the variant |
//!
//! The tags of [`Event`](crate::Event), never used again for anything else:
//!
//! | | | | | | |
//! |---|---|---|---|---|---|
//! | 1 `Opened` | 2 `Market` | 3 `Flow` | 4 `Funding` | 5 `Volatility` | 6 `LotSteps` |
//! | 7 `Groups` | 8 `Decided` | 9 `Hold` | 10 `Redeemed` | 11 `Accepted` | 12 `Filled` |
//! | 13 `Cancelled` | 14 `Failed` | 15 `Expired` | 16 `DayOpened` | 17 `Tripped` | 18 `Ended` |
//! | 19 `CancelRequested` | 20 `Paused` | 21 `Resumed` | 22 `Killed` | 23 `Reactivated` | 24 `LimitsSet` |
//! | 25 `RiskScaleSet` | 26 `Restarted` | 27 `KeysSet` | 28 `OwnerKeySet` | 29 `Withdrawn` | 30 `Checkpointed` |
//! | 31 `Noted` | | | | | |
//!
//! Each type is declared once, by `coded_struct!` or `coded_enum!`, and both directions come from that. What lies outside
//! its range is refused like what has another form: no gate recorded it.

mod collection;
mod primitive;
mod record;
mod state;

use std::sync::Arc;

use crate::limits::Limits;

/// The version of the byte form: what is kept says it in front.
pub const FORMAT: u8 = 1;

/// What has a byte form.
pub trait Coded: Sized {
    /// Appends the byte form.
    fn encode(&self, out: &mut Vec<u8>);
    /// Reads a value off the front; `None` where there is none, or not in its one form.
    fn decode(input: &mut Input<'_>) -> Option<Self>;
}

/// The byte form of a value.
pub fn encoded<T: Coded>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode(&mut out);
    out
}

/// The value that these bytes are, all of them.
pub fn decoded<T: Coded>(bytes: &[u8]) -> Option<T> {
    let mut input = Input::new(bytes);
    let value = T::decode(&mut input)?;
    input.is_empty().then_some(value)
}

/// Bytes that are being read.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    bytes: &'a [u8],
    limits: Option<Arc<Limits>>,
}

impl<'a> Input<'a> {
    /// Reads these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::with_limits(bytes, None)
    }

    /// Reads these bytes; limits that equal the given ones become them, so that a whole journal shares one copy.
    pub fn with_limits(bytes: &'a [u8], limits: Option<Arc<Limits>>) -> Self {
        Self { bytes, limits }
    }

    /// The limits that were read last, to be given to the next input.
    pub fn limits(&self) -> Option<Arc<Limits>> {
        self.limits.clone()
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Takes one byte off the front.
    pub fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    /// Takes some bytes off the front.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken)
    }

    /// Takes a count off the front: no more than bytes are left, as each thing that is counted has at least one.
    fn count(&mut self) -> Option<usize> {
        let count = usize::try_from(u64::decode(self)?).ok()?;
        (count <= self.bytes.len()).then_some(count)
    }

    /// The last limits where these are the same, else these.
    fn shared(&mut self, limits: Limits) -> Arc<Limits> {
        match &self.limits {
            Some(last) if **last == limits => Arc::clone(last),
            _ => Arc::clone(self.limits.insert(Arc::new(limits))),
        }
    }
}

/// A struct by its fields in order, all of them; with `if`, what does not pass is refused.
macro_rules! coded_struct {
    ($name:ident { $($field:ident),+ $(,)? } $(if $check:path)?) => {
        impl $crate::codec::Coded for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                let Self { $($field),+ } = self;
                $($crate::codec::Coded::encode($field, out);)+
            }
            fn decode(input: &mut $crate::codec::Input<'_>) -> Option<Self> {
                Some(Self { $($field: $crate::codec::Coded::decode(input)?),+ })$(.filter($check))?
            }
        }
    };
}
pub(crate) use coded_struct;

/// An enum by its variants, each with its tag and its fields; with `if`, what does not pass is refused.
macro_rules! coded_enum {
    ($name:ident {
        $($tag:literal => $variant:ident $(($($item:ident),+))? $({ $($field:ident),+ })?),+ $(,)?
    } $(if $check:path)?) => {
        impl $crate::codec::Coded for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                match self {$(
                    Self::$variant $(($($item),+))? $({ $($field),+ })? => {
                        out.push($tag);
                        $($($crate::codec::Coded::encode($item, out);)+)?
                        $($($crate::codec::Coded::encode($field, out);)+)?
                    }
                )+}
            }
            fn decode(input: &mut $crate::codec::Input<'_>) -> Option<Self> {
                let value = match input.byte()? {
                    $($tag => {
                        $($(let $item = $crate::codec::Coded::decode(input)?;)+)?
                        $($(let $field = $crate::codec::Coded::decode(input)?;)+)?
                        Self::$variant $(($($item),+))? $({ $($field),+ })?
                    })+
                    _ => return None,
                };
                Some(value)$(.filter($check))?
            }
        }
    };
}
pub(crate) use coded_enum;
