//! Python classes over the gate: one file a class, conversions in `convert`, errors in `error`.
#![expect(clippy::needless_pass_by_value, clippy::unused_self, reason = "signatures are PyO3's")]

mod agent;
mod batch;
mod clock;
mod columns;
mod convert;
mod decision;
mod error;
mod events;
mod gate;
mod journal;
mod limits;
mod order;
mod order_call;
mod owner;
mod registry;
mod snapshot;
mod untracked;

use pyo3::prelude::*;

/// The native core of gxrisk.
#[pymodule]
mod _native {
    use gxrisk_core::{BREAKERS, Mask, RULES, limits::TIERS};
    use pyo3::prelude::*;
    use pyo3::types::PyTuple;

    #[pymodule_export]
    use crate::agent::AgentGate;
    #[pymodule_export]
    use crate::clock::{ManualClock, SystemClock};
    #[pymodule_export]
    use crate::decision::{Approval, Decision, Trip, Violation};
    #[pymodule_export]
    use crate::error::{
        ApprovalError, CustodyError, GxriskError, JournalError, ReactivationError, VaultError, WithdrawalError,
    };
    #[pymodule_export]
    use crate::gate::Gate;
    #[pymodule_export]
    use crate::journal::{Head, JournalReader};
    #[pymodule_export]
    use crate::limits::Limits;
    #[pymodule_export]
    use crate::order::Order;
    #[pymodule_export]
    use crate::owner::{
        create_owner_key, owner_public_key, reactivation_message, sign_owner_key, sign_reactivation, sign_withdrawal,
        verify_approval, verify_note,
    };
    #[pymodule_export]
    use crate::registry::{breaker_docs, limit_docs, rule_docs};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("RULES", PyTuple::new(py, RULES)?)?;
        module.add("BREAKERS", PyTuple::new(py, BREAKERS)?)?;
        module.add("TIERS", PyTuple::new(py, TIERS)?)?;
        module.add("MASK_HELD", Mask::HELD)?;
        module.add("MASK_ARITHMETIC_OVERFLOW", Mask::ARITHMETIC_OVERFLOW)?;
        module.add("MASK_ENGINE_HALTED", Mask::ENGINE_HALTED)?;
        for coded in
            [py.get_type::<ApprovalError>(), py.get_type::<ReactivationError>(), py.get_type::<WithdrawalError>()]
        {
            coded.setattr("code", "")?;
        }
        crate::order_call::add(module)?;
        module.add("InvalidOrder", crate::error::invalid_order(py)?)
    }
}
