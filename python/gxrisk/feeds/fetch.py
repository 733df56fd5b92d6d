"""Candles from an exchange into a file, page by page."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from gxrisk.feeds.candles import check_step, parse_row
from gxrisk.feeds.exchange import FetchError, Market, Patience, asked
from gxrisk.feeds.fields import Place
from gxrisk.feeds.part import PartFile, as_text

DAY_MS: Final = 86_400_000
_CANDLES_A_PAGE: Final = 100  # where ccxt does not know an exchange's own number


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch did: the file, its rows (0 when it was there already), those of them from an earlier run."""

    file: Path
    rows: int
    resumed: int


class _Page(NamedTuple):
    rows: list[list[str]]
    next_ms: int


def fetch_candles(
    market: Market,
    since_ms: int,
    until_ms: int,
    folder: Path,
    *,
    force: bool = False,
    patience: Patience | None = None,
    on_progress: Callable[[int], object] = lambda done: None,
) -> Fetched:
    """Write the complete candles from `since_ms` to `until_ms` (excluded) to a file in `folder`, named after them.

    A file that is there is left alone unless `force`. What an interrupted run left in the part file is kept and
    fetching goes on after it. Where `until_ms` has not come yet, the file ends, and is named, with the last complete
    bar. `on_progress` takes the number of bars' times that are done. Raises `FetchError` and `DataError`.
    """
    patience = patience or Patience()
    now_ms = _now_ms(market, until_ms, patience)
    end_ms = min(until_ms, now_ms)
    whole = folder / _name(market, since_ms, until_ms)
    if end_ms == until_ms and whole.exists() and not force:
        return Fetched(whole, 0, 0)
    part_file = folder / f".{whole.name.removesuffix('.gz')}.part"
    with PartFile(part_file, market.interval_ms, range(since_ms, end_ms - market.interval_ms + 1)) as part:
        if force:
            part.restart()
        resumed = part.rows
        next_ms = since_ms if part.last_ms is None else part.last_ms + market.interval_ms
        on_progress((next_ms - since_ms) // market.interval_ms)
        for page in _pages(market, next_ms, end_ms, patience):
            part.append(page.rows)
            on_progress((page.next_ms - since_ms) // market.interval_ms)
        if part.last_ms is None:
            part.file.unlink()
            raise FetchError(f"{market.source}: there is no complete candle from {_day(since_ms)} to {_day(end_ms)}")
        if end_ms < until_ms:
            whole = folder / _name(market, since_ms, part.last_ms + market.interval_ms)
        part.finish(whole)
        return Fetched(whole, part.rows, resumed)


def _pages(market: Market, next_ms: int, end_ms: int, patience: Patience) -> Iterator[_Page]:
    exchange = market.exchange
    limit: int | None = exchange.feature_value(market.symbol, "fetchOHLCV", "limit")
    while next_ms + market.interval_ms <= end_ms:
        ask = partial(_page, market, next_ms, limit)
        # ccxt makes an empty page of some garbage, so that one alone is not believed
        answer = asked(exchange, ask, patience) or asked(exchange, ask, patience)
        rows = _checked(market, answer, next_ms, end_ms)
        if rows:
            next_ms = int(rows[-1][0]) + market.interval_ms
        elif answer:
            next_ms = end_ms  # the first candle after `next_ms` lies past the end
        else:
            # an outage longer than a page, perhaps: an exchange may answer for one page's time only
            next_ms += (limit or _CANDLES_A_PAGE) * market.interval_ms
        yield _Page(rows, min(next_ms, end_ms))


def _page(market: Market, since_ms: int, limit: int | None) -> list[list[Any]]:
    """One answer. Raises `ValueError` where ccxt would make no candles of an answer that is no such thing."""
    exchange = market.exchange
    exchange.enableLastJsonResponse = True
    exchange.last_json_response = None
    candles: list[list[Any]] = exchange.fetch_ohlcv(market.symbol, market.interval, since=since_ms, limit=limit)
    answer = exchange.last_json_response
    if answer is None or (not candles and isinstance(answer, list) and answer):
        raise ValueError(f"{exchange.id} answered something else than candles of the time asked for")
    return candles


def _checked(market: Market, answer: list[list[Any]], next_ms: int, end_ms: int) -> list[list[str]]:
    """The rows of complete bars up to `end_ms`, as text, once they are found sorted, single and right."""
    rows: list[list[str]] = []
    before_ms = next_ms - market.interval_ms
    for number, candle in enumerate(answer, start=1):
        place = Place(market.source, number, "row")
        fields = [as_text(value) for value in candle[:6]]
        start_ms = parse_row(fields + [""] * (6 - len(fields)), place).start_ms
        check_step(before_ms, start_ms, market.interval_ms, place)
        before_ms = start_ms
        if start_ms + market.interval_ms <= end_ms:
            rows.append(fields)
    return rows


def _now_ms(market: Market, until_ms: int, patience: Patience) -> int:
    """The exchange's time where it matters: a clock here that is ahead would call a bar complete too early."""
    exchange = market.exchange
    here_ms = int(exchange.milliseconds())
    if until_ms > here_ms - DAY_MS and exchange.has["fetchTime"]:
        return int(asked(exchange, exchange.fetch_time, patience))
    return here_ms


def _name(market: Market, since_ms: int, until_ms: int) -> str:
    perpetual = "-perp" if market.perpetual else ""
    span = f"{_day(since_ms)}_{_day(until_ms)}"
    return f"{market.asset}-{market.interval}-{span}-{market.exchange.id}{perpetual}.csv.gz"


def _day(at_ms: int) -> str:
    """A date, and the time of day unless it is midnight, as a file name may hold it.

    >>> _day(1_584_000_000_000), _day(1_583_971_200_000)
    ('2020-03-12T080000Z', '2020-03-12')
    """
    time = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f"{time:%Y-%m-%d}" if at_ms % DAY_MS == 0 else f"{time:%Y-%m-%dT%H%M%SZ}"
