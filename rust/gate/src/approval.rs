//! The approval: what a venue takes instead of an order.

use std::sync::Arc;

use gxrisk_core::engine::order_id;
use gxrisk_core::{Approved, Order, Time};

/// Proof that one order passed one gate: single use, expiring, bound to the exact order.
///
/// It is made from an [`Approved`], which only the decision makes, after the record of that decision is kept.
///
/// ```compile_fail,E0451
/// # fn forge(order: std::sync::Arc<gxrisk_core::Order>) {
/// let forged = gxrisk_gate::Approval { gate: 1, vault_id: "v".into(), sequence: 1, order, expires: gxrisk_core::Time::END };
/// # }
/// ```
#[derive(Debug)]
pub struct Approval {
    gate: u64,
    vault_id: Arc<str>,
    sequence: u64,
    order: Arc<Order>,
    expires: Time,
}

impl Approval {
    /// INVARIANT: called by `Gate::authorize` alone, after the decision was recorded.
    pub(crate) fn issue(
        gate: u64,
        vault_id: Arc<str>,
        sequence: u64,
        expires: Time,
        proof: Approved<Arc<Order>>,
    ) -> Self {
        Self { gate, vault_id, sequence, order: proof.into_inner(), expires }
    }

    /// Whether that gate gave it.
    pub(crate) fn is_of(&self, gate: u64) -> bool {
        self.gate == gate
    }

    /// The vault that it is for.
    pub fn vault_id(&self) -> &str {
        &self.vault_id
    }

    /// The record of its decision.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The order's id from here on.
    pub fn order_id(&self) -> String {
        order_id(self.sequence)
    }

    /// The order that it is bound to.
    pub fn order(&self) -> &Arc<Order> {
        &self.order
    }

    /// From this time on it is worth nothing.
    pub fn expires(&self) -> Time {
        self.expires
    }
}
