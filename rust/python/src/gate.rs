//! `Gate`.

use std::collections::BTreeMap;
use std::sync::Arc;

use gxrisk_core::engine::FillReport;
use gxrisk_core::order::{REASONING_CHARS_MAX, check_confidence, check_reasoning};
use gxrisk_core::{Nano, Origin};
use gxrisk_gate::{GateError, MemoryJournal};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyString, PyTuple};

use crate::agent::AgentGate;
use crate::clock::chosen;
use crate::convert;
use crate::decision::{Approval, Decision, Source, Trip};
use crate::error::{JournalError, raise};
use crate::limits::Limits;
use crate::order::Order;
use crate::untracked::untracked;
use crate::{batch, events, snapshot};

/// The one thing that can approve an order for a vault.
///
/// `vault_id` is 1 to 64 printable ASCII characters without a space; `clock` is a `SystemClock` unless given; with
/// `journal=None` the records live in memory, as long as the gate. Every call is safe from any thread.
///
/// Money, prices and quantities go in as `str`, `int`, `Decimal` (exactly) or `float` (to the nearest ninth digit) and
/// come back as `Decimal`. A refusal is a value; malformed input raises `InvalidOrder`; what does not fit the vault's
/// state raises `VaultError`.
///
/// >>> clock = ManualClock("2020-03-12T00:00:00Z")
/// >>> gate = Gate("demo", Limits.for_tier("growth"), clock=clock)
/// >>> gate.deposit(10_000)
/// >>> gate.mark("BTC", 7_900, atr=50)
/// True
/// >>> small = order("BTC", "buy", "0.1", confidence=0.8, reasoning="breakout", stop_loss=7_800)
/// >>> gate.validate_order(small)
/// Decision(approved)
/// >>> gate.validate_order(small.replace(quantity=1)).violations[0].rule
/// 'position_size'
#[pyclass(frozen, immutable_type, module = "gxrisk")]
pub struct Gate {
    gate: Arc<gxrisk_gate::Gate>,
    /// What `validate_order` answers to an order that passes: nothing is allocated for it.
    passed: Py<Decision>,
}

/// What `Gate` and `AgentGate` share.
pub(crate) struct Ask<'a> {
    pub gate: &'a Arc<gxrisk_gate::Gate>,
    pub passed: &'a Py<Decision>,
}

impl Ask<'_> {
    #[inline]
    pub fn validate(&self, py: Python<'_>, order: &Bound<'_, Order>, origin: Origin) -> PyResult<Py<Decision>> {
        let core = &order.get().order;
        let verdict = self.gate.validate(&core.terms, core.client_order_id.as_deref(), origin);
        if verdict.mask.0 == 0 {
            return Ok(self.passed.clone_ref(py));
        }
        let source = match verdict.evidence {
            Some(evidence) => Source::Judged { mask: verdict.mask, evidence, order: order.clone().unbind(), origin },
            None => Source::Halted,
        };
        untracked(py, Decision { source })
    }

    pub fn authorize(&self, py: Python<'_>, order: &Order, origin: Origin) -> PyResult<Py<Decision>> {
        let source = match self.gate.authorize(Arc::new(order.order.clone()), origin) {
            Ok(decided) => Source::Recorded { ruling: decided.ruling, approval: decided.approval },
            Err(GateError::EngineHalted) => Source::Halted,
            Err(error) => return Err(raise(py, error)),
        };
        untracked(py, Decision { source })
    }

    pub fn hold(
        &self,
        py: Python<'_>,
        confidence: &Bound<'_, PyAny>,
        reasoning: &Bound<'_, PyAny>,
    ) -> PyResult<Py<Decision>> {
        let sure = convert::number(confidence, "confidence")?;
        check_confidence(sure).map_err(|error| convert::out_of_range(confidence, error.field, error.allowed))?;
        let words = convert::text(reasoning, "reasoning")?;
        check_reasoning(words).map_err(|error| convert::out_of_range(reasoning, error.field, error.allowed))?;
        let sequence = self.gate.hold(sure, words).map_err(|error| raise(py, error))?;
        untracked(py, Decision { source: Source::Hold { sequence } })
    }

    pub fn max_quantity<'py>(&self, py: Python<'py>, order: &Order) -> PyResult<Bound<'py, PyAny>> {
        let core = &order.order;
        let id = core.client_order_id.as_deref();
        let most = self.gate.max_quantity(&core.terms, id, Origin::Agent).map_err(|error| raise(py, error))?;
        convert::nano(py, most)
    }

    pub fn headroom<'py>(
        &self,
        py: Python<'py>,
        asset: &Bound<'_, PyAny>,
        side: &Bound<'_, PyAny>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let room =
            self.gate.headroom(convert::asset(asset)?, convert::side(side)?).map_err(|error| raise(py, error))?;
        let dict = PyDict::new(py);
        for (rule, most) in room {
            dict.set_item(rule, convert::nano_or_none(py, most)?)?;
        }
        Ok(dict)
    }

    pub fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        snapshot::snapshot(py, &self.gate.view().map_err(|error| raise(py, error))?)
    }
}

