//! `Order`.

use gxrisk_core::order::{FieldError, Terms, check_reasoning};
use gxrisk_core::{Nano, Order as CoreOrder};
use pyo3::Borrowed;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::convert;
use crate::error::invalid;

/// What a strategy proposes: frozen, checked when it is made.
///
/// - `asset`: 1 to 64 printable ASCII characters; `side`: `"buy"` or `"sell"`;
/// - `quantity` (units of the asset), `price` (a limit price; without one it is a market order), `stop_loss` and
///   `take_profit` (prices): from 0.000000001 to 1e18, exact to nine fractional digits. `str`, `int` and `Decimal` are
///   taken exactly, and more digits are an error; a float goes to the nearest ninth digit;
/// - `confidence`: 0 to 1; `reasoning`: 1 to 4,000 characters, kept as data;
/// - `leverage`: up to 1000; `reduce_only`: can only make a position smaller; `client_order_id`: yours, for a repeat.
///
/// Raises `InvalidOrder` (a `ValueError`) that names the field, what was seen and what is allowed.
///
/// >>> Order("BTC", "buy", "0.1", confidence=0.8, reasoning="breakout", stop_loss=95)
/// Order('BTC', 'buy', '0.1', confidence='0.8', reasoning='breakout', stop_loss='95')
#[pyclass(frozen, eq, immutable_type, module = "gxrisk")]
#[derive(PartialEq)]
pub struct Order {
    pub(crate) order: CoreOrder,
}

/// The values for an order's fields, in the order of the signature; what is absent is `None`.
pub type OrderFields<'a, 'py> = [Option<Borrowed<'a, 'py, PyAny>>; 11];

impl Order {
    /// Reads and checks every field. The first five must be there.
    #[inline]
    pub fn from_fields(py: Python<'_>, fields: &OrderFields<'_, '_>) -> PyResult<Self> {
        let [asset, side, quantity, confidence, reasoning, price, leverage, stop_loss, take_profit, reduce_only, id] =
            fields.each_ref().map(Option::as_deref);
        let needed = |value: Option<_>, field: &str| value.ok_or_else(|| invalid(py, format!("{field} is missing")));
        let optional =
            |value: Option<&Bound<'_, PyAny>>, field| value.map(|value| convert::number(value, field)).transpose();
        let terms = Terms {
            asset: convert::asset(needed(asset, "asset")?)?,
            side: convert::side(needed(side, "side")?)?,
            quantity: convert::number(needed(quantity, "quantity")?, "quantity")?,
            price: optional(price, "price")?,
            leverage: optional(leverage, "leverage")?.unwrap_or(Nano::ONE),
            stop_loss: optional(stop_loss, "stop_loss")?,
            take_profit: optional(take_profit, "take_profit")?,
            reduce_only: reduce_only.map(|value| convert::flag(value, "reduce_only")).transpose()?.unwrap_or(false),
            confidence: convert::number(needed(confidence, "confidence")?, "confidence")?,
        };
        if let Err(FieldError { field, allowed }) = terms.check() {
            let given =
                [("price", price), ("leverage", leverage), ("stop_loss", stop_loss), ("take_profit", take_profit)];
            let given = given.into_iter().chain([("quantity", quantity), ("confidence", confidence)]);
            let value = given.filter(|(name, _)| *name == field).find_map(|(_, value)| value);
            return Err(convert::out_of_range(needed(value, field)?, field, allowed));
        }
        let reasoning = needed(reasoning, "reasoning")?;
        let words = convert::text(reasoning, "reasoning")?;
        if let Err(FieldError { field, allowed }) = check_reasoning(words) {
            return Err(convert::out_of_range(reasoning, field, allowed));
        }
        let client_order_id = id.map(|id| convert::name(id, "client_order_id")).transpose()?.map(Into::into);
        Ok(Self { order: CoreOrder { terms, reasoning: words.into(), client_order_id } })
    }
}

