"""What an operator's tools get: metrics, alerts, log lines, and what a start says of the end before it."""

from __future__ import annotations

import io
import json
import logging
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from gxrisk.alerts import AlertSettings
from gxrisk.config import ConfigError, MetricsConfig, load
from gxrisk.logs import Beside, configure_logs
from gxrisk.server.alerting import RUNNING
from gxrisk.server.app import create_app

from .desk import MANY, Server, config, market, serving

TOKEN = "c4n4ry-of-the-channel"  # noqa: S105 (no password at all)


def alerts(server: Server, query: str = "", key: str = "operate") -> list[dict[str, Any]]:
    """The alerts, as a key sees them."""
    answer = server.call("GET", f"/v1/alerts{query}", key=key)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["alerts"]
    return found


def until(is_so: Any, within_s: float = 30) -> None:
    """Wait for what another task does."""
    end = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < end, f"not within {within_s} s"


def test_metrics_are_for_keys_of_all_vaults(ann: Server) -> None:
    """In Prometheus' format; a key for some vaults sees none of it."""
    answer = ann.call("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'gxrisk_vault_equity{vault="ann"} 10000.0' in answer.text.splitlines()
    assert ann.call("GET", "/metrics", key="read").status_code == 403
    assert ann.call("GET", "/metrics", key=None).status_code == 401


@pytest.mark.parametrize(("host", "status"), [("127.0.0.1", 200), ("::1", 200), ("192.0.2.7", 401), ("a-socket", 401)])
def test_metrics_from_this_machine(tmp_path: Path, host: str, status: int) -> None:
    """Without a key only where the configuration says so, and nothing else is opened by it."""
    for loopback in (True, False):
        app = create_app(config(tmp_path, metrics=MetricsConfig(loopback=loopback)))
        with TestClient(app, client=(host, 4000)) as client:
            assert client.get("/metrics").status_code == (status if loopback else 401)
            assert client.get("/v1/fleet").status_code == 401


def test_a_trip_is_an_alert_until_it_ends(ann: Server) -> None:
    """With its end told; the vault's owner sees it, another one does not."""
    ann.desk.fleet.vaults["ann"].gate.report_mismatch("the venue has more")
    until(lambda: alerts(ann))
    (told,) = alerts(ann)
    assert (told["vault_id"], told["code"], told["severity"]) == ("ann", "fill_mismatch", "critical")
    assert told["text"].startswith("fill_mismatch tripped, until a person ends it: ")
    _, other = ann.desk.keyring.create("bob", "own", ["bob"])
    assert alerts(ann, key=other) == []
    assert ann.call("POST", f"/v1/alerts/{told['id']}/ack", key=other).json()["code"] == "alert_unknown"
    acknowledged = ann.call("POST", f"/v1/alerts/{told['id']}/ack", key="own").json()
    assert acknowledged["acknowledged_by"].startswith("the own (")
    assert ann.call("POST", "/v1/vaults/ann/resume").status_code == 200
    until(lambda: not alerts(ann))
    (over,) = alerts(ann, "?state=all&severity=critical&vault_id=ann")
    assert over["resolved_by"] == "fill_mismatch_ended"
    late = ann.call("POST", f"/v1/alerts/{told['id']}/ack")
    assert (late.status_code, late.json()["code"]) == (409, "alert_over")


def test_the_kill_switch_is_an_alert(ann: Server) -> None:
    """Critical, waiting for somebody, and resolved by who looked after it."""
    ann.call("POST", "/v1/kill", {"reason": "a drill"})
    until(lambda: alerts(ann, "?severity=critical"))
    (told,) = alerts(ann)
    assert (told["code"], told["is_waiting"]) == ("killed", True)
    resolved = ann.call("POST", f"/v1/alerts/{told['id']}/resolve").json()
    assert (resolved["is_open"], resolved["resolved_by"][:12]) == (False, "the operate ")
    assert ann.call("GET", "/v1/alerts?vault_id=bob", key="read").status_code == 403
    assert ann.call("GET", "/v1/alerts?cursor=1").json() == {"alerts": [], "next_cursor": None}
    assert ann.call("POST", "/v1/alerts/99/ack").json()["code"] == "alert_unknown"


def test_what_lasts_over_a_restart_is_one_alert(tmp_path: Path) -> None:
    """The trip is not told again; its end is, by the server that finds it ended."""
    settings = config(tmp_path, keys=MANY)
    with serving(settings) as server:
        server.made("ann")
        assert server.marks().status_code == 200
        server.call("POST", "/v1/vaults/ann/kill", {"reason": "a drill"})
        until(lambda: alerts(server))
    with serving(settings) as server:
        (told,) = alerts(server, "?state=all")
        assert (told["code"], told["count"], told["is_open"]) == ("killed", 1, True)
        server.call("POST", "/v1/vaults/ann/reactivate", {}, key="own")
        until(lambda: not alerts(server))
        assert alerts(server, "?state=all")[0]["resolved_by"] == "killed_ended"


def test_a_crash_and_a_vault_that_cannot_be_opened(tmp_path: Path) -> None:
    """Both are told at the next start; the vault's alert ends when it opens again, and a clean end leaves no trace."""
    settings = config(tmp_path, keys=MANY)
    with serving(settings) as server:
        server.made("ann")
        journal = server.desk.journal("ann")
        assert (settings.folder / RUNNING).exists()
    assert not (settings.folder / RUNNING).exists()
    (settings.folder / RUNNING).write_text("2026-03-12T10:55:00+00:00")  # as kill -9 leaves it
    kept = journal.read_bytes()
    journal.write_bytes(b"no journal at all")
    with serving(settings) as server:
        told = {one["code"]: one for one in alerts(server)}
        assert told.keys() == {"server_crashed", "vault_failed"}
        assert "2026-03-12T10:55:00" in told["server_crashed"]["text"]
        assert (told["vault_failed"]["severity"], told["vault_failed"]["vault_id"]) == ("critical", "*")
        assert alerts(server, key="read") == []
    journal.write_bytes(kept)
    with serving(settings) as server:
        assert [one["code"] for one in alerts(server)] == ["server_crashed"]


def test_alerts_go_where_the_configuration_says(tmp_path: Path) -> None:
    """The outbox is in the server's folder; what is shown of a channel holds no secret."""
    file = tmp_path / "gxrisk.toml"
    file.write_text(f'folder = "{tmp_path / "data"}"\n[alerts.channels]\nslack = "slack://T1JJ/B1JJ/{TOKEN}"\n')
    found = load(file, environ={"GXRISK_ALERTS__CHANNELS__SMS": f"bulksms://user:{TOKEN}@+4915112345"})
    assert found.alerts is not None
    assert sorted(found.alerts.channels) == ["slack", "sms"]
    assert TOKEN not in repr(found)
    assert AlertSettings.from_toml(file).url == found.alerts.kept_in(found.folder).url
    with serving(found):
        assert (tmp_path / "data" / "alerts.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'[alerts]\nchannels = {{ slack = "{TOKEN}" }}', "alerts.channels: slack is no address"),
        (f'[alerts]\nchannels = {{ slack = "slack://{TOKEN}" }}\nroute = 1', "alerts.route: no such setting"),
        (f'[alerts]\nchannels = {{ slack = "slack://{TOKEN}" }}\nquiet_s = "{TOKEN}"', "alerts.quiet_s: "),
        ('[alerts]\nchannels = { mail = "mailto://x" }\nroutes = { info = [] }', "alerts: routes.info leads nowhere"),
    ],
)
def test_wrong_alerts_are_named_without_what_they_hold(tmp_path: Path, text: str, said: str) -> None:
    """An address is a secret, and a slip may put it anywhere."""
    file = tmp_path / "gxrisk.toml"
    file.write_text(text + "\n")
    with pytest.raises(ConfigError) as raised:
        load(file, environ={})
    assert said in str(raised.value)
    assert TOKEN not in str(raised.value)


