"""The guards as the pipeline asks them, and their order."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from math import sqrt
from typing import Final

import numpy as np

from gxrisk.agent.features import FEATURE_BARS, FEATURE_NAMES, FEATURES_VERSION, feature_table, features
from gxrisk.agent.predictions_entry import PREDICTION_NAMES, PREDICTIONS_VERSION
from gxrisk.agent.strategy import View
from gxrisk.feeds.volatility import YEAR_MS, RealisedVolatility
from gxrisk.protection.bounds import percent, plain
from gxrisk.protection.drift import Drift, DriftReference
from gxrisk.protection.drift_file import read_reference
from gxrisk.protection.edge import estimate_edge
from gxrisk.protection.liquidation import LiquidationRisk
from gxrisk.protection.pipeline import Case, Finding, Guard, ProtectionPipeline
from gxrisk.protection.predictor import FailurePredictor
from gxrisk.protection.regime import regimes
from gxrisk.protection.risk import RiskLevel, worst
from gxrisk.protection.settings import (
    DriftGuardSettings,
    HealthGuardSettings,
    PortfolioSettings,
    PredictionDriftSettings,
    PredictorGuardSettings,
    ProtectionSettings,
    SizeSettings,
    StopSettings,
    at_least,
)
from gxrisk.protection.stress import StressTest
from gxrisk.snapshot import Position, Snapshot
from gxrisk.venues.paper.exact import UNIT, ZERO, down, exact

DAY_S: Final = 86_400
_YEAR_S: Final = YEAR_MS / 1000
_AS_TRAINED: Final = "in a market like that of the training"
_AS_PREDICTED: Final = "while the model's predictions are as in their reference"
_RETURNS_MIN: Final = 60  # of which volatility is known, while a day has not passed yet
_WINDOW_MIN: Final = 24  # returns, where a day has fewer
_HALVINGS: Final = 10  # of an order, to find how much of it would pass
_REGIME_BARS: Final = 640  # the detector's history and its windows


def breakers(_: ProtectionSettings) -> Guard:
    """Refuses while the gate is not active, so that nothing else need be worked out."""

    def guard(case: Case) -> Finding:
        if case.snapshot.state == "active":
            return Finding("the vault is active", "low")
        causes = [f"{one.breaker} ({one.cause})" for one in case.trips]
        causes += [
            word for word, holds in (("paused", case.snapshot.paused), ("killed", case.snapshot.killed)) if holds
        ]
        ends = [one.until for one in case.trips]
        until = max((one for one in ends if one is not None), default=None)
        passes = "exits" if case.snapshot.state == "reduce_only" else "nothing of a model's"
        if case.snapshot.paused or case.snapshot.killed:
            passes += " until a person ends it"
        elif until is None or None in ends:
            passes += " until that has ended"
        else:
            passes += f" until {until:%Y-%m-%d %H:%M:%S} UTC"
        told = f"the vault is {case.snapshot.state}: {'; '.join(causes)}"
        return Finding(told, "critical", refuses=True, limit="active", observed=case.snapshot.state, passes=passes)

    return guard


def adaptive(_: ProtectionSettings) -> Guard:
    """Says how far the limits are scaled down, which the sizer and the gate apply; refuses while that is unknown."""

    def guard(case: Case) -> Finding:
        if annual_volatility(case.view) is None:
            told = "the market's volatility is not known yet"
            return Finding(told, "elevated", refuses=True, passes=f"an opening after {_RETURNS_MIN} bars, or a day")
        scale = case.snapshot.risk_scale
        level: RiskLevel = "low" if scale == 1 else "elevated" if scale >= Decimal("0.5") else "high"
        return Finding(f"{percent(scale)} of the limits may be used", level)

    return guard


def stop(settings: StopSettings) -> Guard:
    """Draws the stop in to where confidence and regime want it, or sets one; refuses where none can be placed."""

    def guard(case: Case) -> Finding:
        order, view = case.order, case.view
        reading = regimes(view.candles[-_REGIME_BARS:])[-1] if view.candles else None
        regime = None if reading is None else reading.regime
        if case.entry is None:
            return Finding(f"{order.asset} has no mark", "critical", refuses=True)
        plan = settings.guard(case.limits).stop(
            order.side,
            case.entry,
            atr=view.atr,
            confidence=order.confidence,
            regime=regime,
            leverage=order.leverage,
        )
        level = None if reading is None else reading.level
        told = f"{plan.reason} in a market that is {regime or 'not known yet'}"
        if plan.price is None:
            return Finding(
                told, level, refuses=True, passes="an order with room for a stop, at less leverage for example"
            )
        return Finding(told, level, stop_loss=plan.price)

    return guard


def size(settings: SizeSettings) -> Guard:
    """Fractional Kelly of the record under caps, scaled with the gate's risk scale.

    The period is a trade's: the deviation is the larger of the record's and of the market's now over the median
    duration of its trades (a day while there is no record).
    """
    sizer = settings.guard()

    def guard(case: Case) -> Finding:
        edge = estimate_edge(case.record.returns)
        annual = annual_volatility(case.view)
        period_s = case.record.duration_s if edge is not None else None
        volatility = None if annual is None else annual * sqrt((period_s or DAY_S) / _YEAR_S)
        if edge is not None and volatility is not None:
            volatility = max(volatility, edge.deviation)
        found = sizer.size(
            case.order,
            case.gate,
            edge=None if edge is None else edge.mean,
            volatility=volatility,
            scale=case.snapshot.risk_scale,
        )
        scale = case.snapshot.risk_scale
        told = found.reasons if scale == 1 else (*found.reasons, f"of all that {percent(scale)}")
        # Where the gate passes nothing it says better why; but it may pass something a moment later, and that is sized.
        most = found.own if found.cap == "gate" and not found.quantity else found.quantity
        finding = Finding("; ".join(told), quantity_max=most)
        if most <= 0 and edge is not None and edge.mean <= 0:
            passes = "openings after a person's review"
            return replace(finding, limit="an edge above 0", observed=f"{edge.mean:.4g}", passes=passes)
        return finding

    return guard


def portfolio(settings: PortfolioSettings) -> Guard:
    """Refuses what would bring the account near its liquidation, or would not survive a gap in everything at once."""

    def guard(case: Case) -> Finding:
        found = judged(case)
        if not found.refuses:
            return found
        order = case.order
        for _ in range(_HALVINGS):
            order = order.replace(quantity=plain(down(order.quantity / 2))) if order.quantity > 2 * UNIT else order
            if not judged(replace(case, order=order)).refuses:
                most = order.quantity
                return replace(found, quantity_max=most, passes=f"a quantity of {plain(most)}, perhaps a little more")
        return replace(found, passes=f"not even a quantity of {plain(order.quantity)}; an exit")

    def judged(case: Case) -> Finding:
        if case.entry is None:
            return Finding(f"{case.order.asset} has no mark", "critical", refuses=True)
        after, order = after_order(case), case.order
        atr = {} if case.view.atr is None else {order.asset: case.view.atr}
        leverage = {order.asset: order.leverage} if order.leverage > 1 else {}
        found = LiquidationRisk(case.limits).assess(after, atr=atr, leverage=leverage)
        if at_least(found.level, settings.refuse_from):
            told, limit = f"with it, {found.reason}", f"under {settings.refuse_from}"
            return Finding(told, found.level, refuses=True, limit=limit, observed=found.level)
        rows = StressTest(case.limits, gaps=(settings.gap,)).run(after)
        lost = next((row for row in rows if row.kind == "all" and not row.survives), None)
        if lost is not None:
            gap = percent(lost.gap)
            told = f"with it, a gap of {gap} is not survived: {lost.reason}"
            return Finding(told, "critical", refuses=True, limit=f"survives {gap}", observed="does not survive it")
        return Finding(found.reason, found.level)

    return guard


def health(settings: HealthGuardSettings) -> Guard:
    """Refuses while the model is not itself; unknown is no refusal."""

    def guard(case: Case) -> Finding:
        known = case.record.health
        if known is None:
            return Finding("unknown: no trade has ended yet")
        if not at_least(known.level, settings.refuse_from):
            return Finding(known.reason, known.level)
        limit, passes = f"under {settings.refuse_from}", "openings after a person's review"
        return Finding(known.reason, known.level, refuses=True, limit=limit, observed=known.level, passes=passes)

    return guard


def drift(settings: DriftGuardSettings) -> Guard:
    """Refuses while the market's features, or the model's predictions, are not distributed as in the reference.

    Unknown is no refusal. A file is read when it is first needed, and again until it is.
    """
    kept: list[DriftReference] = []
    expected: list[DriftReference] = []

    def guard(case: Case) -> Finding:
        market = of_market(case)
        model = None if settings.predictions is None else of_model(case, settings.predictions)
        # The reason that is short comes first.
        both = [(model, _AS_PREDICTED)] if model is not None else []
        both.append((market, _AS_TRAINED))
        levels = [one.level for one, _ in both if one.level is not None]
        level = worst(levels) if levels else None
        if not at_least(level, settings.refuse_from):
            return Finding("; ".join(one.reason for one, _ in both), level)
        refusing = [(one, passes) for one, passes in both if at_least(one.level, settings.refuse_from)]
        return Finding(
            "; ".join(one.reason for one, _ in refusing),
            level,
            refuses=True,
            limit=f"under {settings.refuse_from}",
            observed=level,
            passes="openings " + " and ".join(passes for _, passes in reversed(refusing)),
        )

    def of_market(case: Case) -> Drift:
        if not kept:
            kept.append(read_reference(settings.file, settings.sha256, settings.bounds))
        bars = settings.rows * settings.every
        rows = feature_table(case.view.candles[-bars - FEATURE_BARS + 1 :], settings.every)[-settings.rows :]
        known = rows[np.isfinite(rows).all(axis=1)]
        return kept[0].compare(known, version=FEATURES_VERSION, names=FEATURE_NAMES)

    def of_model(case: Case, wanted: PredictionDriftSettings) -> Drift:
        if not expected:
            expected.append(read_reference(wanted.file, wanted.sha256, wanted.bounds))
        last = case.record.predictions[::-1][: wanted.rows * wanted.every : wanted.every]
        rows = np.array(last, dtype=np.float64).reshape(-1, 1)
        found = expected[0].compare(rows, version=PREDICTIONS_VERSION, names=PREDICTION_NAMES)
        if found.level in (None, "low"):
            said = "the prediction has not drifted" if found.level else f"prediction {found.reason}"
            return replace(found, reason=said)
        return found

    return guard


def predictor(settings: PredictorGuardSettings) -> Guard:
    """Refuses trades unlike those that succeeded. The file is read when it is first needed, and again until it is."""
    kept: list[FailurePredictor] = []

    def guard(case: Case) -> Finding:
        if not kept:
            names, version = FEATURE_NAMES, FEATURES_VERSION
            kept.append(FailurePredictor.load(settings.file, settings.sha256, names=names, version=version))
        seen = features(case.view)
        if seen is None:
            return Finding("the features are not known yet", "elevated", refuses=True)
        found = kept[0].judge(seen.values)
        if not at_least(found.level, settings.refuse_from):
            return Finding(found.reason, found.level)
        limit, passes = f"under {settings.refuse_from}", "an order in a market like that of successful trades"
        return Finding(found.reason, found.level, refuses=True, limit=limit, observed=found.level, passes=passes)

    return guard


ORDER: Final[tuple[tuple[str, Callable[..., Guard]], ...]] = (
    ("breakers", breakers),
    ("adaptive", adaptive),
    ("stop", stop),  # before the size, which depends on its distance
    ("size", size),
    ("portfolio", portfolio),
    ("health", health),
    ("drift", drift),
    ("predictor", predictor),
)
"""The stages by the name of their settings, in the order in which they are asked; the gate comes after them."""


def pipeline_of(settings: ProtectionSettings) -> ProtectionPipeline:
    """The pipeline that the settings describe.

    >>> [name for name, _ in pipeline_of(ProtectionSettings(stop=None)).guards]
    ['breakers', 'adaptive', 'size', 'portfolio', 'health', 'gate']
    """
    wanted = ((name, make, getattr(settings, name)) for name, make in ORDER)
    return ProtectionPipeline((name, make(given)) for name, make, given in wanted if given)


def annual_volatility(view: View) -> float | None:
    """The asset's realised volatility over the last day of bars (at least 24 returns), annualised; None before 60.

    The figure that a vault tells its gate, from the view alone, times the root of 365.
    """
    if not view.candles:
        return None
    window = max(_WINDOW_MIN, DAY_S * 1000 // view.candles[-1].interval_ms)
    realised = RealisedVolatility(window, least=min(_RETURNS_MIN, window))
    for candle in view.candles[-window - 1 :]:
        realised.update(candle)
    return realised.value


@exact
def after_order(case: Case) -> Snapshot:
    """The vault as it would be with the order filled at its entry and its fee left out."""
    order, snapshot, entry = case.order, case.snapshot, case.entry or ZERO
    held = snapshot.positions.get(order.asset)
    before = ZERO if held is None else held.quantity
    added = order.quantity if order.side == "buy" else -order.quantity
    quantity, mark = before + added, snapshot.marks.get(order.asset)
    positions = {asset: one for asset, one in snapshot.positions.items() if asset != order.asset}
    if quantity:
        stop_loss, cost = order.stop_loss, quantity * entry
        if held is not None and before * quantity > 0:  # not through zero
            stops = (held.stop_loss, order.stop_loss)
            known = [one for one in stops if one is not None]
            stop_loss = None if len(known) < len(stops) else min(known) if quantity > 0 else max(known)
            cost = held.cost + added * entry if before * added > 0 else held.cost * quantity / before
        gain = ZERO if mark is None else quantity * mark - cost
        positions[order.asset] = Position(quantity, cost, mark, gain, stop_loss)
    # A limit worse than the mark begins with that loss; a better one is no credit.
    slip = ZERO if mark is None else min(ZERO, added * (mark - entry))
    return replace(snapshot, positions=positions, equity=snapshot.equity + slip)
