//! `Gate`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gxrisk_core::engine::FillReport;
use gxrisk_core::order::{REASONING_CHARS_MAX, check_confidence, check_reasoning};
use gxrisk_core::state::VOLATILITY_MAX;
use gxrisk_core::{Nano, Origin};
use gxrisk_gate::custody::Passphrase;
use gxrisk_gate::journal::{Hex, Recovery, Storage};
use gxrisk_gate::{Custody, GateError};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMapping, PyString, PyTuple};

use crate::agent::AgentGate;
use crate::clock::chosen;
use crate::convert;
use crate::decision::{Approval, Decision, Source, Trip};
use crate::error::raise;
use crate::journal::Head;
use crate::limits::Limits;
use crate::order::Order;
use crate::untracked::untracked;
use crate::{batch, events, snapshot};

/// The one thing that can approve an order for a vault.
///
/// `vault_id` is 1 to 64 printable ASCII characters without a space; `clock` is a `SystemClock` unless given. With
/// `journal=None` the records live in memory, as long as the gate; with a path they are durable before any answer, and
/// `Gate.open(path)` goes on from them. `owner_key` is the public half of the owner's master key (32 bytes, or hex),
/// without which nothing can be withdrawn and with which reactivations are signed. A passphrase (`passphrase_file`, or `GXRISK_PASSPHRASE_FILE`, or
/// `GXRISK_PASSPHRASE`) seals a durable vault's keys beside its journal; without one each opening makes new keys.
/// Every call is safe from any thread.
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
#[expect(clippy::struct_field_names, reason = "the class is the gate's, and holds it")]
pub struct Gate {
    gate: Arc<gxrisk_gate::Gate>,
    /// What `validate_order` answers to an order that passes: nothing is allocated for it.
    passed: Py<Decision>,
    /// What opening its journal found.
    recovery: Option<Recovery>,
}

/// What `Gate` and `AgentGate` share.
pub(crate) struct Ask<'a> {
    pub gate: &'a Arc<gxrisk_gate::Gate>,
    pub passed: &'a Py<Decision>,
}

/// Does an operation of a gate; where it may wait for the disk, other threads go on meanwhile.
fn away<T: Send>(
    py: Python<'_>,
    gate: &gxrisk_gate::Gate,
    operation: impl FnOnce(&gxrisk_gate::Gate) -> Result<T, GateError> + Send,
) -> Result<T, GateError> {
    if gate.is_durable() { py.detach(|| operation(gate)) } else { operation(gate) }
}

/// The same, with the error as an exception.
fn run<T: Send>(
    py: Python<'_>,
    gate: &gxrisk_gate::Gate,
    operation: impl FnOnce(&gxrisk_gate::Gate) -> Result<T, GateError> + Send,
) -> PyResult<T> {
    away(py, gate, operation).map_err(|error| raise(py, error))
}

