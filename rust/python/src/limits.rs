//! `Limits`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use gxrisk_core::limits::{DrawdownBase, FIELDS, Field, Kind, Value};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};

use crate::convert;
use crate::error::invalid;

/// A limit's value: `Decimal`, `int`, `str`, a tuple of names, or `None` for off.
fn to_python<'py>(py: Python<'py>, field: &Field, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Number(number) if field.kind == Kind::Count => {
            Ok(number.raw().checked_div(gxrisk_core::Nano::ONE.raw()).into_pyobject(py)?.into_any())
        }
        Value::Number(number) => convert::nano(py, *number),
        Value::Off => Ok(py.None().into_bound(py)),
        Value::Base(base) => Ok(base.word().into_pyobject(py)?.into_any()),
        Value::Assets(assets) => {
            let names: Vec<&str> = assets.iter().map(gxrisk_core::Asset::name).collect();
            Ok(pyo3::types::PyTuple::new(py, names)?.into_any())
        }
    }
}

fn from_python(field: &Field, value: &Bound<'_, PyAny>) -> PyResult<Value> {
    let wrong = || convert::out_of_range(value, field.name, &format!("must be {}", field.allowed()));
    match field.kind {
        Kind::Base => {
            let word = value.cast::<PyString>().map_err(|_| wrong())?;
            word.to_str().ok().and_then(DrawdownBase::from_word).map(Value::Base).ok_or_else(wrong)
        }
        Kind::Assets | Kind::Money | Kind::Budget if value.is_none() => Ok(Value::Off),
        Kind::Assets if value.is_instance_of::<PyString>() => Err(wrong()),
        Kind::Assets => {
            let mut assets = BTreeSet::new();
            for name in value.try_iter().map_err(|_| wrong())? {
                assets.insert(convert::asset(&name?)?);
            }
            Ok(Value::Assets(assets))
        }
        _ if value.is_instance_of::<PyBool>() => Err(wrong()),
        _ => Ok(Value::Number(convert::number(value, field.name)?)),
    }
}

/// One class with one property a limit: the fields are named here once more, and a test compares them with the table.
macro_rules! limits_class {
    ($($field:ident $about:literal)+) => {
        /// The limits of a vault: frozen, each within its range. `gxrisk.Limits.for_tier("growth")` is the usual start.
        ///
        /// Fractions are of equity unless the field's name says otherwise (0.15 is 15 %); names that end in `_s` are
        /// seconds; money is in the account's currency. `docs/limits.md` lists every field with its range.
        ///
        /// >>> limits = Limits.for_tier("growth").replace(max_leverage=3)
        /// >>> limits.max_leverage, limits.max_drawdown, limits.max_daily_trades
        /// (Decimal('3'), Decimal('0.15'), 100)
        #[pyclass(frozen, eq, immutable_type, module = "gxrisk")]
        #[derive(PartialEq)]
        pub struct Limits {
            pub(crate) limits: Arc<gxrisk_core::Limits>,
        }

        #[pymethods]
        impl Limits {
            /// The limits of a tier: `"capital_guard"`, `"growth"` or `"high_octane"`. Raises `InvalidOrder`.
            #[staticmethod]
            fn for_tier(py: Python<'_>, tier: &Bound<'_, PyAny>) -> PyResult<Self> {
                let limits = gxrisk_core::Limits::for_tier(convert::text(tier, "tier")?).map_err(|error| invalid(py, error.to_string()))?;
                Ok(Self { limits: Arc::new(limits) })
            }

            /// Reads a TOML file: `tier` names the start, every other key is a limit that replaces the tier's.
            ///
            /// Numbers are taken exactly as they are written. Raises `InvalidOrder` for a key that is no limit, a value
            /// out of its range, a missing `tier`, or a file that is not TOML; `OSError` where it cannot be read.
            #[staticmethod]
            fn from_toml(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
                let shown = path.display().to_string();
                let text = std::fs::read_to_string(&path).map_err(|error| match error.kind() {
                    std::io::ErrorKind::InvalidData => invalid(py, format!("{shown} is not UTF-8 text")),
                    _ => error.into(),
                })?;
                let options = PyDict::new(py);
                options.set_item("parse_float", py.import("decimal")?.getattr("Decimal")?)?;
                let parsed = py.import("tomllib")?.call_method("loads", (text,), Some(&options));
                let parsed = parsed.map_err(|error| invalid(py, format!("{shown} is not TOML: {}", error.value(py))))?;
                let fields = parsed.cast_into::<PyDict>()?;
                let Some(tier) = fields.get_item("tier")? else {
                    let tiers = gxrisk_core::limits::TIERS.join(", ");
                    return Err(invalid(py, format!("{shown} names no tier; add a line such as tier = \"growth\" (of {tiers})")));
                };
                fields.del_item("tier")?;
                let limits = Self::for_tier(py, &tier).and_then(|limits| limits.replace(py, Some(&fields)));
                limits.map_err(|error| invalid(py, format!("{shown}: {}", error.value(py))))
            }

            /// The same limits with some changed; `None` switches off what can be off. Raises `InvalidOrder`.
            #[pyo3(signature = (**changes))]
            fn replace(&self, py: Python<'_>, changes: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
                let mut values = Vec::new();
                for (name, value) in changes.into_iter().flatten() {
                    let field = Field::named(&name.to_string()).map_err(|error| invalid(py, error.to_string()))?;
                    values.push((field.name, from_python(field, &value)?));
                }
                let limits = self.limits.replace(values).map_err(|error| invalid(py, error.to_string()))?;
                Ok(Self { limits: Arc::new(limits) })
            }

            /// Every limit by name: `Decimal`, `int`, `str`, a tuple of names, or `None` for off.
            pub(crate) fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
                limits_dict(py, &self.limits)
            }

            $(
                #[doc = $about]
                #[getter]
                fn $field<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                    self.field(py, stringify!($field))
                }
            )+

            fn __hash__(&self) -> isize {
                isize::try_from(self.limits.max_leverage.raw().rem_euclid(1 << 61)).unwrap_or(0)
            }

            fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyDict>,))> {
                let rebuild = py.import("gxrisk.limits")?.getattr("limits_from_dict")?;
                Ok((rebuild, (self.to_dict(py)?,)))
            }

            fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
                let mut parts = Vec::new();
                for (name, value) in self.to_dict(py)? {
                    parts.push(format!("{name}={}", value.str()?));
                }
                Ok(format!("Limits({})", parts.join(", ")))
            }
        }
    };
}

