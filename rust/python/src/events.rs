//! Records as dicts: what `gate.events()` gives.

use gxrisk_core::decide::Evidence;
use gxrisk_core::engine::order_id;
use gxrisk_core::event::{Event, Fill, Ruling, Tick, Withdrawal};
use gxrisk_core::reason::Reason;
use gxrisk_core::{Breaker, Record, Time};
use gxrisk_gate::journal::Hex;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::convert::{atto, nano, nano_or_none};
use crate::decision::figure;
use crate::limits::limits_dict;
use crate::order::fields;

type Dict<'py> = Bound<'py, PyDict>;

/// A record: `sequence`, `time` (RFC 3339), `time_ns`, `kind`, and what that kind holds.
pub fn record<'py>(py: Python<'py>, record: &Record) -> PyResult<Dict<'py>> {
    let dict = PyDict::new(py);
    dict.set_item("sequence", record.sequence)?;
    dict.set_item("time", record.time.to_string())?;
    dict.set_item("time_ns", record.time.nanos())?;
    dict.set_item("kind", kind(&record.event))?;
    fill_in(py, &dict, &record.event)?;
    Ok(dict)
}

fn kind(event: &Event) -> &'static str {
    match event {
        Event::Opened { .. } => "opened",
        Event::Market(_) => "market",
        Event::Flow { .. } => "flow",
        Event::Funding { .. } => "funding",
        Event::Volatility { .. } => "volatility",
        Event::LotSteps { .. } => "lot_steps",
        Event::Groups { .. } => "correlation_groups",
        Event::Decided(_) => "decision",
        Event::Hold { .. } => "hold",
        Event::Redeemed { .. } => "redeemed",
        Event::Accepted { .. } => "accepted",
        Event::Filled(_) => "fill",
        Event::Cancelled { .. } => "cancelled",
        Event::Failed { .. } => "failed",
        Event::Expired { .. } => "expired",
        Event::DayOpened { .. } => "day",
        Event::Tripped { .. } => "trip",
        Event::Ended { .. } => "end",
        Event::CancelRequested { .. } => "cancel_requested",
        Event::Paused => "paused",
        Event::Resumed => "resumed",
        Event::Killed { .. } => "killed",
        Event::Reactivated { .. } => "reactivated",
        Event::LimitsSet { .. } => "limits",
        Event::RiskScaleSet { .. } => "risk_scale",
        Event::Restarted { .. } => "restarted",
        Event::KeysSet(_) => "keys",
        Event::OwnerKeySet { .. } => "owner_key",
        Event::Withdrawn(_) => "withdrawal",
        Event::Checkpointed { .. } => "checkpoint",
        Event::Noted { .. } => "note",
    }
}

