//! `ManualClock` and `SystemClock`.

use std::sync::Arc;

use gxrisk_core::Nano;
use gxrisk_gate::Clock;
use pyo3::prelude::*;

use crate::convert;
use crate::untracked::untracked;

/// A clock that goes only when told: for replays and tests.
///
/// `start` and `time` are RFC 3339 text, an aware datetime or integer nanoseconds since 1970 UTC; seconds may have nine
/// fractional digits. A gate does not follow the clock back. Raises `InvalidOrder`.
///
/// >>> clock = ManualClock("2020-03-12T00:00:00Z")
/// >>> clock.advance(0.5)
/// >>> clock.now().isoformat()
/// '2020-03-12T00:00:00.500000+00:00'
#[pyclass(frozen, immutable_type, module = "gxrisk")]
pub struct ManualClock {
    pub(crate) clock: Arc<gxrisk_gate::ManualClock>,
}

#[pymethods]
impl ManualClock {
    #[new]
    fn new(start: &Bound<'_, PyAny>) -> PyResult<Py<Self>> {
        let clock = gxrisk_gate::ManualClock::new(convert::time(start, "start")?);
        untracked(start.py(), Self { clock: Arc::new(clock) })
    }

    /// Moves the clock by a number of seconds; a negative one moves it back.
    fn advance(&self, seconds: &Bound<'_, PyAny>) -> PyResult<()> {
        let most = Nano::whole(10_000_000_000);
        let step = convert::between(seconds, "seconds", most.negated().unwrap_or_default(), most)?;
        let end = if step < Nano::ZERO { i64::MIN } else { i64::MAX };
        self.clock.advance(i64::try_from(step.raw()).unwrap_or(end));
        Ok(())
    }

    /// Sets the clock to a time.
    fn set(&self, time: &Bound<'_, PyAny>) -> PyResult<()> {
        self.clock.set(convert::time(time, "time")?);
        Ok(())
    }

    /// The clock's time as an aware datetime, cut to microseconds.
    fn now<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::datetime(py, self.clock.now())
    }

    /// The clock's time in nanoseconds since 1970 UTC.
    #[getter]
    fn now_ns(&self) -> i64 {
        self.clock.now().nanos()
    }

    fn __repr__(&self) -> String {
        format!("ManualClock(\"{}\")", self.clock.now())
    }
}

/// The machine's clock in UTC: what a gate has unless it is given another one.
///
/// >>> SystemClock().now().tzname()
/// 'UTC'
#[pyclass(frozen, immutable_type, module = "gxrisk")]
#[derive(Default)]
pub struct SystemClock;

#[pymethods]
impl SystemClock {
    #[new]
    fn new(py: Python<'_>) -> PyResult<Py<Self>> {
        untracked(py, Self)
    }

    /// The time as an aware datetime, cut to microseconds.
    fn now<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::datetime(py, gxrisk_gate::SystemClock.now())
    }

    /// The time in nanoseconds since 1970 UTC.
    #[getter]
    fn now_ns(&self) -> i64 {
        gxrisk_gate::SystemClock.now().nanos()
    }

    fn __repr__(&self) -> &'static str {
        "SystemClock()"
    }
}

/// The clock that a gate was given, or the machine's.
pub fn chosen(clock: Option<&Bound<'_, PyAny>>) -> PyResult<Arc<dyn Clock>> {
    let Some(clock) = clock else { return Ok(Arc::new(gxrisk_gate::SystemClock)) };
    if let Ok(manual) = clock.cast::<ManualClock>() {
        return Ok(manual.get().clock.clone());
    }
    if clock.cast::<SystemClock>().is_ok() {
        return Ok(Arc::new(gxrisk_gate::SystemClock));
    }
    Err(convert::out_of_range(clock, "clock", "must be a ManualClock or a SystemClock"))
}
