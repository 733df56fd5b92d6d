//! What holds values that have a byte form: options, boxes, shared values, lists, sets and maps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::event::Ruling;
use crate::limits::Limits;
use crate::order::Order;

use super::primitive::encode_count;
use super::{Coded, Input};

impl<T: Coded> Coded for Option<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.is_some().encode(out);
        if let Some(value) = self {
            value.encode(out);
        }
    }
    fn decode(input: &mut Input<'_>) -> Option<Self> {
        if bool::decode(input)? { T::decode(input).map(Some) } else { Some(None) }
    }
}

impl<T: Coded> Coded for Box<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        (**self).encode(out);
    }
    fn decode(input: &mut Input<'_>) -> Option<Self> {
        T::decode(input).map(Self::new)
    }
}

/// Shared values; limits are so across a whole input.
macro_rules! coded_arc {
    ($($name:ident, $share:expr;)+) => {$(
        impl Coded for Arc<$name> {
            fn encode(&self, out: &mut Vec<u8>) {
                (**self).encode(out);
            }
            fn decode(input: &mut Input<'_>) -> Option<Self> {
                let value = $name::decode(input)?;
                let share: fn(&mut Input<'_>, $name) -> Self = $share;
                Some(share(input, value))
            }
        }
    )+};
}

coded_arc! {
    Limits, |input, limits| input.shared(limits);
    Order, |_, order| Arc::new(order);
    Ruling, |_, ruling| Arc::new(ruling);
}

impl<A: Coded, B: Coded> Coded for (A, B) {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
        self.1.encode(out);
    }
    fn decode(input: &mut Input<'_>) -> Option<Self> {
        Some((A::decode(input)?, B::decode(input)?))
    }
}

impl<T: Coded> Coded for Vec<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_count(self.len(), out);
        for item in self {
            item.encode(out);
        }
    }
    fn decode(input: &mut Input<'_>) -> Option<Self> {
        let count = input.count()?;
        (0..count).map(|_| T::decode(input)).collect()
    }
}

impl<K: Coded + Ord, V: Coded> Coded for BTreeMap<K, V> {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_count(self.len(), out);
        for (key, value) in self {
            key.encode(out);
            value.encode(out);
        }
    }
    fn decode(input: &mut Input<'_>) -> Option<Self> {
        let mut map = Self::new();
        for _ in 0..input.count()? {
            let key = K::decode(input)?;
            if map.last_key_value().is_some_and(|(last, _)| *last >= key) {
                return None;
            }
            map.insert(key, V::decode(input)?);
        }
        Some(map)
    }
}

impl<T: Coded + Ord> Coded for BTreeSet<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_count(self.len(), out);
        for item in self {
            item.encode(out);
        }
    }
    fn decode(input: &mut Input<'_>) -> Option<Self> {
        let mut set = Self::new();
        for _ in 0..input.count()? {
            let item = T::decode(input)?;
            if set.last().is_some_and(|last| *last >= item) {
                return None;
            }
            set.insert(item);
        }
        Some(set)
    }
}
