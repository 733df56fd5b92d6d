"""What a feed has told so far, worked out once for all vaults that follow it."""

import logging
from collections import deque
from collections.abc import Iterable, Mapping
from math import sqrt
from pathlib import Path
from typing import Final

from gxrisk.feeds.atr import WilderAtr
from gxrisk.feeds.bars import BarBuilder
from gxrisk.feeds.candles import Candle
from gxrisk.feeds.timeline import Moment
from gxrisk.feeds.volatility import DAYS_A_YEAR, RealisedVolatility
from gxrisk.vaults.kept_bars import KeptBars

HISTORY: Final = 1000
DAY_MS: Final = 86_400_000
RETURNS_MIN: Final = 60  # of which volatility is known, while a day has not passed yet
WINDOW_MIN: Final = 24  # returns, where a day has fewer
_log = logging.getLogger("gxrisk.vaults")


class Bars:
    """The bars of one length: completed ones by asset, oldest first, with their average true range and volatility.

    With `file` the last ones are kept there, and gone on from after a restart, of each asset whose first candle then
    follows its last kept bar with none missing in between.
    """

    def __init__(self, bar_ms: int, file: Path | None = None) -> None:
        self._bar_ms = bar_ms
        self._file = None if file is None else KeptBars(file, bar_ms)
        self._found = {} if self._file is None else self._file.read()
        self._builders: dict[str, BarBuilder] = {}
        self._atrs: dict[str, WilderAtr] = {}
        self._volatilities: dict[str, RealisedVolatility] = {}
        self._kept: dict[str, deque[Candle]] = {}
        self._shown: dict[str, tuple[Candle, ...]] = {}

    def take(self, candle: Candle) -> bool:
        """Take a completed candle; True when it completed a bar."""
        asset = candle.asset
        if asset not in self._builders:
            self._builders[asset] = BarBuilder(self._bar_ms)
            self._atrs[asset] = WilderAtr()
            window = max(WINDOW_MIN, DAY_MS // self._bar_ms)
            self._volatilities[asset] = RealisedVolatility(window, least=min(RETURNS_MIN, window))
            self._kept[asset] = deque(maxlen=HISTORY)
            self._go_on(candle)
        bars = self._builders[asset].add(candle)
        if bars:
            self._learn(bars)
            if self._file is not None:
                self._file.add(bars, self._kept)
        return bool(bars)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()

    def _learn(self, bars: Iterable[Candle]) -> None:
        """Take completed bars of one asset."""
        for bar in bars:
            self._atrs[bar.asset].update(float(bar.high), float(bar.low), float(bar.close))
            self._volatilities[bar.asset].update(bar)
            self._kept[bar.asset].append(bar)
            self._shown.pop(bar.asset, None)

    def _go_on(self, candle: Candle) -> None:
        """From the bars that were kept, where the asset's first candle follows them."""
        bars = self._found.pop(candle.asset, None)
        if not bars or self._file is None:
            return
        if 0 <= candle.start_ms - bars[-1].end_ms < self._bar_ms:
            self._learn(bars[-HISTORY:])
            return
        self._file.forget(candle.asset)
        _log.warning(
            "%s: the kept bars of %d s end at %d ms, the feed goes on at %d ms: they are collected anew",
            candle.asset,
            self._bar_ms // 1000,
            bars[-1].end_ms,
            candle.start_ms,
        )

    def history(self, asset: str) -> tuple[Candle, ...]:
        """The asset's completed bars, oldest first, at most the last thousand."""
        if asset not in self._shown:
            self._shown[asset] = tuple(self._kept.get(asset, ()))
        return self._shown[asset]

    def atr(self, asset: str) -> float | None:
        """Wilder's average true range of the asset's bars; None while there are too few."""
        atr = self._atrs.get(asset)
        return None if atr is None else atr.value

    @property
    def assets(self) -> Iterable[str]:
        """Of which there is any bar."""
        return self._kept.keys()

    def volatility(self, asset: str) -> float | None:
        """The realised volatility of the asset's last day as a fraction, not annualised; None while it is not known.

        Over the returns of a day of bars, but at least 24; known from 60 returns on (or from all, where those are
        fewer).
        """
        annual = self._volatilities[asset].value if asset in self._volatilities else None
        return None if annual is None else annual / sqrt(DAYS_A_YEAR)


class Market:
    """The bars of every length that some vault thinks in, and the moment now; with `folder` bars outlive the process.

    >>> from decimal import Decimal
    >>> market = Market()
    >>> bars = market.bars(120)
    >>> for minute in range(4):
    ...     price = Decimal(100 + minute)
    ...     candle = Candle("BTC", minute * 60_000, 60_000, price, price, price, price, 1.0)
    ...     market.take(Moment(candle.end_ms, closed=(candle,)))
    >>> [str(bar.close) for bar in bars.history("BTC")], market.completed(120)
    (['101', '103'], ('BTC',))
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._bars: dict[int, Bars] = {}
        self._completed: dict[int, tuple[str, ...]] = {}
        self.moment = Moment(0)
        self.told_ms: dict[str, int] = {}  # by asset: when the feed told a price last
        self.scores: Mapping[str, float] = {}  # by asset: the feed's quality, where somebody judges it

    def bars(self, bar_s: int) -> Bars:
        """The bars of that many seconds; from now on where nobody asked for them before."""
        if bar_s not in self._bars:
            # No vault may have such a name.
            self._bars[bar_s] = Bars(bar_s * 1000, self._folder and self._folder / f"_bars-{bar_s}.jsonl")
        return self._bars[bar_s]

    def close(self) -> None:
        """Let go of what is kept; bars that come after this are kept again."""
        for bars in self._bars.values():
            bars.close()

    def take(self, moment: Moment) -> None:
        """Go on to the feed's next moment."""
        self.moment = moment
        self.told_ms |= dict.fromkeys(
            (*(one.asset for one in moment.closed), *(one.asset for one in moment.trades)), moment.at_ms
        )
        for bar_s, bars in self._bars.items():
            taken = [(candle.asset, bars.take(candle)) for candle in moment.closed]
            self._completed[bar_s] = tuple(dict.fromkeys(asset for asset, is_complete in taken if is_complete))

    def completed(self, bar_s: int) -> tuple[str, ...]:
        """The assets of which this moment completed a bar of that length."""
        return self._completed.get(bar_s, ())