impl Gate {
    #[inline]
    fn ask(&self) -> Ask<'_> {
        Ask { gate: &self.gate, passed: &self.passed }
    }
}

#[pymethods]
impl Gate {
    #[new]
    #[pyo3(signature = (vault_id, limits, *, clock=None, journal=None))]
    fn new(
        py: Python<'_>,
        vault_id: &Bound<'_, PyAny>,
        limits: &Bound<'_, Limits>,
        clock: Option<&Bound<'_, PyAny>>,
        journal: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<Self>> {
        let id = convert::name(vault_id, "vault_id")?;
        if let Some(journal) = journal {
            let message = format!(
                "journal is {}: this version keeps records in memory only (journal=None)",
                convert::seen(journal)
            );
            return Err(JournalError::new_err(message));
        }
        let limits = (*limits.get().limits).clone();
        let gate = gxrisk_gate::Gate::new(id, limits, chosen(clock)?, Box::<MemoryJournal>::default());
        let gate = gate.map_err(|error| raise(py, error))?;
        let passed = untracked(py, Decision { source: Source::Passed })?;
        untracked(py, Self { gate: Arc::new(gate), passed })
    }

    /// The vault's id.
    #[getter]
    fn vault_id(&self) -> &str {
        self.gate.vault_id()
    }

    /// The limits in force.
    #[getter]
    fn limits(&self) -> Limits {
        Limits { limits: self.gate.limits() }
    }

    /// Books a deposit of money. No percentage moves: base, peak and the day's opening are scaled with equity.
    fn deposit(&self, py: Python<'_>, amount: &Bound<'_, PyAny>) -> PyResult<()> {
        let amount = convert::amount(amount, "amount")?;
        self.gate.deposit(amount).map_err(|error| raise(py, error))
    }

    /// Takes the trusted price of an asset, with its average true range in price units and the feed's time.
    ///
    /// Without `at` it is of now; without `atr` the asset's last one stays. An older mark than the newest one is
    /// ignored, counted, and answered with False; one more than 5 s ahead of the gate raises `VaultError`.
    #[pyo3(signature = (asset, price, *, atr=None, at=None))]
    fn mark(
        &self,
        py: Python<'_>,
        asset: &Bound<'_, PyAny>,
        price: &Bound<'_, PyAny>,
        atr: Option<&Bound<'_, PyAny>>,
        at: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        let (asset, price) = (convert::asset(asset)?, convert::amount(price, "price")?);
        let atr = atr.map(|atr| convert::between(atr, "atr", Nano::ZERO, Nano::MAX)).transpose()?;
        let at = at.map(|at| convert::time(at, "at")).transpose()?;
        self.gate.mark(asset, price, atr, at).map_err(|error| raise(py, error))
    }

    /// Books funding of a position: positive is received, negative is paid.
    fn funding(&self, py: Python<'_>, asset: &Bound<'_, PyAny>, amount: &Bound<'_, PyAny>) -> PyResult<()> {
        let (asset, amount) = (convert::asset(asset)?, convert::signed_amount(amount, "amount")?);
        self.gate.funding(asset, amount).map_err(|error| raise(py, error))
    }

    /// Takes the market's volatility as a fraction: above `volatility_max` the vault is halted.
    fn set_volatility(&self, py: Python<'_>, volatility: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = convert::between(volatility, "volatility", Nano::ZERO, Nano::whole(1_000))?;
        self.gate.set_volatility(value).map_err(|error| raise(py, error))
    }

    /// Sets the assets' lot steps, on which `max_quantity` and `headroom` land; others use one unit of the scale.
    fn set_lot_steps(&self, py: Python<'_>, steps: &Bound<'_, PyAny>) -> PyResult<()> {
        let mut by_asset = BTreeMap::new();
        for pair in mapping(steps, "steps")?.items()? {
            let (asset, step): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair.extract()?;
            by_asset.insert(convert::asset(&asset)?, convert::amount(&step, "step")?);
        }
        self.gate.set_lot_steps(by_asset).map_err(|error| raise(py, error))
    }

    /// Sets the correlation groups, `{"majors": ["BTC", "ETH"]}`; an asset in two of them raises `InvalidOrder`.
    fn set_correlation_groups(&self, py: Python<'_>, groups: &Bound<'_, PyAny>) -> PyResult<()> {
        let mut by_name: BTreeMap<Box<str>, Vec<_>> = BTreeMap::new();
        for pair in mapping(groups, "groups")?.items()? {
            let (name, members): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair.extract()?;
            let wrong = || convert::out_of_range(&members, "groups", "must hold lists of asset names");
            if members.is_instance_of::<PyString>() {
                return Err(wrong());
            }
            let listed = members.try_iter().map_err(|_| wrong())?;
            let assets = listed.map(|member| convert::asset(&member?)).collect::<PyResult<Vec<_>>>()?;
            by_name.insert(convert::name(&name, "group")?.into(), assets);
        }
        self.gate.set_groups(by_name).map_err(|error| raise(py, error))
    }

    /// Judges an order and changes nothing: the call for hot loops.
    ///
    /// `origin` is `"agent"`, `"owner"` or `"protection"`. An id that `authorize` has seen violates `duplicate_order`.
    #[pyo3(signature = (order, *, origin=None), text_signature = "($self, order, *, origin=\"agent\")")]
    #[inline]
    fn validate_order(
        &self,
        py: Python<'_>,
        order: &Bound<'_, Order>,
        origin: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<Decision>> {
        self.ask().validate(py, order, convert::origin(origin)?)
    }

    /// Judges many orders by the agent, each alone against the vault as it is now; changes nothing.
    ///
    /// `columns` maps names to arrays of n rows: `asset` (text, or integer codes into a further entry `assets`), `side`
    /// (`"buy"`, `"sell"`, or numbers above and below zero), `quantity`, `confidence`, and where wanted `price`,
    /// `leverage`, `stop_loss`, `reduce_only` (floats; NaN is absent). Gives n masks of uint32: bit i is `RULES[i]`, and
    /// `MASK_HELD`, `MASK_ARITHMETIC_OVERFLOW` say the rest; zero means that `validate_order` approves. A malformed row
    /// raises `InvalidOrder` with its number. The GIL is released; `threads` splits the rows.
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
    ///
    /// An identical repeat of a `client_order_id` gives the first decision and takes nothing.
    #[pyo3(signature = (order, *, origin=None), text_signature = "($self, order, *, origin=\"agent\")")]
    fn authorize(
        &self,
        py: Python<'_>,
        order: &Bound<'_, Order>,
        origin: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<Decision>> {
        self.ask().authorize(py, order.get(), convert::origin(origin)?)
    }

    /// Records that the model chose to do nothing, with its confidence (0 to 1) and reasoning.
    fn hold(
        &self,
        py: Python<'_>,
        confidence: &Bound<'_, PyAny>,
        reasoning: &Bound<'_, PyAny>,
    ) -> PyResult<Py<Decision>> {
        self.ask().hold(py, confidence, reasoning)
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

    /// Uses an approval, once; gives the order to send, exactly as it was approved. Raises `ApprovalError`.
    fn redeem(&self, py: Python<'_>, approval: &Bound<'_, Approval>) -> PyResult<Order> {
        let order = self.gate.redeem(&approval.get().approval).map_err(|error| raise(py, error))?;
        Ok(snapshot::redeemed(&order))
    }

    /// The venue took the order; False where that changes nothing. Raises `VaultError` for an unknown order.
    fn order_accepted(&self, py: Python<'_>, order_id: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.gate.order_accepted(&convert::id(order_id, "order_id")?).map_err(|error| raise(py, error))
    }

    /// Books an execution; False where this order's `fill_id` is known already.
    ///
    /// `fee` is money, negative for a rebate. For an order that the gate does not know, `asset` and `side` say of what.
    #[pyo3(signature = (order_id, fill_id, quantity, price, fee=None, *, asset=None, side=None),
        text_signature = "($self, order_id, fill_id, quantity, price, fee=0, *, asset=None, side=None)")]
    #[expect(clippy::too_many_arguments, reason = "the fields of a fill")]
    fn apply_fill(
        &self,
        py: Python<'_>,
        order_id: &Bound<'_, PyAny>,
        fill_id: &Bound<'_, PyAny>,
        quantity: &Bound<'_, PyAny>,
        price: &Bound<'_, PyAny>,
        fee: Option<&Bound<'_, PyAny>>,
        asset: Option<&Bound<'_, PyAny>>,
        side: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        let (order_id, fill_id) = (convert::id(order_id, "order_id")?, convert::id(fill_id, "fill_id")?);
        let report = FillReport {
            order_id: &order_id,
            fill_id: &fill_id,
            quantity: convert::amount(quantity, "quantity")?,
            price: convert::amount(price, "price")?,
            fee: fee.map(|fee| convert::signed_amount(fee, "fee")).transpose()?.unwrap_or_default(),
            asset: asset.map(convert::asset).transpose()?,
            side: side.map(convert::side).transpose()?,
        };
        self.gate.apply_fill(&report).map_err(|error| raise(py, error))
    }

    /// The venue confirmed the order's end; False where it had ended. Raises `VaultError` for an unknown order.
    fn order_cancelled(&self, py: Python<'_>, order_id: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.gate.order_cancelled(&convert::id(order_id, "order_id")?).map_err(|error| raise(py, error))
    }

    /// The venue did not take the order; False where it had ended. Raises `VaultError` for an unknown order.
    ///
    /// `reason` is kept in the venue's words, the first 4,000 characters of them.
    fn order_failed(&self, py: Python<'_>, order_id: &Bound<'_, PyAny>, reason: &Bound<'_, PyAny>) -> PyResult<bool> {
        let (id, reason) = (convert::id(order_id, "order_id")?, convert::text(reason, "reason")?);
        // A venue's words can be a whole page; that they were said matters more than all of them.
        let end = reason.char_indices().nth(REASONING_CHARS_MAX).map_or(reason.len(), |(index, _)| index);
        self.gate.order_failed(&id, &reason[..end]).map_err(|error| raise(py, error))
    }

    /// Halts the agent until `resume`.
    fn pause(&self, py: Python<'_>) -> PyResult<()> {
        self.gate.pause().map_err(|error| raise(py, error))
    }

    /// Ends the pause and the breakers that end by the operator: `execution_failure`, `fill_mismatch`.
    fn resume(&self, py: Python<'_>) -> PyResult<()> {
        self.gate.resume().map_err(|error| raise(py, error))
    }

    /// Halts the vault and asks for every working order to be cancelled, until `reactivate`.
    fn kill(&self, py: Python<'_>, reason: &Bound<'_, PyAny>) -> PyResult<()> {
        let words = convert::text(reason, "reason")?;
        check_reasoning(words).map_err(|error| convert::out_of_range(reason, "reason", error.allowed))?;
        self.gate.kill(words).map_err(|error| raise(py, error))
    }

    /// Ends the kill and the `drawdown` breaker, or raises `VaultError` and changes nothing.
    ///
    /// While equity is still below the threshold it needs `rebase=True`: base and peak become today's equity.
    #[pyo3(signature = (rebase=None), text_signature = "($self, rebase=False)")]
    fn reactivate(&self, py: Python<'_>, rebase: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let rebase = rebase.map(|rebase| convert::flag(rebase, "rebase")).transpose()?.unwrap_or(false);
        self.gate.reactivate(rebase).map_err(|error| raise(py, error))
    }

    /// Sets new limits: tighter at once; looser only while nothing is held or working, else `VaultError`.
    fn set_limits(&self, py: Python<'_>, limits: &Bound<'_, Limits>) -> PyResult<()> {
        self.gate.set_limits((*limits.get().limits).clone()).map_err(|error| raise(py, error))
    }

    /// Multiplies position size, concentration and correlated exposure by a scale above 0 and at most 1.
    fn set_risk_scale(&self, py: Python<'_>, scale: &Bound<'_, PyAny>) -> PyResult<()> {
        let scale = convert::between(scale, "scale", Nano::STEP, Nano::ONE)?;
        self.gate.set_risk_scale(scale).map_err(|error| raise(py, error))
    }

    /// `"active"`, `"reduce_only"` or `"halted"`.
    #[getter]
    fn state(&self) -> &'static str {
        self.gate.state().word()
    }

    /// The tripped breakers, in the order of `BREAKERS`.
    #[getter]
    fn trips<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let trips = self.gate.trips().map_err(|error| raise(py, error))?;
        let trips = trips.iter().map(|trip| Trip::new(py, trip)).collect::<PyResult<Vec<_>>>()?;
        PyTuple::new(py, trips)
    }

