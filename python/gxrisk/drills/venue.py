"""The paper venue of a drill: its market goes on while the feed is silent or wrong, and its accounts may be faulty."""

from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final

from gxrisk._native import ManualClock
from gxrisk.drills.venue_faults import Faulted
from gxrisk.feeds.timeline import Moment
from gxrisk.venues.paper import PaperVenue
from gxrisk.venues.paper.account import PaperAccount
from gxrisk.venues.protocol import Redeem, VenueError

_NS_PER_MS: Final = 1_000_000
Wrap = Callable[[PaperAccount], Faulted]


class _Watched(Faulted):
    """Brings the market to now before the account tells anything."""

    def __init__(self, venue: "DrillVenue", through: Faulted) -> None:
        super().__init__(through.account, through.lasts)
        self.through = through
        self._venue = venue

    async def submit(self, approval: Any) -> None:
        await self.through.submit(approval)

    async def cancel(self, order_id: str) -> None:
        await self.through.cancel(order_id)

    async def reports(self, after: int) -> Any:
        self._venue.play()
        try:
            return await self.through.reports(after)
        finally:
            self._venue.look_again(self.account)

    async def statement(self) -> Any:
        return await self.through.statement()


class DrillVenue(PaperVenue):
    """Follows the true market by its clock, whatever moments the fleet brings; `wrap` makes the faulty account.

    `watch` is called after each moment of the true market, with its time in UTC milliseconds.
    """

    def __init__(
        self, truth: Iterable[Moment], clock: ManualClock, wrap: Wrap, *, seed: int, watch: Callable[[int], None]
    ) -> None:
        super().__init__("drill", seed=seed)
        self._truth = deque(truth)
        self._drill_clock = clock
        self._wrap = wrap
        self._watch_minute = watch
        self._wrapped: dict[str, _Watched] = {}
        self.prices: dict[str, Decimal] = {}

    def advance(self, moment: Moment) -> dict[str, VenueError]:
        """Go on to the clock's time; what the fleet was told does not matter here."""
        return self.play()

    def play(self) -> dict[str, VenueError]:
        """Take the accounts through the true market up to now."""
        failed: dict[str, VenueError] = {}
        now_ms = self._drill_clock.now_ns // _NS_PER_MS
        while self._truth and self._truth[0].at_ms <= now_ms:
            moment = self._truth.popleft()
            failed |= super().advance(moment)
            self.prices |= {one.asset: one.close for one in moment.closed}
            self.prices |= {one.asset: one.open for one in moment.opened}
            self._watch_minute(moment.at_ms)
        return failed

    def look_again(self, account: PaperAccount) -> None:
        """A fault may have changed what the account has at stake."""
        self._watch(account)

    async def account(self, vault_id: str, redeem: Redeem) -> Any:
        """The vault's account with its fault, which outlives a new opening."""
        account = await super().account(vault_id, redeem)
        watched = self._wrapped.get(vault_id)
        if watched is None:
            watched = self._wrapped[vault_id] = _Watched(self, self._wrap(account))
        watched.account = watched.through.account = account
        return watched
