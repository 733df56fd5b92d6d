"""Where a key goes: only there, only sealed, and into no text that anyone could read."""

from __future__ import annotations

import datetime
import logging
import ssl
import traceback
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from gxrisk import AsyncClient, Client, order
from gxrisk.client import ClientConfigError, Operator, Retries, ServerUnavailable, Unauthorized
from gxrisk.config import load
from gxrisk.server.key_text import KeyText

from .scripted import Reply, scripted

KEY = KeyText.new().text
HERE = "http://127.0.0.1:8780"
IDEA = order("BTC", "buy", "0.1", confidence=0.8, reasoning="breakout")


@pytest.mark.parametrize(
    "url",
    [HERE, "http://localhost:8780", "http://[::1]:8780", "http://127.8.9.1", "https://risk.example.com/gxrisk/"],
)
def test_addresses_that_are_taken(url: str) -> None:
    """Plain http on this machine, TLS to any."""
    with Client("ann", url, KEY) as client:
        assert repr(client) == f"Client('ann', {url.rstrip('/')!r})"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://risk.example.com", "plain http"),
        ("http://10.0.0.1:8780", "plain http"),
        ("http://localhost.example.com", "plain http"),
        ("http://127.0.0.1.example.com", "plain http"),
        ("http://0.0.0.0:8780", "plain http"),
        ("ftp://127.0.0.1", "no URL"),
        ("127.0.0.1:8780", "no URL"),
        ("http://127.0.0.1:port", "no URL"),
        ("http://127.0.0.1/?a=b", "no URL"),
        ("https://user:secret@risk.example.com", "a user or a password"),
        ("", "no server is named"),
    ],
)
def test_addresses_that_are_refused(url: str, said: str) -> None:
    """Nothing is sent; a password in one is not said again."""
    for kind in (Client, AsyncClient):
        with pytest.raises(ClientConfigError, match=said) as caught:
            kind("ann", url, KEY)
        assert "secret" not in str(caught.value)


def test_plain_http_elsewhere_needs_a_word() -> None:
    """For a network that is trusted all the same."""
    with Client("ann", "http://10.0.0.1:8780", KEY, allow_plain_http=True) as client:
        assert "10.0.0.1" in repr(client)


def test_variables_stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """For address and key; an argument is before them, and the key before its file."""
    other = KeyText.new().text
    file = tmp_path / "key"
    file.touch(mode=0o600)
    file.write_text(other + "\n")
    with scripted(Reply(200, {"vaults": []})) as script:
        monkeypatch.setenv("GXRISK_URL", script.url)
        monkeypatch.setenv("GXRISK_KEY_FILE", str(file))
        with Operator() as from_file:
            from_file.vaults()
        monkeypatch.setenv("GXRISK_KEY", KEY)
        with Operator() as from_variable, Operator(key_file=file) as from_argument:
            from_variable.vaults()
            from_argument.vaults()
        assert script.sent("Authorization") == [f"Bearer {one}" for one in (other, KEY, other)]


def test_a_server_beside_a_client_s_variables() -> None:
    """They are no settings of the server, and no mistakes."""
    load(environ={"GXRISK_URL": HERE, "GXRISK_KEY": KEY, "GXRISK_KEY_FILE": "key"})


@pytest.mark.parametrize(
    "text",
    ["secret", "gxr_" + "0" * 89, KEY[:-1] + ("0" if KEY[-1] != "0" else "1"), "é" * 50],
    ids=["a word", "zeros", "one digit off", "no ASCII"],
)
def test_what_is_no_key_is_not_sent_and_not_shown(text: str, tmp_path: Path) -> None:
    """A password that was given by mistake stays here."""
    file = tmp_path / "key"
    file.touch(mode=0o600)
    file.write_text(text)
    for given in ({"key": text}, {"key_file": file}):
        with pytest.raises(ClientConfigError, match="no API key") as caught:
            Client("ann", HERE, **given)  # type: ignore[arg-type]
        assert text not in "".join(traceback.format_exception(caught.value))


