//! `Decision`, `Violation`, `Approval`, `Trip`.

use std::sync::Arc;

use gxrisk_core::decide::{Evidence, Outcome};
use gxrisk_core::engine::TripView;
use gxrisk_core::event::Ruling;
use gxrisk_core::reason::{Figure, Reason};
use gxrisk_core::rules::engine_halted;
use gxrisk_core::{Mask, Origin};
use gxrisk_gate::GateError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::convert;
use crate::error::raise;
use crate::order::Order;
use crate::untracked::untracked;

/// One violated rule: its code, the limit, what was observed, and one sentence.
///
/// `limit` and `observed` are `Decimal`, `int` or `str`; `None` where there is none or it cannot be computed.
#[pyclass(frozen, get_all, immutable_type, module = "gxrisk")]
pub struct Violation {
    /// The rule's code, of `RULES`, or `arithmetic_overflow` or `engine_halted`.
    rule: &'static str,
    /// What is allowed.
    limit: Py<PyAny>,
    /// What was seen.
    observed: Py<PyAny>,
    /// One sentence that a trader understands.
    message: String,
}

#[pymethods]
impl Violation {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (limit, observed) = (self.limit.bind(py).str()?, self.observed.bind(py).str()?);
        Ok(format!("Violation(rule='{}', limit={limit}, observed={observed}, message={:?})", self.rule, self.message))
    }
}

/// A limit or an observed value as Python sees it.
pub fn figure<'py>(py: Python<'py>, figure: &Figure) -> PyResult<Bound<'py, PyAny>> {
    match figure {
        Figure::Number(number) => convert::nano(py, *number),
        Figure::Money(money) => convert::atto(py, *money),
        Figure::Count(count) => Ok(count.into_pyobject(py)?.into_any()),
        Figure::Word(word) => Ok(word.word().into_pyobject(py)?.into_any()),
        Figure::Unknown => Ok(py.None().into_bound(py)),
    }
}

fn violation(py: Python<'_>, rule: &'static str, reason: &Reason) -> PyResult<Violation> {
    let (limit, observed) = (figure(py, &reason.limit)?.unbind(), figure(py, &reason.observed)?.unbind());
    Ok(Violation { rule, limit, observed, message: reason.message.clone() })
}

/// What a decision is read from, when it is read.
pub enum Source {
    /// Every rule passed; nothing was recorded.
    Passed,
    /// A rule was violated; nothing was recorded.
    Judged { mask: Mask, evidence: Box<Evidence>, order: Py<Order>, origin: Origin },
    /// It is on record.
    Recorded { ruling: Arc<Ruling>, approval: Option<Arc<gxrisk_gate::Approval>> },
    /// A model's own hold, on record.
    Hold { sequence: u64 },
    /// The gate has stopped, for this.
    Stopped(Box<GateError>),
}

/// The gate's answer to an order; true where it is approved.
///
/// `outcome` is `"approved"`, `"rejected"` or `"held"`; `violations` are worked out when they are read.
#[pyclass(frozen, immutable_type, module = "gxrisk")]
pub struct Decision {
    pub(crate) source: Source,
}

impl Decision {
    fn outcome_of(&self) -> Outcome {
        match &self.source {
            Source::Passed => Outcome::Approved,
            Source::Judged { mask, .. } => mask.outcome(),
            Source::Recorded { ruling, .. } => ruling.outcome(),
            Source::Hold { .. } => Outcome::Held,
            Source::Stopped(_) => Outcome::Rejected,
        }
    }
}

