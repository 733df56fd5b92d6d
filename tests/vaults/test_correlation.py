"""Correlation groups of a fleet's vaults: as set, and as the market shows them; the gate sums what is in one."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gxrisk import Gate, JournalReader, Limits, ManualClock, Order, VaultError
from gxrisk.feeds import Candle, Moment
from gxrisk.vaults import CorrelationSettings, Fleet, Vault, VaultSettings
from gxrisk.vaults.withdrawal_preview import preview
from gxrisk.venues import PaperVenue

from tests.vaults.fleets import Listener, settings

ASSETS = ("ADA", "BTC", "ETH")
MAJORS = {"majors": ("BTC", "ETH")}


def moments(count: int, from_bar: int = 0) -> list[Moment]:
    """ETH goes as BTC does, ADA on its own way."""
    made = []
    for bar in range(from_bar, from_bar + count):
        step = bar * 37 % 11
        prices = {"BTC": 100 + step, "ETH": 1000 + 10 * step, "ADA": 50 + bar * 53 % 7}
        closed = tuple(Candle(asset, bar * 60_000, 60_000, *[Decimal(prices[asset])] * 4, 1000.0) for asset in ASSETS)
        made.append(Moment((bar + 1) * 60_000, closed=closed))
    return made


def told(vault: Vault) -> list[dict[str, list[str]]]:
    """The groups on record, oldest first."""
    return [one["groups"] for one in vault.gate.events() if one["kind"] == "correlation_groups"]


def made(folder: Path) -> Fleet:
    """A fleet at the beginning of time."""
    return Fleet(folder, PaperVenue(folder=folder / "venue"), clock=ManualClock(0), notify=Listener())


def wish(asset: str, quantity: str, stop: int) -> Order:
    """An opening."""
    return Order(asset, "buy", quantity, confidence=1, reasoning="an example", stop_loss=stop, leverage=5)


def exceeds(gate: Gate, order: Order) -> bool:
    """Whether it breaks the rule of correlated exposure."""
    return "correlated_exposure" in [one.rule for one in gate.validate_order(order).violations]


def test_what_is_set_is_the_gates_and_stays(tmp_path: Path) -> None:
    """From the first moment, once on record; after a restart, and after a crash before the gate was told."""
    chosen = settings("Silent", correlation=CorrelationSettings(MAJORS))

    async def live() -> None:
        fleet = made(tmp_path)
        vault = await fleet.create("ann", chosen)
        await vault.fund("first", Decimal(10_000))
        limits = vault.gate.limits.replace(max_position_fraction=1, max_concentration=1, max_correlated_exposure=1)
        vault.gate.set_limits(limits)
        for one in moments(5):
            await fleet.step(one)
        assert told(vault) == [{"majors": ["BTC", "ETH"]}]
        for asset in ("BTC", "ETH", "ADA"):
            price = vault.gate.snapshot().marks[asset]
            assert not exceeds(vault.gate, wish(asset, f"{9000 / price:.3f}", 1))
        assert vault.gate.apply_fill("elsewhere", "1", 50, 100, asset="BTC", side="buy")
        assert exceeds(vault.gate, wish("ETH", "9", 1))
        assert not exceeds(vault.gate, wish("ADA", "9", 1))
        both = [one for one in vault.preview_withdrawal(Decimal(9000)).limits if one.limit == "correlated_exposure"]
        assert both[0].is_exceeded
        await fleet.close()

        fleet = made(tmp_path)
        vault = await fleet.open("ann")
        assert vault.settings == chosen
        assert told(vault) == [{"majors": ["BTC", "ETH"]}]
        vault.gate.note("correlation", "{}")  # as if killed before that was noted
        await fleet.close()
        fleet = made(tmp_path)
        vault = await fleet.open("ann")
        assert told(vault) == [{"majors": ["BTC", "ETH"]}] * 2
        await fleet.close()

    asyncio.run(live())


def test_what_the_market_shows_is_told_when_it_changes(tmp_path: Path) -> None:
    """All are one group until enough is known, then those that move together; after a restart as well."""
    chosen = settings("Silent", assets=ASSETS, correlation=CorrelationSettings(window=20))

    async def live() -> None:
        fleet = made(tmp_path)
        vault = await fleet.create("ann", chosen)
        assert told(vault) == [{"cluster-ADA": ["ADA", "BTC", "ETH"]}]
        for one in moments(40):
            await fleet.step(one)
        assert told(vault)[1:] == [{"cluster-BTC": ["BTC", "ETH"]}]
        await fleet.close()
        fleet = made(tmp_path)
        vault = await fleet.open("ann")
        assert told(vault)[2:] == [{"cluster-ADA": ["ADA", "BTC", "ETH"]}], "nothing is known: as careful as at first"
        await fleet.step(moments(1, 40)[0])
        assert told(vault)[3:] == [{"cluster-BTC": ["BTC", "ETH"]}], "known again from the bars that were kept"
        await fleet.close()

    asyncio.run(live())


def test_what_is_set_holds_beside_what_is_found(tmp_path: Path) -> None:
    async def live() -> list[dict[str, list[str]]]:
        fleet = made(tmp_path)
        groups = CorrelationSettings({"mine": ("ADA", "BTC"), "other": ("XRP", "LTC")}, window=20)
        await fleet.create("ann", settings("Silent", assets=ASSETS, correlation=groups))
        for one in moments(40):
            await fleet.step(one)
        await fleet.close()
        return told_of(tmp_path)

    assert asyncio.run(live()) == [{"mine": ["ADA", "BTC", "ETH"], "other": ["LTC", "XRP"]}]


def told_of(folder: Path) -> list[dict[str, list[str]]]:
    """The groups on record in a journal that is closed."""
    records = JournalReader(folder / "ann" / "journal.gxr").events()
    return [one["groups"] for one in records if one["kind"] == "correlation_groups"]


def test_a_preview_adds_up_what_is_in_a_group() -> None:
    gate = Gate("demo", Limits.for_tier("growth"), clock=ManualClock(0))
    gate.deposit(10_000)
    for asset, price in (("BTC", 100), ("ETH", 50), ("ADA", 10)):
        gate.mark(asset, price, atr=1)
        gate.apply_fill("elsewhere", asset, 10, price, asset=asset, side="buy")
    alone, together = (
        next(one for one in preview(gate.snapshot(), gate.limits, Decimal(1), groups).limits if one.limit[:4] == "corr")
        for groups in ({}, {"ADA": ("BTC", "ETH")})
    )
    assert (alone.held, together.held) == (1000, 1500)
    assert "BTC and ETH are worth 1500" in together.text


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"groups": {"a": ("BTC",), "b": ("BTC",)}}, "BTC is in two"),
    ({"groups": {"cluster-BTC": ("BTC",)}}, "another name is allowed"),
    ({"groups": {"a": ("",)}}, "1 to 64 visible"),
    ({"groups": {"a b": ("BTC",)}}, "1 to 64 visible"),
    ({"window": 1}, "2 to 1000 bars"),
    ({"window": 1001}, "2 to 1000 bars"),
    ({"link": 0}, "above 0 and at most 1"),
    ({"link": float("nan")}, "above 0 and at most 1"),
]


@pytest.mark.parametrize(("given", "said"), WRONG)
def test_what_cannot_be_set(given: dict[str, Any], said: str) -> None:
    with pytest.raises(VaultError, match=said):
        CorrelationSettings(**given)


def test_groups_are_found_among_assets_that_are_named() -> None:
    with pytest.raises(VaultError, match="names none"):
        settings("Silent", correlation=CorrelationSettings(window=20))


def test_settings_are_kept_as_they_are() -> None:
    one = settings("Silent", assets=ASSETS, correlation=CorrelationSettings(MAJORS, window=30, link=0.8))
    assert VaultSettings.from_json(one.to_json()) == one
