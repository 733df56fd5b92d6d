"""Attacks on a real `gxrisk serve`: words, names, keys, and where alerts go."""

from __future__ import annotations

import asyncio
import csv
import io
import re
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from gxrisk.alerts import AppriseCourier, Message
from gxrisk.server.key_text import KeyText
from pydantic import SecretStr

from tests.alerts.receivers import webhook

from .desk import ORDER, STRATEGY, market
from .processes import environment, gxrisk, running
from .target import HOLD, Target, problem, status, target

SCRIPT = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"
FORMULAS = ['=HYPERLINK("http://evil.example")', "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1"]
LINES = "x\r\nINJECTED: 1\n2026-01-01 00:00:00 CRITICAL root: INJECTED\x1b[2J\x9b2J\u2028\u202e\x00"


# What a model writes


def test_what_a_model_writes_is_data_everywhere(tmp_path: Path) -> None:
    """A script, formulas and control characters, through JSON, CSV, the report's page, and the log."""
    texts = [SCRIPT, *FORMULAS, LINES, f'{FORMULAS[0]}","{FORMULAS[1]}\r\n{FORMULAS[2]}']
    with target(tmp_path) as one:
        trade(one, SCRIPT)
        for text in texts:
            hold = {"confidence": "0.5", "reasoning": text, "asset": "BTC"}
            assert one.call("POST", "/v1/vaults/ann/holds", body=hold).status_code == 200
            order = {**ORDER, "quantity": "1000000", "reasoning": text}
            assert one.call("POST", "/v1/vaults/ann/orders", body=order).json()["outcome"] == "rejected"
        assert one.call("POST", "/v1/vaults/ann/kill", "operate", {"reason": LINES[:200]}).status_code == 200
        assert one.call("POST", "/v1/feed/reviews", "operate", {"asset": "<b>", "reason": LINES}).status_code == 409
        code, said = one.server.stopped(signal.SIGTERM)
    with running(tmp_path / "gxrisk.toml") as server:
        rows = server.call("GET", "/v1/vaults/ann/decisions?order=oldest_first", one.keys["propose"])
    kept = [text.replace("\x00", "\u2400") for text in [SCRIPT, *texts] for _ in range(2)]
    assert [each["reasoning"] for each in rows.json()["rows"]] == kept
    assert rows.headers["content-type"] == "application/json"
    assert rows.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in rows.headers["content-security-policy"]
    assert code == 0
    assert not [line for line in re.split(r"[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", said) if "INJECTED" in line[:30]]
    assert not set("\x00\x1b\x9b\u202e\u2028") & set(said)
    journal = one.folder / "vaults" / "ann" / "journal.gxr"
    _as_csv(journal, texts)
    page = tmp_path / "ann.html"
    subprocess.run(gxrisk("report", journal, "--out", page, *this_day()), env=environment(), check=True)
    written = page.read_text(encoding="utf-8")
    assert "alert(1)" in written
    assert "<script>alert" not in written
    assert "<img" not in written


def trade(one: Target, reasoning: str) -> None:
    """A round trip in `ann`, in these words."""
    for order, quantity in (({}, ["0.1"]), ({"side": "sell", "reduce_only": True, "stop_loss": None}, [])):
        asked = one.call("POST", "/v1/vaults/ann/orders", body={**ORDER, **order, "reasoning": reasoning})
        assert asked.json()["outcome"] == "approved", asked.text
        end = time.monotonic() + 60
        while [
            each["quantity"]
            for each in one.call("GET", "/v1/vaults/ann/positions").json()["positions"]
            if each["quantity"] != "0"
        ] != quantity:
            assert time.monotonic() < end
            assert one.call("POST", "/v1/marks", "feed", market(int(time.time()))).status_code == 200


def this_day() -> list[str]:
    """Yesterday to tomorrow, for the report."""
    day_s = 86_400
    now_s = time.time() // day_s * day_s
    since, until = (time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(now_s + n * day_s)) for n in (-1, 2))
    return ["--since", since, "--until", until]


def _as_csv(journal: Path, texts: list[str]) -> None:
    done = subprocess.run(
        gxrisk("export", journal, "--what", "decisions"), env=environment(), capture_output=True, check=True
    )
    rows = list(csv.DictReader(io.StringIO(done.stdout.decode(), newline=""), strict=True))
    assert len(rows) == 2 * len(texts) + 2
    numbers = re.compile(r"-?[0-9.]+")
    for row in rows:
        for value in row.values():
            assert numbers.fullmatch(value) or not value.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d")), (
                value
            )


# Ids