fn fill_in<'py>(py: Python<'py>, dict: &Dict<'py>, event: &Event) -> PyResult<()> {
    match event {
        Event::Opened { vault_id, limits } => {
            dict.set_item("vault_id", &**vault_id)?;
            dict.set_item("limits", limits_dict(py, limits)?)
        }
        Event::Market(market) => {
            let ticks = market.ticks.iter().map(|one| tick(py, one)).collect::<PyResult<Vec<_>>>()?;
            dict.set_item("marks", PyList::new(py, ticks)?)?;
            dict.set_item("peak", atto(py, market.peak)?)?;
            dict.set_item("ignored_marks", market.ignored_marks)
        }
        Event::Flow { amount } => dict.set_item("amount", nano(py, *amount)?),
        Event::Funding { asset, amount, paid } => {
            dict.set_item("asset", asset.name())?;
            dict.set_item("amount", nano(py, *amount)?)?;
            dict.set_item("paid", paid.map(|paid| paid.to_string()))
        }
        Event::Volatility { value } => dict.set_item("volatility", nano(py, *value)?),
        Event::LotSteps { steps } => {
            let by_asset = PyDict::new(py);
            for (asset, step) in steps {
                by_asset.set_item(asset.name(), nano(py, *step)?)?;
            }
            dict.set_item("steps", by_asset)
        }
        Event::Groups { groups } => {
            let by_name = PyDict::new(py);
            for (name, assets) in groups {
                by_name.set_item(&**name, assets.iter().map(gxrisk_core::Asset::name).collect::<Vec<_>>())?;
            }
            dict.set_item("groups", by_name)
        }
        Event::Decided(ruling) => decision(py, dict, ruling),
        Event::Hold { asset, confidence, reasoning } => {
            dict.set_item("asset", asset.as_ref().map(gxrisk_core::Asset::name))?;
            dict.set_item("confidence", nano(py, *confidence)?)?;
            dict.set_item("reasoning", &**reasoning)
        }
        Event::Redeemed { order, signature } => {
            dict.set_item("order_id", order_id(*order))?;
            dict.set_item("signature", signature.as_deref().map(|bytes| Hex(bytes).to_string()))
        }
        Event::Accepted { order } | Event::Cancelled { order } | Event::Expired { order } => {
            dict.set_item("order_id", order_id(*order))
        }
        Event::Failed { order, reason } => {
            dict.set_item("order_id", order_id(*order))?;
            dict.set_item("reason", &**reason)
        }
        Event::Filled(one) => fill(py, dict, one),
        Event::DayOpened { day, opening } => {
            let (year, month, of_month) = day.date();
            dict.set_item("date", format!("{year:04}-{month:02}-{of_month:02}"))?;
            dict.set_item("opening", atto(py, *opening)?)
        }
        Event::Tripped { breaker, until, cause } => trip(py, dict, *breaker, *until, cause),
        Event::Ended { breaker } => dict.set_item("breaker", breaker.code()),
        Event::CancelRequested { orders } => {
            dict.set_item("order_ids", orders.iter().map(|order| order_id(*order)).collect::<Vec<_>>())
        }
        Event::Paused | Event::Resumed => Ok(()),
        Event::Killed { reason } => dict.set_item("reason", &**reason),
        Event::Reactivated { rebase, consent } => {
            dict.set_item("rebase", rebase.is_some())?;
            if let Some(rebase) = rebase {
                dict.set_item("old_base", atto(py, rebase.old_base)?)?;
                dict.set_item("old_peak", atto(py, rebase.old_peak)?)?;
                dict.set_item("new_base", atto(py, rebase.new_base)?)?;
            }
            if let Some(consent) = consent {
                dict.set_item("ends", consent.ends)?;
                dict.set_item("expires", consent.expires.to_string())?;
                dict.set_item("signature", Hex(&consent.signature).to_string())?;
            }
            Ok(())
        }
        Event::LimitsSet { limits } => dict.set_item("limits", limits_dict(py, limits)?),
        Event::RiskScaleSet { scale } => dict.set_item("scale", nano(py, *scale)?),
        Event::Restarted { epoch, dropped } => {
            dict.set_item("begun_epoch", epoch)?;
            dict.set_item("dropped_bytes", dropped)
        }
        Event::KeysSet(keys) => {
            dict.set_item("wallet_key", Hex(&keys.wallet).to_string())?;
            dict.set_item("head_key", Hex(&keys.head).to_string())
        }
        Event::OwnerKeySet { key, signature } => {
            dict.set_item("key", Hex(key).to_string())?;
            dict.set_item("signature", signature.as_deref().map(|bytes| Hex(bytes).to_string()))
        }
        Event::Withdrawn(one) => withdrawal(py, dict, one),
        Event::Checkpointed { digest } => dict.set_item("state", Hex(digest).to_string()),
        Event::Noted { topic, text } => {
            dict.set_item("topic", &**topic)?;
            dict.set_item("text", &**text)
        }
    }
}

fn trip<'py>(py: Python<'py>, dict: &Dict<'py>, breaker: Breaker, until: Option<Time>, cause: &Reason) -> PyResult<()> {
    dict.set_item("breaker", breaker.code())?;
    dict.set_item("until", until.map(|until| until.to_string()))?;
    dict.set_item("limit", figure(py, &cause.limit)?)?;
    dict.set_item("observed", figure(py, &cause.observed)?)?;
    dict.set_item("cause", &cause.message)
}

fn withdrawal<'py>(py: Python<'py>, dict: &Dict<'py>, withdrawal: &Withdrawal) -> PyResult<()> {
    dict.set_item("amount", nano(py, withdrawal.amount)?)?;
    dict.set_item("destination", &*withdrawal.destination)?;
    dict.set_item("nonce", Hex(&withdrawal.nonce).to_string())?;
    dict.set_item("expires", withdrawal.expires.to_string())?;
    dict.set_item("signature", Hex(&withdrawal.signature).to_string())
}

