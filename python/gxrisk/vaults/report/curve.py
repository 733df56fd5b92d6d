"""The equity of a span: every known point for the plots, the hourly samples for the statistics."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gxrisk.history.amounts import EXACT
from gxrisk.history.rows import EquityPoint, Flow
from gxrisk.vaults.performance import Sample

ZERO: Final = Decimal(0)
FRACTION: Final = Decimal("1e-9")
_NS_PER_MS: Final = 1_000_000
_SAMPLE: Final = "note"


@dataclass(frozen=True, slots=True)
class Point:
    """Equity at a time; `drawdown` is the gate's, a fraction of its base, `exposure` a multiple of equity."""

    at_ns: int
    equity: Decimal
    drawdown: Decimal | None
    exposure: Decimal | None


def points(before: EquityPoint | None, found: Iterable[EquityPoint], since_ns: int) -> list[Point]:
    """The curve, which begins with what stood `before` the span; without money there is no point."""
    done = [] if before is None or before.equity <= 0 else [_point(before, since_ns)]
    done.extend(_point(point, point.time_ns) for point in found if point.equity > 0)
    return done


def samples(before: EquityPoint | None, found: Iterable[EquityPoint], flows: Iterable[Flow]) -> list[Sample]:
    """The hourly samples with what was earned between them; the first one, which has none before it, earned nothing.

    A flow counts in the capital with the share of the time between two samples that it was there (Modified Dietz).
    Funding is earned, not paid in.
    """
    taken = [point for point in (*([before] if before else []), *found) if point.source == _SAMPLE]
    paid = sorted((flow for flow in flows if flow.kind != "funding"), key=lambda flow: flow.sequence)
    done: list[Sample] = []
    last: EquityPoint | None = None
    for point in taken:
        if last is None:
            done.append(_sample(point, ZERO, point.equity))
        else:
            between = [flow for flow in paid if last.sequence < flow.sequence < point.sequence]
            gain = point.equity - last.equity - sum((flow.amount for flow in between), ZERO)
            weighted = sum((_share(flow, last, point) for flow in between), ZERO)
            done.append(_sample(point, gain, last.equity + weighted))
        last = point
    return done


def exposure_max(points: Sequence[Point]) -> Decimal | None:
    """The largest exposure of the points that know it."""
    return max((point.exposure for point in points if point.exposure is not None), default=None)


def drawdown_max(points: Sequence[Point]) -> Decimal | None:
    """The deepest drawdown that the gate had on record."""
    return max((point.drawdown for point in points if point.drawdown is not None), default=None)


def _share(flow: Flow, last: EquityPoint, point: EquityPoint) -> Decimal:
    length = point.time_ns - last.time_ns
    there = point.time_ns - flow.time_ns
    return flow.amount if length <= 0 else EXACT.divide(flow.amount * there, Decimal(length))


def _sample(point: EquityPoint, gain: Decimal, capital: Decimal) -> Sample:
    at_ms = point.time_ns // _NS_PER_MS
    return Sample(at_ms, point.equity, gain, capital, point.drawdown or ZERO, point.gross_exposure or ZERO)


def _point(point: EquityPoint, at_ns: int) -> Point:
    gross = point.gross_exposure
    exposure = None if gross is None else EXACT.divide(gross, point.equity).quantize(FRACTION, context=EXACT)
    return Point(at_ns, point.equity, point.drawdown, exposure)