def test_key_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    """One that others can read is refused, and one that is not there is named."""
    file = tmp_path / "key"
    file.write_text(KEY)
    file.chmod(0o640)
    with pytest.raises(ClientConfigError, match="chmod 600"):
        Client("ann", HERE, key_file=file)
    with pytest.raises(ClientConfigError, match="No such file"):
        Client("ann", HERE, key_file=tmp_path / "none")
    with pytest.raises(ClientConfigError, match="no API key is named"):
        Client("ann", HERE)


def test_the_key_is_in_no_text(caplog: pytest.LogCaptureFixture) -> None:
    """Not in a `repr`, an error, its whole chain, or any log, also with every library told to say all."""
    caplog.set_level(logging.DEBUG)
    replies = (Reply(401, {"code": "unauthenticated", "detail": "no"}), Reply(cut=10))
    with scripted(*replies) as script, Client("ann", script.url, KEY, retries=Retries(attempts_max=1)) as client:
        errors = []
        for kind in (Unauthorized, ServerUnavailable):
            with pytest.raises(kind) as caught:
                client.authorize(IDEA)
            errors.append(caught.value)
        said = [repr(client), str(vars(client)), caplog.text]
        for error in errors:
            said += [repr(error), str(vars(error)), *traceback.format_exception(error)]
            assert error.__cause__ is None
            assert error.__suppress_context__ or error.__context__ is None
    assert len(caplog.records) > 5
    secret = KEY.split("_")[2]
    assert not [one for one in said if secret in one]


def test_neither_a_proxy_nor_a_netrc_gets_the_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Variables that other programs follow: a key is not sent where nobody said that it should be."""
    netrc = tmp_path / "netrc"
    netrc.touch(mode=0o600)
    netrc.write_text("machine 127.0.0.1 login ann password hidden\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with scripted(Reply()) as proxy, scripted(Reply()) as script:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        with Client("ann", script.url, KEY) as client:
            client.authorize(IDEA)
        assert proxy.asked == []
        assert script.sent("Authorization") == [f"Bearer {KEY}"]


def test_redirects_are_not_followed() -> None:
    """Wherever an answer points to, the key stays."""
    with scripted(Reply()) as other, scripted(Reply(307, {}, {"Location": f"{other.url}/v1/x"})) as script:
        with Client("ann", script.url, KEY) as client, pytest.raises(Exception, match="307"):
            client.authorize(IDEA)
        assert other.asked == []


@pytest.mark.parametrize("vault_id", ["", ".", ".."])
def test_a_vault_s_id_leads_nowhere_else(vault_id: str) -> None:
    """What would be another path is refused, and a slash is no slash in one."""
    with pytest.raises(ClientConfigError, match="id of 1 to 64"):
        Client(vault_id, HERE, KEY)
    with scripted(Reply(404, {"code": "not_found", "detail": "none"})) as script:
        with Client("ann/../../x?y#z", script.url, KEY) as client, pytest.raises(Exception, match="none"):
            client.authorize(IDEA)
        assert script.asked[0][1] == "/v1/vaults/ann%2F..%2F..%2Fx%3Fy%23z/orders"


def test_a_certificate_that_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent, and it is not tried again; trusted, by SSL_CERT_FILE, it is taken."""
    file = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    def sealed(listening: Any) -> Any:
        return context.wrap_socket(listening, server_side=True)

    with scripted(Reply(), wrap=sealed) as script:
        with Client("ann", script.url, KEY) as client:
            with pytest.raises(ServerUnavailable, match="certificate is not trusted") as caught:
                client.authorize(IDEA)
            assert (caught.value.code, caught.value.may_be_done) == ("certificate", False)
        assert script.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        with Client("ann", script.url, KEY) as client:
            assert client.authorize(IDEA)


def certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody signed but itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    sealed = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "server.pem"
    file.write_bytes(sealed + made.public_bytes(serialization.Encoding.PEM))
    return file
