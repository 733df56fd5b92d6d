"""Trade files, and bars made of trades."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Final

from gxrisk.feeds.bars import BarError
from gxrisk.feeds.candles import Candle, CandleSeries
from gxrisk.feeds.fields import exact, time_ms
from gxrisk.feeds.names import name_of
from gxrisk.feeds.table import read_table
from gxrisk.feeds.timeline import Trade

COLUMNS: Final = ("timestamp_ms", "price", "quantity")


@dataclass(frozen=True, slots=True)
class TradeSeries:
    """The trades of one asset in the order in which they came, and the name of the file they came from."""

    asset: str
    trades: tuple[Trade, ...]
    source: str


def read_trades(path: str | PathLike[str], *, asset: str | None = None) -> TradeSeries:
    """Read a trade file (CSV plain or gzipped, or Parquet) with timestamp_ms, price, quantity.

    The rows stand in the order in which the trades came: one may be older than the one before it. The asset comes
    from a file name like `btcusd-trades-2017-12-22-venue.csv.gz`, else it is the file's stem. Raises `DataError` at
    the first thing that is wrong, naming file, line and column.

    >>> from tempfile import mkdtemp
    >>> file = Path(mkdtemp()) / "btcusd-trades-2020-03-12.csv"
    >>> _ = file.write_text("timestamp_ms,price,quantity\\n1584000000250,7900.5,0.02\\n1584000000120,7901,1\\n")
    >>> series = read_trades(file)
    >>> series.asset, [trade.at_ms % 1000 for trade in series.trades]
    ('BTCUSD', [250, 120])
    """
    file = Path(path)
    name = name_of(file, asset).asset
    trades = tuple(
        Trade(name, time_ms(time, place), exact(price, "price", place), exact(quantity, "quantity", place))
        for place, (time, price, quantity) in read_table(file, COLUMNS)
    )
    return TradeSeries(name, trades, file.name)


class TradeBars:
    """Makes the trades of one asset into bars of `interval_ms`, aligned to UTC.

    A bar holds the trades of its time, start included and end not. It is complete when the feed's time reaches its
    end; a trade that comes after that changes nothing. Within its bar a trade that is older than one before it counts
    for high, low and volume, and moves neither open nor close. No bar is made up for a time without any trade.

    `add` takes the trades one by one; `complete` tells the time when no trade does. Raises `BarError` for an interval
    that is not above 0.

    >>> from decimal import Decimal
    >>> bars = TradeBars(60_000)
    >>> for at_ms, price in ((10_000, 5), (50_000, 7), (130_000, 6)):
    ...     closed, opened = bars.add(Trade("BTC", at_ms, Decimal(price), Decimal(1)))
    ...     print(closed and (closed.start_ms, str(closed.high)), opened and (opened.start_ms, str(opened.open)))
    None (0, '5')
    None None
    (0, '7') (120000, '6')
    >>> bars.complete(180_000).volume
    1.0
    """

    def __init__(self, interval_ms: int) -> None:
        if interval_ms <= 0:
            raise BarError(f"interval_ms: {interval_ms} was given, a whole number above 0 is allowed")
        self._interval_ms = interval_ms
        self._now_ms = 0
        self._bar: _Bar | None = None

    @property
    def end_ms(self) -> int | None:
        """When the bar in progress will be complete; None without one."""
        return None if self._bar is None else self._bar.start_ms + self._interval_ms

    def complete(self, at_ms: int) -> Candle | None:
        """The feed's time is now `at_ms`: the bar that is complete by then, if there is one."""
        self._now_ms = max(self._now_ms, at_ms)
        end_ms = self.end_ms
        if self._bar is None or end_ms is None or end_ms > at_ms:
            return None
        done = self._bar.candle(self._interval_ms)
        self._bar = None
        return done

    def add(self, trade: Trade) -> tuple[Candle | None, Candle | None]:
        """Take a trade: the bar that is complete by its time, and the bar that it opens (only whose open is known)."""
        closed = self.complete(trade.at_ms)
        start_ms = trade.at_ms - trade.at_ms % self._interval_ms
        if start_ms + self._interval_ms <= self._now_ms:
            return closed, None  # late: its bar is complete, or was never begun
        if self._bar is not None:
            self._bar.add(trade)
            return closed, None
        self._bar = _Bar(trade, start_ms)
        return closed, self._bar.candle(self._interval_ms)


def candles_of(series: TradeSeries, interval_ms: int) -> CandleSeries:
    """The complete bars of `series`: what `TradeBars` gives when nothing but these trades tells the time.

    The bar in progress at the last trade is left out: nobody knows whether it is complete.

    >>> from decimal import Decimal
    >>> trades = tuple(Trade("BTC", at_ms, Decimal(5), Decimal(2)) for at_ms in (10_000, 50_000, 130_000))
    >>> [bar.volume for bar in candles_of(TradeSeries("BTC", trades, "by hand"), 60_000).candles]
    [4.0]
    """
    return CandleSeries(series.asset, interval_ms, tuple(_completed(series.trades, interval_ms)), series.source)


def _completed(trades: Iterable[Trade], interval_ms: int) -> Iterator[Candle]:
    bars = TradeBars(interval_ms)
    for trade in trades:
        closed, _ = bars.add(trade)
        if closed is not None:
            yield closed


class _Bar:
    """The bar in progress."""

    __slots__ = ("_asset", "_close", "_close_ms", "_high", "_low", "_open", "_volume", "start_ms")

    def __init__(self, trade: Trade, start_ms: int) -> None:
        self.start_ms = start_ms
        self._asset = trade.asset
        self._open = self._high = self._low = self._close = trade.price
        self._close_ms = trade.at_ms
        self._volume = trade.quantity

    def add(self, trade: Trade) -> None:
        self._high = max(self._high, trade.price)
        self._low = min(self._low, trade.price)
        self._volume += trade.quantity
        if trade.at_ms >= self._close_ms:
            self._close = trade.price
            self._close_ms = trade.at_ms

    def candle(self, interval_ms: int) -> Candle:
        prices = (self._open, self._high, self._low, self._close)
        return Candle(self._asset, self.start_ms, interval_ms, *prices, float(self._volume))
