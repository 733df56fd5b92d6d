"""Processes that are killed, and killed again: nothing is lost, and nothing is done twice.

`GXRISK_KILLS` is the number of kills for each scenario, `GXRISK_SEED` the seed of their moments.
"""

import asyncio
import json
import os
import signal
import sqlite3
import time
from collections import Counter
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

import pytest
from gxrisk import JournalReader
from gxrisk.vaults import Vault
from gxrisk.vaults.fleet import JOURNAL

from tests.vaults import runner
from tests.vaults.faults import small_disk
from tests.vaults.fleets import Owner, events
from tests.vaults.runner import FUNDED, MINUTES, SCENARIOS, TOP_UP, VAULT, Plan, Scenario

pytestmark = pytest.mark.usefixtures("data_dir")

KILLS = int(os.environ.get("GXRISK_KILLS", "8"))
PATIENCE_S = 120


def children() -> Any:
    """Processes that are forked from a small one which has imported everything and opened nothing."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.vaults.runner"])
    return context


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_killed_at_any_moment_it_goes_on(scenario: Scenario, tmp_path: Path, owner: Owner) -> None:
    """After the last kill the vault is run to the end, and its records, its account and its owner's ears agree."""
    with small_disk(tmp_path / "memory", 1 << 20) as memory:  # a killed process loses nothing that it has written
        be_killed(scenario, memory.folder, owner)


def be_killed(scenario: Scenario, folder: Path, owner: Owner) -> None:
    """Kill and look."""
    seed = int(os.environ.get("GXRISK_SEED", SystemRandom().randrange(2**32)))
    print(f"{scenario}: seed {seed}, {KILLS} kills")  # noqa: T201
    random = Random(f"{scenario} {seed}")
    requests = tuple(owner.signs(number + 1) for number in range(20)) if scenario == "withdrawals" else ()
    plan = Plan(folder, scenario, requests, owner)
    at = [killed(plan, random) for _ in range(KILLS)]
    print(f"killed after the minutes {at}")  # noqa: T201
    assert len(set(at)) > 1
    asyncio.run(finish(plan))
    JournalReader(folder / "vaults" / VAULT / JOURNAL).verify()


def killed(plan: Plan, random: Random) -> int:
    """Run the plan in a process and kill it some minutes further, anywhere within; the last minute that it told."""
    context = children()
    told, tell = context.Pipe(duplex=False)
    process = context.Process(target=runner.run_until_killed, args=(plan, tell))
    process.start()
    tell.close()
    last = -1
    for _ in range(random.randint(0, 2 * MINUTES // KILLS)):
        assert told.poll(PATIENCE_S), "the process says nothing"
        try:
            word = told.recv_bytes()
        except EOFError:  # it failed: said below
            break
        if word == b"end":
            break
        last = int(word)
    until = time.perf_counter() + random.random() * 0.03
    while time.perf_counter() < until:
        pass
    process.kill()
    process.join(PATIENCE_S)
    assert process.exitcode in (-signal.SIGKILL, 0), "it failed by itself"
    return last


async def finish(plan: Plan) -> None:
    """Run to the end without a kill, and look at everything."""
    one, vault = await runner.run(plan, lambda _: None)
    assert await vault.reconcile() == ()
    records = vault.gate.events()
    assert not [each for each in records if each.get("breaker") == "fill_mismatch"], "gate and venue once differed"
    check_orders(records)
    check_notices(plan, vault)
    if plan.scenario == "deposits":
        assert vault.gate.snapshot().collateral == FUNDED + TOP_UP * (MINUTES + 1)
    if plan.scenario == "withdrawals":
        check_payments(plan, vault, records)
    if plan.scenario == "cancel-all":
        assert sum(each["kind"] == "killed" for each in records) > 5
        assert sum(each["kind"] == "cancelled" for each in records) > 5
    if plan.scenario == "automatic pause":
        assert sum(each.get("breaker") == "drawdown" for each in records if each["kind"] == "trip") > 2
    await one.close()


def check_orders(records: list[dict[str, Any]]) -> None:
    """No approval was used twice, no execution booked twice, and every bar was asked about once."""
    assert max(Counter(each["order_id"] for each in records if each["kind"] == "redeemed").values()) == 1
    assert max(Counter(each["fill_id"] for each in records if each["kind"] == "fill").values()) == 1
    asked = Counter(each["time"] for each in records if each["kind"] == "hold")
    assert max(asked.values()) == 1
    proposals = Counter(
        each["order"]["reasoning"] for each in records if each["kind"] == "decision" and each["origin"] == "agent"
    )
    assert max(proposals.values()) <= 2, "a bar is proposed once, and once more in its largest size"
    assert len(proposals) > 20


def check_notices(plan: Plan, vault: Vault) -> None:
    """Every notice was heard."""
    assert vault.notices.waiting == ()
    last = json.loads(vault.gate.notes.get("notices", '{"last": 0}'))["last"]
    file = plan.folder / "heard"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    heard = {int(line.split()[0]): line.split()[1] for line in lines}
    assert set(heard) == set(range(1, last + 1))
    if plan.scenario == "automatic pause":
        assert "drawdown" in heard.values()


def check_payments(plan: Plan, vault: Vault, records: list[dict[str, Any]]) -> None:
    """Each request that was taken is paid once, at the gate and at the venue, and nothing else is."""
    assert vault.withdrawal is None
    notes = [json.loads(each["text"]) for each in records if each.get("topic") == "withdrawal" and each["text"]]
    taken = {each["nonce"]: Decimal(each["amount"]) for each in notes}
    assert len(taken) >= 10
    file = plan.folder / "accounts" / f"{VAULT}.paper.sqlite"
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT transfer_id, amount FROM transfers WHERE destination IS NOT NULL").fetchall()
    connection.close()
    assert {nonce: Decimal(amount) for nonce, amount in rows} == taken
    booked = [each["amount"] for each in records if each["kind"] == "withdrawal"]
    assert sorted(booked) == sorted(taken.values())
    assert vault.gate.snapshot().collateral == FUNDED - sum(taken.values())


def test_a_kill_can_be_seen(tmp_path: Path) -> None:
    """The test above kills for real: the process is gone in the middle of its minutes."""
    context = children()
    told, tell = context.Pipe(duplex=False)
    process = context.Process(target=runner.run_until_killed, args=(Plan(tmp_path, "trading"), tell))
    process.start()
    tell.close()
    assert told.poll(PATIENCE_S)
    process.kill()
    process.join(PATIENCE_S)
    assert process.exitcode == -signal.SIGKILL
    assert len(events(tmp_path / "vaults", VAULT)) > 2
