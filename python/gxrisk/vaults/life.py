"""A vault's life over a recording: paid in, traded, perhaps stopped by a breaker, paid out, and its report written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from gxrisk._native import Limits, ManualClock
from gxrisk.custody import create_owner_key, sign_reactivation, sign_withdrawal
from gxrisk.feeds.candles import CandleSeries
from gxrisk.feeds.timeline import timeline
from gxrisk.vaults.fleet import JOURNAL, Fleet
from gxrisk.vaults.fleet_notes import write_whole
from gxrisk.vaults.graduation import Graduation
from gxrisk.vaults.notices import Notice
from gxrisk.vaults.report import Report, as_json, page, report_from
from gxrisk.vaults.report.spans import Span
from gxrisk.vaults.settings import VaultSettings
from gxrisk.vaults.vault import Vault
from gxrisk.vaults.version import StrategyVersion
from gxrisk.venues.paper import PaperVenue

VAULT: Final = "ann"
_NS_PER_MS: Final = 1_000_000
_PAID_OUT_AT: Final = 0.9  # of the recording: then the owner withdraws half
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Life:
    """What is left of it: the journal, the report of the whole time (and its files), what is missing for graduation."""

    journal: Path
    page: Path
    report: Report
    graduation: Graduation


async def live(
    folder: Path,
    series: Sequence[CandleSeries],
    strategy: StrategyVersion,
    *,
    tier: str,
    bar_s: int,
    deposit: Decimal,
    mark_age_s_max: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Life:
    """Let a vault live on paper through `series`, all in `folder`, which holds nothing yet.

    Its owner pays in, reactivates it the day after a drawdown stopped it, with the equity of then as the new base, and
    near the end withdraws half of what there is, each with a signature by a master key made for this.
    """
    start_ms = min(one.candles[0].start_ms for one in series)
    end_ms = max(one.candles[-1].end_ms for one in series)
    passphrase = folder / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text("a demonstration")
    owner = folder / "owner.key"
    fleet = Fleet(folder, PaperVenue(folder=folder / "venue"), clock=ManualClock(start_ms * _NS_PER_MS), notify=_read)
    settings = VaultSettings(tier, strategy, bar_s=bar_s)
    limits = Limits.for_tier(tier)
    if mark_age_s_max is not None:
        limits = limits.replace(mark_age_s_max=mark_age_s_max)
    key = create_owner_key(owner, VAULT, passphrase_file=passphrase)
    vault = await fleet.create(VAULT, settings, limits=limits, owner_key=key)
    await vault.fund("first", deposit)
    paid_out_ms: int | None = start_ms + int((end_ms - start_ms) * _PAID_OUT_AT)
    done = 0
    for moment in timeline(series):
        await fleet.step(moment)
        _reactivate(vault, moment.at_ms, owner, passphrase)
        if paid_out_ms is not None and moment.at_ms >= paid_out_ms:
            paid_out_ms = None
            half = round(vault.gate.snapshot().equity / 2, 2)
            expires = _day_after(moment.at_ms)
            vault.withdraw(sign_withdrawal(owner, VAULT, half, "bank", expires=expires, passphrase_file=passphrase))
        done += len(moment.closed)
        if on_progress is not None and moment.closed:
            on_progress(done)
    graduation = vault.graduation(end_ms)
    await fleet.close()
    journal = folder / VAULT / JOURNAL
    span = Span.between(datetime.fromtimestamp(start_ms / 1000, UTC), datetime.fromtimestamp(end_ms / 1000, UTC))
    report = report_from(journal, span, has_ended=True)
    written = folder / "report.html"
    write_whole(written, page(report))
    write_whole(written.with_suffix(".json"), as_json(report))
    return Life(journal, written, report, graduation)


async def _read(notice: Notice) -> None:
    """Notices stand in the report."""


def _day_after(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC) + timedelta(days=1)


def _reactivate(vault: Vault, now_ms: int, key: Path, passphrase: Path) -> None:
    if vault.auto_pause != "told":
        return
    trips = [trip for trip in vault.gate.trips if trip.breaker == "drawdown"]
    if trips and now_ms - trips[0].since.timestamp() * 1000 >= _DAY_MS:
        stop = vault.gate.stopped_by
        assert stop is not None
        expires = _day_after(now_ms)
        signed = sign_reactivation(key, VAULT, stop, rebase=True, expires=expires, passphrase_file=passphrase)
        vault.reactivate(rebase=True, signed=signed)
