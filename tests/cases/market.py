"""Recorded days, a fleet on them, and what a test reads from the journal that is left."""

import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from gxrisk import JournalReader, Limits, ManualClock
from gxrisk.feeds import CandleSeries, Moment, read_candles
from gxrisk.feeds.recording import recorded
from gxrisk.vaults import Fleet, Notice, StrategyVersion, Vault, VaultSettings
from gxrisk.vaults.fleet import JOURNAL
from gxrisk.venues import PaperVenue

NS_PER_MS = 1_000_000
DEPOSIT = Decimal(100_000)
MAY_2021 = "{}usdt-5m-2021-05-10_2021-05-26-binance.csv.gz"
MARCH_2020 = "{}usdt-5m-2020-03-01_2020-03-13-binance.csv.gz"
JUNE_2025 = "{}usdt-1m-2025-05-25_2025-06-25-binance-perp.csv.gz"
DECEMBER_2017 = "{}usd-1m-2017-12-18_2017-12-26-bitfinex.csv.gz"


def ms(time: str) -> int:
    """A time of day in UTC, in milliseconds."""
    return int(datetime.fromisoformat(time).replace(tzinfo=UTC).timestamp()) * 1000


def tape(file: str, assets: Iterable[str], since: str, until: str) -> list[Moment]:
    """The recorded bars of some assets from one time to another, as moments."""
    return list(recorded([_part(file.format(asset), ms(since), ms(until)) for asset in assets]))


def _part(name: str, from_ms: int, until_ms: int) -> CandleSeries:
    whole = read_candles(Path(os.environ["GXRISK_DATA_DIR"]) / name)
    return replace(whole, candles=tuple(bar for bar in whole.candles if from_ms <= bar.start_ms < until_ms))


class Listener:
    """Hears what owners and operators are told."""

    def __init__(self) -> None:
        self.heard: list[Notice] = []

    async def __call__(self, notice: Notice) -> None:
        """Take a notice."""
        self.heard.append(notice)

    @property
    def codes(self) -> list[str]:
        """What it was about."""
        return [one.code for one in self.heard]


def fleet(folder: Path, first: Moment, **more: Any) -> Fleet:
    """A fleet whose time is the recording's, its accounts beside the vaults."""
    clock = ManualClock(first.at_ms * NS_PER_MS)
    return Fleet(folder / "vaults", PaperVenue(folder=folder / "accounts"), clock=clock, **more)


async def vault_of(one: Fleet, strategy: str, bar_s: int, *, mark_age_s: int = 60, **more: Any) -> Vault:
    """A funded Growth vault; `mark_age_s` is the length of the recording's bars where that is over a minute."""
    limits = Limits.for_tier("growth").replace(mark_age_s_max=mark_age_s)
    settings = VaultSettings("growth", StrategyVersion.of(strategy, "1"), bar_s, **more)
    vault = await one.create("case", settings, limits=limits)
    await vault.fund("first", DEPOSIT)
    return vault


async def play(one: Fleet, moments: Iterable[Moment], each: Callable[[Moment], Awaitable[None]] | None = None) -> None:
    """Step through the moments; `each` looks at the vaults after every one."""
    for moment in moments:
        await one.step(moment)
        if each is not None:
            await each(moment)
    assert not one.failed, dict(one.failed)


def journal(folder: Path) -> list[dict[str, Any]]:
    """The vault's records, from a journal that verifies."""
    reader = JournalReader(folder / "vaults" / "case" / JOURNAL)
    reader.verify()
    return reader.events()


def documented(*figures: object) -> None:
    """Assert that the page of the cases says each of these figures, so that it cannot drift from the runs."""
    page = (Path(__file__).parents[2] / "docs" / "cases.md").read_text(encoding="utf-8")
    missing = [str(figure) for figure in figures if str(figure) not in page]
    assert not missing, f"docs/cases.md does not say {missing}"
