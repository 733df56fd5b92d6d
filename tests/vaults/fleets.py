"""A fleet on real candles, and what a test needs to look at it."""

import os
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gxrisk import JournalReader, ManualClock, VaultError
from gxrisk.custody import sign_reactivation, sign_withdrawal
from gxrisk.feeds import CandleSeries, Moment, read_candles
from gxrisk.feeds.recording import recorded
from gxrisk.vaults import Fleet, Notice, StrategyVersion, Vault, VaultSettings
from gxrisk.vaults.fleet import JOURNAL
from gxrisk.venues import PaperVenue

MINUTE_MS = 60_000
NS_PER_MS = 1_000_000
START_MS = 1_513_555_200_000  # 2017-12-18 00:00 UTC, the first minute of the files below
CRASH_MS = 1_513_900_800_000  # 2017-12-22 00:00 UTC
_FILE = "{asset}usd-1m-2017-12-18_2017-12-26-bitfinex.csv.gz"


@cache
def series(asset: str, from_ms: int, until_ms: int) -> CandleSeries:
    """Recorded minutes of December 2017, from one time to another."""
    file = Path(os.environ["GXRISK_DATA_DIR"]) / _FILE.format(asset=asset.lower())
    whole = read_candles(file)
    candles = tuple(one for one in whole.candles if from_ms <= one.start_ms < until_ms)
    return CandleSeries(asset, whole.interval_ms, candles, whole.source)


@cache
def minutes(count: int, *assets: str, from_ms: int = CRASH_MS) -> tuple[Moment, ...]:
    """The first `count` minutes from `from_ms`, as moments."""
    return tuple(recorded([series(asset, from_ms, from_ms + count * MINUTE_MS) for asset in assets or ("BTC",)]))


class Tape:
    """A feed of given moments."""

    name = "tape"
    assets: tuple[str, ...] = ()

    def __init__(self, moments: Sequence[Moment]) -> None:
        self._moments = moments

    async def moments(self) -> AsyncIterator[Moment]:
        """One after the other."""
        for moment in self._moments:
            yield moment


class Listener:
    """Hears the notices; while `is_deaf` it refuses them."""

    def __init__(self) -> None:
        self.heard: list[Notice] = []
        self.is_deaf = False

    async def __call__(self, notice: Notice) -> None:
        """Take a notice."""
        if self.is_deaf:
            raise ConnectionError("nobody listens")
        self.heard.append(notice)

    @property
    def codes(self) -> list[str]:
        """What it was about."""
        return [one.code for one in self.heard]


def settings(strategy: str, tier: str = "growth", bar_s: int = 60, **more: Any) -> VaultSettings:
    """A vault's settings with one of the strategies of these tests."""
    return VaultSettings(tier, StrategyVersion.of(f"tests.vaults.strategies:{strategy}", "1"), bar_s, **more)


def fleet(folder: Path, venue: PaperVenue | None = None, **more: Any) -> Fleet:
    """A fleet whose time is the feed's; its accounts lie beside the vaults unless a venue is given."""
    venue = venue or PaperVenue(folder=folder / "accounts")
    return Fleet(folder / "vaults", venue, clock=ManualClock(START_MS * NS_PER_MS), **more)


async def play(one: Fleet, moments: Iterable[Moment]) -> None:
    """Step through the moments."""
    for moment in moments:
        await one.step(moment)


def events(one: Fleet | Path, vault_id: str) -> list[dict[str, Any]]:
    """A vault's records as they lie on the disk."""
    folder = one.folder if isinstance(one, Fleet) else one
    return JournalReader(folder / vault_id / JOURNAL).events()


CHANCE = {"hash", "epoch", "wallet_key", "head_key", "signature"}


def plain(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records without what differs from run to run: keys, signatures, and the hashes over them."""
    return [
        {name: value for name, value in one.items() if name not in CHANCE and (name, one["kind"]) != CHECKPOINT}
        for one in records
    ]


CHECKPOINT = ("state", "checkpoint")


def decisions(records: Iterable[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What the strategy asked for and what it got."""
    return [
        (one["time"], one.get("outcome"), str(one.get("order") or one.get("reasoning")))
        for one in records
        if one["kind"] == "hold" or (one["kind"] == "decision" and one["origin"] == "agent")
    ]


async def agrees(vault: Vault) -> None:
    """Assert that the gate and the venue have the same account."""
    assert await vault.reconcile() == ()


@dataclass(frozen=True, slots=True)
class Owner:
    """An owner's master key, on the owner's side."""

    key: Path
    public: bytes
    passphrase: Path

    def signs(self, amount: Any, vault_id: str = "ann", expires: str = "2017-12-31T00:00:00Z") -> bytes:
        """A request to withdraw."""
        return sign_withdrawal(self.key, vault_id, amount, "bank", expires=expires, passphrase_file=self.passphrase)

    def reactivates(self, vault: Vault, *, rebase: bool = False, expires: str = "2017-12-31T00:00:00Z") -> None:
        """Sign for the stop that is in force, and end it. Raises `VaultError` where there is none."""
        stop = vault.gate.stopped_by
        if stop is None:
            raise VaultError("nothing stops it")
        signed = sign_reactivation(
            self.key, vault.vault_id, stop, rebase=rebase, expires=expires, passphrase_file=self.passphrase
        )
        vault.reactivate(rebase=rebase, signed=signed)
