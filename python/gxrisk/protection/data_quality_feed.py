"""The quality of one asset's feed, print by print."""

from collections import Counter, deque
from math import exp, inf, log
from statistics import median
from typing import Final

from gxrisk.protection.data_quality_jumps import Jumps
from gxrisk.protection.data_quality_words import (
    COSTS,
    PRICE_MAX,
    PRICE_MIN,
    DataQualityError,
    Fault,
    FaultKind,
    Print,
    Quality,
    QualitySettings,
    Suspension,
)
from gxrisk.protection.risk import RiskLevel

SOURCES_MAX: Final = 16
FROZEN_PRINTS_MIN: Final = 10
_MARKS: Final[tuple[tuple[float, RiskLevel], ...]] = ((0.9, "low"), (0.7, "elevated"), (0.5, "high"))
_WORST: Final[RiskLevel] = "critical"


class FeedQuality:
    """Judges the prints of one asset as they come; what is kept does not grow.

    `take` and `look` give the `Quality` now. Once suspended, a feed stays so until `review`. `totals` counts the faults
    of single prints since the start, those forgiven included; `now_ms` is the latest time that it was told. A print
    that comes late is judged by the level that the later ones set, and sets none itself.

    >>> feed = FeedQuality("BTC")
    >>> for minute in range(40):
    ...     quality = feed.take(Print(minute * 60_000, 100.0 + minute % 2))
    >>> quality.score, quality.level
    (1.0, 'low')
    >>> feed.take(Print(40 * 60_000, 1.06)).reason
    'score 0.800: 1.06 is -99.0 % from 101 and not confirmed yet'
    >>> quality = feed.take(Print(41 * 60_000, 100.0))
    >>> quality.is_suspended, quality.reason
    (True, 'suspended, a review is needed: score 0.000: a print -99.0 % from the price before it came back')
    """

    def __init__(self, asset: str, settings: QualitySettings | None = None) -> None:
        self.asset = asset
        self.suspension: Suspension | None = None
        self._settings = settings or QualitySettings()
        self._jumps = Jumps(self._settings)
        self._others: dict[str, tuple[int, float]] = {}
        self._count = 0
        self._faults: deque[tuple[int, FaultKind, float, str]] = deque()
        self._last: Print | None = None
        self._is_believable = True
        self._still: tuple[Print, int] | None = None  # since when nothing changed, and for how many prints
        self.now_ms = 0
        self.totals: Counter[FaultKind] = Counter()

    def hear(self, source: str, at_ms: int, price: float) -> None:
        """Take another source's price of the asset. Raises `DataQualityError` for no price, or a seventeenth source."""
        if not PRICE_MIN <= price <= PRICE_MAX:
            raise DataQualityError(
                f"price: {price} was given by {source!r}, a number above 0 is allowed, {PRICE_MIN:g} to {PRICE_MAX:g}"
            )
        if source not in self._others and len(self._others) >= SOURCES_MAX:
            raise DataQualityError(f"source: {source!r} is one too many, at most {SOURCES_MAX} are allowed")
        if at_ms >= self._others.get(source, (at_ms, 0.0))[0]:
            self._others[source] = (at_ms, price)

    def take(self, told: Print) -> Quality:
        """Judge the next print, in the order in which the feed told them."""
        self._count += 1
        while self._faults and self._faults[0][0] <= self._count - self._settings.window:
            self._faults.popleft()
        self.now_ms = max(self.now_ms, told.at_ms)
        was_suspended = self.suspension is not None
        impossible = told.impossible
        self._is_believable = impossible is None
        if impossible is not None:
            self._blame("crossed", impossible)
        elif self._last is None or (told != self._last and told.at_ms >= self._last.at_ms):
            self._note_gap(told)
            self._judge(told)
        else:
            self._judge_late(told, self._last)
        return self._conclude(was_suspended)

    def look(self, now_ms: int) -> Quality:
        """The quality now, `now_ms` in UTC milliseconds, with what the time alone says: silence."""
        self.now_ms = max(self.now_ms, now_ms)
        return self._conclude(self.suspension is not None)

    def review(self, by: str, reason: str) -> None:
        """A person has looked: the feed returns, its past faults forgiven and its next print taken as it comes.

        Raises `DataQualityError` where it is not suspended, or nobody or nothing is named.
        """
        if self.suspension is None:
            raise DataQualityError(f"{self.asset} is not suspended; nothing is to be reviewed")
        if not by.strip() or not reason.strip():
            raise DataQualityError(f"a review names who ({by!r}) and why ({reason!r}); both are needed")
        self.suspension = None
        self._faults.clear()
        self._jumps.forget_level()
        self._still = None
        self._last = None  # one print from the far future must not make every true one late for good

    def _note_gap(self, told: Print) -> None:
        last = self._last
        if last is not None and told.at_ms - last.at_ms > self._settings.milliseconds(self._settings.gap_intervals):
            self._blame("gap", f"nothing came for {(told.at_ms - last.at_ms) / 1000:g} s")

    def _judge_late(self, told: Print, last: Print) -> None:
        """A print that came late or twice changes no level; it may be marked where it is not far from the level."""
        if told == last:
            self._blame("duplicated", f"a print of {told.at_ms} came twice")
            return  # whatever may be said of it was said of the first one
        late_ms = last.at_ms - told.at_ms
        text = f"a print came {late_ms / 1000:g} s after a later one"
        if self._jumps.is_far(told.price, late_ms) or self._jumps.is_unlikely(told.wick, told.wick):
            self._is_believable = False
            text += f", and nothing confirms its price of {told.price:g}"
        self._blame("out_of_order", text)

    def _judge(self, told: Print) -> None:
        fresh_ms = told.at_ms - self._settings.milliseconds(self._settings.stale_intervals)
        others = [price for at_ms, price in self._others.values() if at_ms >= fresh_ms]
        if others and abs(log(told.price / median(others))) > self._settings.disagreement_max:
            self._blame("disagreement", f"{told.price:g} here, {median(others):g} at other sources")
        size = self._jumps.take(told.at_ms, told.price, others)
        if size is not None:
            text = f"a print {100 * (exp(size) - 1):+.1f} % from the price before it came back"
            self._blame("outlier", text, size * size)
        if self._jumps.is_unlikely(told.wick, told.wick):
            text = f"a bar went {100 * (exp(told.wick) - 1):+.1f} % beyond its open and close and came back"
            self._blame("outlier", text, told.wick * told.wick)
        self._last = told
        self._still = self._stillness(told)

    def _stillness(self, told: Print) -> tuple[Print, int]:
        if self._still is None or _prices(self._still[0]) != _prices(told):
            return told, 1
        return self._still[0], self._still[1] + 1

    def _blame(self, kind: FaultKind, text: str, times: float = 1.0) -> None:
        self.totals[kind] += 1
        self._faults.append((self._count, kind, COSTS[kind][0] * times, text))

    def _conclude(self, was_suspended: bool) -> Quality:
        faults = self._all_faults()
        score, level, reason = None, None, "nothing was told yet"
        if self._last is not None or faults:
            score = max(0.0, 1.0 - sum(one.cost for one in faults))
            level = next((word for least, word in _MARKS if score >= least), _WORST)
            reason = f"score {score:.3f}: " + ("; ".join(one.text for one in faults) or "nothing is wrong")
            if score < self._settings.suspend_below and self.suspension is None:
                self.suspension = Suspension(self.now_ms, reason)
        if self.suspension is not None:
            level = _WORST
            reason = f"suspended, a review is needed: {self.suspension.reason}"
        # What shows the print before to be wrong is itself sound: the gate must not be left with the bad price.
        is_held_back = self._jumps.question is not None and not self._settings.marks_unconfirmed
        is_usable = self._last is not None and self._is_believable and not was_suspended and not is_held_back
        return Quality(self.asset, score, level, reason, faults, self.suspension is not None, is_usable)

    def _all_faults(self) -> tuple[Fault, ...]:
        counted: dict[FaultKind, tuple[int, float, str]] = {}
        for _, kind, cost, text in (*self._faults, *self._conditions()):
            count, total, _ = counted.get(kind, (0, 0.0, ""))
            counted[kind] = (count + 1, min(COSTS[kind][1], total + cost), text)
        found = (Fault(kind, *one) for kind, one in counted.items())
        return tuple(sorted(found, key=lambda one: (-one.cost, one.kind)))

    def _conditions(self) -> list[tuple[int, FaultKind, float, str]]:
        """What holds now and ends by itself."""
        found: list[tuple[FaultKind, str]] = []
        question = self._jumps.question
        if question is not None:
            move = f"{100 * (exp(question.size) - 1):+.1f} % from {question.level:g}"
            found.append(("unconfirmed", f"{question.price:g} is {move} and not confirmed yet"))
        silent_ms = -inf if self._last is None else self.now_ms - self._last.at_ms
        if silent_ms > self._settings.milliseconds(self._settings.stale_intervals):
            found.append(("stale", f"nothing came for {silent_ms / 1000:g} s"))
        if self._last is not None and self._still is not None and self._still[1] >= FROZEN_PRINTS_MIN:
            still_ms = self._last.at_ms - self._still[0].at_ms
            if still_ms >= self._settings.milliseconds(self._settings.frozen_intervals):
                found.append(("frozen", f"{self._still[1]} prints in {still_ms / 1000:g} s said the same"))
        return [(self._count, kind, COSTS[kind][0], text) for kind, text in found]


def _prices(told: Print) -> tuple[float | None, ...]:
    return told.price, told.bid, told.ask, told.open, told.high, told.low
