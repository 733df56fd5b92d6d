"""What watches a vault: its model's health, its feeds' quality, and how far its limits are scaled down."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from gxrisk.protection.data_quality_words import Quality
from gxrisk.protection.health import Health
from gxrisk.server.access import READERS, asks
from gxrisk.server.fleet_lines import QualityLine
from gxrisk.server.guard import Guarded
from gxrisk.server.overview import quality_line
from gxrisk.server.shapes import Amount, Share, VaultId, desk_of
from gxrisk.vaults import Vault

router = APIRouter(route_class=Guarded, prefix="/v1/vaults/{vault_id}", tags=["guards"])
Level = Literal["low", "elevated", "high", "critical"]
_RATIOS = ("sharpe", "drawdown", "win_rate", "duration_s", "confidence", "calibration", "data_quality")


class HealthShown(BaseModel):
    """The model's last round trips. `level` is null while too few are known; `levels` are by statistic.

    `statistics` are text: fractions, the duration in seconds, null for what cannot be known.
    """

    level: Level | None
    reason: str
    trades: int
    levels: dict[str, Level]
    statistics: dict[str, str | None]


class FaultShown(BaseModel):
    """A kind of fault, how often it came within the window, and what it costs of the score."""

    kind: str
    count: int
    cost: Share
    text: str


class FeedQuality(BaseModel):
    """One asset's prices as they are judged; `score` from 0 to 1."""

    asset: str
    score: Share | None
    level: Level | None
    reason: str
    is_suspended: bool
    is_usable: bool
    faults: list[FaultShown]


class AdaptiveShown(BaseModel):
    """How much of the size limits may be used now: they are multiplied by `risk_scale`.

    `is_steered` says that the vault's own guard sets it, from its results and the market's `volatility` (annualised).
    """

    risk_scale: Amount
    is_steered: bool
    volatility: Amount
    max_position_fraction: Amount
    scaled_position_fraction: Amount


class GuardsShown(BaseModel):
    """Health, quality and scale now; `protection` names the guards before this vault's gate."""

    health: HealthShown
    worst_feed: QualityLine
    feeds: list[FeedQuality]
    adaptive: AdaptiveShown
    protection: list[str]


@router.get("/guards")
@asks(*READERS)
async def show_guards(request: Request, vault_id: VaultId) -> GuardsShown:
    """What the guards know. Health is worked out for every vault, also where no guard refuses for it.

    It is folded from the journal the first time; a 504 only says that this takes longer.
    """
    desk = desk_of(request)
    vault = desk.vault(vault_id)
    known = desk.quality.latest
    assets = known if vault.settings.assets is None else vault.settings.assets
    health = await desk.shared.get(("health", vault_id), lambda: desk.health.of(vault), keep_s=1.0)
    return GuardsShown(
        health=_health(health),
        worst_feed=quality_line(desk.quality, vault.settings.assets),
        feeds=[_feed(known[one]) for one in sorted(assets) if one in known],
        adaptive=await desk.off_loop(_adaptive, vault),
        protection=_guards(vault),
    )


def _health(found: Health) -> HealthShown:
    vitals = found.vitals
    statistics = {name: None if (value := getattr(vitals, name, None)) is None else f"{value:.6g}" for name in _RATIOS}
    return HealthShown(
        level=found.level, reason=found.reason, trades=vitals.trades, levels=found.levels, statistics=statistics
    )


def _feed(one: Quality) -> FeedQuality:
    return FeedQuality.model_validate(one, from_attributes=True)


def _adaptive(vault: Vault) -> AdaptiveShown:
    now, limits = vault.gate.snapshot(), vault.gate.limits
    guards = vault.settings.protection
    return AdaptiveShown(
        risk_scale=now.risk_scale,
        is_steered=guards is not None and guards.adaptive is not None,
        volatility=now.volatility,
        max_position_fraction=limits.max_position_fraction,
        scaled_position_fraction=limits.max_position_fraction * now.risk_scale,
    )


def _guards(vault: Vault) -> list[str]:
    guards = vault.settings.protection
    if guards is None:
        return []
    stages = ("breakers", "adaptive", "stop", "size", "portfolio", "health", "predictor")
    return [name for name in stages if getattr(guards, name)]