TRAVERSALS = [
    "..",
    "../../../etc/passwd",
    "..\\..\\x",
    "..%2f..%2fetc",
    "%2e%2e",
    "%2e%2e%2f",
    "....//",
    "ann/../bob",
    "ann%2f..%2fbob",
    "/etc/passwd",
    "file:///etc/passwd",
    "ann%00",
    "ann%00.gxr",
    "ann%0a",
    "ann%20",
    ".ann",
    "~root",
    "ann;x=1",
    "ann%3Fx",
    "\u0430nn",
    "\uff41nn",
    "a\u200dnn",
    "ann\u0301",
    "an\u212b",
    "%c0%ae%c0%ae%c0%af",
    "%ff",
    "a" * 65,
    "a" * 5000,
    "*",
    "-1",
    "'; DROP TABLE api_keys; --",
]


def spellings(text: str) -> list[str]:
    """As it stands, where a request line can hold it, and encoded once and twice."""
    once = quote(text, safe="")
    return [*([text] if text.isascii() and text.isprintable() and " " not in text else []), once, quote(once, safe="")]


def files(one: Target) -> set[Path]:
    """All there are, but for databases' logs and the fleet's own, which no id can name."""
    return {file for file in one.folder.parent.rglob("*") if "-" not in file.name and not file.name.startswith("_")}


@pytest.mark.parametrize("text", TRAVERSALS, ids=ascii)
def test_an_id_leads_nowhere(attacked: Target, text: str) -> None:
    """Every path parameter, with the operator's key for all vaults: no vault but one of that very name answers."""
    described = httpx.get(f"{attacked.server.url}/openapi.json").json()["paths"]
    before = files(attacked)
    for path, operations in described.items():
        for parameter in re.findall(r"{(\w+)}", path):
            for spelled in spellings(text):
                asked = (
                    path.replace(f"{{{parameter}}}", spelled).replace("{vault_id}", "ann").replace("{order_id}", "gx-9")
                )
                for method in operations:
                    key = attacked.keys["operate"]
                    head = f"{method.upper()} {asked} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
                    head += "Idempotency-Key: {spelled[:9]}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    answer = attacked.raw(head.encode())
                    assert 400 <= status(answer) < 500, (asked, answer)
                    assert b"root:" not in answer
    assert files(attacked) == before


@pytest.mark.parametrize("text", TRAVERSALS, ids=ascii)
def test_an_id_in_a_body_leads_nowhere(attacked: Target, text: str) -> None:
    """Vaults to make, transfers, orders to look for, assets."""
    before = files(attacked)
    vault = {"vault_id": text, "tier": "growth", "strategy": STRATEGY}
    fund = {"transfer_id": text, "amount": "1"}
    asked = [
        attacked.call("POST", "/v1/vaults", "operate", vault),
        attacked.call("POST", "/v1/vaults/ann/fund", "operate", fund),
    ]
    assert [(one.status_code, one.json()["code"]) for one in asked] == [(422, "invalid_request")] * 2
    assert files(attacked) == before


def test_a_slash_too_many_is_no_redirect(attacked: Target) -> None:
    """It would lead to the host that the request named, which can be anybody's."""
    answer = attacked.raw(attacked.request("Connection: close", method="GET", path="/v1/vaults/", body=b""))
    assert (status(answer), b"location" in answer.lower()) == (404, False)


# Keys


def test_a_name_that_is_used_again(attacked: Target) -> None:
    """With another body, path, or spelling: refused, and the first answer stays."""
    first = attacked.call("POST", "/v1/vaults/ann/holds", body=HOLD, name="mine")
    for path, body in (
        ("/v1/vaults/ann/holds", {**HOLD, "confidence": "0.50"}),
        ("/v1/vaults/ann/holds?x=1", HOLD),
        ("/v1/vaults/ann/orders", ORDER),
    ):
        again = attacked.call("POST", path, body=body, name="mine")
        assert (again.status_code, again.json()["code"]) == (422, "idempotency_key_reused")
    assert attacked.call("POST", "/v1/vaults/ann/holds", body=HOLD, name="mine").content == first.content
    others = attacked.call("POST", "/v1/vaults/ann/pause", "operate", name="mine")
    assert (others.status_code, "Idempotency-Replayed" in others.headers) == (200, False)
    assert attacked.call("POST", "/v1/vaults/ann/resume", "operate").status_code == 200


