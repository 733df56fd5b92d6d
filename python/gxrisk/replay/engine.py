"""Candles through a model, once for each vault and once without a gate, side by side."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Final

from gxrisk._native import Limits
from gxrisk.agent.loading import ModelFactory
from gxrisk.feeds.candles import CandleSeries
from gxrisk.replay.awaiting import Awaiting
from gxrisk.replay.costs import Costs, ReplayError
from gxrisk.replay.desk import moment
from gxrisk.replay.gated import GatedDesk, VaultPlan
from gxrisk.replay.result import ReplayResult
from gxrisk.replay.stage import EXACT, Stage
from gxrisk.replay.ungated import UngatedDesk

GROUP: Final = "replayed"
UNGATED: Final = "ungated"


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """How to replay: deposit of each vault, costs, and the model's bar in ms (None: the candles' own interval).

    With `correlated` all replayed assets form one correlation group: in a crash they fall together.
    """

    deposit: Decimal = Decimal(100_000)
    costs: Costs = field(default_factory=Costs)
    bar_ms: int | None = None
    correlated: bool = True

    def __post_init__(self) -> None:
        if not self.deposit.is_finite() or self.deposit <= 0:
            raise ReplayError(f"deposit: {self.deposit} was given, a number above 0 is allowed")


def replay(
    series: Sequence[CandleSeries],
    make_model: ModelFactory,
    plans: Sequence[VaultPlan],
    settings: ReplaySettings | None = None,
    *,
    model_name: str = "model",
    reconstruction: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> ReplayResult:
    """Replay `series` through a fresh model for each of `plans` and once more without a gate.

    Models may be synchronous or not; the ones that are not share one event loop, which ends with the replay.
    `on_progress` is called with the number of candles that are done. Raises `ReplayError` for series or settings
    that cannot be replayed and `ModelError` when the model breaks.

    >>> from gxrisk.agent import Momentum
    >>> from gxrisk.feeds import reconstruct
    >>> plans = [VaultPlan("growth", Limits.for_tier("growth"))]
    >>> result = replay([reconstruct()], Momentum, plans, ReplaySettings(bar_ms=900_000))
    >>> result.candles, result.vaults[0].name, result.ungated.name
    (2856, 'growth', 'ungated')
    """
    settings = settings or ReplaySettings()
    _check_assets(series)
    for plan in plans:
        check_mark_age(series, plan.limits)
    bar_ms = settings.bar_ms or max(one.interval_ms for one in series)
    with localcontext(EXACT), _desks(series, make_model, plans, settings) as (gated, ungated):
        desks = [*gated, ungated]
        stage = Stage(series, desks, bar_ms)
        for questions in stage.moments():
            for question in questions:
                for desk in desks:
                    desk.decide(question)
            if on_progress is not None:
                on_progress(stage.candles)
        return ReplayResult(
            model=model_name,
            sources=tuple(one.source for one in series),
            reconstruction=reconstruction,
            assets=tuple(sorted(one.asset for one in series)),
            candles=stage.candles,
            start=moment(min(one.candles[0].start_ms for one in series)),
            end=moment(max(one.candles[-1].end_ms for one in series)),
            interval_s=max(one.interval_ms for one in series) // 1000,
            bar_s=bar_ms // 1000,
            slippage_bp=settings.costs.slippage_bp,
            fee_bp=settings.costs.fee_bp,
            correlated=settings.correlated and len(series) > 1,
            vaults=tuple(desk.result() for desk in gated),
            ungated=ungated.result(),
        )


@contextmanager
def _desks(
    series: Sequence[CandleSeries], make_model: ModelFactory, plans: Sequence[VaultPlan], settings: ReplaySettings
) -> Iterator[tuple[list[GatedDesk], UngatedDesk]]:
    """A desk for each plan and one without a gate, each with a model of its own; one event loop for all of these."""
    assets = sorted(one.asset for one in series)
    start_ms = min(one.candles[0].start_ms for one in series)
    groups = {GROUP: assets} if settings.correlated and len(assets) > 1 else {}
    costs, deposit = settings.costs, settings.deposit
    gated: list[GatedDesk] = []
    with Awaiting() as awaiting:
        try:
            for plan in plans:
                gated.append(GatedDesk(plan, awaiting.model(make_model()), costs, deposit, start_ms, groups))
            yield gated, UngatedDesk(UNGATED, awaiting.model(make_model()), costs, deposit)
        finally:
            for desk in gated:
                desk.gate.close()


def check_mark_age(series: Sequence[CandleSeries], limits: Limits) -> None:
    """Refuse candles that are coarser than the age at which `limits` call a mark stale, and say what would do."""
    coarsest = max(series, key=lambda one: one.interval_ms)
    interval_s = -(-coarsest.interval_ms // 1000)
    if interval_s > Decimal(limits.mark_age_s_max):
        raise ReplayError(
            f"{coarsest.asset} has a candle every {interval_s} s, so its mark would be stale after "
            f"{limits.mark_age_s_max} s (mark_age_s_max): pass --mark-age-s-max {interval_s}; "
            "outages are then noticed that much later"
        )


def _check_assets(series: Sequence[CandleSeries]) -> None:
    if not series:
        raise ReplayError("no candles were given, one series at least is needed")
    assets = [one.asset for one in series]
    for asset in assets:
        if assets.count(asset) > 1:
            raise ReplayError(f"two series are of {asset}; name the assets (--asset once for each --data)")
