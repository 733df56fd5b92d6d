"""An exchange's market through ccxt, asked with patience that has an end."""

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Final, TypeVar

from gxrisk._native import GxriskError
from gxrisk.feeds.names import length_ms

TRIES: Final = 6
WAIT_S_MAX: Final = 120.0
_WORDS_LENGTH_MAX: Final = 200
_NAME: Final = re.compile(r"[a-z0-9]{1,64}", re.ASCII)

_Answer = TypeVar("_Answer")


class FetchError(GxriskError):
    """Data that cannot be fetched: what was asked for does not exist, or the exchange does not answer."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How to wait between tries; `on_wait` takes the reason and the seconds."""

    sleep: Callable[[float], object] = time.sleep
    on_wait: Callable[[str, float], object] = lambda reason, seconds: None


@dataclass(frozen=True, slots=True)
class Market:
    """Candles of one symbol at one exchange: `exchange` is ccxt's object, `asset` as file names spell it."""

    exchange: Any  # ccxt has no types of its own
    symbol: str
    interval: str
    interval_ms: int
    asset: str
    perpetual: bool

    @property
    def source(self) -> str:
        """For errors."""
        return f"{self.exchange.id} {self.symbol} {self.interval}"


def open_market(exchange_id: str, symbol: str, interval: str, patience: Patience) -> Market:
    """Look the market up. Raises `FetchError` for an exchange, symbol or interval that there is not."""
    ccxt = _ccxt()
    if exchange_id not in ccxt.exchanges:
        raise FetchError(f"--exchange: ccxt knows no {exchange_id!r}{_near(exchange_id, ccxt.exchanges)}")
    exchange = getattr(ccxt, exchange_id)()
    if not exchange.has["fetchOHLCV"]:
        raise FetchError(f"--exchange: {exchange_id} gives no candles")
    intervals = [one for one in exchange.timeframes or () if length_ms(one)]
    interval_ms = length_ms(interval)
    if interval not in intervals or interval_ms is None:
        raise FetchError(f"--interval: {exchange_id} has no {interval!r}; allowed are {', '.join(intervals)}")
    asked(exchange, exchange.load_markets, patience)
    market = exchange.markets.get(symbol)
    if market is None:
        raise FetchError(f"--symbol: {exchange_id} has no {symbol!r}{_near(symbol, exchange.markets)}")
    if not (market["spot"] or market["swap"]):
        raise FetchError(f"--symbol: {symbol} is a {market['type']} market; spot and perpetual ones are allowed")
    asset = f"{market['base']}{market['quote']}".lower()
    if not _NAME.fullmatch(asset):
        raise FetchError(f"--symbol: {asset!r} cannot stand in a file name; ASCII letters and digits are allowed")
    # from here on numbers are as the exchange wrote them, not floats (ccxt: "number" may be any such type)
    exchange.number = Decimal
    return Market(exchange, symbol, interval, interval_ms, asset, bool(market["swap"]))


def asked(exchange: Any, call: Callable[[], _Answer], patience: Patience) -> _Answer:
    """The answer of `call`; a failure of the network or an unreadable answer is tried again, later and later.

    Raises `FetchError` for what the exchange refuses, at once, and after `TRIES` tries or when it wants a wait of
    more than `WAIT_S_MAX` seconds.
    """
    refused = _ccxt().ExchangeError
    for attempt in range(1, TRIES + 1):
        exchange.last_response_headers = None
        try:
            return call()
        except refused as error:
            raise FetchError(f"{exchange.id} refuses: {_words(error)}") from None
        except Exception as error:  # whatever garbage makes of ccxt's parsers is garbage, too
            wait_s = max(2.0 ** (attempt - 1), _retry_after_s(exchange))
            if attempt == TRIES:
                raise FetchError(f"{_words(error)} (given up after {TRIES} tries)") from None
            if wait_s > WAIT_S_MAX:
                raise FetchError(f"{exchange.id} wants to be left alone for {wait_s:.0f} s: {_words(error)}") from None
            patience.on_wait(_words(error), wait_s)
            patience.sleep(wait_s)
    raise AssertionError("the last try answers or raises")


def _ccxt() -> Any:
    try:
        return import_module("ccxt")
    except ImportError:
        raise FetchError('ccxt is not installed; it comes with: pip install "gxrisk[venues]"') from None


def _retry_after_s(exchange: Any) -> float:
    try:
        return float((exchange.last_response_headers or {}).get("Retry-After", 0))
    except ValueError:
        return 0.0  # a date; the ordinary wait then


def _words(error: Exception) -> str:
    text = " ".join(str(error).split())
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return said if len(said) <= _WORDS_LENGTH_MAX else f"{said[:_WORDS_LENGTH_MAX]}..."


def _near(name: str, names: Iterable[str]) -> str:
    near = get_close_matches(name, list(names), n=3)
    return f"; did you mean {' or '.join(near)}?" if near else ""
