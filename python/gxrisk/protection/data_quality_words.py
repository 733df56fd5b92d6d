"""The words of data quality: what a feed told, what can be wrong with it, what a fault costs."""

from dataclasses import dataclass, fields
from math import isfinite, log
from types import MappingProxyType
from typing import Final, Literal

from gxrisk._native import GxriskError
from gxrisk.feeds.candles import Candle
from gxrisk.feeds.timeline import Trade
from gxrisk.protection.risk import RiskLevel

FaultKind = Literal[
    "crossed", "outlier", "disagreement", "frozen", "stale", "unconfirmed", "gap", "out_of_order", "duplicated"
]

# What one fault takes from the score, and what all of its kind can take. Kinds that cannot take half a point end by
# themselves with sound data; the others, or many at once, are a reason to have a person look.
PRICE_MIN: Final = 1e-9  # what a gate takes for a price
PRICE_MAX: Final = 1e18
COSTS: Final = MappingProxyType(
    {
        "crossed": (0.25, 1.0),
        "outlier": (1.0, 1.0),  # times ln(price / price before) squared: halving or doubling is worth half a point
        "disagreement": (0.1, 1.0),
        "frozen": (0.6, 0.6),
        "stale": (0.4, 0.4),
        "unconfirmed": (0.2, 0.2),
        "gap": (0.05, 0.2),
        "out_of_order": (0.05, 0.2),
        "duplicated": (0.02, 0.1),
    }
)


class DataQualityError(GxriskError, ValueError):
    """A setting or a call that data quality cannot take."""


@dataclass(frozen=True, slots=True)
class QualitySettings:
    """How a feed is judged. `interval_s` is the time between two prints that is usual for it, in seconds.

    `stale_intervals`, `gap_intervals` and `frozen_intervals` count such times: since the last print, between two, and
    without any change. `window` is the number of prints for which a fault counts. A move is in question from `z_max`
    robust deviations and `move_min` (log return) on, measured by the last `returns` of them, and is confirmed by
    `confirmations` following prints. `disagreement_max` is the log distance to the other sources that is still
    agreement. A feed is suspended below `suspend_below`. Without `marks_unconfirmed` a print whose move is in question
    may not be marked until it is confirmed: a bad print then moves nothing, and a crash is seen two prints late.
    Raises `DataQualityError` for a value out of its range.

    >>> QualitySettings(interval_s=0)
    Traceback (most recent call last):
        ...
    gxrisk.protection.data_quality_words.DataQualityError: interval_s: 0 was given, a number above 0 is allowed
    """

    interval_s: float = 60
    stale_intervals: float = 2
    gap_intervals: float = 5
    frozen_intervals: float = 60
    window: int = 60
    returns: int = 120
    z_max: float = 10
    move_min: float = 0.05
    confirmations: int = 2
    disagreement_max: float = 0.02
    suspend_below: float = 0.5
    marks_unconfirmed: bool = True

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name == "marks_unconfirmed" and isinstance(value, bool):
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value) or value <= 0:
                raise DataQualityError(f"{one.name}: {value!r} was given, a number above 0 is allowed")
        for name, least in (("window", 1), ("returns", 30), ("confirmations", 1)):
            count = getattr(self, name)
            if not isinstance(count, int) or count < least:
                raise DataQualityError(f"{name}: {count!r} was given, a whole number from {least} on is allowed")
        if self.suspend_below > 1:
            raise DataQualityError(f"suspend_below: {self.suspend_below} was given, at most 1 is allowed")

    def milliseconds(self, intervals: float) -> float:
        """That many intervals in milliseconds."""
        return intervals * self.interval_s * 1000


@dataclass(frozen=True, slots=True)
class Print:
    """What a feed told at `at_ms` (UTC milliseconds): a price in the quote currency, and what else came with it.

    >>> Print(0, 100.0, bid=101.0, ask=99.0).impossible
    'bid 101.0 is above ask 99.0'
    >>> Print(0, 100.0, open=100.0, high=99.0, low=98.0).impossible
    'open 100.0 lies outside of low 98.0 to high 99.0'
    >>> Print(0, 100.0).impossible is None
    True
    """

    at_ms: int
    price: float
    bid: float | None = None
    ask: float | None = None
    open: float | None = None
    high: float | None = None
    low: float | None = None
    volume: float | None = None

    @classmethod
    def of(cls, told: Candle | Trade) -> "Print":
        """A candle as it is known at its end, or a trade."""
        if isinstance(told, Trade):
            return cls(told.at_ms, float(told.price), volume=float(told.quantity))
        opened, high, low, close = (float(one) for one in (told.open, told.high, told.low, told.close))
        return cls(told.end_ms, close, open=opened, high=high, low=low, volume=told.volume)

    @property
    def impossible(self) -> str | None:
        """Why this cannot be: a price that is none, bid above ask, open or close outside of low to high."""
        for name in ("price", "bid", "ask", "open", "high", "low"):
            value = getattr(self, name)
            if value is not None and not PRICE_MIN <= value <= PRICE_MAX:  # NaN is not, either
                return f"{name} {value} is no price: {PRICE_MIN:g} to {PRICE_MAX:g} is allowed"
        if self.bid is not None and self.ask is not None and self.bid > self.ask:
            return f"bid {self.bid} is above ask {self.ask}"
        if self.high is None or self.low is None:
            return None
        if self.high < self.low:
            return f"high {self.high} is under low {self.low}"
        for name, value in (("open", self.open), ("close", self.price)):
            if value is not None and not self.low <= value <= self.high:
                return f"{name} {value} lies outside of low {self.low} to high {self.high}"
        return None

    @property
    def wick(self) -> float:
        """How far the bar went beyond open and close and came back, as a log return; the longer side, not negative."""
        if self.high is None or self.low is None:
            return 0.0
        opened = self.price if self.open is None else self.open
        above, under = log(self.high / max(opened, self.price)), log(self.low / min(opened, self.price))
        return above if above >= -under else under


@dataclass(frozen=True, slots=True)
class Fault:
    """What lowers a score now: how many of a kind in the window, what they take together, and the last in words."""

    kind: FaultKind
    count: int
    cost: float
    text: str


@dataclass(frozen=True, slots=True)
class Quality:
    """A feed's quality: `score` from 0 to 1 and with it `level`, both None before the first print, and the `reason`.

    `is_usable` says whether what the feed told last may be marked: the print is possible, if late then not far from the
    level, and the feed was not suspended before it.
    """

    asset: str
    score: float | None
    level: RiskLevel | None
    reason: str
    faults: tuple[Fault, ...]
    is_suspended: bool
    is_usable: bool


@dataclass(frozen=True, slots=True)
class Suspension:
    """Since when (UTC milliseconds) a feed is suspended and why."""

    since_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class QualityChange:
    """A feed was `suspended`, or `returned` after a review."""

    asset: str
    at_ms: int
    kind: Literal["suspended", "returned"]
    text: str
