//! `JournalReader` and `Head`: a journal as an auditor sees it.

use std::path::PathBuf;

use gxrisk_core::Event;
use gxrisk_gate::custody::{Passphrase, VaultKeys};
use gxrisk_gate::journal::{self, Hex, JournalError, Storage};
use gxrisk_gate::{GateError, key_path};
use parking_lot::ReentrantMutex;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::decision::{Decision, Source};
use crate::error::raise;
use crate::order::Order;
use crate::untracked::untracked;
use crate::{convert, events};

/// The place where a journal's chain ends: kept elsewhere, it shows later whether anything was cut off.
///
/// `hash` is SHA-256, `key` and `signature` are Ed25519; the last two are None where nobody signed.
#[pyclass(frozen, immutable_type, eq, module = "gxrisk")]
#[derive(PartialEq)]
pub struct Head {
    pub(crate) head: journal::Head,
}

#[pymethods]
impl Head {
    #[new]
    #[pyo3(signature = (vault_id, sequence, epoch, hash, key=None, signature=None))]
    fn new(
        vault_id: &Bound<'_, PyAny>,
        sequence: u64,
        epoch: u64,
        hash: &Bound<'_, PyAny>,
        key: Option<&Bound<'_, PyAny>>,
        signature: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let head = journal::Head {
            vault_id: convert::name(vault_id, "vault_id")?.to_owned(),
            sequence,
            epoch,
            hash: convert::key(hash, "hash")?,
            key: key.map(|key| convert::key(key, "key")).transpose()?,
            signature: signature.map(|signature| convert::signature(signature, "signature")).transpose()?,
        };
        Ok(Self { head })
    }

    /// Whose chain.
    #[getter]
    fn vault_id(&self) -> &str {
        &self.head.vault_id
    }

    /// The last record.
    #[getter]
    fn sequence(&self) -> u64 {
        self.head.sequence
    }

    /// The epoch of its writer.
    #[getter]
    fn epoch(&self) -> u64 {
        self.head.epoch
    }

    /// The hash of the chain up to it, 32 bytes.
    #[getter]
    fn hash<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.head.hash)
    }

    /// The public head key that signed this, 32 bytes; None where nobody did.
    #[getter]
    fn key<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.head.key.map(|key| PyBytes::new(py, &key))
    }

    /// Its signature, 64 bytes; None where nobody signed.
    #[getter]
    fn signature<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.head.signature.map(|signature| PyBytes::new(py, &signature))
    }

    fn __repr__(&self) -> String {
        let journal::Head { vault_id, sequence, epoch, hash, signature, .. } = &self.head;
        let signed = if signature.is_some() { "signed" } else { "unsigned" };
        format!("Head('{vault_id}', sequence={sequence}, epoch={epoch}, hash='{}', {signed})", Hex(hash))
    }
}

/// A journal that is open for reading, also while a gate writes on it; nothing in it can be changed from here.
///
/// Raises `JournalError` for what is no journal, and where it is damaged: at which record.
///
/// >>> import tempfile
/// >>> folder = tempfile.TemporaryDirectory()
/// >>> with Gate("demo", Limits.for_tier("growth"), journal=f"{folder.name}/demo.gxr") as gate:
/// ...     gate.deposit(10_000)
/// >>> reader = JournalReader(f"{folder.name}/demo.gxr")
/// >>> for record in reader.events():
/// ...     print(record.get("sequence"), record.get("kind"))
/// 1 opened
/// 2 keys
/// 3 flow
/// 4 checkpoint
/// >>> reader.verify().get("decisions")
/// 0
/// >>> folder.cleanup()
#[pyclass(frozen, immutable_type, module = "gxrisk")]
pub struct JournalReader {
    /// Reentrant, as who is told of the progress may read, too; and never waited for while the interpreter is held.
    reader: ReentrantMutex<journal::JournalReader>,
    vault_id: String,
    path: PathBuf,
}

/// Between two looks at the signals (Ctrl-C), and two tellings of the progress.
const RECORDS_AT_ONCE: u64 = 1_024;

