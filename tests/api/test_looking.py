"""What dashboards, auditors and spreadsheets read: one request each, and the same words as the commands have."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from gxrisk import Head, JournalReader
from gxrisk.history import History
from gxrisk.history.export import LISTS, export
from gxrisk.server.routes import audit
from gxrisk.server.shared import Shared
from gxrisk.vaults.certificate import TOPIC as CERTIFICATE
from gxrisk.vaults.report import Span, report_from

from .desk import MANY, ORDER, Server, config, serving


def read(server: Server, path: str) -> Any:
    """What a reader gets."""
    answer = server.call("GET", path, key="read")
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(server: Server) -> int:
    """The record of a decision that refuses."""
    body = {**ORDER, "quantity": "1000", "leverage": "9", "reasoning": "<script>alert(1)</script>"}
    return int(server.call("POST", "/v1/vaults/ann/orders", body, key="propose").json()["sequence"])


def journal(server: Server) -> JournalReader:
    """The vault's own file."""
    return JournalReader(server.desk.journal("ann"))


def test_the_head_is_signed_and_the_chain_verified(ann: Server) -> None:
    """A head that was kept is on the chain; the verification finds the same end."""
    refused(ann)
    told = read(ann, "/v1/vaults/ann/audit/head")
    kept = Head(**told)
    assert told["signature"] is not None
    assert journal(ann).verify(kept)["records"] == told["sequence"]
    found = read(ann, "/v1/vaults/ann/audit/verify")
    assert (found["records"], found["head"]["hash"]) == (told["sequence"], told["hash"])
    assert found["decisions"] == 1


def test_a_damaged_journal_is_told_as_such(tmp_path: Path) -> None:
    """With the record; a head that cannot be signed any more is shown without."""
    with serving(config(tmp_path, keys=MANY)) as server:
        server.made("ann")
        file = server.desk.journal("ann")
    with sqlite3.connect(file) as database:
        database.execute("UPDATE records SET hash = zeroblob(32) WHERE sequence = 2")
    database.close()
    with serving(config(tmp_path, keys=MANY)) as server:
        assert server.call("GET", "/v1/vaults/ann").json()["code"] == "vault_failed"
        answer = server.call("GET", "/v1/vaults/ann/audit/verify", key="read")
        assert (answer.status_code, answer.json()["code"]) == (409, "journal_damaged")
        assert "2" in answer.json()["detail"]
        line = read(server, "/v1/fleet")["vaults"][0]
        assert line == {"vault_id": "ann", "status": "failed", "standing": None}


