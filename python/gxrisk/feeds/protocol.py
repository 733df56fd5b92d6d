"""What a vault needs of market data: moments, one after the other, as they become known."""

from collections.abc import AsyncIterator
from typing import Protocol

from gxrisk.feeds.timeline import Moment


class Feed(Protocol):
    """Market data as it becomes known: a moment comes when the feed has it and not before.

    Nothing is mended on the way: outages, late and out-of-order data are passed on as they are, since it is the gate
    that must see them.
    """

    @property
    def name(self) -> str:
        """For records and screens."""

    @property
    def assets(self) -> tuple[str, ...]:
        """What it tells of."""

    def moments(self) -> AsyncIterator[Moment]:
        """The moments from now on (of a recording: from its start); ends when there are no more."""
