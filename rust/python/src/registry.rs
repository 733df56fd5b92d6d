//! What the core's registries know of rules, breakers and limits, for the generated documentation.

use gxrisk_core::breakers::Breaker;
use gxrisk_core::limits::{FIELDS, Kind, TIERS, Tighter};
use gxrisk_core::rules::REGISTRY;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::invalid;

fn dict<'py>(py: Python<'py>, texts: &[(&str, &str)], limits: &[&str]) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, text) in texts {
        dict.set_item(name, text)?;
    }
    dict.set_item("limits", limits.to_vec())?;
    Ok(dict)
}

/// Every rule of `RULES`, as its source file describes it.
#[pyfunction]
pub fn rule_docs(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let doc = |rule: &gxrisk_core::rules::Rule| {
        let texts = [
            ("code", rule.code),
            ("passes_when", rule.passes_when),
            ("applies_to", rule.applies_to),
            ("why", rule.why),
            ("example", rule.example),
        ];
        dict(py, &texts, rule.limits)
    };
    REGISTRY.iter().map(doc).collect()
}

/// Every breaker of `BREAKERS`, as its source file describes it.
#[pyfunction]
pub fn breaker_docs(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let doc = |breaker: Breaker| {
        let doc = breaker.doc();
        let texts = [
            ("code", doc.code),
            ("trips_when", doc.trips_when),
            ("effect", doc.effect),
            ("ends", doc.ends),
            ("why", doc.why),
            ("state", doc.state.word()),
        ];
        dict(py, &texts, doc.limits)
    };
    Breaker::ALL.into_iter().map(doc).collect()
}

/// Every limit: its name, what it limits, what is allowed, which direction is tighter, and each tier's value.
#[pyfunction]
pub fn limit_docs(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let doc = |field: &gxrisk_core::limits::Field| {
        let tighter = match (field.kind, field.tighter) {
            (Kind::Base, _) => "`peak` is the tighter one",
            (Kind::Assets, _) => "A shorter list is the tighter one",
            (_, Tighter::Lower) => "The lower value is the tighter one",
            (_, Tighter::Higher) => "The higher value is the tighter one",
        };
        let allowed = field.allowed();
        let texts = [("name", field.name), ("about", field.about.trim()), ("allowed", &allowed), ("tighter", tighter)];
        let dict = dict(py, &texts, &[])?;
        dict.del_item("limits")?;
        for tier in TIERS {
            let limits = gxrisk_core::Limits::for_tier(tier).map_err(|error| invalid(py, error.to_string()))?;
            let value = limits.get(field.name).map_err(|error| invalid(py, error.to_string()))?;
            dict.set_item(tier, value.to_string())?;
        }
        Ok(dict)
    };
    FIELDS.iter().map(doc).collect()
}