impl Ask<'_> {
    #[inline]
    pub fn validate(&self, py: Python<'_>, order: &Bound<'_, Order>, origin: Origin) -> PyResult<Py<Decision>> {
        let core = &order.get().order;
        let (verdict, receipt) = self.gate.validate(&core.terms, core.client_order_id.as_deref(), origin);
        if receipt.is_some() {
            // What followed from the clock is safe before anyone acts on it; a gate whose records are lost says so.
            run(py, self.gate, |gate| gate.settle(receipt))?;
        }
        if verdict.mask.0 == 0 {
            return Ok(self.passed.clone_ref(py));
        }
        let source = match (verdict.evidence, verdict.stopped) {
            (Some(evidence), _) => {
                Source::Judged { mask: verdict.mask, evidence, order: order.clone().unbind(), origin }
            }
            (None, why) => Source::Stopped(why.unwrap_or_else(|| Box::new(GateError::EngineHalted))),
        };
        untracked(py, Decision { source })
    }

    pub fn authorize(&self, py: Python<'_>, order: &Order, origin: Origin) -> PyResult<Py<Decision>> {
        let order = Arc::new(order.order.clone());
        let source = match away(py, self.gate, |gate| gate.authorize(&order, origin)) {
            Ok(decided) => Source::Recorded { ruling: decided.ruling, approval: decided.approval },
            Err(why @ (GateError::EngineHalted | GateError::RecordLost(_))) => Source::Stopped(Box::new(why)),
            Err(error) => return Err(raise(py, error)),
        };
        untracked(py, Decision { source })
    }

    pub fn hold(
        &self,
        py: Python<'_>,
        confidence: &Bound<'_, PyAny>,
        reasoning: &Bound<'_, PyAny>,
        asset: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<Decision>> {
        let asset = asset.map(convert::asset).transpose()?;
        let sure = convert::number(confidence, "confidence")?;
        check_confidence(sure).map_err(|error| convert::out_of_range(confidence, error.field, error.allowed))?;
        let words = convert::text(reasoning, "reasoning")?;
        check_reasoning(words).map_err(|error| convert::out_of_range(reasoning, error.field, error.allowed))?;
        let sequence = run(py, self.gate, |gate| gate.hold(asset, sure, words))?;
        untracked(py, Decision { source: Source::Hold { sequence } })
    }

    pub fn max_quantity<'py>(&self, py: Python<'py>, order: &Order) -> PyResult<Bound<'py, PyAny>> {
        let core = &order.order;
        let id = core.client_order_id.as_deref();
        let most = run(py, self.gate, |gate| gate.max_quantity(&core.terms, id, Origin::Agent))?;
        convert::nano(py, most)
    }

    pub fn headroom<'py>(
        &self,
        py: Python<'py>,
        asset: &Bound<'_, PyAny>,
        side: &Bound<'_, PyAny>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let (asset, side) = (convert::asset(asset)?, convert::side(side)?);
        let room = run(py, self.gate, |gate| gate.headroom(asset, side))?;
        let dict = PyDict::new(py);
        for (rule, most) in room {
            dict.set_item(rule, convert::nano_or_none(py, most)?)?;
        }
        Ok(dict)
    }

    pub fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        snapshot::snapshot(py, &run(py, self.gate, gxrisk_gate::Gate::view)?)
    }
}

impl Gate {
    fn over(py: Python<'_>, gate: gxrisk_gate::Gate, recovery: Option<Recovery>) -> PyResult<Py<Self>> {
        let passed = untracked(py, Decision { source: Source::Passed })?;
        untracked(py, Self { gate: Arc::new(gate), passed, recovery })
    }

    #[inline]
    fn ask(&self) -> Ask<'_> {
        Ask { gate: &self.gate, passed: &self.passed }
    }
}

#[pymethods]
impl Gate {
    #[new]
    #[pyo3(signature = (vault_id, limits, *, clock=None, journal=None, owner_key=None, passphrase_file=None))]
    fn new(
        py: Python<'_>,
        vault_id: &Bound<'_, PyAny>,
        limits: &Bound<'_, Limits>,
        clock: Option<&Bound<'_, PyAny>>,
        journal: Option<&Bound<'_, PyAny>>,
        owner_key: Option<&Bound<'_, PyAny>>,
        passphrase_file: Option<PathBuf>,
    ) -> PyResult<Py<Self>> {
        let id = convert::name(vault_id, "vault_id")?;
        let (limits, clock) = ((*limits.get().limits).clone(), chosen(clock)?);
        let owner_key = owner_key.map(|key| convert::key(key, "owner_key")).transpose()?;
        let gate = match journal {
            Some(journal) => {
                let storage = Storage::from(convert::path(journal, "journal")?.as_path());
                let custody = custody(py, owner_key, passphrase_file.as_deref())?;
                py.detach(|| gxrisk_gate::Gate::create(&storage, id, limits, clock, &custody))
            }
            None => gxrisk_gate::Gate::in_memory(id, limits, clock, owner_key),
        };
        Self::over(py, gate.map_err(|error| raise(py, error))?, None)
    }

