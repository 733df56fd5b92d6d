"""A sink whose clock a test sets and whose messages it reads.

What is sent when is asked with thousands of messages, each of which would be a process: so these go to a list, by
the way that is there for other couriers. `test_sending.py` sends through apprise to real servers.
"""

import asyncio
from collections.abc import Coroutine
from itertools import count
from typing import Any, Final, TypeVar

from gxrisk import ManualClock
from gxrisk.alerts import AlertSettings, AlertSink, Answer, Incident, Message
from gxrisk.vaults.notices import Notice, Severity
from pydantic import SecretStr

Result = TypeVar("Result")
START: Final = "2020-03-12T12:00:00Z"
CHANNELS: Final = {"slack": "json://slack", "mail": "json://mail", "sms": "json://sms"}


class Recorder:
    """Keeps what it is given; `answers` has what it says to each channel's next messages, else that they were sent."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.sent: list[tuple[int, str, Message]] = []
        self.answers: dict[str, list[Answer]] = {}

    async def send(self, address: SecretStr, message: Message) -> Answer:
        """Keep it."""
        channel = address.get_secret_value().removeprefix("json://")
        answers = self.answers.get(channel)
        answer = answers.pop(0) if answers else Answer("sent", "HTTP 200")
        if answer.outcome != "failed":
            self.sent.append((self._clock.now_ns, channel, message))
        return answer


class Desk:
    """A sink, its clock, and what it sent since it was asked last."""

    def __init__(self, url: str, *, start: str = START, **settings: Any) -> None:
        self.clock = ManualClock(start)
        self.recorder = Recorder(self.clock)
        self.settings = AlertSettings(**{"channels": CHANNELS, "url": url, **settings})
        self.sink = AlertSink(self.settings, clock=self.clock, courier=self.recorder)
        self._numbers = count(1)
        self._seen = 0

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Wait for something."""
        return asyncio.run(work)

    def tell(
        self,
        code: str,
        text: str,
        severity: Severity = "critical",
        vault: str = "ann",
        number: int = 0,
        subject: str = "",
    ) -> Notice:
        """A notice of a vault, taken."""
        number = number or next(self._numbers)
        notice = Notice(vault, number, self.clock.now().isoformat(), severity, code, text, subject)
        self.run(self.sink.notify(notice))
        return notice

    def after(self, seconds: float) -> list[tuple[str, str]]:
        """Let time pass, and give what went since: channel and title."""
        self.clock.advance(seconds)
        self.run(self.sink.deliver_due())
        return [(channel, message.title) for channel, message in self.new()]

    def new(self) -> list[tuple[str, Message]]:
        """What went since the last look, in order of channels."""
        found = [(channel, message) for _, channel, message in self.recorder.sent[self._seen :]]
        self._seen = len(self.recorder.sent)
        return sorted(found, key=lambda one: list(CHANNELS).index(one[0]))

    def bodies(self, seconds: float = 0, channel: str = "slack") -> list[str]:
        """Let time pass, and give the bodies that a channel got."""
        self.clock.advance(seconds)
        self.run(self.sink.deliver_due())
        return [message.body for one, message in self.new() if one == channel]

    def incidents(self) -> list[Incident]:
        """All of them, oldest first."""
        return [one for one, _ in reversed(self.run(self.sink.incidents(is_all=True)))]
