//! The proof that a decision approved a value.

use std::ops::Deref;

/// A value that passed the decision. It has no public constructor, cannot be copied, and is used up by what it allows.
///
/// ```compile_fail,E0451
/// let forged = gxrisk_core::Approved { value: 1 };
/// ```
/// ```compile_fail,E0624
/// let forged = gxrisk_core::Approved::by_decision(1);
/// ```
/// ```compile_fail,E0277
/// fn must_be_clone<T: Clone>() {}
/// must_be_clone::<gxrisk_core::Approved<gxrisk_core::Order>>();
/// ```
/// ```compile_fail,E0277
/// fn from_anything(order: gxrisk_core::Order) { let forged: gxrisk_core::Approved<_> = order.into(); }
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Approved<T> {
    value: T,
}

impl<T> Approved<T> {
    /// INVARIANT: called by `decide::approve` alone.
    pub(super) fn by_decision(value: T) -> Self {
        Self { value }
    }

    /// Uses the proof up.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for Approved<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}