def test_an_agent_s_key_opens_no_operator_s_door(attacked: Target) -> None:
    """Every operation of the API's own description that is not an agent's, and an agent's for another vault."""
    described = httpx.get(f"{attacked.server.url}/openapi.json").json()["paths"]
    before, asked = attacked.told("bob"), 0
    for path, operations in described.items():
        for method, operation in operations.items():
            scopes = operation.get("x-scopes", [])
            if not scopes:
                continue
            vaults = ["bob", "nobody"] if "propose" in scopes else ["ann", "bob", "nobody"]
            for vault_id in vaults if "{vault_id}" in path else ["ann"] if "propose" not in scopes else []:
                named = re.sub(r"\{\w+\}", "1", path.replace("{vault_id}", vault_id))
                answer = attacked.call(method.upper(), named, body={})
                assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (method, path, answer.text)
                asked += 1
    assert asked > 40
    assert attacked.told("bob") == before
    override = {"X-HTTP-Method-Override": "POST", "X-Original-URL": "/v1/kill", "X-Forwarded-For": "127.0.0.1"}
    key = {"Authorization": f"Bearer {attacked.keys['propose']}"}
    for extra in ({}, override):
        assert httpx.request("POST", f"{attacked.server.url}/v1/kill", headers=key | extra, json={}).status_code == 403


AUTHORIZATIONS = [
    "Basic {key}",
    "Bearer",
    "Bearer ",
    "Bearer {key}, Bearer {other}",
    "Bearer {key}x",
    "Bearer {upper}",
    "Bearer gxr_\u0430",
    "Bearer %00",
    "{key}",
]


@pytest.mark.parametrize("form", AUTHORIZATIONS)
def test_authorizations_that_are_none(attacked: Target, form: str) -> None:
    """Each is a 401 in the same form."""
    key = attacked.keys["propose"]
    value = form.format(key=key, other=attacked.keys["operate"], upper=key.upper())
    head = f"GET /v1/vaults HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {value}\r\n\r\n"
    answer = attacked.raw(head.encode())
    assert (status(answer), problem(answer)) == (401, "unauthenticated")


def test_two_authorizations_are_one_or_none(attacked: Target) -> None:
    """A second header adds nothing to what the first one may."""
    lines = [f"Authorization: Bearer {attacked.keys[scope]}" for scope in ("propose", "operate")]
    answers = []
    for pair in (lines, lines[::-1]):
        head = "\r\n".join(["POST /v1/kill HTTP/1.1", "Host: x", "Idempotency-Key: x", "Content-Length: 2", *pair])
        answers.append(attacked.raw(f"{head}\r\nConnection: close\r\n\r\n{{}}".encode()))
    assert {status(one) for one in answers} == {401}


def test_guessing_ends(tmp_path: Path) -> None:
    """Wrong secrets for a known id, from many threads: after ten failures nothing is heard, the right key neither,
    also by a server that is started anew."""
    with target(tmp_path, "failures_max = 10\naddress_failures_max = 40\nlockout_s = 600") as one:
        good = one.keys["propose"]
        guesses = [KeyText.new().text for _ in range(30)]
        with ThreadPoolExecutor(8) as pool:
            told = list(pool.map(lambda guess: one.server.call("GET", "/v1/vaults", guess).status_code, guesses))
        assert told == [401] * 30
        assert one.call("GET", "/v1/vaults").status_code == 200
        with ThreadPoolExecutor(8) as pool:
            told = list(pool.map(lambda guess: one.server.call("GET", "/v1/vaults", guess).status_code, guesses))
        assert set(told) == {401, 429}
        locked = one.server.call("GET", "/v1/vaults", good)
        assert (locked.status_code, locked.json()["code"]) == (429, "locked_out")
        assert 1 <= int(locked.headers["Retry-After"]) <= 600
        one.server.stopped(signal.SIGKILL)
    with running(tmp_path / "gxrisk.toml") as server:
        locked = server.call("GET", "/v1/vaults", good)
        assert (locked.status_code, locked.json()["code"]) == (429, "locked_out")


# Where alerts go


@pytest.mark.parametrize("scheme", ["json", "xml", "form"])
def test_an_alert_reaches_no_server_of_ours(attacked: Target, scheme: str) -> None:
    """A webhook on loopback, with a good key in its address, is refused; where allowed, a redirect leads nowhere."""
    host, port = attacked.address
    before = attacked.told()
    message = Message("critical: ann", "<b>15 %</b> are lost", "critical")
    place = f"{host}:{port}/v1/kill?+Authorization=Bearer%20{attacked.keys['operate']}&+Idempotency-Key=x"
    answer = asyncio.run(AppriseCourier(20).send(SecretStr(f"{scheme}://{place}"), message))
    assert answer.outcome == "failed"
    assert answer.words.startswith("refused: 127.0.0.1 is no public address")
    assert attacked.keys["operate"] not in answer.words
    with webhook() as receiver:
        receiver.status, receiver.location = 307, f"http://{place}"
        allowed = AppriseCourier(20, [ip_network("127.0.0.0/8")])
        address = f"{scheme}://127.0.0.1:{receiver.port}/hook"
        assert asyncio.run(allowed.send(SecretStr(address), message)).outcome == "failed"
        assert receiver.heard.is_set()
    assert attacked.told() == before
