//! The owner's side: the master key, and what it signs; and a venue's check of an approval's token.

use std::path::PathBuf;

use gxrisk_core::engine::order_id;
use gxrisk_gate::custody::{OwnerKey, Passphrase, ReactivationRequest, WithdrawalRequest};
use gxrisk_gate::journal::Hex;
use gxrisk_gate::{Attestation, GateError, SignedApproval};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::error::{CustodyError, raise};
use crate::order::Order;
use crate::{convert, error};

fn passphrase(py: Python<'_>, file: Option<&PathBuf>) -> PyResult<Passphrase> {
    let found = Passphrase::find(file.map(PathBuf::as_path)).map_err(|error| raise(py, error.into()))?;
    found.ok_or_else(|| {
        CustodyError::new_err(
            "no passphrase was given: name its file (passphrase_file, GXRISK_PASSPHRASE_FILE) or set GXRISK_PASSPHRASE",
        )
    })
}

/// Makes an owner's master key, sealed in a new file under a passphrase; gives the public half, 32 bytes.
///
/// `name` is 1 to 64 printable ASCII characters without a space. Raises `CustodyError`; never writes over a file.
#[pyfunction]
#[pyo3(signature = (path, name, *, passphrase_file=None))]
pub fn create_owner_key<'py>(
    py: Python<'py>,
    path: PathBuf,
    name: &Bound<'py, PyAny>,
    passphrase_file: Option<PathBuf>,
) -> PyResult<Bound<'py, PyBytes>> {
    let name = convert::name(name, "name")?;
    let passphrase = passphrase(py, passphrase_file.as_ref())?;
    let made = py.detach(|| OwnerKey::create(&path, name, &passphrase));
    Ok(PyBytes::new(py, &made.map_err(|error| raise(py, error.into()))?.public()))
}

/// The public half of the master key in a file, 32 bytes; it needs no passphrase. Raises `CustodyError`.
#[pyfunction]
pub fn owner_public_key(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyBytes>> {
    let public = OwnerKey::public_of(&path).map_err(|error| raise(py, error.into()))?;
    Ok(PyBytes::new(py, &public))
}

/// Signs a withdrawal with the owner's master key; gives the request for `Gate.withdraw`.
///
/// `amount` is money above 0, `destination` 1 to 128 printable ASCII characters without spaces, `expires` the time from
/// which the request is worth nothing. Raises `CustodyError`, or `WithdrawalError` for what cannot be asked.
#[pyfunction]
#[pyo3(signature = (path, vault_id, amount, destination, *, expires, passphrase_file=None))]
pub fn sign_withdrawal<'py>(
    py: Python<'py>,
    path: PathBuf,
    vault_id: &Bound<'py, PyAny>,
    amount: &Bound<'py, PyAny>,
    destination: &Bound<'py, PyAny>,
    expires: &Bound<'py, PyAny>,
    passphrase_file: Option<PathBuf>,
) -> PyResult<Bound<'py, PyBytes>> {
    let (vault_id, amount) = (convert::name(vault_id, "vault_id")?, convert::amount(amount, "amount")?);
    let destination = convert::text(destination, "destination")?;
    let expires = convert::time(expires, "expires")?;
    let passphrase = passphrase(py, passphrase_file.as_ref())?;
    let signed = py.detach(|| {
        let key = OwnerKey::open(&path, &passphrase)?;
        let nonce = WithdrawalRequest::draw_nonce()?;
        let request = WithdrawalRequest::new(vault_id, amount.raw(), destination, nonce, expires.nanos());
        let request = request.map_err(GateError::Withdrawal)?;
        Ok::<_, GateError>(key.sign_withdrawal(&request))
    });
    Ok(PyBytes::new(py, &signed.map_err(|error| raise(py, error))?))
}

fn reactivation(
    py: Python<'_>,
    vault_id: &Bound<'_, PyAny>,
    ends: &Bound<'_, PyAny>,
    rebase: Option<&Bound<'_, PyAny>>,
    expires: &Bound<'_, PyAny>,
) -> PyResult<ReactivationRequest> {
    let (vault_id, ends) = (convert::name(vault_id, "vault_id")?, convert::count(ends, "ends", 1, u64::MAX)?);
    let rebase = rebase.map(|rebase| convert::flag(rebase, "rebase")).transpose()?.unwrap_or(false);
    let expires = convert::time(expires, "expires")?;
    ReactivationRequest::new(vault_id, ends, rebase, expires.nanos())
        .map_err(|error| raise(py, GateError::Reactivation(error)))
}

/// The bytes of a reactivation that its owner signs; they and the 64 bytes of the signature are the request.
///
/// For keys that live elsewhere than in a key file; `sign_reactivation` does both. The arguments are its own.
///
/// >>> from gxrisk.custody import reactivation_message
/// >>> reactivation_message("demo", 12, rebase=True, expires="2020-03-12T00:00:00Z")[:22]
/// b'gxrisk reactivation v1'
#[pyfunction]
#[pyo3(signature = (vault_id, ends, *, rebase=None, expires), text_signature = "(vault_id, ends, *, rebase=False, expires)")]
pub fn reactivation_message<'py>(
    py: Python<'py>,
    vault_id: &Bound<'py, PyAny>,
    ends: &Bound<'py, PyAny>,
    rebase: Option<&Bound<'py, PyAny>>,
    expires: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(py, &reactivation(py, vault_id, ends, rebase, expires)?.message()))
}

