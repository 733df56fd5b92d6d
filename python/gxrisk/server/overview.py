"""The whole fleet at one look: read from gates and journals' ends, at most once a second, whoever asks."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gxrisk._native import GxriskError
from gxrisk.protection.data_quality import DataQuality
from gxrisk.protection.risk import RISK_LEVELS
from gxrisk.server.fleet_lines import FleetLine, LastDecisionLine, QualityLine, Standing, TripLine
from gxrisk.server.recent import LastDecision, Recent
from gxrisk.server.shapes import time_of
from gxrisk.vaults import Vault
from gxrisk.vaults.fleet import JOURNAL

if TYPE_CHECKING:
    from gxrisk.server.desk import Desk

FRESH_S: Final = 1.0
_WORK_S: Final = 0.002  # of reading, between two times of giving way, which may take as long
_GIVE_WAY_S: Final = 0.000_05


@dataclass(frozen=True, slots=True)
class Looked:
    """Every vault's name and its `FleetLine` as JSON, by name: written once, for all who ask."""

    time: str | None
    lines: tuple[tuple[str, str], ...]


class Overview:
    """Lines of all vaults. Made in a thread that gives way as it goes, so that no decision waits for all."""

    def __init__(self, desk: "Desk") -> None:
        self._desk = desk
        self._recent: dict[str, Recent] = {}

    async def look(self) -> Looked:
        """Every vault, by name, as of at most a second ago."""
        desk = self._desk
        return await desk.shared.get("fleet", lambda: desk.off_loop(self._look), keep_s=FRESH_S)

    def _look(self) -> Looked:
        desk = self._desk
        running = dict(desk.fleet.vaults)
        for gone in self._recent.keys() - running.keys():
            del self._recent[gone]
        lines, since = [], time.perf_counter()
        for vault_id in desk.vault_ids():
            lines.append((vault_id, self._line(vault_id, running.get(vault_id)).model_dump_json()))
            if time.perf_counter() - since > _WORK_S:
                time.sleep(_GIVE_WAY_S)
                since = time.perf_counter()
        return Looked(time_of(desk.fleet.clock.now_ns), tuple(lines))

    def _line(self, vault_id: str, vault: Vault | None) -> FleetLine:
        try:
            standing = None if vault is None else self._standing(vault)
        except GxriskError:  # it is being closed, or broken, which the fleet will say itself
            standing = None
        return FleetLine(vault_id=vault_id, status=self._desk.status_of(vault_id), standing=standing)

    def _standing(self, vault: Vault) -> Standing:
        gate, settings = vault.gate, vault.settings
        recent = self._recent.setdefault(vault.vault_id, Recent())
        recent.read(gate, self._desk.fleet.folder / vault.vault_id / JOURNAL)
        now, limits, trips = gate.snapshot(), gate.limits, gate.trips
        return Standing(
            tier=settings.tier,
            strategy=settings.strategy.name,
            is_live=settings.is_live,
            time=time_of(now.time_ns),
            sequence=now.sequence,
            state=gate.state,
            is_paused=now.paused,
            is_killed=now.killed,
            is_withdrawing=vault.withdrawal is not None,
            equity=now.equity,
            collateral=now.collateral,
            day_pnl=-now.day_loss,
            day_loss_limit=limits.max_daily_loss * now.day_opening,
            drawdown=now.drawdown,
            drawdown_limit=limits.max_drawdown,
            gross_exposure=now.gross_exposure,
            positions=len(now.positions),
            working=len(now.working),
            daily_trades=now.daily_trades,
            daily_trades_limit=limits.max_daily_trades,
            risk_scale=now.risk_scale,
            confidence=recent.confidence,
            last_decision=_decision(recent.last),
            trips=[TripLine(breaker=one.breaker, since=time_of(one.since), until=time_of(one.until)) for one in trips],
            data_quality=quality_line(self._desk.quality, settings.assets),
        )


def quality_line(quality: DataQuality, assets: Iterable[str] | None) -> QualityLine:
    """The worst of some assets' feeds; of all where none are named."""
    every = quality.latest
    known = [every[one] for one in (every if assets is None else assets) if one in every]
    scores = [one.score for one in known if one.score is not None]
    levels = [one.level for one in known if one.level is not None]
    return QualityLine(
        score=min(scores, default=None),
        level=max(levels, key=RISK_LEVELS.index, default=None),
        suspended=sorted(one.asset for one in known if one.is_suspended),
    )


def _decision(last: LastDecision | None) -> LastDecisionLine | None:
    if last is None:
        return None
    return LastDecisionLine(
        sequence=last.sequence,
        time=time_of(last.time_ns),
        outcome=last.outcome,
        asset=last.asset,
        side=last.side,
        rules=list(last.rules),
    )
