"""Candles before desks, moment by moment: silence, closes, questions, fills."""

from collections import deque
from collections.abc import Iterator, Sequence
from decimal import Context
from typing import Final

from gxrisk.feeds.atr import WilderAtr
from gxrisk.feeds.bars import BarBuilder
from gxrisk.feeds.candles import Candle, CandleSeries
from gxrisk.feeds.timeline import Moment, timeline
from gxrisk.replay.desk import Desk, Question, moment

HISTORY: Final = 1_000
EXACT: Final = Context(prec=80)


class Stage:
    """Plays `series` before `desks`; who asks the models, and when they answer, is the caller's.

    Bars of `bar_ms` are built from the candles; `candles` counts those that are done. Desks count in exact decimals, so
    whoever goes on with it does so under `localcontext(EXACT)`.
    """

    def __init__(self, series: Sequence[CandleSeries], desks: Sequence[Desk], bar_ms: int) -> None:
        self.candles = 0
        self._series = series
        self._desks = desks
        self._tick_ms = min(one.interval_ms for one in series)
        self._last_ms = min(one.candles[0].start_ms for one in series)
        self._bars = {one.asset: BarBuilder(bar_ms) for one in series}
        self._atrs = {one.asset: WilderAtr() for one in series}
        self._histories: dict[str, deque[Candle]] = {one.asset: deque(maxlen=HISTORY) for one in series}

    def moments(self) -> Iterator[tuple[Question, ...]]:
        """Each moment at which candles closed, with what is to be asked then; going on fills at the next opens."""
        for instant in timeline(self._series):
            self._advance_to(instant.at_ms)
            if instant.closed:
                yield self._close(instant)
            for candle in instant.opened:
                for desk in self._desks:
                    desk.open_bar(candle)
        for desk in self._desks:
            desk.finish()

    def _advance_to(self, until_ms: int) -> None:
        # the clock goes on when no bar comes: an outage is noticed while it lasts, not when it is over
        for at_ms in (*range(self._last_ms + self._tick_ms, until_ms, self._tick_ms), until_ms):
            for desk in self._desks:
                desk.advance(at_ms)
        self._last_ms = until_ms

    def _close(self, instant: Moment) -> tuple[Question, ...]:
        asked = [candle.asset for candle in instant.closed if self._complete(candle)]
        self.candles += len(instant.closed)
        at = moment(instant.at_ms)
        for desk in self._desks:
            desk.settle(at)
        return tuple(Question(asset, at, tuple(self._histories[asset]), self._atrs[asset].value) for asset in asked)

    def _complete(self, candle: Candle) -> bool:
        """Complete the model's bars, then mark the close everywhere; True when a bar was completed."""
        bars = self._bars[candle.asset].add(candle)
        atr = self._atrs[candle.asset]
        for bar in bars:
            atr.update(float(bar.high), float(bar.low), float(bar.close))
            self._histories[candle.asset].append(bar)
        for desk in self._desks:
            desk.close_bar(candle, atr.value)
        return bool(bars)
