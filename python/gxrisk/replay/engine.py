"""Candles through a model, once for each vault and once without a gate, side by side."""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Context, Decimal, localcontext
from typing import Final

from gxrisk._native import Limits
from gxrisk.agent.loading import ModelFactory
from gxrisk.feeds.atr import WilderAtr
from gxrisk.feeds.bars import BarBuilder
from gxrisk.feeds.candles import Candle, CandleSeries
from gxrisk.feeds.timeline import Moment, timeline
from gxrisk.replay.costs import Costs, ReplayError
from gxrisk.replay.desk import Desk, Question, moment
from gxrisk.replay.gated import GatedDesk, VaultPlan
from gxrisk.replay.result import ReplayResult
from gxrisk.replay.ungated import UngatedDesk

HISTORY: Final = 1_000
GROUP: Final = "replayed"
UNGATED: Final = "ungated"
_EXACT: Final = Context(prec=80)


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
    with localcontext(_EXACT):
        run = _Run(series, make_model, plans, settings)
        with closing(run):
            for instant in timeline(series):
                run.step(instant)
                if on_progress is not None and instant.closed:
                    on_progress(run.candles)
            run.finish()
            return ReplayResult(
                model=model_name,
                sources=tuple(one.source for one in series),
                reconstruction=reconstruction,
                assets=tuple(sorted(one.asset for one in series)),
                candles=run.candles,
                start=moment(min(one.candles[0].start_ms for one in series)),
                end=moment(max(one.candles[-1].end_ms for one in series)),
                interval_s=max(one.interval_ms for one in series) // 1000,
                bar_s=run.bar_ms // 1000,
                slippage_bp=settings.costs.slippage_bp,
                fee_bp=settings.costs.fee_bp,
                correlated=settings.correlated and len(series) > 1,
                vaults=tuple(desk.result() for desk in run.gated),
                ungated=run.ungated.result(),
            )


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


class _Run:
    """The state of one replay: bars, average true ranges, desks."""

    def __init__(
        self,
        series: Sequence[CandleSeries],
        make_model: ModelFactory,
        plans: Sequence[VaultPlan],
        settings: ReplaySettings,
    ) -> None:
        assets = sorted(one.asset for one in series)
        start_ms = min(one.candles[0].start_ms for one in series)
        groups = {GROUP: assets} if settings.correlated and len(assets) > 1 else {}
        self.bar_ms = settings.bar_ms or max(one.interval_ms for one in series)
        self._tick_ms = min(one.interval_ms for one in series)
        self._bars = {asset: BarBuilder(self.bar_ms) for asset in assets}
        self._atrs = {asset: WilderAtr() for asset in assets}
        self._histories: dict[str, deque[Candle]] = {asset: deque(maxlen=HISTORY) for asset in assets}
        self.gated = [
            GatedDesk(plan, make_model(), settings.costs, settings.deposit, start_ms, groups) for plan in plans
        ]
        self.ungated = UngatedDesk(UNGATED, make_model(), settings.costs, settings.deposit)
        self._desks: list[Desk] = [*self.gated, self.ungated]
        self._last_ms = start_ms
        self.candles = 0

    def step(self, instant: Moment) -> None:
        """Silence until `instant`, the closes, the model's questions, and last the fills at the opens."""
        # the clock goes on when no bar comes: an outage is noticed while it lasts, not when it is over
        for at_ms in range(self._last_ms + self._tick_ms, instant.at_ms, self._tick_ms):
            self._advance(at_ms)
        self._advance(instant.at_ms)
        asked = [candle.asset for candle in instant.closed if self._close(candle)]
        if instant.closed:
            for desk in self._desks:
                desk.settle(moment(instant.at_ms))
        for asset in asked:
            candles = tuple(self._histories[asset])
            question = Question(asset, moment(instant.at_ms), candles, self._atrs[asset].value)
            for desk in self._desks:
                desk.decide(question)
        for candle in instant.opened:
            for desk in self._desks:
                desk.open_bar(candle)
        self._last_ms = instant.at_ms
        self.candles += len(instant.closed)

    def finish(self) -> None:
        """No more candles."""
        for desk in self._desks:
            desk.finish()

    def close(self) -> None:
        """Let go of the journals."""
        for desk in self.gated:
            desk.gate.close()

    def _advance(self, at_ms: int) -> None:
        for desk in self._desks:
            desk.advance(at_ms)

    def _close(self, candle: Candle) -> bool:
        """Complete the model's bars, then mark the close everywhere; True when a bar was completed."""
        bars = self._bars[candle.asset].add(candle)
        atr = self._atrs[candle.asset]
        for bar in bars:
            atr.update(float(bar.high), float(bar.low), float(bar.close))
            self._histories[candle.asset].append(bar)
        for desk in self._desks:
            desk.close_bar(candle, atr.value)
        return bool(bars)
