"""A recorded market told again, live: from a little before its worst fall on, each candle as one of a second."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from gxrisk.feeds.candles import Candle, CandleSeries
from gxrisk.history.amounts import plain

BEFORE: Final = 60  # candles before the fall: time to sign in, and for the models to have bars
WARM: Final = 40  # candles told at once in the beginning, so that there is an ATR
_FALL: Final = 5  # candles over which the worst fall is looked for
_MS: Final = 1_000


class LiveMarket:
    """The candles of all series second by second; `sentence` says what they are."""

    def __init__(self, series: Sequence[CandleSeries]) -> None:
        self._series = series
        self._start_ms = _worst_ms(series) - (BEFORE + WARM) * series[0].interval_ms
        self._step_ms = series[0].interval_ms
        self.told: dict[str, list[Candle]] = {one.asset: [] for one in series}

    @property
    def assets(self) -> list[str]:
        """Their names."""
        return list(self.told)

    @property
    def sentence(self) -> str:
        """From when on, of what."""
        start = datetime.fromtimestamp(self._start_ms / _MS, UTC)
        return f"{', '.join(self.assets)} from {start:%Y-%m-%d %H:%M} UTC on"

    def seconds(self, until: float | None) -> Iterator[list[dict[str, str]]]:
        """What is to be told each second, until the recording ends or `until` on the monotonic clock is there."""
        by_step = [{one.start_ms: one for one in each.candles} for each in self._series]
        last_ms = max(each.candles[-1].start_ms for each in self._series)
        steps = range(self._start_ms, last_ms + 1, self._step_ms)
        waiting: list[dict[str, str]] = []
        for second, recorded_ms in enumerate(steps, int(time.time()) - WARM):
            for each, candles in zip(self._series, by_step, strict=True):
                if recorded_ms in candles:
                    waiting.append(self._tell(each.asset, candles[recorded_ms], second))
            left_s = second + 1 - time.time()
            if left_s < -1:
                continue  # still before now: told together with what follows
            time.sleep(max(0.0, left_s))
            if until is not None and time.monotonic() >= until:
                return
            if waiting:
                yield waiting
                waiting = []

    def _tell(self, asset: str, candle: Candle, second: int) -> dict[str, str]:
        shifted = Candle(asset, second * _MS, _MS, candle.open, candle.high, candle.low, candle.close, candle.volume)
        self.told[asset].append(shifted)
        return {
            "asset": asset,
            "start": datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            **{name: plain(getattr(candle, name)) for name in ("open", "high", "low", "close")},
            "volume": f"{candle.volume:.6f}",
        }


def _worst_ms(series: Sequence[CandleSeries]) -> int:
    """When the deepest fall within a few candles began, of all series."""
    worst, at_ms = 0.0, series[0].candles[0].start_ms
    for each in series:
        closes = [float(one.close) for one in each.candles]
        for index in range(_FALL, len(closes)):
            fall = closes[index] / closes[index - _FALL] - 1
            if fall < worst:
                worst, at_ms = fall, each.candles[index - _FALL].start_ms
    return at_ms
