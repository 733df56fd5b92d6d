"""`gxrisk serve` as it runs: a process of its own on a free port, stopped in order, killed, started again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from random import Random
from threading import Timer

import httpx
import pytest
from gxrisk import JournalReader, Order
from gxrisk.config import load
from gxrisk.feeds import Candle, Moment
from gxrisk.vaults import Fleet, StrategyVersion, VaultSettings
from gxrisk.vaults.proposals import send
from gxrisk.venues import PaperVenue

from .desk import MANY, ORDER, STRATEGY, config, market, serving
from .processes import WITHIN_S, Running, environment, gxrisk, keys_of, running

MODEL = "from gxrisk.agent.momentum import Momentum as Model\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration on any free port, with candles of one second."""
    written = tmp_path / "gxrisk.toml"
    written.write_text(f'folder = "{tmp_path / "data"}"\n[http]\nport = 0\n[feed]\nbar_s = 1\n')
    return written


def test_from_nothing_to_orders_and_through_a_kill(file: Path) -> None:
    """What was acknowledged before kill -9 is there after it, and the same request is the same order."""
    keys = keys_of(file)
    vault = {"vault_id": "ann", "tier": "growth", "strategy": STRATEGY, "bar_s": 1}
    with running(file) as one:
        assert httpx.get(f"{one.url}/readyz").json() == {"status": "ready"}
        assert one.call("POST", "/v1/vaults", keys["operate"], vault).status_code == 201
        fund = {"transfer_id": "first", "amount": "10000"}
        assert one.call("POST", "/v1/vaults/ann/fund", keys["operate"], fund, "fund-1").status_code == 200
        assert one.call("POST", "/v1/marks", keys["feed"], market(int(time.time()))).status_code == 200
        before = one.call("POST", "/v1/vaults/ann/orders", keys["propose"], ORDER, "order-1")
        assert before.json()["outcome"] == "approved", before.text
        one.process.kill()
        one.process.wait()
    with running(file) as one:
        again = one.call("POST", "/v1/vaults/ann/orders", keys["propose"], ORDER, "order-1")
        assert (again.json(), again.headers["Idempotency-Replayed"]) == (before.json(), "true")
        funded = one.call("POST", "/v1/vaults/ann/fund", keys["operate"], fund, "another name")
        assert funded.json()["collateral"] == "10000"
        working = one.call("GET", "/v1/vaults/ann/positions", keys["propose"]).json()["working"]
        assert [order["order_id"] for order in working] == [before.json()["order_id"]]
        code, said = one.stopped(signal.SIGTERM)
    assert (code, said.splitlines()[-1]) == (0, "gxrisk: stopped"), said
    journal = JournalReader(file.parent / "data" / "vaults" / "ann" / "journal.gxr")
    decisions = [one for one in journal.events() if one["kind"] == "decision"]
    assert [one["sequence"] for one in decisions] == [before.json()["sequence"]]
    assert journal.verify()["approvals"] == 1


@pytest.mark.parametrize("seed", [20261121])
def test_holds_are_made_once_through_kills(file: Path, seed: int) -> None:
    """A client that sends until it is answered, a server that is killed at any instant: one record for each name."""
    random, keys = Random(seed), keys_of(file)
    hold, told = {"confidence": "0.5", "reasoning": "nothing is sure"}, dict[str, int]()

    def send(one: Running, name: str) -> None:
        with suppress(httpx.TransportError):
            answer = one.call("POST", "/v1/vaults/ann/holds", keys["propose"], hold, name)
            assert answer.json()["outcome"] == "held", answer.text
            assert told.setdefault(name, answer.json()["sequence"]) == answer.json()["sequence"]

    def send_all(one: Running, names: list[str]) -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda name: send(one, name), names))

    names: list[str] = []
    for round_ in range(3):
        with running(file) as one:
            if not round_:
                vault = {"vault_id": "ann", "tier": "growth", "strategy": STRATEGY, "bar_s": 1}
                assert one.call("POST", "/v1/vaults", keys["operate"], vault).status_code == 201
            send_all(one, names)
            assert set(told) == set(names)
            names += [f"{round_}-{number}" for number in range(20)]
            ending = Timer(random.uniform(0.01, 0.2), one.process.kill)
            ending.start()
            send_all(one, names)
            ending.join()
            one.process.wait()
    with running(file) as one:
        send_all(one, names)
        assert one.stopped(signal.SIGTERM)[0] == 0
    journal = JournalReader(file.parent / "data" / "vaults" / "ann" / "journal.gxr")
    made = [one["sequence"] for one in journal.events() if one["kind"] == "hold"]
    assert sorted(told.values()) == made
    assert len(made) == len(names) == 60


def test_two_servers_do_not_share_a_folder(file: Path) -> None:
    """The second one says so in one line, and the first goes on."""
    with running(file) as one:
        second = subprocess.run(gxrisk("serve", file), env=environment(), capture_output=True, text=True, check=False)
        assert second.returncode == 1
        assert "another server works here" in second.stderr
        assert "Traceback" not in second.stderr
        assert httpx.get(f"{one.url}/livez").status_code == 200
        assert one.stopped(signal.SIGINT)[0] == 0


def test_real_money_needs_two_words(file: Path) -> None:
    """The configuration's and the command's; either alone is refused."""
    for settings, flags, said in (
        ("", ["--live"], "mode is paper"),
        ('mode = "live"\nlive_venue = "tests.no:Venue"\n', [], "gxrisk serve --live"),
    ):
        file.write_text(settings)
        refused = subprocess.run(
            gxrisk("serve", file, *flags), env=environment(), capture_output=True, text=True, check=False
        )
        assert refused.returncode == 1
        assert said in refused.stderr


