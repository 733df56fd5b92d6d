//! The vault at one instant, as the dataclasses of `gxrisk.snapshot`.

use gxrisk_core::engine::{BookedOrder, VaultView, Worth, order_id};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::convert::{atto, datetime, nano, nano_or_none};
use crate::order::Order;

fn position<'py>(class: &Bound<'py, PyAny>, worth: &Worth) -> PyResult<Bound<'py, PyAny>> {
    let py = class.py();
    class.call1((
        nano(py, worth.position)?,
        atto(py, worth.cost)?,
        nano_or_none(py, worth.mark)?,
        atto(py, worth.unrealised)?,
        nano_or_none(py, worth.stop)?,
    ))
}

fn working<'py>(class: &Bound<'py, PyAny>, booked: &BookedOrder) -> PyResult<Bound<'py, PyAny>> {
    let py = class.py();
    let order = Order { order: (*booked.ruling.order).clone() };
    let id = order_id(booked.ruling.sequence);
    class.call1((id, order, nano(py, booked.remaining)?, booked.stage.word(), booked.cancel_requested))
}

/// A `gxrisk.Snapshot`.
pub fn snapshot<'py>(py: Python<'py>, view: &VaultView) -> PyResult<Bound<'py, PyAny>> {
    let module = py.import("gxrisk.snapshot")?;
    let account = &view.account;
    let (positions, marks, exposures) = (PyDict::new(py), PyDict::new(py), PyDict::new(py));
    let position_class = module.getattr("Position")?;
    for worth in &view.worths {
        let name = worth.asset.name();
        if !worth.position.is_zero() {
            positions.set_item(name, position(&position_class, worth)?)?;
        }
        if let Some(mark) = worth.mark {
            marks.set_item(name, nano(py, mark)?)?;
        }
        if worth.exposure.is_positive() {
            exposures.set_item(name, atto(py, worth.exposure)?)?;
        }
    }
    let order_class = module.getattr("WorkingOrder")?;
    let orders = view.working.iter().map(|booked| working(&order_class, booked)).collect::<PyResult<Vec<_>>>()?;
    let fields = PyDict::new(py);
    fields.set_item("time", datetime(py, view.now)?)?;
    fields.set_item("time_ns", view.now.nanos())?;
    fields.set_item("state", account.state.word())?;
    for (name, money) in [
        ("equity", account.equity),
        ("collateral", account.collateral),
        ("realised", account.realised),
        ("unrealised", account.unrealised),
        ("fees", account.fees),
        ("funding", account.funding),
        ("day_opening", account.day_opening),
        ("day_loss", account.day_loss().unwrap_or_default()),
        ("base", view.base),
        ("peak", account.peak),
        ("gross_exposure", account.gross),
    ] {
        fields.set_item(name, atto(py, money)?)?;
    }
    fields.set_item("drawdown", nano(py, view.drawdown)?)?;
    fields.set_item("positions", positions)?;
    fields.set_item("marks", marks)?;
    fields.set_item("exposures", exposures)?;
    fields.set_item("working", PyTuple::new(py, orders)?)?;
    fields.set_item("daily_trades", account.daily_trades)?;
    fields.set_item("loss_streak", account.loss_streak)?;
    fields.set_item("failures_in_row", account.failures_in_row)?;
    fields.set_item("ignored_marks", account.ignored_marks)?;
    fields.set_item("tokens", nano(py, view.tokens)?)?;
    fields.set_item("volatility", nano(py, account.volatility)?)?;
    fields.set_item("risk_scale", nano(py, account.risk_scale)?)?;
    fields.set_item("paused", account.paused)?;
    fields.set_item("killed", account.killed)?;
    fields.set_item("sequence", view.sequence)?;
    module.getattr("Snapshot")?.call((), Some(&fields))
}
