"""Whether a model is still itself: its last trades against bounds, told once per change."""

import json
from collections import deque
from dataclasses import astuple, dataclass
from itertools import pairwise
from typing import Final

from gxrisk.protection.health_settings import WATCHED, Bounds, HealthSettings
from gxrisk.protection.health_vitals import ClosedTrade, HealthError, Vitals, vitals
from gxrisk.protection.risk import RISK_LEVELS, RiskLevel, worst

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class HealthChange:
    """A statistic's level changed: what there is to tell."""

    at_ms: int
    statistic: str
    before: RiskLevel
    after: RiskLevel
    text: str


@dataclass(frozen=True, slots=True)
class Health:
    """A model's health after a trade: `level` is the worst of the statistics', None while too few trades are known.

    `changes` are those that this trade brought; most trades bring none.
    """

    level: RiskLevel | None
    reason: str
    levels: dict[str, RiskLevel]
    vitals: Vitals
    changes: tuple[HealthChange, ...] = ()


@dataclass(slots=True)
class _Held:
    """A level that rises at once and falls when it was lower for some trades in a row."""

    level: RiskLevel = "low"
    calm: int = 0
    since: RiskLevel = "low"  # the worst of the calm trades

    def take(self, seen: RiskLevel, calm_trades: int) -> None:
        if RISK_LEVELS.index(seen) >= RISK_LEVELS.index(self.level):
            self.level, self.calm, self.since = seen, 0, "low"
            return
        self.calm += 1
        self.since = worst([self.since, seen])
        if self.calm >= calm_trades:
            self.level, self.calm, self.since = self.since, 0, "low"


class HealthMonitor:
    """Follows the last trades of one model; what is kept is bounded, and goes into JSON and back.

    >>> monitor = HealthMonitor(HealthSettings(window=20, trades_min=10))
    >>> def trade(n, profit):
    ...     return ClosedTrade(n * 3_600_000, profit, 1000.0, 1800.0, confidence=0.6)
    >>> for n in range(20):
    ...     health = monitor.take(trade(n, 6.0 if n % 5 < 3 else -4.0))
    >>> health.level, health.reason
    ('low', 'nothing is beyond its bounds; unknown: data_quality')
    >>> for n in range(20, 25):
    ...     health = monitor.take(trade(n, -9.0))
    ...     for change in health.changes:
    ...         print(n, change.text)
    22 sharpe: low to critical, -3.78 is beyond -1 over the last 20 trades
    22 calibration: low to elevated, 0.0225 is beyond 0.02 over the last 20 trades
    24 drawdown: low to elevated, 0.053 is beyond 0.05 over the last 20 trades
    """

    def __init__(self, settings: HealthSettings | None = None) -> None:
        self._settings = settings or HealthSettings()
        self._trades: deque[ClosedTrade] = deque(maxlen=self._settings.window)
        self._held: dict[str, _Held] = {}

    @property
    def health(self) -> Health:
        """The health now, without any change."""
        return self._health(vitals(tuple(self._trades)), ())

    def take(self, trade: ClosedTrade) -> Health:
        """Take a trade that was just closed. Raises `HealthError` for one that closed before the last."""
        if self._trades and trade.at_ms < self._trades[-1].at_ms:
            last_ms = self._trades[-1].at_ms
            raise HealthError(f"at_ms: {trade.at_ms} was given, {last_ms} (the last trade's) or later is allowed")
        self._trades.append(trade)
        found = vitals(tuple(self._trades))
        if found.trades < self._settings.trades_min:
            return self._health(found, ())
        changes = [change for name in WATCHED if (change := self._watch(name, found, trade.at_ms)) is not None]
        return self._health(found, tuple(changes))

    def to_json(self) -> str:
        """The trades and levels, for `from_json`."""
        kept = {
            "version": VERSION,
            "trades": [astuple(one) for one in self._trades],
            "held": {name: [one.level, one.calm, one.since] for name, one in sorted(self._held.items())},
        }
        return json.dumps(kept, allow_nan=False)

    @classmethod
    def from_json(cls, text: str, settings: HealthSettings | None = None) -> "HealthMonitor":
        """A monitor that goes on where `to_json` left off. Raises `HealthError` for anything else.

        >>> monitor = HealthMonitor()
        >>> health = monitor.take(ClosedTrade(0, -5.0, 1000.0, 60.0, confidence=0.7))
        >>> HealthMonitor.from_json(monitor.to_json()).health == monitor.health
        True
        """
        monitor = cls(settings)
        try:
            kept = json.loads(text)
            if kept["version"] != VERSION:
                raise HealthError(f"version {kept['version']!r} was seen, {VERSION} is allowed")
            trades = [ClosedTrade(*one) for one in kept["trades"]]
            if any(before.at_ms > after.at_ms for before, after in pairwise(trades)):
                raise HealthError("its trades are not in order of time")
            monitor._trades.extend(trades)
            for name, (level, calm, since) in kept["held"].items():
                if name not in WATCHED or level not in RISK_LEVELS or since not in RISK_LEVELS or calm != int(calm):
                    raise HealthError(f"{name}: {level!r}, {calm!r}, {since!r} is no statistic's level")
                monitor._held[name] = _Held(level, calm, since)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise HealthError(f"this is no health ({error}): {text[:80]!r}") from error
        return monitor

    def _watch(self, name: str, found: Vitals, at_ms: int) -> HealthChange | None:
        bounds: Bounds | None = getattr(self._settings, name)
        value: float | None = getattr(found, name)
        if bounds is None or value is None:
            return None
        held = self._held.setdefault(name, _Held())
        before = held.level
        level, bound = bounds.level(value, much_is_bad=WATCHED[name])
        held.take(level, self._settings.calm_trades)
        if held.level == before:
            return None
        where = "within bounds" if bound is None else f"beyond {bound:g}"
        text = f"{name}: {before} to {held.level}, {value:.3g} is {where} over the last {found.trades} trades"
        return HealthChange(at_ms, name, before, held.level, text)

    def _health(self, found: Vitals, changes: tuple[HealthChange, ...]) -> Health:
        least = self._settings.trades_min
        if found.trades < least:
            return Health(None, f"unknown: {found.trades} of {least} trades that are needed", {}, found)
        watched = [name for name in WATCHED if getattr(self._settings, name) is not None]
        unknown = [name for name in watched if getattr(found, name) is None]
        levels = {name: self._held[name].level for name in watched if name in self._held}
        told = [f"{name} {_shown(found, name)} ({level})" for name, level in levels.items() if level != "low"]
        reason = "; ".join(told) or "nothing is beyond its bounds"
        if unknown:
            reason += f"; unknown: {', '.join(unknown)}"
        return Health(worst(list(levels.values())), reason, levels, found, changes)


def _shown(found: Vitals, name: str) -> str:
    value = getattr(found, name)
    return "was worse when it was known" if value is None else f"{value:.3g}"
