"""A run: the server is killed while agents ask, and what is on record is held against what was answered."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path
from threading import Event, Thread

from gxrisk import JournalReader

from tests.api.desk import STRATEGY
from tests.client.serving import WIDE, Serving

from .agents import Load
from .plan import Asked, Life, Plan, Run


def run(plan: Plan, folder: Path) -> Run:
    """Do it all, and check what is on record; raises `AssertionError` where an answer was lost, or done twice."""
    vault_ids = [f"agent-{number:03}" for number in range(plan.agents)]
    server = Serving(folder, scopes=scopes(vault_ids))
    seen = Run(plan, [Asked(one) for one in vault_ids])
    try:
        server.start()
        set_up(server, vault_ids)
        began = time.monotonic()
        over = Event()
        watching = Thread(target=watch, args=(server, seen, began, over))
        watching.start()
        try:
            load = Load(plan, server.url, server.keys, seen, lambda: time.monotonic() - began)
            asyncio.run(load.go())
        finally:
            over.set()
            watching.join()
        assert len(seen.lives) == plan.kills + 1, "it was not killed as often as planned"
    finally:
        server.kill()
    for one in seen.asked:
        check(one, folder / "data" / "vaults" / one.vault_id / "journal.gxr")
    return seen


def scopes(vault_ids: list[str]) -> dict[str, tuple[str, list[str] | None]]:
    """An agent's key for each vault, and those of the desk."""
    desk: dict[str, tuple[str, list[str] | None]] = {
        "operate": ("operate", None),
        "feed": ("feed", None),
        "own": ("own", vault_ids),
    }
    return desk | {one: ("propose", [one]) for one in vault_ids}


def set_up(server: Serving, vault_ids: list[str]) -> None:
    """Vaults with money, limits that load does not meet, and a market."""
    with server.operator() as operator, server.operator("own") as owner:
        for vault_id in vault_ids:
            operator.create(vault_id, "growth", STRATEGY, bar_s=1)
            operator.fund(vault_id, "first", 10_000)
            _, etag = owner.limits(vault_id)
            owner.change_limits(vault_id, WIDE, etag)
    server.marks()


def watch(server: Serving, seen: Run, began: float, over: Event) -> None:
    """Look at the server's memory each second; kill it when it is time, and start it again at once."""
    plan = seen.plan
    kills = [plan.seconds * (number + 1) / (plan.kills + 1) for number in range(plan.kills)]
    seen.lives.append(Life(time.monotonic() - began))
    while not over.wait(1):
        now_s = time.monotonic() - began
        if kills and now_s >= kills[0]:
            kills.pop(0)
            server.kill()
            server.start()
            seen.outages_s.append((now_s, time.monotonic() - began))
            seen.lives.append(Life(time.monotonic() - began))
        seen.lives[-1].memory.append(resident(server))


def resident(server: Serving) -> int:
    """The server's resident memory, in bytes."""
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def check(asked: Asked, journal: Path) -> None:
    """Each decision is on record as it was answered, once; each hold at least once; nothing else is on record."""
    reader = JournalReader(journal)
    reader.verify()
    events = reader.events()
    recorded = {int(one["order"]["reasoning"]): one for one in events if one["kind"] == "decision"}
    counts = Counter(int(one["order"]["reasoning"]) for one in events if one["kind"] == "decision")
    where = f"{asked.vault_id}: "
    assert max(counts.values(), default=0) <= 1, where + "done twice"
    assert recorded.keys() == asked.decisions.keys(), where + "lost, or never asked for"
    for step, answer in asked.decisions.items():
        one = recorded[step]
        assert answer == (one["outcome"], one["sequence"], one["order_id"]), f"{where}{step} is not as it was answered"
    holds = {(int(one["reasoning"]), one["sequence"]) for one in events if one["kind"] == "hold"}
    assert {(step, sequence) for step, sequence in asked.holds.items()} <= holds, where + "a hold was lost"