def test_a_verification_that_takes_long_goes_on(ann: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 504 first; the same request finds the same work, which is done once."""
    begun, go_on = threading.Semaphore(0), threading.Event()

    def slow(file: Path) -> Any:
        begun.release()
        assert go_on.wait(30)
        return JournalReader(file).verify()

    monkeypatch.setattr(audit, "_verified", slow)
    object.__setattr__(ann.desk.config.http, "request_s", 0.05)
    for _ in range(2):
        late = ann.call("GET", "/v1/vaults/ann/audit/verify", key="read")
        assert (late.status_code, late.json()["code"], late.headers["Retry-After"]) == (504, "timeout", "1")
    object.__setattr__(ann.desk.config.http, "request_s", 30)
    go_on.set()
    assert read(ann, "/v1/vaults/ann/audit/verify")["vault_id"] == "ann"
    assert begun.acquire(blocking=False)
    assert not begun.acquire(blocking=False)


def test_a_record_is_explained_as_the_command_does(ann: Server) -> None:
    """Every rule with its limit and value, what would have passed, and its place in the chain."""
    sequence = refused(ann)
    told = read(ann, f"/v1/vaults/ann/audit/records/{sequence}")
    explained = journal(ann).explain(sequence)
    assert [one["rule"] for one in told["explanation"]["rules"]] == [one["rule"] for one in explained["rules"]]
    leverage = next(one for one in told["explanation"]["rules"] if one["rule"] == "leverage")
    assert (leverage["limit"], leverage["observed"], leverage["passed"]) == ("5", "9", False)
    assert told["explanation"]["max_quantity"] == "0"
    before = read(ann, f"/v1/vaults/ann/audit/records/{sequence - 1}")
    assert (told["previous_hash"], told["record"]["hash"]) == (before["hash"], told["hash"])
    assert read(ann, "/v1/vaults/ann/audit/records/1")["previous_hash"] is None
    assert before["explanation"] is None
    beyond = ann.call("GET", "/v1/vaults/ann/audit/records/999999", key="read")
    assert (beyond.status_code, beyond.json()["code"]) == (404, "record_unknown")


def test_a_decision_is_there_at_once(ann: Server) -> None:
    """From the journal, before any history was told; a hold too; another record is none."""
    sequence = refused(ann)
    told = read(ann, f"/v1/vaults/ann/decisions/{sequence}")
    assert (told["outcome"], told["quantity"], told["reasoning"]) == ("rejected", "1000", "<script>alert(1)</script>")
    assert told["evidence"]["equity"] == "10000"
    assert "leverage" in {one["rule"] for one in told["violations"]}
    assert told["explanation"]["max_quantity"] == "0"
    hold = ann.call("POST", "/v1/vaults/ann/holds", {"confidence": "0.4", "reasoning": "no"}, key="propose").json()
    told = read(ann, f"/v1/vaults/ann/decisions/{hold['sequence']}")
    assert (told["outcome"], told["side"], told["explanation"]) == ("held", None, None)
    none = ann.call("GET", "/v1/vaults/ann/decisions/1", key="read")
    assert (none.status_code, none.json()["code"]) == (404, "decision_unknown")


def test_a_weeks_report_in_both_forms(ann: Server) -> None:
    """JSON with the numbers of the command's, and a page that may show its style and nothing else."""
    refused(ann)
    ann.desk.projector.catch_up()
    weeks = read(ann, "/v1/vaults/ann/reports")["weeks"]
    assert len(weeks) == 1
    assert not weeks[0]["is_over"]
    week = weeks[0]["week"]
    told = read(ann, f"/v1/vaults/ann/reports/{week}")
    made = report_from(ann.desk.journal("ann"), Span.week(week))
    assert (told["schema"], told["outcomes"]["rejected"]) == ("gxrisk.report/1", made.outcomes.rejected)
    assert told["figures"]["deposits"] == str(made.figures.deposits)
    page = ann.call("GET", f"/v1/vaults/ann/reports/{week}", key="read", Accept="text/html,*/*;q=0.8")
    assert page.headers["content-type"].startswith("text/html")
    assert page.text.startswith("<!DOCTYPE html>")
    assert "<script" not in page.text
    assert "sandbox" in page.headers["content-security-policy"]
    for unknown in ("2019-W01", "2026-W54"):
        answer = ann.call("GET", f"/v1/vaults/ann/reports/{unknown}", key="read")
        assert (answer.status_code, answer.json()["code"]) == (404, "report_unknown")


@pytest.mark.parametrize("what", LISTS)
def test_csv_is_what_the_command_writes(ann: Server, what: str) -> None:
    """To the byte; and a formula that a model wrote is none."""
    ann.call("POST", "/v1/vaults/ann/holds", {"confidence": "0.4", "reasoning": '=HYPERLINK("x")'}, key="propose")
    ann.desk.projector.catch_up()
    answer = ann.call("GET", f"/v1/vaults/ann/export/{what}.csv", key="read")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="ann-{what}.csv"'
    with History.open(ann.desk.config.history) as history:
        stream = io.StringIO(newline="")
        export(history, "ann", what, stream)
    assert answer.text == stream.getvalue()
    if what == "decisions":
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert rows[0]["reasoning"] == '\'=HYPERLINK("x")'


def test_the_way_to_graduation(ann: Server) -> None:
    """What is missing, as the vault judges it; the certificate once there is one, and not before."""
    told = read(ann, "/v1/vaults/ann/graduation")
    assert (told["has_graduated"], told["has_certificate"]) == (False, False)
    assert [one["name"] for one in told["requirements"]] == ["days", "profit", "drawdown", "round_trips"]
    assert float(told["days_left"]) > 6.9
    missing = ann.call("GET", "/v1/vaults/ann/graduation/certificate", key="read")
    assert (missing.status_code, missing.json()["code"]) == (404, "certificate_unknown")
    vault = ann.desk.fleet.vaults["ann"]
    vault.gate.note(CERTIFICATE, "{}")
    assert ann.call("GET", "/v1/vaults/ann/graduation/certificate", key="read").content == vault.certificate()


def test_reconciling_now(ann: Server) -> None:
    """Nothing differs; a venue that holds what the gate does not is told, and restricts the vault."""
    before = read(ann, "/v1/vaults/ann/reconciliation")
    now = ann.call("POST", "/v1/vaults/ann/reconciliation")
    assert (now.status_code, now.json()["is_equal"], now.json()["differences"]) == (200, True, [])
    assert now.json()["time"] > before["time"]
    assert json.loads(ann.notes("ann", "actor")[-1])["action"] == "reconcile"
    gate = ann.desk.fleet.vaults["ann"].gate
    gate.deposit(5)  # which the venue knows nothing of
    found = ann.call("POST", "/v1/vaults/ann/reconciliation").json()
    assert (found["is_equal"], len(found["differences"])) == (False, 1)
    assert read(ann, "/v1/vaults/ann/reconciliation") == found
    assert read(ann, "/v1/vaults/ann")["state"] != "active"


def test_what_a_withdrawal_would_do(ann: Server) -> None:
    """Before it is signed; an amount that is none is refused."""
    told = read(ann, "/v1/vaults/ann/withdrawals/preview?amount=2500.5")
    assert (told["equity_after"], told["is_possible"], told["closing"]) == ("7499.5", True, [])
    assert not read(ann, "/v1/vaults/ann/withdrawals/preview?amount=10001")["is_possible"]
    for amount in ("0", "-1", "nan", ""):
        assert ann.call("GET", f"/v1/vaults/ann/withdrawals/preview?amount={amount}", key="read").status_code == 422


def test_stress_of_what_is_held(ann: Server) -> None:
    """Nothing held, no rows; a long of ten: four gaps down for all and four for the asset."""
    assert read(ann, "/v1/vaults/ann/stress")["rows"] == []
    ann.call("POST", "/v1/vaults/ann/orders", ORDER, key="propose")
    ann.until(lambda: read(ann, "/v1/vaults/ann/positions")["positions"])
    rows = read(ann, "/v1/vaults/ann/stress")["rows"]
    assert [(one["name"], one["gap"]) for one in rows[:4]] == [
        ("all", "-0.1"),
        ("all", "-0.2"),
        ("all", "-0.3"),
        ("all", "-0.5"),
    ]
    assert len(rows) == 8
    assert all(one["survives"] for one in rows)


def test_what_watches_a_vault(ann: Server) -> None:
    """Too few trades to know its health; a feed that is judged; the whole scale."""
    told = read(ann, "/v1/vaults/ann/guards")
    assert (told["health"]["level"], told["health"]["trades"]) == (None, 0)
    assert [one["asset"] for one in told["feeds"]] == ["BTC"]
    assert told["worst_feed"]["suspended"] == []
    assert (told["adaptive"]["risk_scale"], told["adaptive"]["is_steered"], told["protection"]) == ("1", False, [])


def test_the_fleet_at_one_look(ann: Server) -> None:
    """Each vault with what tells whether it is in trouble; other people's vaults are not there."""
    ann.made("bob")
    ann.call("POST", "/v1/vaults/ann/orders", ORDER, key="propose")
    refused(ann)
    hold = ann.call("POST", "/v1/vaults/ann/holds", {"confidence": "0.2", "reasoning": "no"}, key="propose").json()
    jump = {"asset": "BTC", "at": _now(), "price": "150", "quantity": "1"}
    assert ann.call("POST", "/v1/marks", {"trades": [jump]}, key="feed").status_code == 200
    ann.desk.shared._made.clear()  # what was seen within the last second
    lines = read(ann, "/v1/fleet")["vaults"]
    assert [one["vault_id"] for one in lines] == ["ann"]
    now = lines[0]["standing"]
    assert (now["state"], [one["breaker"] for one in now["trips"]]) == ("halted", ["price_move"])
    assert now["trips"][0]["until"] > now["trips"][0]["since"]
    assert (now["daily_trades"], now["daily_trades_limit"]) == (1, 100)
    assert (now["day_loss_limit"], now["drawdown_limit"]) == ("400", "0.15")
    assert float(now["confidence"]) == pytest.approx((0.8 + 0.8 + 0.2) / 3, rel=1e-5)
    assert (now["last_decision"]["outcome"], now["last_decision"]["sequence"]) == ("held", hold["sequence"])
    assert float(now["data_quality"]["score"]) > 0
    first = ann.call("GET", "/v1/fleet?limit=1").json()
    assert ([one["vault_id"] for one in first["vaults"]], first["next_cursor"]) == (["ann"], "ann")
    second = ann.call("GET", "/v1/fleet?limit=1&cursor=ann").json()
    assert ([one["vault_id"] for one in second["vaults"]], second["next_cursor"]) == (["bob"], None)


def test_the_equity_curve_with_its_trips(ann: Server) -> None:
    """Hourly samples and now; trips where they were; a span that makes no sense is refused."""
    jump = {"asset": "BTC", "at": _now(), "price": "150", "quantity": "1"}
    assert ann.call("POST", "/v1/marks", {"trades": [jump]}, key="feed").status_code == 200
    ann.desk.projector.catch_up()
    told = read(ann, "/v1/vaults/ann/equity")
    assert [one["equity"] for one in told["points"]][-2:] == ["10000", "10000"]
    assert [(one["breaker"], one["ended"]) for one in told["trips"]] == [("price_move", None)]
    past = read(ann, "/v1/vaults/ann/equity?since=2020-01-01T00:00:00Z&until=2020-01-02T00:00:00Z")
    assert past == {"points": [], "trips": []}
    for span in ("since=2020-01-01T00:00:00Z&until=2019-01-01T00:00:00Z", "since=2001-01-01T00:00:00Z"):
        assert ann.call("GET", f"/v1/vaults/ann/equity?{span}", key="read").status_code == 422


def test_what_fails_is_not_kept() -> None:
    """And nobody is given another's failure later."""

    async def run() -> list[object]:
        shared, calls = Shared(), []

        async def make() -> str:
            calls.append(1)
            if len(calls) == 1:
                raise OSError("a disk")
            return "made"

        with pytest.raises(OSError, match="a disk"):
            await shared.get("key", make, keep_s=60)
        return [await shared.get("key", make, keep_s=60), await shared.get("key", make, keep_s=60), len(calls)]

    assert asyncio.run(run()) == ["made", "made", 2]


def _now() -> str:
    from .desk import now

    return now()