    /// Opens a vault again, exactly as its journal leaves it: positions, reservations, breakers, anchors, keys.
    ///
    /// An incomplete last record (nobody was told of it) is dropped and reported in `recovery`; any other damage, a
    /// newer format or a second writer raises `JournalError`, which says where. A vault whose keys are sealed needs
    /// their passphrase: `passphrase_file`, or `GXRISK_PASSPHRASE_FILE`, or `GXRISK_PASSPHRASE`.
    ///
    /// >>> import tempfile
    /// >>> folder = tempfile.TemporaryDirectory()
    /// >>> with Gate("demo", Limits.for_tier("growth"), journal=f"{folder.name}/demo.gxr") as gate:
    /// ...     gate.deposit(10_000)
    /// >>> with Gate.open(f"{folder.name}/demo.gxr") as gate:
    /// ...     gate.snapshot().equity
    /// Decimal('10000')
    /// >>> folder.cleanup()
    #[staticmethod]
    #[pyo3(signature = (path, *, clock=None, passphrase_file=None))]
    fn open(
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        clock: Option<&Bound<'_, PyAny>>,
        passphrase_file: Option<PathBuf>,
    ) -> PyResult<Py<Self>> {
        let storage = Storage::from(convert::path(path, "path")?.as_path());
        let (clock, custody) = (chosen(clock)?, custody(py, None, passphrase_file.as_deref())?);
        let opened = py.detach(|| gxrisk_gate::Gate::open(&storage, clock, custody.passphrase.as_ref()));
        let (gate, recovery) = opened.map_err(|error| raise(py, error))?;
        Self::over(py, gate, Some(recovery))
    }

    /// Closes the journal, so that it can be opened again; every later call is refused. Harmless when closed already.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        run(py, &self.gate, gxrisk_gate::Gate::close)
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __exit__(
        &self,
        py: Python<'_>,
        _kind: &Bound<'_, PyAny>,
        _error: &Bound<'_, PyAny>,
        _trace: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        self.close(py)
    }