def test_each_request_has_a_line_without_the_key(ann: Server) -> None:
    """Method, path, status, time, the key's id, vault and request; nothing that a client sends forges a line."""
    stream = io.StringIO()
    handler = configure_logs(stream=stream)
    try:
        answer = ann.call("GET", "/v1/vaults/ann?x=secret-in-a-query", key="read")
        ann.call("GET", "/v1/vaults/%0A%7B%22level%22:%22critical%22%7D", key="read")
        ann.call("GET", "/v1/vaults", key="gxr_nonsense")
    finally:
        logging.getLogger().removeHandler(handler)
    written = [one for one in stream.getvalue().splitlines() if json.loads(one)["logger"] == "gxrisk.access"]
    lines = [json.loads(one) for one in written]  # the client in this process has a log of its own
    assert len(lines) == 3
    first = lines[0]
    assert (first["event"], first["method"], first["path"], first["status"]) == (
        "request",
        "GET",
        "/v1/vaults/ann",
        422,  # nobody asks for x
    )
    assert (first["request_id"], first["vault_id"]) == (answer.headers["X-Request-Id"], "ann")
    assert first["key"] == ann.keys["read"].split("_")[1]
    assert lines[2]["status"] == 401
    for secret in (*ann.keys.values(), "secret-in-a-query", "nonsense"):
        assert secret not in "".join(written)


def test_a_log_that_nobody_reads_holds_nothing_up() -> None:
    """What does not fit is dropped and counted; the rest comes once somebody reads."""
    go_on, begun = threading.Event(), threading.Event()

    class Stuck(io.StringIO):
        def write(self, text: str, /) -> int:
            begun.set()
            assert go_on.wait(30)
            return super().write(text)

        def close(self) -> None:
            """What was written is looked at."""

    stream = Stuck()
    beside = Beside(stream, lines_max=10)
    beside.write("first\n")
    assert begun.wait(30)
    for number in range(100):
        beside.write(f"{number}\n")
    go_on.set()
    beside.close()
    lines = stream.getvalue().splitlines()
    assert lines[:11] == ["first", *map(str, range(10))]
    assert json.loads(lines[-1])["event"] == "90 log lines were dropped"


def test_a_market_is_a_metric(ann: Server) -> None:
    """What the feed told a moment ago is young."""
    assert ann.call("POST", "/v1/marks", market(int(time.time())), key="feed").status_code == 200
    time_of = [
        one for one in ann.call("GET", "/metrics").text.splitlines() if one.startswith("gxrisk_feed_age_seconds{")
    ]
    assert 0 <= float(time_of[0].split()[-1]) < 30
