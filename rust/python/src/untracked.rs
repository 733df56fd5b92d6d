//! Objects that the garbage collector does not list.

use pyo3::prelude::*;
use pyo3::pyclass_init::PyClassInitializer;
use pyo3::{PyClass, ffi};

/// Makes an object and takes it off the collector's lists: `gc.get_objects()` would otherwise hand a gate to anyone.
///
/// The classes of this module hold no Python object that could refer back to them, so nothing is lost with it.
pub fn untracked<T: PyClass>(py: Python<'_>, value: impl Into<PyClassInitializer<T>>) -> PyResult<Py<T>> {
    let object = Py::new(py, value)?;
    // SAFETY: a live object of a class with collector support; its deallocation allows for this.
    unsafe { ffi::PyObject_GC_UnTrack(object.as_ptr().cast()) };
    Ok(object)
}
