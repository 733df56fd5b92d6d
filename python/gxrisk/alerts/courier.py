"""Takes a message to a channel: one process for each sending, which ends in time whatever the receiver does."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

from pydantic import SecretStr

from gxrisk.alerts.redaction import redacted
from gxrisk.alerts.sender import Network
from gxrisk.alerts.wording import Message

# The file alone: without the rest of gxrisk it starts in half the time.
COMMAND: Final = (sys.executable, "-I", str(Path(__file__).with_name("sender.py")))
# What the sender gets of the environment. No proxies: behind one, nobody would look at the address it connects to.
_ENVIRONMENT: Final = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "SYSTEMROOT",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
)
_START_S: Final = 20.0  # for the interpreter and apprise's services to load, on a busy machine
_KINDS: Final = {"info": "info", "warning": "warning", "critical": "failure"}  # apprise's words


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `unknown` where it cannot be known whether the receiver took the message. Holds no secret."""

    outcome: Literal["sent", "failed", "unknown"]
    words: str


class Courier(Protocol):
    """Takes messages to channels; never raises for what a receiver does."""

    async def send(self, address: SecretStr, message: Message) -> Answer:
        """Send it, and say what came back."""
        ...


class AppriseCourier:
    """Sends through apprise. `timeout_s` bounds a whole sending; `allowed` are private networks that may be reached."""

    def __init__(self, timeout_s: float, allowed: Sequence[Network] = (), *, command: Sequence[str] = COMMAND) -> None:
        self._timeout_s = timeout_s
        self._allowed = [str(network) for network in allowed]
        self._command = tuple(command)

    async def send(self, address: SecretStr, message: Message) -> Answer:
        """Send it; the process is killed when time is over or the task is cancelled."""
        order = {
            "address": address.get_secret_value(),
            "title": message.title,
            "body": message.body,
            "kind": _KINDS[message.severity],
            "thread": message.thread,
            "networks": self._allowed,
            "timeout_s": self._timeout_s,
        }
        # The order goes over a pipe: arguments and environments of processes can be read by others.
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        )
        try:
            return await self._answer(process, order)
        except TimeoutError:
            return Answer("unknown", f"no answer within {self._timeout_s:g} s")
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await asyncio.shield(process.wait())

    async def _answer(self, process: asyncio.subprocess.Process, order: dict[str, object]) -> Answer:
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(ConnectionError):  # it ended early: what it said tells
            process.stdin.write(json.dumps(order).encode())
            await process.stdin.drain()
            process.stdin.close()
        first = await asyncio.wait_for(process.stdout.readline(), _START_S)
        rest = await asyncio.wait_for(process.stdout.read(), self._timeout_s)
        await process.wait()
        try:
            told = json.loads(rest or first)
            outcome, words, refused = told["outcome"], str(told["words"]), told.get("refused")
        except (ValueError, KeyError, TypeError):
            return Answer("unknown", f"the sender ended with {process.returncode} and said nothing")
        if refused is not None:
            return Answer("failed", f"refused: {refused}")  # names the address that was resolved, and no more
        return Answer(outcome, redacted(words, str(order["address"])))