/// Signs a reactivation with the owner's master key; gives the request for `Gate.reactivate`.
///
/// `ends` is the record that stopped the vault (`Gate.stopped_by`), `rebase` whether the equity of then is the new base,
/// `expires` the time from which the request is worth nothing. Raises `CustodyError`, or `InvalidOrder` for what cannot
/// be asked.
#[pyfunction]
#[pyo3(signature = (path, vault_id, ends, *, rebase=None, expires, passphrase_file=None),
    text_signature = "(path, vault_id, ends, *, rebase=False, expires, passphrase_file=None)")]
pub fn sign_reactivation<'py>(
    py: Python<'py>,
    path: PathBuf,
    vault_id: &Bound<'py, PyAny>,
    ends: &Bound<'py, PyAny>,
    rebase: Option<&Bound<'py, PyAny>>,
    expires: &Bound<'py, PyAny>,
    passphrase_file: Option<PathBuf>,
) -> PyResult<Bound<'py, PyBytes>> {
    let request = reactivation(py, vault_id, ends, rebase, expires)?;
    let passphrase = passphrase(py, passphrase_file.as_ref())?;
    let signed = py.detach(|| OwnerKey::open(&path, &passphrase).map(|key| key.sign_reactivation(&request)));
    Ok(PyBytes::new(py, &signed.map_err(|error| raise(py, error.into()))?))
}

/// Signs that another master key (32 bytes) follows on this one for a vault; gives the signature for
/// `Gate.rotate_owner_key`. Raises `CustodyError`.
#[pyfunction]
#[pyo3(signature = (path, vault_id, key, *, passphrase_file=None))]
pub fn sign_owner_key<'py>(
    py: Python<'py>,
    path: PathBuf,
    vault_id: &Bound<'py, PyAny>,
    key: &Bound<'py, PyAny>,
    passphrase_file: Option<PathBuf>,
) -> PyResult<Bound<'py, PyBytes>> {
    let (vault_id, next) = (convert::name(vault_id, "vault_id")?, convert::key(key, "key")?);
    let passphrase = passphrase(py, passphrase_file.as_ref())?;
    let signed = py.detach(|| OwnerKey::open(&path, &passphrase)?.sign_successor(vault_id, &next));
    Ok(PyBytes::new(py, &signed.map_err(|error| raise(py, error.into()))?))
}

/// Checks an approval's token as a venue does, without the gate: for that vault, and signed by that wallet key.
///
/// Gives `order`, `order_id`, `sequence`, `epoch`, `origin`, `nonce`, `expires_at` and `limits_hash`. Whether it was used
/// or has expired is for `Gate.redeem` to say. Raises `ApprovalError` with the code `malformed`, `vault` or `signature`.
#[pyfunction]
pub fn verify_approval<'py>(
    py: Python<'py>,
    token: &Bound<'py, PyAny>,
    wallet_key: &Bound<'py, PyAny>,
    vault_id: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let token = convert::bytes(token, "token")?;
    let (wallet, vault_id) = (convert::key(wallet_key, "wallet_key")?, convert::name(vault_id, "vault_id")?);
    let checked = SignedApproval::parse(&token).and_then(|signed| signed.check(&wallet, vault_id).map(|()| signed));
    let signed = checked.map_err(|refusal| error::raise(py, refusal.into()))?;
    let dict = PyDict::new(py);
    dict.set_item("order_id", order_id(signed.sequence))?;
    dict.set_item("sequence", signed.sequence)?;
    dict.set_item("epoch", signed.epoch)?;
    dict.set_item("origin", signed.origin.word())?;
    dict.set_item("nonce", Hex(&signed.nonce).to_string())?;
    dict.set_item("expires_at", convert::datetime(py, signed.expires)?)?;
    dict.set_item("limits_hash", Hex(&signed.limits_hash).to_string())?;
    dict.set_item("order", Py::new(py, Order { order: signed.order })?)?;
    Ok(dict)
}

/// What a vault attested with `Gate.attest`: `vault_id`, sequence, epoch, hash (hexadecimal), topic and text.
///
/// `head_key` is the public half of that vault's head key (`gate.head().key`). Raises `VaultError` where the token cannot be
/// read, is another vault's, or is not signed by that key.
///
/// >>> gate = Gate("demo", Limits.for_tier("growth"), clock=ManualClock("2020-03-12T00:00:00Z"))
/// >>> gate.note("certificate", "seven days")
/// >>> verify_note(gate.attest("certificate"), gate.head().key, "demo").get("text")
/// 'seven days'
#[pyfunction]
pub fn verify_note<'py>(
    py: Python<'py>,
    token: &Bound<'py, PyAny>,
    head_key: &Bound<'py, PyAny>,
    vault_id: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let token = convert::bytes(token, "token")?;
    let (key, vault_id) = (convert::key(head_key, "head_key")?, convert::name(vault_id, "vault_id")?);
    let note =
        Attestation::verified(&token, &key, vault_id).map_err(|error| error::VaultError::new_err(error.to_string()))?;
    let dict = PyDict::new(py);
    dict.set_item("vault_id", note.vault_id)?;
    dict.set_item("sequence", note.sequence)?;
    dict.set_item("epoch", note.epoch)?;
    dict.set_item("hash", Hex(&note.hash).to_string())?;
    dict.set_item("topic", note.topic)?;
    dict.set_item("text", note.text)?;
    Ok(dict)
}