#[pymethods]
impl Decision {
    /// `"approved"`, `"rejected"` or `"held"`.
    #[getter]
    fn outcome(&self) -> &'static str {
        self.outcome_of().word()
    }

    /// Whether every rule passed.
    #[getter]
    fn approved(&self) -> bool {
        self.outcome_of() == Outcome::Approved
    }

    /// Every violated rule, in the order of `RULES`.
    #[getter]
    fn violations<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let found = match &self.source {
            Source::Passed | Source::Hold { .. } => Vec::new(),
            Source::Judged { mask, evidence, order, origin } => {
                evidence.explain(&order.get().order.terms, *origin, *mask)
            }
            Source::Recorded { ruling, .. } => ruling.violations(),
            Source::Stopped(why) => vec![engine_halted(&why.to_string())],
        };
        let found: PyResult<Vec<Violation>> = found.iter().map(|v| violation(py, v.rule, &v.reason)).collect();
        PyTuple::new(py, found?)
    }

    /// The order's id from here on; only of an approved order on record.
    #[getter]
    fn order_id(&self) -> Option<String> {
        match &self.source {
            Source::Recorded { ruling, .. } if ruling.outcome() == Outcome::Approved => {
                Some(gxrisk_core::engine::order_id(ruling.sequence))
            }
            _ => None,
        }
    }

    /// The approval; `None` unless `authorize` approved.
    #[getter]
    fn approval(&self, py: Python<'_>) -> PyResult<Option<Py<Approval>>> {
        match &self.source {
            Source::Recorded { approval: Some(approval), .. } => {
                untracked(py, Approval { approval: Arc::clone(approval) }).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The sequence of its record; `None` where nothing was recorded.
    #[getter]
    fn sequence(&self) -> Option<u64> {
        match &self.source {
            Source::Recorded { ruling, .. } => Some(ruling.sequence),
            Source::Hold { sequence } => Some(*sequence),
            _ => None,
        }
    }

    fn __bool__(&self) -> bool {
        self.approved()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let rules: Vec<String> =
            self.violations(py)?.iter().map(|v| Ok(v.getattr("rule")?.to_string())).collect::<PyResult<_>>()?;
        Ok(match (rules.is_empty(), self.order_id()) {
            (true, Some(id)) => format!("Decision({}, order_id='{id}')", self.outcome()),
            (true, None) => format!("Decision({})", self.outcome()),
            _ => format!("Decision({}: {})", self.outcome(), rules.join(", ")),
        })
    }
}

/// Proof that one order passed: single use, expiring, bound to that order. Only `authorize` makes one.
#[pyclass(frozen, immutable_type, module = "gxrisk")]
pub struct Approval {
    pub(crate) approval: Arc<gxrisk_gate::Approval>,
}

#[pymethods]
impl Approval {
    /// The vault that it is for.
    #[getter]
    fn vault_id(&self) -> &str {
        self.approval.vault_id()
    }

    /// The order's id from here on.
    #[getter]
    fn order_id(&self) -> String {
        self.approval.order_id()
    }

    /// The order that it is bound to.
    #[getter]
    fn order(&self) -> Order {
        Order { order: (**self.approval.order()).clone() }
    }

    /// The sequence of its decision's record.
    #[getter]
    fn sequence(&self) -> u64 {
        self.approval.sequence()
    }

    /// From this time on it is worth nothing.
    #[getter]
    fn expires_at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::datetime(py, self.approval.expires())
    }

    /// The signed bytes of it: what a venue in another process checks (`verify_approval`) and gives back to `Gate.redeem`.
    #[getter]
    fn token<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let token = self.approval.token().map_err(|error| raise(py, error.into()))?;
        Ok(PyBytes::new(py, &token))
    }

    fn __repr__(&self) -> String {
        format!(
            "Approval(vault_id='{}', order_id='{}', expires_at='{}')",
            self.vault_id(),
            self.order_id(),
            self.approval.expires()
        )
    }
}

/// A tripped breaker: which, since when, until when (`None` where it does not end by itself), and why.
#[pyclass(frozen, get_all, immutable_type, module = "gxrisk")]
pub struct Trip {
    /// The breaker's code, of `BREAKERS`.
    breaker: &'static str,
    /// When it was found, as an aware datetime.
    since: Py<PyAny>,
    /// When it ends by itself, as an aware datetime; None where it does not.
    until: Option<Py<PyAny>>,
    /// Why, in one sentence.
    cause: String,
    /// What was allowed.
    limit: Py<PyAny>,
    /// What was seen.
    observed: Py<PyAny>,
}

impl Trip {
    pub fn new(py: Python<'_>, trip: &TripView) -> PyResult<Self> {
        Ok(Self {
            breaker: trip.breaker.code(),
            since: convert::datetime(py, trip.since)?.unbind(),
            until: trip.until.map(|until| convert::datetime(py, until)).transpose()?.map(Bound::unbind),
            cause: trip.cause.message.clone(),
            limit: figure(py, &trip.cause.limit)?.unbind(),
            observed: figure(py, &trip.cause.observed)?.unbind(),
        })
    }
}

#[pymethods]
impl Trip {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let since = self.since.bind(py).call_method0("isoformat")?;
        let until = self.until.as_ref().map(|until| until.bind(py).call_method0("isoformat")).transpose()?;
        let until = until.map_or_else(String::new, |until| format!(", until='{until}'"));
        Ok(format!("Trip('{}', since='{since}'{until}, cause={:?})", self.breaker, self.cause))
    }
}