def test_a_vault_without_its_strategy_can_be_left(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file is gone when the server starts: it is listed, says why, is not resumed, and its position is closed.

    Once the file is back, it is whole without a restart.
    """
    models = tmp_path / "models"
    models.mkdir()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(models), *sys.path]))
    keys = keys_of(file)
    settings = load(file, environ={})
    asyncio.run(_holding(settings.folder / "vaults", PaperVenue(folder=settings.folder / "venue"), models))
    with running(file) as one:
        listed = one.call("GET", "/v1/vaults", keys["operate"]).json()["vaults"]
        assert listed == [{"vault_id": "ann", "status": "exits_only"}]
        shown = one.call("GET", "/v1/vaults/ann", keys["operate"]).json()
        assert "no module 'gone_model'" in shown["exits_only"]
        assert (shown["state"], shown["is_paused"]) == ("halted", True)
        refused = one.call("POST", "/v1/vaults/ann/resume", keys["operate"])
        assert (refused.status_code, "restore what is missing" in refused.json()["detail"]) == (409, True)
        assert one.call("POST", "/v1/marks", keys["feed"], market(int(time.time()))).status_code == 200
        closing = {"asset": "BTC", "reason": "its strategy is gone"}
        closed = one.call("POST", "/v1/vaults/ann/positions/close", keys["operate"], closing)
        assert closed.json()["outcome"] == "approved", closed.text
        until = time.monotonic() + WITHIN_S
        while one.call("GET", "/v1/vaults/ann/positions", keys["operate"]).json()["positions"]:
            assert time.monotonic() < until
            assert one.call("POST", "/v1/marks", keys["feed"], market(int(time.time()))).status_code == 200
        again = one.call("POST", "/v1/vaults/ann/positions/close", keys["operate"], closing)
        assert (again.status_code, "holds no BTC" in again.json()["detail"]) == (409, True)
        early = one.call("POST", "/v1/vaults/ann/reopen", keys["operate"])
        assert (early.status_code, "no module 'gone_model'" in early.json()["detail"]) == (409, True)
        (models / "gone_model.py").write_text(MODEL)
        whole = one.call("POST", "/v1/vaults/ann/reopen", keys["operate"])
        assert (whole.status_code, whole.json()["exits_only"], whole.json()["is_paused"]) == (200, None, True)
        assert one.call("POST", "/v1/vaults/ann/resume", keys["operate"]).json()["state"] == "active"
        same = one.call("POST", "/v1/vaults/ann/reopen", keys["operate"]).json()
        assert (same["state"], same["exits_only"]) == ("active", None)
        code, _ = one.stopped(signal.SIGTERM)
        assert code == 0
    journal = JournalReader(settings.folder / "vaults" / "ann" / "journal.gxr")
    asked = [json.loads(each["text"]) for each in journal.events() if each.get("topic") == "actor"]
    assert [each["action"] for each in asked if each["action"] in ("reopen", "resume")] == [
        "resume",
        "reopen",
        "reopen",
        "resume",
        "reopen",
    ]


def test_a_vault_that_was_taken_out_is_opened_again(tmp_path: Path) -> None:
    """Its journal is damaged at the start and mended after: no restart, and the alert ends."""
    with serving(config(tmp_path, keys=MANY)) as server:
        server.made("ann")
        journal = server.desk.journal("ann")
    whole = {one: one.read_bytes() for one in journal.parent.iterdir()}
    journal.write_bytes(b"no journal at all")
    with serving(config(tmp_path, keys=MANY)) as server:
        assert server.call("GET", "/v1/vaults/ann", key="operate").status_code == 503
        refused = server.call("POST", "/v1/vaults/ann/reopen")
        assert (refused.status_code, refused.json()["code"]) == (503, "storage"), refused.text
        assert server.call("POST", "/v1/vaults/nobody/reopen").status_code == 404
        for file, content in whole.items():
            file.write_bytes(content)
        answer = server.call("POST", "/v1/vaults/ann/reopen")
        assert (answer.status_code, answer.json()["equity"]) == (200, "10000"), answer.text
        failed = [
            each
            for each in server.call("GET", "/v1/alerts?state=all").json()["alerts"]
            if each["code"] == "vault_failed"
        ]
        assert [each["resolved"] is None for each in failed] == [False]
        retired = {"transfer_id": "x", "amount": "1"}
        assert server.call("POST", "/v1/vaults/ann/fund", retired).status_code == 200


async def _holding(folder: Path, venue: PaperVenue, modules: Path) -> None:
    """A vault with a position, and a strategy whose file is removed."""
    model = modules / "gone_model.py"
    model.write_text(MODEL)
    sys.path.insert(0, str(modules))
    try:
        version = StrategyVersion.of("gone_model:Model", "1")
    finally:
        sys.path.remove(str(modules))
    fleet = Fleet(folder, venue)
    vault = await fleet.create("ann", VaultSettings("growth", version, bar_s=1))
    await vault.fund("first", Decimal(10_000))
    order = Order("BTC", "buy", "0.1", confidence=1, reasoning="an example", stop_loss=98)
    start_ms = time.time_ns() // 10**9 * 1000 - 40_000
    for second in range(43):  # the last ones a little ahead of the clock: an order fills when the next bar opens
        if second == 40:
            await send(vault.gate.authorize(order), vault._dealings.account)
        price = [Decimal(100), Decimal(101), Decimal(100), Decimal(100)]
        candle = Candle("BTC", start_ms + second * 1000, 1000, *price, 1000.0)
        await fleet.step(Moment(candle.end_ms, closed=(candle,)))
    assert vault.gate.snapshot().positions["BTC"] > 0
    await fleet.close()
    model.unlink()
