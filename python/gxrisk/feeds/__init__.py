"""Market data: candle files, their merge in time, the average true range, and a bundled reconstruction."""

from gxrisk.feeds.atr import WilderAtr
from gxrisk.feeds.bars import BarBuilder, BarError
from gxrisk.feeds.candles import Candle, CandleSeries, read_candles
from gxrisk.feeds.protocol import Feed
from gxrisk.feeds.reconstruction import Episode, Figure, march_2020, reconstruct
from gxrisk.feeds.rows import CandleError
from gxrisk.feeds.timeline import Moment, Trade, timeline

__all__ = [
    "BarBuilder",
    "BarError",
    "Candle",
    "CandleError",
    "CandleSeries",
    "Episode",
    "Feed",
    "Figure",
    "Moment",
    "Trade",
    "WilderAtr",
    "march_2020",
    "read_candles",
    "reconstruct",
    "timeline",
]