#[pymethods]
impl JournalReader {
    #[new]
    fn new(py: Python<'_>, path: &Bound<'_, PyAny>) -> PyResult<Self> {
        let path = convert::path(path, "path")?;
        let reader = journal::JournalReader::open(&Storage::from(path.as_path()));
        let reader = reader.map_err(|error| raise(py, GateError::Journal(error)))?;
        let vault_id = reader.vault_id().to_owned();
        Ok(Self { reader: ReentrantMutex::new(reader), vault_id, path })
    }

    /// Whose journal it is.
    #[getter]
    fn vault_id(&self) -> &str {
        &self.vault_id
    }

    /// At most `limit` records after the sequence `since`, as `Gate.events` gives them, each with its `hash` and `epoch`.
    #[pyo3(signature = (since=None, limit=None), text_signature = "($self, since=0, limit=None)")]
    fn events<'py>(
        &self,
        py: Python<'py>,
        since: Option<&Bound<'py, PyAny>>,
        limit: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let since = since.map(|since| convert::count(since, "since", 0, u64::MAX)).transpose()?.unwrap_or(0);
        let limit = limit.map(|limit| convert::count(limit, "limit", 1, u64::MAX)).transpose()?;
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        let entries = py.detach(|| self.reader.lock().read(since, limit));
        let entries = entries.map_err(|error| raise(py, GateError::Journal(error)))?;
        let dict = |entry: &journal::Entry| {
            let dict = events::record(py, &entry.record)?;
            dict.set_item("epoch", entry.stamp.epoch)?;
            dict.set_item("hash", Hex(&entry.stamp.hash).to_string())?;
            Ok(dict)
        };
        entries.iter().map(dict).collect()
    }

    /// The decision of a record as `authorize` gave it, without the approval, and the order that was asked for.
    ///
    /// Raises `JournalError` where that record is no decision.
    fn decision(&self, py: Python<'_>, sequence: &Bound<'_, PyAny>) -> PyResult<(Py<Decision>, Order)> {
        let ruling = self.ruling(py, sequence)?;
        let order = Order { order: (*ruling.order).clone() };
        let decision = untracked(py, Decision { source: Source::Recorded { ruling, approval: None } })?;
        Ok((decision, order))
    }

    /// What each rule says of a decision's order: `rule`, `applies`, `passed`, `limit`, `observed`, `message`; and under
    /// `max_quantity` the largest quantity of that order that would have passed (on the scale, not a lot step).
    fn explain<'py>(&self, py: Python<'py>, sequence: &Bound<'_, PyAny>) -> PyResult<Bound<'py, PyDict>> {
        events::explanation(py, &*self.ruling(py, sequence)?)
    }

    /// Where the chain ends, every hash checked; signed where `passphrase_file` (or the environment) unseals the keys
    /// that lie beside the journal.
    #[pyo3(signature = (*, passphrase_file=None))]
    fn head(&self, py: Python<'_>, passphrase_file: Option<PathBuf>) -> PyResult<Head> {
        let (mut head, keys) = self.read(py, None, |reader, listener| reader.head_and_keys(listener))?;
        let signed = py.detach(|| {
            let path = key_path(&self.path);
            if let Some(passphrase) = Passphrase::find(passphrase_file.as_deref())?
                && path.exists()
            {
                head.sign(&VaultKeys::open(&path, &self.vault_id, &passphrase, keys.map(|keys| keys.wallet))?);
            }
            Ok::<_, GateError>(head)
        });
        signed.map(|head| Head { head }).map_err(|error| raise(py, error))
    }

    /// Checks everything: every hash, every signature, every decision worked out again from its record, the state
    /// rebuilt; and with a `head` that was kept elsewhere, that nothing was cut off before it.
    ///
    /// `progress` is called now and then with the number of records that passed. Gives `head`, `records`, `decisions`,
    /// `approvals`, `signatures`, `checkpoints` and `state` (SHA-256 in hex of the rebuilt state).
    #[pyo3(signature = (head=None, *, progress=None))]
    fn verify<'py>(
        &self,
        py: Python<'py>,
        head: Option<&Bound<'py, Head>>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let kept = head.map(|head| head.get().head.clone());
        let verified = self.read(py, progress.as_ref(), |reader, listener| reader.verify(kept.as_ref(), listener))?;
        let dict = PyDict::new(py);
        dict.set_item("records", verified.head.sequence)?;
        for (name, count) in [
            ("decisions", verified.decisions),
            ("approvals", verified.approvals),
            ("signatures", verified.signatures),
            ("checkpoints", verified.checkpoints),
        ] {
            dict.set_item(name, count)?;
        }
        dict.set_item("state", Hex(&verified.state).to_string())?;
        dict.set_item("head", Py::new(py, Head { head: verified.head })?)?;
        Ok(dict)
    }

    /// The vault as it was after the record `sequence` (the last one unless given), rebuilt from the records alone:
    /// `sequence`, `snapshot` (as `Gate.snapshot` gives it) and `state`, the SHA-256 of everything that its future
    /// depends on. The same records give the same state everywhere.
    ///
    /// Every hash on the way is checked; `progress` is called now and then with the record reached.
    #[pyo3(signature = (sequence=None, *, progress=None))]
    fn replay<'py>(
        &self,
        py: Python<'py>,
        sequence: Option<&Bound<'py, PyAny>>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let until = sequence.map(|sequence| convert::count(sequence, "sequence", 1, u64::MAX)).transpose()?;
        let most = until.unwrap_or(u64::MAX);
        let (last, view, state) = self.read(py, progress.as_ref(), |reader, listener| reader.replay(most, listener))?;
        if until.is_some_and(|until| until > last) {
            let what = format!("there is no record {most}; the last one is {last}");
            return Err(crate::error::JournalError::new_err(what));
        }
        let dict = PyDict::new(py);
        dict.set_item("sequence", last)?;
        dict.set_item("snapshot", crate::snapshot::snapshot(py, &view)?)?;
        dict.set_item("state", Hex(&state).to_string())?;
        Ok(dict)
    }

    fn __repr__(&self) -> String {
        format!("JournalReader('{}')", self.path.display())
    }
}

