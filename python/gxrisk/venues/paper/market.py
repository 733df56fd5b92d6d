"""One asset's market as every account sees it: the last price, what a trade there costs, how much can be had."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from gxrisk.feeds.candles import Candle
from gxrisk.feeds.timeline import Trade
from gxrisk.venues.paper.costs import BASIS, PaperCosts
from gxrisk.venues.paper.exact import UNIT, down, up
from gxrisk.venues.paper.impact import TrailingWindow, traded
from gxrisk.venues.protocol import Side

_NEVER_MS: Final = -(2**62)


@dataclass(frozen=True, slots=True)
class Step:
    """What an account can trade on: one price (a bar's open, a trade), or the range of a completed bar.

    `start_ms` is when it began: only what had reached the market by then takes part. `on_open` is the open once more,
    for the orders that were sent in the moment of the open. `available` is the most that one account may fill of it,
    None where the feed knows no volume; the open has it but once. For a price, low and high are that price.
    """

    kind: Literal["open", "on_open", "trade", "range"]
    asset: str
    start_ms: int
    end_ms: int
    price: Decimal
    low: Decimal
    high: Decimal
    available: Decimal | None


class Market:
    """The market in one asset. Where the feed brings its trades, accounts are matched on them, else on its bars."""

    def __init__(self, asset: str, costs: PaperCosts) -> None:
        self.asset = asset
        self.costs = costs
        self.mark: Decimal | None = None
        self._window = TrailingWindow(costs.window_bars)
        self._opened_ms = _NEVER_MS
        self._closed_ms = _NEVER_MS
        self._traded_ms = _NEVER_MS

    def open_bar(self, bar: Candle) -> Step | None:
        """The open of `bar`, once. Of an opened bar nothing but its open is used, for nothing else is known."""
        if bar.start_ms <= self._opened_ms:
            return None
        self._opened_ms = bar.start_ms
        if self._traded_ms >= bar.start_ms - bar.interval_ms:
            return None
        self.mark = bar.open
        return self._opening("open", bar, bar.start_ms)

    def on_open(self, bar: Candle) -> Step | None:
        """The open of a completed `bar` once more, before its range, for orders that were sent in its moment."""
        if self._traded_ms >= bar.start_ms - bar.interval_ms or bar.start_ms <= self._closed_ms:
            return None
        return self._opening("on_open", bar, bar.end_ms)

    def range_of(self, bar: Candle) -> Step | None:
        """The range of a completed `bar`, once; its close and volume enter the window with `close_bar` afterwards."""
        if self._traded_ms >= bar.start_ms or bar.start_ms <= self._closed_ms:
            return None
        available = self._share(traded(bar.volume))
        return Step("range", self.asset, bar.start_ms, bar.end_ms, bar.open, bar.low, bar.high, available)

    def close_bar(self, bar: Candle) -> None:
        """Take the close and the volume of a completed bar, once."""
        if bar.start_ms <= self._closed_ms:
            return
        self._closed_ms = bar.start_ms
        self._window.add(bar.close, bar.volume)
        if self._traded_ms < bar.start_ms:
            self.mark = bar.close

    def trade(self, trade: Trade) -> Step:
        """Take one trade; a late one can still fill an old order, but is no mark."""
        if trade.at_ms >= self._traded_ms:
            self._traded_ms = trade.at_ms
            self.mark = trade.price
        available = down(trade.quantity * self.costs.participation)
        price = trade.price
        return Step("trade", self.asset, trade.at_ms, trade.at_ms, price, price, price, available)

    def slipped(self, side: Side, price: Decimal, quantity: Decimal) -> Decimal:
        """The price of a market order of `quantity` at `price`: half spread and impact, against the trader."""
        impact = self._window.impact(quantity, self.costs.impact)
        if impact is None:
            impact = self.costs.fallback_bp / BASIS
        fraction = self.costs.half_spread_bp / BASIS + impact
        if side == "buy":
            return up(price * (1 + fraction))
        return max(UNIT, down(price * (1 - fraction)))

    def _opening(self, kind: Literal["open", "on_open"], bar: Candle, end_ms: int) -> Step:
        available = self._share(self._window.last_volume)
        return Step(kind, self.asset, bar.start_ms, end_ms, bar.open, bar.open, bar.open, available)

    def _share(self, volume: float) -> Decimal | None:
        """The part of a bar's volume that one account may have; None when the feed's bars have no volume at all."""
        if volume == 0 and self._window.has_bars and self._window.volume is None:
            return None
        return down(Decimal(volume) * self.costs.participation)
