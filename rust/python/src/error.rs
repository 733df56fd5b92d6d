//! Errors, translated in one place.

use gxrisk_core::engine::Refusal;
use gxrisk_gate::GateError;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple, PyType};

pyo3::create_exception!(gxrisk, GxriskError, PyException, "What every error of gxrisk is.");
pyo3::create_exception!(
    gxrisk,
    ApprovalError,
    GxriskError,
    "An approval cannot be used: used before, expired, or of another gate."
);
pyo3::create_exception!(
    gxrisk,
    WithdrawalError,
    GxriskError,
    "A withdrawal is refused: not signed by the owner, altered, expired, replayed, or more than can be paid."
);
pyo3::create_exception!(
    gxrisk,
    CustodyError,
    GxriskError,
    "A key or its passphrase cannot be made, read or used; the message says which and what to do."
);
pyo3::create_exception!(
    gxrisk,
    JournalError,
    GxriskError,
    "A record could not be kept or read; the gate gives no approval without one."
);
pyo3::create_exception!(
    gxrisk,
    VaultError,
    GxriskError,
    "An operation does not fit the vault's state; the message says what would."
);

pyo3::create_exception!(
    gxrisk,
    ReactivationError,
    VaultError,
    "A reactivation is refused: not signed by the owner, altered, expired, or for another stop."
);

static INVALID_ORDER: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// `InvalidOrder`: a [`GxriskError`] that is a `ValueError` too, which `create_exception` cannot say.
pub fn invalid_order(py: Python<'_>) -> PyResult<Bound<'_, PyType>> {
    let class = INVALID_ORDER.get_or_try_init(py, || {
        let bases = PyTuple::new(py, [py.get_type::<GxriskError>(), py.get_type::<PyValueError>()])?;
        let names = PyDict::new(py);
        names.set_item("__module__", "gxrisk")?;
        names.set_item(
            "__doc__",
            "An input is malformed: the message names the field, what was seen and what is allowed.",
        )?;
        let class = py.get_type::<PyType>().call1(("InvalidOrder", bases, names))?;
        Ok::<_, PyErr>(class.cast_into::<PyType>()?.unbind())
    })?;
    Ok(class.bind(py).clone())
}

/// An `InvalidOrder` with that message.
pub fn invalid(py: Python<'_>, message: impl Into<String>) -> PyErr {
    match invalid_order(py) {
        Ok(class) => PyErr::from_type(class, message.into()),
        Err(error) => error,
    }
}

/// An exception that says its stable code, too.
fn coded(py: Python<'_>, error: PyErr, code: &str) -> PyErr {
    match error.value(py).setattr("code", code) {
        Ok(()) => error,
        Err(other) => other,
    }
}

/// A gate's error as the exception that stands for it.
pub fn raise(py: Python<'_>, error: GateError) -> PyErr {
    let message = error.to_string();
    match error {
        GateError::Refused(Refusal::Approval(refusal)) => coded(py, ApprovalError::new_err(message), refusal.code()),
        GateError::Refused(Refusal::Withdrawal(refusal)) => {
            coded(py, WithdrawalError::new_err(message), refusal.code())
        }
        GateError::NoOwner => coded(py, WithdrawalError::new_err(message), "no_owner"),
        GateError::NotSuccessor => coded(py, WithdrawalError::new_err(message), "signature"),
        GateError::Withdrawal(refusal) => coded(py, WithdrawalError::new_err(message), refusal.code()),
        GateError::Reactivation(refusal) => coded(py, ReactivationError::new_err(message), refusal.code()),
        GateError::Refused(Refusal::Reactivation(refusal)) => {
            coded(py, ReactivationError::new_err(message), refusal.code())
        }
        GateError::Refused(Refusal::TwoGroups(_)) => invalid(py, message),
        GateError::Refused(_) | GateError::NoNote(_) | GateError::EngineHalted => VaultError::new_err(message),
        GateError::Journal(_) | GateError::RecordLost(_) => JournalError::new_err(message),
        GateError::Custody(_) | GateError::Sealed(_) => CustodyError::new_err(message),
    }
}