limits_class! {
    max_leverage "The most leverage of an order, and of the whole vault as gross exposure by equity."
    max_position_fraction "The most notional of one opening order, as a fraction of equity."
    max_daily_loss "The loss of a UTC day at which the vault goes reduce-only, as a fraction of the day's opening equity."
    max_drawdown "The drawdown at which the vault goes reduce-only until the owner returns, as a fraction of the base."
    drawdown_base "What the drawdown is measured from: `deposit` or `peak`."
    max_concentration "The most exposure in one asset, as a fraction of equity."
    max_correlated_exposure "The most gross exposure in one correlation group, as a fraction of equity."
    stop_atr_min "The least distance from entry to stop, in ATR."
    stop_atr_max "The greatest distance from entry to stop, in ATR."
    max_daily_trades "Opening approvals in a UTC day at which the vault goes reduce-only."
    max_order_notional "The most notional of one opening order, in money; off unless set."
    price_collar "How far a limit price may lie from the mark, as a fraction of the mark."
    orders_per_minute "Opening orders a minute that refill the rate bucket."
    order_burst "Opening orders that the full rate bucket holds."
    max_open_orders "The most working orders."
    min_confidence "The confidence below which an opening agent order is held."
    maintenance_margin "The venue's maintenance margin, as a fraction of the position."
    liquidation_share "The share of the way to liquidation within which the stop must lie."
    stop_risk_budget "The most that may be lost if every stop is hit, as a fraction of the day's opening equity; off unless set."
    assets "The assets that may be opened; off unless set."
    price_move_max "The price move within the window that halts the vault, as a fraction of the earlier price."
    price_move_window_s "The window of the price move, in seconds of feed time."
    price_move_pause_s "How long a price move halts the vault, in seconds."
    mark_age_s_max "The age of a mark from which it is stale, in seconds."
    losses_in_row_max "Losing round trips in a row that halt the agent."
    loss_pause_s "How long a losing streak halts the agent, in seconds."
    failures_in_row_max "Failed submissions in a row that halt the vault."
    volatility_max "The market volatility above which the vault is halted, as a fraction."
    approval_ttl_s "How long an approval can be redeemed, in seconds."
}

impl Limits {
    fn field<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let field = Field::named(name).map_err(|error| invalid(py, error.to_string()))?;
        value_of(py, &self.limits, field)
    }
}

/// Every limit by name.
pub fn limits_dict<'py>(py: Python<'py>, limits: &gxrisk_core::Limits) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for field in &FIELDS {
        dict.set_item(field.name, value_of(py, limits, field)?)?;
    }
    Ok(dict)
}

fn value_of<'py>(py: Python<'py>, limits: &gxrisk_core::Limits, field: &Field) -> PyResult<Bound<'py, PyAny>> {
    let value = limits.get(field.name).map_err(|error| invalid(py, error.to_string()))?;
    to_python(py, field, &value)
}
