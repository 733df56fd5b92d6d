"""Working orders that must end: cancelled at the venue, asked again until the venue confirms."""

from collections.abc import Iterable
from typing import Final

from gxrisk.venues.protocol import Account, VenueError

RETRY_MS: Final = 5_000


class Cancelling:
    """Asks the venue to cancel, each order at once and then every five seconds until it is gone.

    Nothing of this is kept: which orders must end is in the gate's records, so a restart simply asks again.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._asked: dict[str, int] = {}

    async def cancel(self, order_ids: Iterable[str], now_ms: int) -> None:
        """Ask for the end of these orders, which are all that must end now. An unreachable venue is asked again."""
        wanted = list(order_ids)
        self._asked = {order_id: at_ms for order_id, at_ms in self._asked.items() if order_id in wanted}
        for order_id in wanted:
            asked_ms = self._asked.get(order_id)
            if asked_ms is not None and now_ms - asked_ms < RETRY_MS:
                continue
            self._asked[order_id] = now_ms
            try:
                await self._account.cancel(order_id)
            except VenueError:
                return
