"""Market data: files of candles, trades and funding, feeds of them, statistics, and a bundled reconstruction."""

from gxrisk.feeds.atr import WilderAtr
from gxrisk.feeds.bars import BarBuilder, BarError
from gxrisk.feeds.candles import Candle, CandleSeries, read_candles
from gxrisk.feeds.clusters import CorrelationClusters
from gxrisk.feeds.correlation import RollingCorrelation
from gxrisk.feeds.fields import DataError
from gxrisk.feeds.funding import FundingRate, FundingSeries, read_funding
from gxrisk.feeds.protocol import Feed
from gxrisk.feeds.reconstruction import Episode, Figure, march_2020, reconstruct
from gxrisk.feeds.recording import FeedError, recorded, with_bars
from gxrisk.feeds.replay import Replay
from gxrisk.feeds.timeline import Moment, Trade, timeline
from gxrisk.feeds.trades import TradeBars, TradeSeries, candles_of, read_trades
from gxrisk.feeds.volatility import RealisedVolatility

__all__ = [
    "BarBuilder",
    "BarError",
    "Candle",
    "CandleSeries",
    "CorrelationClusters",
    "DataError",
    "Episode",
    "Feed",
    "FeedError",
    "Figure",
    "FundingRate",
    "FundingSeries",
    "Moment",
    "RealisedVolatility",
    "Replay",
    "RollingCorrelation",
    "Trade",
    "TradeBars",
    "TradeSeries",
    "WilderAtr",
    "candles_of",
    "march_2020",
    "read_candles",
    "read_funding",
    "read_trades",
    "reconstruct",
    "recorded",
    "timeline",
    "with_bars",
]
