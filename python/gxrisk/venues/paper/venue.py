"""The paper venue: real market data, estimated fills, no real money."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from itertools import groupby
from operator import attrgetter
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from gxrisk._native import ManualClock, SystemClock
from gxrisk.feeds.candles import Candle
from gxrisk.feeds.timeline import Moment
from gxrisk.venues.paper.account import PaperAccount
from gxrisk.venues.paper.book import Book, FeedClock
from gxrisk.venues.paper.costs import PaperCosts
from gxrisk.venues.paper.exact import exact
from gxrisk.venues.paper.funding import FundingRate, checked_funding
from gxrisk.venues.paper.margin import Band, bands
from gxrisk.venues.paper.market import Market, Step
from gxrisk.venues.paper.matching import match
from gxrisk.venues.paper.store import Connections
from gxrisk.venues.protocol import Redeem, Venue, VenueError


class PaperVenue:
    """Accounts that trade on paper against one feed. docs/paper.md describes the market that they meet.

    `advance` takes each moment of the feed, before the vaults see it. With `folder` each account is a file in it and
    outlives the process; without, accounts live as long as the venue. `funding` holds rates by asset. Whatever happens
    in one account follows from the feed, the costs, the seed and its own orders alone, and from when those were sent:
    at the feed's newest moment, or by the clock that the venue was told to `follow`.

    >>> import asyncio
    >>> from gxrisk import Gate, Limits, ManualClock, order
    >>> from gxrisk.feeds import Candle
    >>> def bar(minute, price):
    ...     price = Decimal(price)
    ...     return Candle("BTC", minute * 60_000, 60_000, price, price, price, price, 100.0)
    >>> async def one_trade():
    ...     gate = Gate("demo", Limits.for_tier("growth"), clock=ManualClock(0))
    ...     gate.deposit(10_000)
    ...     gate.mark("BTC", 100, atr=1)
    ...     venue = PaperVenue()
    ...     account = await venue.account("demo", gate.redeem)
    ...     await account.deposit("first", Decimal(10_000))
    ...     venue.advance(Moment(0, opened=(bar(0, 100),)))
    ...     venue.advance(Moment(60_000, closed=(bar(0, 100),), opened=(bar(1, 101),)))
    ...     wish = order("BTC", "buy", 2, confidence=1, reasoning="an example", stop_loss=98)
    ...     await account.submit(gate.authorize(wish).approval)
    ...     venue.advance(Moment(120_000, closed=(bar(1, 101),)))
    ...     return await account.reports(after=0)
    >>> for report in asyncio.run(one_trade()):
    ...     print(report.sequence, type(report).__name__, getattr(report, "price", None))
    1 Accepted None
    2 Filled 101.525200000
    """

    is_live = False

    def __init__(
        self,
        name: str = "paper",
        *,
        costs: PaperCosts | None = None,
        seed: int = 0,
        folder: str | PathLike[str] | None = None,
        funding: Mapping[str, Sequence[FundingRate]] | None = None,
    ) -> None:
        self.name = name
        self._costs = costs or PaperCosts()
        self._seed = seed
        self._funding = {asset: tuple(rates) for asset, rates in (funding or {}).items()}
        for asset, rates in self._funding.items():
            checked_funding(asset, rates)
        self._funded = dict.fromkeys(self._funding, 0)  # how many rates of an asset have been paid
        if folder is not None:
            Path(folder).mkdir(parents=True, exist_ok=True)
        self._connections = Connections(None if folder is None else Path(folder))
        self._clock = FeedClock()
        self._markets: dict[str, Market] = {}
        self._marks: dict[str, Decimal] = {}
        self._accounts: dict[str, PaperAccount] = {}
        self._in_flight: dict[str, PaperAccount] = {}
        self._watching: dict[str, dict[str, tuple[Band, PaperAccount]]] = {}  # by asset, by vault
        self._watched: dict[str, set[str]] = {}  # the assets of a vault
        self._stepped: dict[str, PaperAccount] = {}  # what has to commit at the end of this moment

    def follow(self, clock: ManualClock | SystemClock) -> None:
        """Stamp what is sent by this clock, where it is ahead of the feed: whoever thought for long trades late."""
        self._clock.followed = clock

    async def account(self, vault_id: str, redeem: Redeem) -> PaperAccount:
        """The account of a vault, opened where there is none; one that failed is opened again from its file."""
        account = self._accounts.get(vault_id)
        if account is not None and account.failure is None:
            account.renew(redeem)
            return account
        book = Book(vault_id, self._costs, self._seed, self._clock)
        account = PaperAccount(book, redeem, self._connections, self._marks, self._watch)
        self._accounts[vault_id] = account
        self._watch(account)
        return account

    @exact
    def advance(self, moment: Moment) -> dict[str, VenueError]:
        """Take every account through `moment`; the accounts that failed in it, by vault.

        Closed bars come first, then what reaches the market by now, then opened bars and trades. Of bars that began
        together all opens come before any range. Each account to which something happened commits once, at the end.
        """
        self._clock.take(moment.at_ms)
        failed: dict[str, VenueError] = {}
        for _, together in groupby(moment.closed, key=attrgetter("start_ms")):
            bars = tuple(together)
            for bar in bars:
                self._begin(bar, failed)
            for bar in bars:
                self._complete(bar, failed)
        self._deliver(self._clock.now_ms, failed)
        for bar in moment.opened:
            market = self._market(bar.asset)
            self._take(market, market.open_bar(bar), failed)
        for trade in moment.trades:
            market = self._market(trade.asset)
            self._take(market, market.trade(trade), failed)
        for account in self._stepped.values():
            self._attempt(account, account.commit, failed)
        self._stepped.clear()
        return failed

    def _begin(self, bar: Candle, failed: dict[str, VenueError]) -> None:
        """The open of a completed bar: where the feed did not tell it before, and for what was sent in its moment."""
        market = self._market(bar.asset)
        self._deliver(bar.start_ms, failed)
        self._take(market, market.open_bar(bar), failed)
        step = market.on_open(bar)
        if step is not None:
            for account in list(self._in_flight.values()):
                self._step(account, partial(account.book.deliver_on_open, step, self._marks), failed)
            self._take(market, step, failed)

    def _complete(self, bar: Candle, failed: dict[str, VenueError]) -> None:
        market = self._market(bar.asset)
        self._take(market, market.range_of(bar), failed)
        market.close_bar(bar)
        self._take(market, None, failed)

    def _market(self, asset: str) -> Market:
        market = self._markets.get(asset)
        if market is None:
            market = self._markets[asset] = Market(asset, self._costs)
        return market

    def _deliver(self, until_ms: int, failed: dict[str, VenueError]) -> None:
        """Orders and cancels that reach the market by then, and funding that is due."""
        for account in list(self._in_flight.values()):
            self._step(account, partial(account.book.deliver, until_ms, self._marks), failed)
        for asset, rates in self._funding.items():
            while self._funded[asset] < len(rates) and rates[self._funded[asset]].at_ms <= until_ms:
                mark = self._marks.get(asset)
                if mark is None:
                    break  # due since before the first price: paid at that price
                due = rates[self._funded[asset]]
                self._funded[asset] += 1
                for _, account in list(self._watching.get(asset, {}).values()):
                    if due.at_ms > account.resumed_ms:
                        self._step(account, partial(account.book.fund, asset, due.rate, mark), failed)

    def _take(self, market: Market, step: Step | None, failed: dict[str, VenueError]) -> None:
        """Take the market's new price, and the accounts that have something at stake there through the step."""
        if market.mark is not None:
            self._marks[market.asset] = market.mark
        if step is None:
            return
        low, high = step.low, step.high
        watching = self._watching.get(market.asset, {}).values()
        for account in [account for band, account in watching if low <= band.low or high >= band.high]:
            self._step(account, partial(match, account.book, step, self._markets, self._marks), failed)

    def _step(self, account: PaperAccount, action: Callable[[], None], failed: dict[str, VenueError]) -> None:
        if (self._clock.now_ms, self._clock.count) <= (account.resumed_ms, account.resumed_count):
            return  # a feed told again from before: the file has this moment already

        def taken() -> None:
            action()
            self._watch(account)

        self._attempt(account, taken, failed)
        if account.failure is None and account.book.changed:
            self._stepped[account.book.vault_id] = account

    def _attempt(self, account: PaperAccount, action: Callable[[], None], failed: dict[str, VenueError]) -> None:
        if account.failure is None:
            try:
                action()
            except Exception as error:  # whatever it is, it must not reach another account
                failed[account.book.vault_id] = account.fail(error)

    @exact
    def _watch(self, account: PaperAccount) -> None:
        """Note at which prices of which assets the account has to be looked at again."""
        book = account.book
        found = {} if account.failure else bands(book, self._marks)
        for asset in self._watched.get(book.vault_id, set()) - found.keys():
            del self._watching[asset][book.vault_id]
        for asset, band in found.items():
            self._watching.setdefault(asset, {})[book.vault_id] = band, account
        self._watched[book.vault_id] = set(found)
        if not account.failure and book.in_flight:
            self._in_flight[book.vault_id] = account
        else:
            self._in_flight.pop(book.vault_id, None)


if TYPE_CHECKING:
    _paper_venue_is_a_venue: type[Venue] = PaperVenue