impl JournalReader {
    /// Reads the whole journal, as far as its listener lets it; a signal and an exception of `progress` end it.
    fn read<T: Send>(
        &self,
        py: Python<'_>,
        progress: Option<&Py<PyAny>>,
        work: impl FnOnce(&journal::JournalReader, &mut dyn FnMut(u64) -> bool) -> Result<T, JournalError> + Send,
    ) -> PyResult<T> {
        let mut stopped: Option<PyErr> = None;
        let mut listener = |sequence: u64| {
            if sequence.is_multiple_of(RECORDS_AT_ONCE) {
                stopped = Python::attach(|py| {
                    let told = progress.map_or(Ok(()), |progress| progress.call1(py, (sequence,)).map(|_| ()));
                    told.and_then(|()| py.check_signals()).err()
                });
            }
            stopped.is_none()
        };
        let done = py.detach(|| work(&self.reader.lock(), &mut listener));
        match stopped {
            Some(stopped) => Err(stopped),
            None => done.map_err(|error| raise(py, GateError::Journal(error))),
        }
    }

    fn ruling(
        &self,
        py: Python<'_>,
        sequence: &Bound<'_, PyAny>,
    ) -> PyResult<std::sync::Arc<gxrisk_core::event::Ruling>> {
        let number = convert::count(sequence, "sequence", 1, u64::MAX)?;
        let entries = py.detach(|| self.reader.lock().read(number.saturating_sub(1), 1));
        let entry = entries.map_err(|error| raise(py, GateError::Journal(error)))?.pop();
        match entry.filter(|entry| entry.record.sequence == number).map(|entry| entry.record.event) {
            Some(Event::Decided(ruling)) => Ok(ruling),
            Some(_) => Err(crate::error::JournalError::new_err(format!(
                "record {number} is no decision; `gxrisk audit show` lists the decisions"
            ))),
            None => Err(crate::error::JournalError::new_err(format!("there is no record {number}"))),
        }
    }
}
