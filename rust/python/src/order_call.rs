//! The function `order`, called the shortest way that the interpreter has.
//!
//! `PyO3` matches each keyword against each name by its text, which costs more than all the checks of an order. The names
//! at a call site are interned, so here they are matched by address, and by text only where that fails.

use std::ffi::CStr;
use std::panic::AssertUnwindSafe;
use std::ptr;

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyModule, PyString, PyTuple, PyTupleMethods};

use crate::order::{Order, OrderFields};
use crate::untracked::untracked;

const NAMES: [&str; 11] = [
    "asset",
    "side",
    "quantity",
    "confidence",
    "reasoning",
    "price",
    "leverage",
    "stop_loss",
    "take_profit",
    "reduce_only",
    "client_order_id",
];
/// The first three may be given by place; the first five have no default.
const POSITIONAL: usize = 3;
const REQUIRED: usize = 5;

const DOC: &CStr = c"order(asset, side, quantity, *, confidence, reasoning, price=None, leverage=1, stop_loss=None, take_profit=None, reduce_only=False, client_order_id=None)
--

Makes an `Order`: the same as the class, for hot loops.

>>> order(\"BTC\", \"sell\", 2, confidence=1, reasoning=\"stop\", reduce_only=True).side
'sell'
";

static INTERNED: PyOnceLock<[Py<PyString>; NAMES.len()]> = PyOnceLock::new();

fn interned(py: Python<'_>) -> &[Py<PyString>; NAMES.len()] {
    INTERNED.get_or_init(py, || NAMES.map(|name| PyString::intern(py, name).unbind()))
}

/// Which field a keyword names.
fn field_of(py: Python<'_>, keyword: &Bound<'_, PyAny>) -> PyResult<usize> {
    if let Some(index) = interned(py).iter().position(|name| ptr::eq(name.as_ptr(), keyword.as_ptr())) {
        return Ok(index);
    }
    let text = keyword.to_string();
    let index = NAMES.iter().position(|name| *name == text);
    index.ok_or_else(|| PyTypeError::new_err(format!("order() got an unexpected keyword argument '{text}'")))
}

/// Puts each argument in its place; refuses what is too much, twice, or missing.
fn place<'a, 'py>(
    py: Python<'py>,
    positional: usize,
    keywords: Option<&Bound<'py, PyTuple>>,
    value: impl Fn(usize) -> Borrowed<'a, 'py, PyAny>,
) -> PyResult<OrderFields<'a, 'py>> {
    let mut fields: OrderFields<'a, 'py> = [None; NAMES.len()];
    if positional > POSITIONAL {
        let message = format!("order() takes {POSITIONAL} positional arguments but {positional} were given");
        return Err(PyTypeError::new_err(message));
    }
    for (index, field) in fields.iter_mut().enumerate().take(positional) {
        *field = Some(value(index));
    }
    for (offset, keyword) in keywords.into_iter().flat_map(|keywords| keywords.iter_borrowed().enumerate()) {
        let index = field_of(py, &keyword)?;
        if let Some(field) = fields.get_mut(index)
            && field.replace(value(positional + offset)).is_some()
        {
            return Err(PyTypeError::new_err(format!("order() got multiple values for argument '{}'", NAMES[index])));
        }
    }
    if let Some(missing) = fields.iter().take(REQUIRED).position(Option::is_none) {
        let name = NAMES.get(missing).unwrap_or(&"");
        return Err(PyTypeError::new_err(format!("order() missing required argument: '{name}'")));
    }
    // None says the same as nothing, where a field may be absent.
    for field in fields.iter_mut().skip(REQUIRED) {
        *field = field.filter(|value| !value.is_none());
    }
    Ok(fields)
}

/// The vectorcall entry.
///
/// # Safety
/// As the C API promises for `METH_FASTCALL | METH_KEYWORDS`: `args` holds `count` positional values and then one value
/// for each name of the tuple `names`, which is null without keywords; all live during the call.
unsafe extern "C" fn call(
    _module: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls this with the GIL held.
    let py = unsafe { Python::assume_attached() };
    // SAFETY: see above; a tuple or null.
    let names =
        unsafe { Bound::from_borrowed_ptr_or_opt(py, names) }.and_then(|names| names.cast_into::<PyTuple>().ok());
    // SAFETY: see above; `place` asks only for indices below the number of values.
    let value = |index: usize| unsafe { Borrowed::from_ptr(py, *args.add(index)) };
    let positional = usize::try_from(count).unwrap_or(0);
    let made = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let fields = place(py, positional, names.as_ref(), value)?;
        Ok(untracked(py, Order::from_fields(py, &fields)?)?.into_ptr())
    }));
    let bug = || Err(PyRuntimeError::new_err("order() met a bug in itself; no order was made"));
    made.unwrap_or_else(|_| bug()).unwrap_or_else(|error: PyErr| {
        error.restore(py);
        ptr::null_mut()
    })
}

/// Adds `order` to the module.
pub fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let definition = Box::leak(Box::new(ffi::PyMethodDef {
        ml_name: c"order".as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: call },
        ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: DOC.as_ptr(),
    }));
    let module_name = PyString::new(py, "gxrisk");
    // SAFETY: the definition lives for ever, and CPython keeps its own reference to the name.
    let function = unsafe {
        Bound::from_owned_ptr_or_err(py, ffi::PyCFunction_NewEx(definition, ptr::null_mut(), module_name.as_ptr()))?
    };
    interned(py);
    module.add("order", function)
}