#[pymethods]
impl Order {
    #[new]
    #[pyo3(signature = (asset, side, quantity, *, confidence, reasoning, price=None, leverage=None, stop_loss=None,
        take_profit=None, reduce_only=None, client_order_id=None),
        text_signature = "(asset, side, quantity, *, confidence, reasoning, price=None, leverage=1, stop_loss=None, \
        take_profit=None, reduce_only=False, client_order_id=None)")]
    #[expect(clippy::too_many_arguments, reason = "the fields of an order")]
    fn new(
        py: Python<'_>,
        asset: &Bound<'_, PyAny>,
        side: &Bound<'_, PyAny>,
        quantity: &Bound<'_, PyAny>,
        confidence: &Bound<'_, PyAny>,
        reasoning: &Bound<'_, PyAny>,
        price: Option<&Bound<'_, PyAny>>,
        leverage: Option<&Bound<'_, PyAny>>,
        stop_loss: Option<&Bound<'_, PyAny>>,
        take_profit: Option<&Bound<'_, PyAny>>,
        reduce_only: Option<&Bound<'_, PyAny>>,
        client_order_id: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let given = [asset, side, quantity, confidence, reasoning].map(|value| Some(value.as_borrowed()));
        let [asset, side, quantity, confidence, reasoning] = given;
        let optional = [price, leverage, stop_loss, take_profit, reduce_only, client_order_id];
        let [price, leverage, stop_loss, take_profit, reduce_only, id] =
            optional.map(|value| value.map(Bound::as_borrowed));
        let fields =
            [asset, side, quantity, confidence, reasoning, price, leverage, stop_loss, take_profit, reduce_only, id];
        Self::from_fields(py, &fields)
    }

    /// What is traded.
    #[getter]
    fn asset(&self) -> &str {
        self.order.terms.asset.name()
    }

    /// `"buy"` or `"sell"`.
    #[getter]
    fn side(&self) -> &'static str {
        self.order.terms.side.word()
    }

    /// In units of the asset.
    #[getter]
    fn quantity<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::nano(py, self.order.terms.quantity)
    }

    /// How sure the model is, 0 to 1.
    #[getter]
    fn confidence<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::nano(py, self.order.terms.confidence)
    }

    /// Why, in the model's words.
    #[getter]
    fn reasoning(&self) -> &str {
        &self.order.reasoning
    }

    /// The limit price; `None` for a market order.
    #[getter]
    fn price<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        convert::nano_or_none(py, self.order.terms.price)
    }

    /// The order's leverage.
    #[getter]
    fn leverage<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::nano(py, self.order.terms.leverage)
    }

    /// Where the loss is cut.
    #[getter]
    fn stop_loss<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        convert::nano_or_none(py, self.order.terms.stop_loss)
    }

    /// Where the gain is taken.
    #[getter]
    fn take_profit<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        convert::nano_or_none(py, self.order.terms.take_profit)
    }

    /// Whether it can only make a position smaller.
    #[getter]
    fn reduce_only(&self) -> bool {
        self.order.terms.reduce_only
    }

    /// The caller's own id.
    #[getter]
    fn client_order_id(&self) -> Option<&str> {
        self.order.client_order_id.as_deref()
    }

    /// The fields by name; numbers as `Decimal`.
    pub(crate) fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        fields(py, &self.order)
    }

    /// The same order with some fields changed.
    ///
    /// >>> order("BTC", "buy", 1, confidence=1, reasoning="x").replace(quantity="0.5").quantity
    /// Decimal('0.5')
    #[pyo3(signature = (**changes))]
    fn replace(&self, py: Python<'_>, changes: Option<&Bound<'_, PyDict>>) -> PyResult<Py<PyAny>> {
        let (args, kwargs) = self.__getnewargs_ex__(py)?;
        let kwargs = kwargs.copy()?;
        for (name, value) in ["asset", "side", "quantity"].into_iter().zip(args) {
            kwargs.set_item(name, value)?;
        }
        for (name, value) in changes.into_iter().flatten() {
            if !kwargs.contains(&name)? {
                return Err(PyTypeError::new_err(format!("an order has no field {}", convert::seen(&name))));
            }
            kwargs.set_item(name, value)?;
        }
        Ok(py.get_type::<Self>().call((), Some(&kwargs))?.unbind())
    }

    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        let kwargs = self.to_dict(py)?;
        let mut args = Vec::with_capacity(3);
        for name in ["asset", "side", "quantity"] {
            args.push(kwargs.get_item(name)?);
            kwargs.del_item(name)?;
        }
        Ok((PyTuple::new(py, args)?, kwargs))
    }

    fn __hash__(&self) -> isize {
        // Equal orders have equal quantities; more is not needed of a hash.
        let raw = self.order.terms.quantity.raw();
        isize::try_from(raw.rem_euclid(1 << 61)).unwrap_or(0)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let CoreOrder { terms, reasoning, client_order_id } = &self.order;
        let mut parts = vec![format!("'{}', '{}', '{}'", terms.asset, terms.side, terms.quantity)];
        parts.push(format!("confidence='{}'", terms.confidence));
        parts.push(format!("reasoning={}", convert::seen(reasoning.into_pyobject(py)?.as_any())));
        let optional = [("price", terms.price), ("stop_loss", terms.stop_loss), ("take_profit", terms.take_profit)];
        parts.extend(optional.into_iter().filter_map(|(name, value)| Some(format!("{name}='{}'", value?))));
        if terms.leverage != Nano::ONE {
            parts.push(format!("leverage='{}'", terms.leverage));
        }
        if terms.reduce_only {
            parts.push("reduce_only=True".to_owned());
        }
        parts.extend(client_order_id.iter().map(|id| format!("client_order_id='{id}'")));
        Ok(format!("Order({})", parts.join(", ")))
    }
}

/// An order's fields as a dict.
pub fn fields<'py>(py: Python<'py>, order: &CoreOrder) -> PyResult<Bound<'py, PyDict>> {
    let CoreOrder { terms, reasoning, client_order_id } = order;
    let dict = PyDict::new(py);
    dict.set_item("asset", terms.asset.name())?;
    dict.set_item("side", terms.side.word())?;
    dict.set_item("quantity", convert::nano(py, terms.quantity)?)?;
    dict.set_item("confidence", convert::nano(py, terms.confidence)?)?;
    dict.set_item("reasoning", &**reasoning)?;
    dict.set_item("price", convert::nano_or_none(py, terms.price)?)?;
    dict.set_item("leverage", convert::nano(py, terms.leverage)?)?;
    dict.set_item("stop_loss", convert::nano_or_none(py, terms.stop_loss)?)?;
    dict.set_item("take_profit", convert::nano_or_none(py, terms.take_profit)?)?;
    dict.set_item("reduce_only", terms.reduce_only)?;
    dict.set_item("client_order_id", client_order_id.as_deref())?;
    Ok(dict)
}