    /// The vault at this instant.
    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.ask().snapshot(py)
    }

    /// The records after the sequence `since`, as dicts: `sequence`, `time`, `time_ns`, `kind`, and what the kind holds.
    #[pyo3(signature = (since=None), text_signature = "($self, since=0)")]
    fn events<'py>(&self, py: Python<'py>, since: Option<&Bound<'py, PyAny>>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let since = since.map(|since| convert::count(since, "since", 0, u64::MAX)).transpose()?.unwrap_or(0);
        let records = self.gate.events(since).map_err(|error| raise(py, error))?;
        records.iter().map(|record| events::record(py, record)).collect()
    }

    /// The handle to give to an AI: it proposes as the agent and reads; nothing else can be reached from it.
    fn agent(&self, py: Python<'_>) -> PyResult<Py<AgentGate>> {
        AgentGate::handle(py, Arc::clone(&self.gate), self.passed.clone_ref(py))
    }

    fn __repr__(&self) -> String {
        format!("Gate('{}', state='{}')", self.vault_id(), self.state())
    }
}

fn mapping<'a, 'py>(value: &'a Bound<'py, PyAny>, field: &str) -> PyResult<&'a Bound<'py, PyMapping>> {
    value.cast::<PyMapping>().map_err(|_| convert::out_of_range(value, field, "must be a mapping"))
}
