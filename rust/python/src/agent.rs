//! `AgentGate`: what an AI holds of a gate.

use std::sync::Arc;

use gxrisk_core::Origin;
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::batch;
use crate::decision::Decision;
use crate::gate::Ask;
use crate::order::Order;
use crate::untracked::untracked;

/// The handle to give to an AI: it proposes as the agent and reads, and nothing of the operator's can be reached from it.
///
/// Only `Gate.agent()` makes one; it has no attributes to follow, and cannot be copied or pickled.
#[pyclass(frozen, immutable_type, module = "gxrisk")]
pub struct AgentGate {
    gate: Arc<gxrisk_gate::Gate>,
    passed: Py<Decision>,
}

impl AgentGate {
    pub fn handle(py: Python<'_>, gate: Arc<gxrisk_gate::Gate>, passed: Py<Decision>) -> PyResult<Py<Self>> {
        untracked(py, Self { gate, passed })
    }

    #[inline]
    fn ask(&self) -> Ask<'_> {
        Ask { gate: &self.gate, passed: &self.passed }
    }
}

#[pymethods]
impl AgentGate {
    /// Judges an order and changes nothing: the call for hot loops.
    #[inline]
    fn validate_order(&self, py: Python<'_>, order: &Bound<'_, Order>) -> PyResult<Py<Decision>> {
        self.ask().validate(py, order, Origin::Agent)
    }

    /// Judges many orders; see `Gate.validate_batch`.
    #[pyo3(signature = (columns, *, threads=None), text_signature = "($self, columns, *, threads=1)")]
    fn validate_batch<'py>(
        &self,
        py: Python<'py>,
        columns: &Bound<'py, PyAny>,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray1<u32>>> {
        batch::validate(py, &self.gate, columns, threads)
    }

    /// Decides on an order: on approval reserves for it; records the decision; then hands out the approval.
    fn authorize(&self, py: Python<'_>, order: &Bound<'_, Order>) -> PyResult<Py<Decision>> {
        self.ask().authorize(py, order.get(), Origin::Agent)
    }

    /// Records that the model chose to do nothing, with its confidence (0 to 1) and reasoning.
    ///
    /// `asset` is what it was asked about: named, the record shows later what the hold avoided.
    #[pyo3(signature = (confidence, reasoning, *, asset=None))]
    fn hold(
        &self,
        py: Python<'_>,
        confidence: &Bound<'_, PyAny>,
        reasoning: &Bound<'_, PyAny>,
        asset: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<Decision>> {
        self.ask().hold(py, confidence, reasoning, asset)
    }

    /// The largest quantity, on the asset's lot step, that `validate_order` approves for this order; 0 where none is.
    fn max_quantity<'py>(&self, py: Python<'py>, order: &Bound<'_, Order>) -> PyResult<Bound<'py, PyAny>> {
        self.ask().max_quantity(py, order.get())
    }

    /// Per rule, the largest quantity of a plain opening order that it lets pass; None where it sets no bound.
    fn headroom<'py>(
        &self,
        py: Python<'py>,
        asset: &Bound<'_, PyAny>,
        side: &Bound<'_, PyAny>,
    ) -> PyResult<Bound<'py, PyDict>> {
        self.ask().headroom(py, asset, side)
    }

    /// The vault at this instant.
    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.ask().snapshot(py)
    }

    /// `"active"`, `"reduce_only"` or `"halted"`.
    #[getter]
    fn state(&self) -> &'static str {
        self.gate.state().word()
    }

    fn __repr__(&self) -> String {
        format!("AgentGate('{}', state='{}')", self.gate.vault_id(), self.state())
    }
}