fn tick<'py>(py: Python<'py>, tick: &Tick) -> PyResult<Dict<'py>> {
    let dict = PyDict::new(py);
    dict.set_item("asset", tick.asset.name())?;
    dict.set_item("price", nano(py, tick.price)?)?;
    dict.set_item("time", tick.time.to_string())?;
    dict.set_item("atr", nano_or_none(py, tick.atr)?)?;
    Ok(dict)
}

fn fill<'py>(py: Python<'py>, dict: &Dict<'py>, fill: &Fill) -> PyResult<()> {
    dict.set_item("order_id", &*fill.order_id)?;
    dict.set_item("fill_id", &*fill.fill_id)?;
    dict.set_item("approved", fill.order.is_some())?;
    dict.set_item("asset", fill.asset.name())?;
    dict.set_item("side", fill.side.word())?;
    for (name, value) in [("quantity", fill.quantity), ("price", fill.price), ("fee", fill.fee)] {
        dict.set_item(name, nano(py, value)?)?;
    }
    Ok(())
}

fn decision<'py>(py: Python<'py>, dict: &Dict<'py>, ruling: &Ruling) -> PyResult<()> {
    dict.set_item("outcome", ruling.outcome().word())?;
    dict.set_item("origin", ruling.origin.word())?;
    dict.set_item("order", fields(py, &ruling.order)?)?;
    let mut violations = Vec::new();
    for violation in ruling.violations() {
        let one = PyDict::new(py);
        one.set_item("rule", violation.rule)?;
        one.set_item("limit", figure(py, &violation.reason.limit)?)?;
        one.set_item("observed", figure(py, &violation.reason.observed)?)?;
        one.set_item("message", violation.reason.message)?;
        violations.push(one);
    }
    dict.set_item("violations", PyList::new(py, violations)?)?;
    let is_approved = ruling.mask.0 == 0;
    dict.set_item("order_id", is_approved.then(|| order_id(ruling.sequence)))?;
    dict.set_item("expires", is_approved.then(|| ruling.expires.to_string()))?;
    dict.set_item("evidence", evidence(py, &ruling.evidence)?)
}

/// What each rule says of a decision's order, and the largest quantity of it that would have passed.
pub fn explanation<'py>(py: Python<'py>, ruling: &Ruling) -> PyResult<Dict<'py>> {
    let mut rules = Vec::new();
    for asked in ruling.asked() {
        let one = PyDict::new(py);
        one.set_item("rule", asked.rule)?;
        one.set_item("applies", asked.applies)?;
        one.set_item("passed", asked.passed)?;
        one.set_item("limit", figure(py, &asked.reason.limit)?)?;
        one.set_item("observed", figure(py, &asked.reason.observed)?)?;
        one.set_item("message", asked.reason.message)?;
        rules.push(one);
    }
    let dict = PyDict::new(py);
    dict.set_item("rules", PyList::new(py, rules)?)?;
    dict.set_item("max_quantity", nano(py, ruling.max_quantity())?)?;
    Ok(dict)
}

fn evidence<'py>(py: Python<'py>, evidence: &Evidence) -> PyResult<Dict<'py>> {
    let Evidence { account, holding, group, .. } = evidence;
    let dict = PyDict::new(py);
    dict.set_item("state", account.state.word())?;
    for (name, money) in [
        ("equity", account.equity),
        ("day_opening", account.day_opening),
        ("base", account.base(&evidence.limits)),
        ("gross_exposure", account.gross),
        ("asset_exposure", holding.exposure),
        ("group_exposure", group.exposure),
    ] {
        dict.set_item(name, atto(py, money)?)?;
    }
    dict.set_item("mark", nano_or_none(py, holding.mark.map(|mark| mark.price))?)?;
    dict.set_item("mark_time", holding.mark.map(|mark| mark.time.to_string()))?;
    dict.set_item("atr", nano_or_none(py, holding.atr)?)?;
    for (name, quantity) in [
        ("position", holding.position),
        ("working_buys", holding.buys),
        ("working_sells", holding.sells),
        ("risk_scale", account.risk_scale),
    ] {
        dict.set_item(name, nano(py, quantity)?)?;
    }
    dict.set_item("daily_trades", account.daily_trades)?;
    dict.set_item("working", account.working)?;
    Ok(dict)
}
