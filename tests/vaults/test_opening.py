"""Journals opened ahead: in order, a few at once, one that fails alone, and none left open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from threading import Barrier, Lock

import pytest
from gxrisk import Gate, JournalError, Limits
from gxrisk.vaults.opening import AHEAD, opened_ahead

from .fleets import fleet, settings

NAMES = [f"v{number}" for number in range(10)]


@pytest.fixture
def opening(tmp_path: Path) -> Callable[[str], Gate]:
    """Ten journals of which one is damaged, and how each is opened."""
    for name in NAMES:
        Gate(name, Limits.for_tier("growth"), journal=tmp_path / name).close()
    (tmp_path / "v3").write_bytes(b"no journal")
    return lambda name: Gate.open(tmp_path / name)


def test_in_order_and_a_failure_alone(opening: Callable[[str], Gate]) -> None:
    """Each is what was asked for; what is wrong with one is raised for that one."""
    seen = []
    with opened_ahead(NAMES, opening) as gates:
        for name, gate in gates:
            if name == "v3":
                with pytest.raises(JournalError, match="no gxrisk journal"):
                    gate()
                continue
            with gate() as one:
                seen.append((name, one.vault_id))
    assert seen == [(name, name) for name in NAMES if name != "v3"]


def test_a_few_at_once(opening: Callable[[str], Gate]) -> None:
    """As many as `AHEAD` wait beside each other, and never more."""
    together, running, most, lock = Barrier(AHEAD), 0, 0, Lock()

    def counted(name: str) -> Gate:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        if name in sound[:AHEAD]:
            together.wait(30)  # breaks where one comes after the other
        with lock:
            running -= 1
        return opening(name)

    sound = [one for one in NAMES if one != "v3"]
    with opened_ahead(sound, counted) as gates:
        for _, gate in gates:
            gate().close()
    assert most == AHEAD


def test_what_was_opened_and_not_taken_is_closed(opening: Callable[[str], Gate]) -> None:
    """Whoever stops in between leaves no journal locked."""
    with pytest.raises(RuntimeError, match="enough"), opened_ahead(NAMES, opening) as gates:  # noqa: PT012
        name, gate = next(gates)
        gate().close()
        raise RuntimeError("enough")
    for name in NAMES:
        if name != "v3":
            opening(name).close()


def test_a_fleet_has_its_vaults_in_order(tmp_path: Path) -> None:
    """Whichever was opened first: the order of vaults is that of their names, in every run."""

    async def work() -> None:
        one = fleet(tmp_path)
        for name in reversed(NAMES):
            vault = await one.create(name, settings("Holder"))
            await vault.fund("first", Decimal(100))
        await one.close()
        again = fleet(tmp_path)
        await again.open_all()
        assert list(again.vaults) == NAMES
        vault = again.vaults["v5"]
        assert await again.open("v5") is vault
        await again.close()

    asyncio.run(work())
