"""Where a fleet's notices go: kept first, sent after."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final, Self

from gxrisk._native import ManualClock, SystemClock
from gxrisk.alerts.courier import Answer, AppriseCourier, Courier
from gxrisk.alerts.errors import AlertError
from gxrisk.alerts.incidents import Incident
from gxrisk.alerts.outbox import Asked, Outbox, Thread
from gxrisk.alerts.settings import AlertSettings
from gxrisk.alerts.wording import Message
from gxrisk.vaults.notices import Notice

LOOK_S: Final = 1.0
AFTER_FAILURE_S: Final = 5.0
TEST: Final = Message("gxrisk test alert", "This is a test of the channel: nothing happened.", "info")
_log = logging.getLogger("gxrisk.alerts")


@dataclass(frozen=True, slots=True)
class Tested:
    """What a channel answered to a test."""

    channel: str
    answer: Answer


class AlertSink:
    """Takes a fleet's notices and sees to it that people hear of them.

    `notify` is the `notify` of a fleet: it returns once the notice is durable. `running` sends beside everything else:
    each channel on its own, so that a receiver that hangs holds up no other. `clock` decides about pauses, days and
    escalation; the time that a sending may take is real. Raises `AlertError` where the outbox cannot be used.

    >>> import asyncio, tempfile
    >>> from gxrisk.vaults.notices import Notice
    >>> async def told(folder):
    ...     settings = AlertSettings(channels={"slack": "slack://T1JJ/B1JJ/c4n4ry"}, url=f"{folder}/alerts.db")
    ...     sink = AlertSink(settings, clock=ManualClock("2020-03-12T00:00:00Z"))
    ...     await sink.notify(Notice("ann", 1, "2020-03-12T00:00:00Z", "critical", "drawdown", "15 % are lost"))
    ...     incident = await sink.acknowledge(1, "ann")
    ...     sink.close()
    ...     return incident.code, incident.acknowledged_by
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     asyncio.run(told(folder))
    ('drawdown', 'ann')
    """

    def __init__(
        self,
        settings: AlertSettings,
        *,
        clock: ManualClock | SystemClock | None = None,
        courier: Courier | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._courier = courier or AppriseCourier(settings.timeout_s, settings.allowed_networks)
        self._outbox = Outbox(settings)
        self._news = {channel: asyncio.Event() for channel in settings.channels}

    async def notify(self, notice: Notice) -> None:
        """Keep a notice; durable when this returns. What was kept before changes nothing. Raises `AlertError`."""
        await self._outbox.take(notice, self._clock.now_ns)
        self._wake()

    async def acknowledge(self, incident_id: int, by: str) -> Incident:
        """Somebody looks after an incident: it is not escalated any more. Raises `AlertError` where none is open."""
        return await self._outbox.acknowledge(incident_id, by, self._clock.now_ns)

    async def resolve(self, incident_id: int, by: str) -> Incident:
        """An incident that no notice ends is over. Raises `AlertError` where none is open."""
        incident = await self._outbox.resolve(incident_id, by, self._clock.now_ns)
        self._wake()
        return incident

    async def incidents(
        self, asked: Asked | None = None, *, is_all: bool = False
    ) -> list[tuple[Incident, tuple[Thread, ...]]]:
        """The open incidents, all, or what was `asked` for, newest first, each with its channels; 200 at most."""
        return await self._outbox.incidents(asked or Asked(is_all))

    async def find(self, incident_id: int) -> Incident | None:
        """One incident, if there is such a one."""
        return await self._outbox.find(incident_id)

    async def test(self) -> list[Tested]:
        """Send one message to each channel, past the outbox, and tell what came back."""
        channels = self._settings.channels
        answers = await asyncio.gather(*(self._courier.send(address, TEST) for address in channels.values()))
        return [Tested(channel, answer) for channel, answer in zip(channels, answers, strict=True)]

    async def deliver_due(self) -> int:
        """Send everything that is due by the clock, and return how many messages went: for replays and commands."""
        await self._outbox.look(self._clock.now_ns)
        return sum(await asyncio.gather(*(self._empty(channel) for channel in self._settings.channels)))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Send in tasks beside everything else; what is being sent at the end is sent again by the next process."""
        tasks = [asyncio.create_task(self._forever(channel)) for channel in self._settings.channels]
        tasks.append(asyncio.create_task(self._watch()))
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def close(self) -> None:
        """Close the outbox; what waits in it is sent by whoever opens it next."""
        self._outbox.close()

    async def _empty(self, channel: str) -> int:
        """Send what is due on a channel, one message after the other."""
        sent = 0
        while (claim := await self._outbox.claim(channel, self._clock.now_ns)) is not None:
            answer = await self._send(channel, claim.message)
            await self._outbox.settle(claim, answer, self._clock.now_ns)
            if answer.outcome == "sent":
                sent += 1
            else:
                _log.warning("an alert did not reach %s and is sent again: %s", channel, answer.words)
        return sent

    async def _send(self, channel: str, message: Message) -> Answer:
        try:
            return await self._courier.send(self._settings.channels[channel], message)
        except Exception as error:  # no process could be started, for one; its text could hold an address
            return Answer("failed", f"the sender could not be started: {type(error).__name__}")

    async def _forever(self, channel: str) -> None:
        news = self._news[channel]
        while True:
            news.clear()
            try:
                await self._empty(channel)
            except AlertError as error:
                _log.error("alerts for %s wait: %s", channel, error)
                await asyncio.sleep(AFTER_FAILURE_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), LOOK_S)

    async def _watch(self) -> None:
        """Escalations come with time."""
        while True:
            try:
                await self._outbox.look(self._clock.now_ns)
            except AlertError as error:
                _log.error("escalations wait: %s", error)
            await asyncio.sleep(LOOK_S)

    def _wake(self) -> None:
        for news in self._news.values():
            news.set()