    /// What opening found, of a gate that `Gate.open` made: `sequence`, `replayed`, `dropped` (bytes), `epoch`; else None.
    #[getter]
    fn recovery<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let Some(Recovery { sequence, replayed, dropped, epoch }) = self.recovery else { return Ok(None) };
        let dict = PyDict::new(py);
        for (name, number) in [("sequence", sequence), ("replayed", replayed), ("dropped", dropped), ("epoch", epoch)] {
            dict.set_item(name, number)?;
        }
        Ok(Some(dict))
    }

    /// The public half of the wallet key, which signs approvals and nothing else: 32 bytes.
    #[getter]
    fn wallet_key<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.gate.wallet_key().map_err(|error| raise(py, error))?))
    }

    /// The public half of the owner's master key, 32 bytes; None where nothing can be withdrawn.
    #[getter]
    fn owner_key<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.gate.owner_key().map(|key| PyBytes::new(py, &key))
    }

    /// Makes new vault keys; the change is recorded before they sign anything. What the old ones signed stays good.
    #[pyo3(signature = (*, passphrase_file=None))]
    fn rotate_keys(&self, py: Python<'_>, passphrase_file: Option<PathBuf>) -> PyResult<()> {
        let custody = custody(py, None, passphrase_file.as_deref())?;
        run(py, &self.gate, |gate| gate.rotate_keys(custody.passphrase.as_ref()))
    }

    /// Hands the vault to another master key (32 bytes), for which the present one signed (64 bytes).
    fn rotate_owner_key(&self, py: Python<'_>, key: &Bound<'_, PyAny>, signature: &Bound<'_, PyAny>) -> PyResult<()> {
        let (key, signature) = (convert::key(key, "key")?, convert::signature(signature, "signature")?);
        run(py, &self.gate, |gate| gate.rotate_owner_key(key, &signature))
    }

    /// Books a withdrawal that the owner signed (`gxrisk withdraw sign`); gives where to and how much to send.
    ///
    /// Raises `WithdrawalError`, whose `code` says why: `malformed`, `vault`, `signature`, `no_owner`, `expired`,
    /// `replayed`, `not_flat` or `overdrawn`.
    fn withdraw<'py>(&self, py: Python<'py>, request: &Bound<'_, PyAny>) -> PyResult<(String, Bound<'py, PyAny>)> {
        let token = convert::bytes(request, "request")?;
        let (destination, amount) = run(py, &self.gate, |gate| gate.withdraw(&token))?;
        Ok((destination.into(), convert::nano(py, amount)?))
    }

    /// What the owner's signed request asks for, if it could be released once the vault is flat and holds as much.
    ///
    /// Gives `amount`, `destination`, `nonce` (hexadecimal) and `expires`; changes nothing. Raises `WithdrawalError` as
    /// `withdraw` does, but for `not_flat` and `overdrawn`.
    fn check_withdrawal<'py>(&self, py: Python<'py>, request: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
        let token = convert::bytes(request, "request")?;
        let asked = run(py, &self.gate, |gate| gate.check_withdrawal(&token))?;
        let dict = PyDict::new(py);
        dict.set_item("amount", convert::nano(py, asked.amount)?)?;
        dict.set_item("destination", &*asked.destination)?;
        dict.set_item("nonce", Hex(&asked.nonce).to_string())?;
        dict.set_item("expires", convert::datetime(py, asked.expires)?)?;
        Ok(dict)
    }

    /// The head of the journal's chain, signed: kept elsewhere, it shows later whether anything was cut off.
    fn head(&self, py: Python<'_>) -> PyResult<Head> {
        run(py, &self.gate, gxrisk_gate::Gate::head).map(|head| Head { head })
    }

    /// The vault's id.
    #[getter]
    fn vault_id(&self) -> &str {
        self.gate.vault_id()
    }

    /// The sequence of the newest record: what changes whenever anything happens, marks apart.
    #[getter]
    fn sequence(&self) -> u64 {
        self.gate.sequence()
    }

    /// The limits in force.
    #[getter]
    fn limits(&self) -> Limits {
        Limits { limits: self.gate.limits() }
    }

    /// Books a deposit of money. No percentage moves: base, peak and the day's opening are scaled with equity.
    fn deposit(&self, py: Python<'_>, amount: &Bound<'_, PyAny>) -> PyResult<()> {
        let amount = convert::amount(amount, "amount")?;
        run(py, &self.gate, |gate| gate.deposit(amount))
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
        run(py, &self.gate, |gate| gate.mark(asset, price, atr, at))
    }

    /// Books funding of a position: positive is received, negative is paid.
    ///
    /// `at` is when the venue paid it: one payment of an asset for each time, in their order, so that a repeat or a
    /// payment not later than the last one returns False and books nothing. Without a time it is always booked.
    #[pyo3(signature = (asset, amount, *, at=None))]
    fn funding(
        &self,
        py: Python<'_>,
        asset: &Bound<'_, PyAny>,
        amount: &Bound<'_, PyAny>,
        at: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        let (asset, amount) = (convert::asset(asset)?, convert::signed_amount(amount, "amount")?);
        let paid = at.map(|at| convert::time(at, "at")).transpose()?;
        run(py, &self.gate, |gate| gate.funding(asset, amount, paid))
    }

    /// Keeps a text under a topic in the journal, in the place of the last one; an empty text ends the topic.
    ///
    /// For what whoever runs the vault must not forget: no decision reads it. A topic is a name; the text has at most
    /// 65,536 bytes, and there are at most 64 topics at a time. Raises `VaultError` beyond that.
    ///
    /// >>> gate = Gate("demo", Limits.for_tier("growth"), clock=ManualClock("2020-03-12T00:00:00Z"))
    /// >>> gate.note("strategy", "momentum 1.2")
    /// >>> gate.notes
    /// {'strategy': 'momentum 1.2'}
    fn note(&self, py: Python<'_>, topic: &Bound<'_, PyAny>, text: &Bound<'_, PyAny>) -> PyResult<()> {
        let (topic, text) = (convert::name(topic, "topic")?, convert::text(text, "text")?);
        run(py, &self.gate, |gate| gate.note(topic, text))
    }

    /// The newest text of every topic, by name.
    #[getter]
    fn notes(&self, py: Python<'_>) -> PyResult<BTreeMap<String, String>> {
        let notes = run(py, &self.gate, gxrisk_gate::Gate::notes)?;
        Ok(notes.into_iter().map(|(topic, note)| (topic, note.text.into())).collect())
    }

    /// The newest note on a topic with its place in the chain, signed by the head key: for whoever has no journal.
    ///
    /// Read with `verify_note`. Raises `VaultError` where there is no such note.
    fn attest<'py>(&self, py: Python<'py>, topic: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let topic = convert::name(topic, "topic")?;
        Ok(PyBytes::new(py, &run(py, &self.gate, |gate| gate.attest(topic))?))
    }

    /// Takes the market's volatility as a fraction: above `volatility_max` the vault is halted.
    fn set_volatility(&self, py: Python<'_>, volatility: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = convert::between(volatility, "volatility", Nano::ZERO, VOLATILITY_MAX)?;
        run(py, &self.gate, |gate| gate.set_volatility(value))
    }

    /// Sets the assets' lot steps, on which `max_quantity` and `headroom` land; others use one unit of the scale.
    fn set_lot_steps(&self, py: Python<'_>, steps: &Bound<'_, PyAny>) -> PyResult<()> {
        let mut by_asset = BTreeMap::new();
        for pair in mapping(steps, "steps")?.items()? {
            let (asset, step): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair.extract()?;
            by_asset.insert(convert::asset(&asset)?, convert::amount(&step, "step")?);
        }
        run(py, &self.gate, |gate| gate.set_lot_steps(by_asset))
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
        run(py, &self.gate, |gate| gate.set_groups(by_name))
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
    ///
    /// `asset` is what it was asked about: named, the record shows later what the hold avoided.
    #[pyo3(signature = (confidence, reasoning, *, asset=None))]
    fn hold(
        &self,
        py: Python<'_>,
        confidence: &Bound<'_, PyAny>,
        reasoning: &Bound<'_, PyAny>,
        asset: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<Decision>> {
        self.ask().hold(py, confidence, reasoning, asset)
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

    /// Uses an approval, or the token of one, once; gives the order to send, exactly as it was approved.
    ///
    /// Raises `ApprovalError`, whose `code` says why: `malformed`, `vault`, `signature`, `unknown`, `altered`, `expired`,
    /// `used`, `ended`, `cancel_requested` or `stricter_state`.
    fn redeem(&self, py: Python<'_>, approval: &Bound<'_, PyAny>) -> PyResult<Order> {
        let order = if let Ok(approval) = approval.cast::<Approval>() {
            let approval = &approval.get().approval;
            run(py, &self.gate, |gate| gate.redeem(approval))?
        } else {
            let token = approval.cast::<PyBytes>()?.as_bytes().to_vec();
            run(py, &self.gate, |gate| gate.redeem_token(&token))?
        };
        Ok(Order { order: (*order).clone() })
    }

    /// The venue took the order; False where that changes nothing. Raises `VaultError` for an unknown order.
    fn order_accepted(&self, py: Python<'_>, order_id: &Bound<'_, PyAny>) -> PyResult<bool> {
        let id = convert::id(order_id, "order_id")?;
        run(py, &self.gate, |gate| gate.order_accepted(&id))
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
        run(py, &self.gate, |gate| gate.apply_fill(&report))
    }

    /// The venue confirmed the order's end; False where it had ended. Raises `VaultError` for an unknown order.
    fn order_cancelled(&self, py: Python<'_>, order_id: &Bound<'_, PyAny>) -> PyResult<bool> {
        let id = convert::id(order_id, "order_id")?;
        run(py, &self.gate, |gate| gate.order_cancelled(&id))
    }

    /// The venue did not take the order; False where it had ended. Raises `VaultError` for an unknown order.
    ///
    /// `reason` is kept in the venue's words, the first 4,000 characters of them.
    fn order_failed(&self, py: Python<'_>, order_id: &Bound<'_, PyAny>, reason: &Bound<'_, PyAny>) -> PyResult<bool> {
        let (id, reason) = (convert::id(order_id, "order_id")?, convert::text(reason, "reason")?);
        // A venue's words can be a whole page; that they were said matters more than all of them.
        let end = reason.char_indices().nth(REASONING_CHARS_MAX).map_or(reason.len(), |(index, _)| index);
        run(py, &self.gate, |gate| gate.order_failed(&id, &reason[..end]))
    }

    /// Halts the agent until `resume`.
    fn pause(&self, py: Python<'_>) -> PyResult<()> {
        run(py, &self.gate, gxrisk_gate::Gate::pause)
    }

    /// Ends the pause and the breakers that end by the operator: `execution_failure`, `fill_mismatch`.
    fn resume(&self, py: Python<'_>) -> PyResult<()> {
        run(py, &self.gate, gxrisk_gate::Gate::resume)
    }

    /// Halts the vault and asks for every working order to be cancelled, until `reactivate`.
    fn kill(&self, py: Python<'_>, reason: &Bound<'_, PyAny>) -> PyResult<()> {
        let words = convert::text(reason, "reason")?;
        check_reasoning(words).map_err(|error| convert::out_of_range(reason, "reason", error.allowed))?;
        run(py, &self.gate, |gate| gate.kill(words))
    }

    /// Ends the kill and the `drawdown` breaker, or raises `VaultError` and changes nothing.
    ///
    /// While equity is still below the threshold it needs `rebase=True`: base and peak become today's equity. A vault with
    /// an owner's key needs the owner's signed request for just this (`gxrisk reactivate sign`), which names `stopped_by`:
    /// `ReactivationError` has the `code` `malformed`, `no_owner`, `signature`, `vault`, `rebase`, `unsigned`, `expired` or
    /// `other_stop`.
    #[pyo3(signature = (rebase=None, *, signed=None), text_signature = "($self, rebase=False, *, signed=None)")]
    fn reactivate(
        &self,
        py: Python<'_>,
        rebase: Option<&Bound<'_, PyAny>>,
        signed: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let rebase = rebase.map(|rebase| convert::flag(rebase, "rebase")).transpose()?.unwrap_or(false);
        let token = signed.map(|signed| convert::bytes(signed, "signed")).transpose()?;
        run(py, &self.gate, |gate| gate.reactivate(rebase, token.as_deref()))
    }

    /// The sequence of the record that stops the vault until it is reactivated, the newest kill or drawdown; else None.
    ///
    /// >>> gate = Gate("demo", Limits.for_tier("growth"), clock=ManualClock("2020-03-12T00:00:00Z"))
    /// >>> gate.kill("a drill")
    /// >>> gate.stopped_by == gate.sequence
    /// True
    #[getter]
    fn stopped_by(&self, py: Python<'_>) -> PyResult<Option<u64>> {
        run(py, &self.gate, gxrisk_gate::Gate::stopped_by)
    }

    /// Sets new limits: tighter at once; looser only while nothing is held or working, else `VaultError`.
    fn set_limits(&self, py: Python<'_>, limits: &Bound<'_, Limits>) -> PyResult<()> {
        let limits = (*limits.get().limits).clone();
        run(py, &self.gate, |gate| gate.set_limits(limits))
    }

    /// Trips the breaker `fill_mismatch`: the venue's account shows what this gate does not know.
    ///
    /// For reconciliation; `difference` says what differs, in 1 to 4,000 characters. Nothing is booked: a fill that the
    /// gate missed is booked with `apply_fill`. `resume` ends it.
    fn report_mismatch(&self, py: Python<'_>, difference: &Bound<'_, PyAny>) -> PyResult<()> {
        let words = convert::text(difference, "difference")?;
        check_reasoning(words).map_err(|error| convert::out_of_range(difference, "difference", error.allowed))?;
        run(py, &self.gate, |gate| gate.report_mismatch(words))
    }

    /// Multiplies position size, concentration and correlated exposure by a scale above 0 and at most 1.
    fn set_risk_scale(&self, py: Python<'_>, scale: &Bound<'_, PyAny>) -> PyResult<()> {
        let scale = convert::between(scale, "scale", Nano::STEP, Nano::ONE)?;
        run(py, &self.gate, |gate| gate.set_risk_scale(scale))
    }

    /// `"active"`, `"reduce_only"` or `"halted"`.
    #[getter]
    fn state(&self) -> &'static str {
        self.gate.state().word()
    }

    /// The tripped breakers, in the order of `BREAKERS`.
    #[getter]
    fn trips<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let trips = run(py, &self.gate, gxrisk_gate::Gate::trips)?;
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
        let entries = run(py, &self.gate, |gate| gate.events(since, usize::MAX))?;
        entries.iter().map(|entry| events::record(py, &entry.record)).collect()
    }

    /// The handle to give to an AI: it proposes as the agent and reads; nothing else can be reached from it.
    fn agent(&self, py: Python<'_>) -> PyResult<Py<AgentGate>> {
        AgentGate::handle(py, Arc::clone(&self.gate), self.passed.clone_ref(py))
    }

    fn __repr__(&self) -> String {
        format!("Gate('{}', state='{}')", self.vault_id(), self.state())
    }
}

/// The passphrase that the environment or the caller names, and the owner's key.
fn custody(py: Python<'_>, owner_key: Option<[u8; 32]>, passphrase_file: Option<&Path>) -> PyResult<Custody> {
    let passphrase = Passphrase::find(passphrase_file).map_err(|error| raise(py, error.into()))?;
    Ok(Custody { passphrase, owner_key })
}

fn mapping<'a, 'py>(value: &'a Bound<'py, PyAny>, field: &str) -> PyResult<&'a Bound<'py, PyMapping>> {
    value.cast::<PyMapping>().map_err(|_| convert::out_of_range(value, field, "must be a mapping"))
}
