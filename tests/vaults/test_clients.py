"""Vaults of clients: never asked, and nobody proposes where a strategy is asked here."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
from gxrisk import Order, VaultError
from gxrisk.agent.strategy import ModelError
from gxrisk.vaults import StrategyVersion, VaultSettings

from .fleets import fleet

DECLARED = StrategyVersion.declared("breakout", "1", "ab" * 32)
LOADED = StrategyVersion.of("gxrisk.agent.momentum:Momentum", "1")
ORDER = Order("BTC", "buy", 1, confidence=1, reasoning="an example", stop_loss=98)


def test_who_takes_no_proposals(tmp_path: Path) -> None:
    """Nothing is on record of what was not put before the gate."""

    async def ask() -> list[str]:
        one = fleet(tmp_path)
        vault = await one.create("ann", VaultSettings("growth", LOADED))
        await vault.fund("first", Decimal(10_000))
        with pytest.raises(VaultError, match="asks its own strategy"):
            await vault.propose(ORDER)
        kinds = [event["kind"] for event in vault.gate.events()]
        await one.close()
        return kinds

    assert "decision" not in asyncio.run(ask())


@pytest.mark.parametrize(
    "wrong", [("a b", "1", "ab" * 32), ("a", "", "ab" * 32), ("a", "1", "AB" * 32), ("a", "1", "")]
)
def test_what_is_declared_is_checked(wrong: tuple[str, str, str]) -> None:
    """Name, version and hash."""
    with pytest.raises(ModelError, match="was given"):
        StrategyVersion.declared(*wrong)
