"""Limits that tighten at once when things go badly, and loosen slowly."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import inf, isfinite, sqrt
from typing import Final

import numpy as np

from gxrisk._native import Gate, Limits
from gxrisk.protection.bounds import Number, percent, plain, setting, whole
from gxrisk.protection.risk import RiskLevel
from gxrisk.snapshot import Snapshot
from gxrisk.venues.paper.exact import ZERO, down, exact

RISK_CEILING: Final = Decimal("0.05")  # of equity, at risk in one trade; no setting goes above it
_ONE: Final = Decimal(1)
_NS_PER_S: Final = 1_000_000_000
_DAY_S: Final = 86_400
_SQUARED_MAX: Final = 1e150  # what can still be squared and summed


@dataclass(frozen=True, slots=True)
class RiskScale:
    """How much of the tier's limits may be used now.

    `scale` (0 < scale <= 1) is for the gate's `set_risk_scale` and the sizer's `scale`; `target` is where performance
    and volatility alone would have it. `risk` is the fraction of equity that a trade may lose at its stop, for the
    sizer's `risk_max`: it is scaled already, so use one of `scale` and `risk` there. `changed` says that the gate has
    another scale.
    """

    scale: Decimal
    target: Decimal
    risk: Decimal
    changed: bool
    level: RiskLevel
    reason: str


class AdaptiveLimits:
    """A multiplier of the tier's limits from recent performance and volatility; it can only make them stricter.

    The target is the smallest of four factors, each between `scale_min` and 1:

    - volatility: volatility_normal / volatility
    - drawdown: 1 - drawdown / the tier's maximum; day: 1 - the day's loss / the tier's limit, as money by money
    - record: 1 + t / 2 for t < 0, where t is the t-statistic of the last `window` trade returns, so that a mean two
      standard errors under zero leaves nothing; at most 0.5 with fewer than `trades_min` returns

    What is missing, NaN or infinite makes the factor the least. A lower target is taken at once. A higher one is
    approached by `loosen_per_day` of the full scale; of a time longer than `unseen_s_max` between two looks only that
    much counts. The scale moves in steps of `step`: down as soon as it is too high, up only by a whole step; so the
    gate records at most two changes for each step's worth of loosening, and those of the way down. A scale that someone
    else made tighter is where this one goes on from; so is that of a gate that was restarted.

    Sources: S. J. Grossman and Z. Zhou, Optimal Investment Strategies for Controlling Drawdowns, Mathematical Finance
    3, 1993 (risk in proportion to what is left above the floor); A. Moreira and T. Muir, Volatility-Managed
    Portfolios, Journal of Finance 72, 2017. Raises `ValueError` for settings outside their range.

    >>> from gxrisk import Gate, Limits, ManualClock
    >>> limits, clock = Limits.for_tier("growth"), ManualClock("2020-03-12T00:00:00Z")
    >>> gate = Gate("demo", limits, clock=clock)
    >>> gate.deposit(10_000)
    >>> adaptive = AdaptiveLimits(limits, volatility_normal=0.6)
    >>> wild = adaptive.steer(gate, returns=[0.01, -0.005] * 10, volatility=1.5)
    >>> str(wild.scale), str(gate.snapshot().risk_scale), wild.reason
    ('0.40', '0.4', 'volatility is 150 %, 60 % is normal')
    >>> clock.advance(3600)
    >>> str(adaptive.steer(gate, returns=[0.01, -0.005] * 10, volatility=0.5).scale)
    '0.40'
    """

    def __init__(
        self,
        limits: Limits,
        *,
        volatility_normal: Number,
        risk_base: Number = Decimal("0.02"),
        scale_min: Number = Decimal("0.1"),
        step: Number = Decimal("0.05"),
        loosen_per_day: Number = Decimal("0.25"),
        unseen_s_max: int = 3600,
        window: int = 20,
        trades_min: int = 10,
    ) -> None:
        self.limits = limits
        self.volatility_normal = setting("volatility_normal", volatility_normal, "0.000001", 1000)
        self.risk_base = setting("risk_base", risk_base, 0, RISK_CEILING)
        self.scale_min = setting("scale_min", scale_min, "0.001", 1)
        self.step = setting("step", step, "0.001", 1)
        self.loosen_per_day = setting("loosen_per_day", loosen_per_day, 0, 100)
        self.unseen_s_max = whole("unseen_s_max", unseen_s_max, 1, _DAY_S)
        self.window = whole("window", window, 2, 100_000)
        self.trades_min = whole("trades_min", trades_min, 2, window)
        self._exact: Decimal | None = None  # between the steps
        self._seen: Decimal | None = None  # the gate's scale when last looked at
        self._scale = _ONE
        self._at_ns = 0

    @exact
    def update(self, snapshot: Snapshot, *, returns: Sequence[float], volatility: float | None) -> RiskScale:
        """The scale at the time of `snapshot`; sets nothing.

        `returns` are those of past trades, the newest last (profit net of fees / entry value), `volatility` the
        market's, annualised, as a fraction like `volatility_normal`.
        """
        target, reason = self._target(snapshot, returns, volatility)
        if snapshot.risk_scale != self._seen:
            self._exact = min(snapshot.risk_scale, self._exact or _ONE)
            if self._seen is None or snapshot.risk_scale < self._scale:
                self._scale = snapshot.risk_scale
            self._seen = snapshot.risk_scale
            self._at_ns = max(self._at_ns, snapshot.time_ns)
        before = _ONE if self._exact is None else self._exact
        now_ns = max(self._at_ns, snapshot.time_ns)
        elapsed_ns = min(now_ns - self._at_ns, self.unseen_s_max * _NS_PER_S)
        self._at_ns = now_ns
        loosened = before + self.loosen_per_day * elapsed_ns / (_DAY_S * _NS_PER_S)
        self._exact = min(target, loosened)
        if self._exact < self._scale or self._exact >= min(_ONE, self._scale + self.step):
            steps = self._exact // self.step * self.step
            self._scale = _ONE if self._exact == _ONE else max(steps, down(min(self.scale_min, self._exact)))
        if self._exact < target:
            reason = f"loosening slowly, by {percent(self.loosen_per_day)} a day"
        risk = min(RISK_CEILING, self.risk_base * self._scale)
        changed = self._scale != snapshot.risk_scale
        return RiskScale(self._scale, target, risk, changed, self._level(), reason)

    def steer(self, gate: Gate, *, returns: Sequence[float], volatility: float | None) -> RiskScale:
        """`update` for the gate as it is now, and `set_risk_scale` where the scale changed."""
        found = self.update(gate.snapshot(), returns=returns, volatility=volatility)
        if found.changed:
            gate.set_risk_scale(found.scale)
            self._seen = found.scale
        return found

    def to_json(self) -> str:
        """Where it is between its steps, for `restore`."""
        known = [None if one is None else str(one) for one in (self._exact, self._seen, self._scale)]
        return json.dumps([*known, self._at_ns])

    def restore(self, text: str) -> None:
        """Go on where `to_json` left off. Raises `ValueError` for anything else.

        >>> guard = AdaptiveLimits(Limits.for_tier("growth"), volatility_normal=1)
        >>> guard.restore(guard.to_json())
        """
        try:
            exact, seen, scale, at_ns = json.loads(text)
            found = [None if one is None else Decimal(one) for one in (exact, seen)]
            scale_now, since_ns = Decimal(scale), int(at_ns)
            if any(one is not None and not 0 < one <= 1 for one in (*found, scale_now)):  # NaN raises by itself
                raise ValueError("a scale is above 0 and at most 1")
            (self._exact, self._seen), self._scale, self._at_ns = found, scale_now, since_ns
        except (ValueError, TypeError, ArithmeticError) as error:
            raise ValueError(f"this is no state of adaptive limits ({error!r}): {text[:80]!r}") from error

    def _target(self, snapshot: Snapshot, returns: Sequence[float], volatility: float | None) -> tuple[Decimal, str]:
        """The smallest factor and why."""
        factors = [
            self._by_volatility(volatility),
            self._by_record(returns[-self.window :]),
            (_left(snapshot.drawdown, self.limits.max_drawdown), f"the drawdown is {percent(snapshot.drawdown)}"),
            self._by_day(snapshot),
        ]
        factor, reason = min(factors, key=lambda one: one[0])
        if factor >= _ONE:
            return _ONE, "nothing asks for less"
        return down(max(factor, self.scale_min)), reason

    def _by_volatility(self, volatility: float | None) -> tuple[Decimal, str]:
        if volatility is None or not isfinite(volatility) or volatility < 0:
            return ZERO, f"volatility is {volatility}, so it is not known"
        normal = float(self.volatility_normal)
        factor = 1.0 if volatility <= normal else normal / volatility
        return Decimal(factor).quantize(Decimal("1e-9")), (
            f"volatility is {percent(volatility)}, {percent(normal)} is normal"
        )

    def _by_record(self, returns: Sequence[float]) -> tuple[Decimal, str]:
        if not all(_is_finite(one) for one in returns):
            return ZERO, "a trade's return is not finite"
        unproven = len(returns) < self.trades_min
        t = t_statistic(returns) if len(returns) > 1 else 0.0
        factor = max(0.0, 1 + min(0.0, t) / 2)
        if unproven and factor > 0.5:
            return Decimal("0.5"), f"{len(returns)} trades are known, {self.trades_min} are needed"
        return Decimal(factor).quantize(
            Decimal("1e-9")
        ), f"the last {len(returns)} trades have a t-statistic of {t:.2f}"

    def _by_day(self, snapshot: Snapshot) -> tuple[Decimal, str]:
        allowed = self.limits.max_daily_loss * snapshot.day_opening
        return _left(
            snapshot.day_loss, allowed
        ), f"the day has lost {plain(snapshot.day_loss)} of {plain(allowed)} allowed"

    def _level(self) -> RiskLevel:
        if self._scale == _ONE:
            return "low"
        if self._scale <= self.scale_min:
            return "critical"
        return "elevated" if self._scale >= Decimal("0.5") else "high"


def t_statistic(returns: Sequence[float]) -> float:
    """The mean over its standard error: that of Student's one-sample test against zero; needs two returns.

    Returns that are all the same have no error: the statistic is then 0, or infinite with the mean's sign. It does not
    depend on their unit, so that returns whose squares no float holds have it too.

    >>> round(t_statistic([0.01, -0.02, 0.03, -0.01]), 4), round(t_statistic([1e306, -2e306, 3e306, -1e306]), 4)
    (0.2255, 0.2255)
    """
    largest = max(abs(one) for one in returns)
    if largest > _SQUARED_MAX:
        returns = [one / largest for one in returns]
    mean, deviation = float(np.mean(returns)), float(np.std(returns, ddof=1))
    if not deviation:
        return 0.0 if not mean else inf if mean > 0 else -inf
    return mean / (deviation / sqrt(len(returns)))


def _is_finite(value: float) -> bool:
    try:
        return isfinite(value)
    except OverflowError:  # an integer that no float holds
        return False


def _left(lost: Decimal, allowed: Decimal) -> Decimal:
    """What is left of an allowance, between 0 and 1; nothing of one that is not above 0."""
    if allowed <= 0:
        return ZERO
    return min(_ONE, max(ZERO, 1 - lost / allowed))
