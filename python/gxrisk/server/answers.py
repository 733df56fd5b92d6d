"""What was answered to a request with an `Idempotency-Key`: sent again, it has that answer and no effect."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import Engine, delete, insert, select

from gxrisk.server.database import reading, writing
from gxrisk.server.tables import answers


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it was given, and the fingerprint of what was asked."""

    fingerprint: bytes
    status: int
    headers: dict[str, str]
    body: bytes


class Answers:
    """Answers by API key and idempotency key, kept for `keep_s` seconds.

    They are kept when the work is done. What a crash cut short in between is not here, and the request that is sent
    again does the work again, which every operation of the server must therefore bear.

    >>> import tempfile
    >>> from gxrisk.server.database import open_database
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     engine = open_database(f"{folder}/server.db")
    ...     kept = Answers(engine, 60)
    ...     kept.keep("00aa", "first", Answer(b"f" * 32, 200, {}, b"{}"))
    ...     kept.find("00aa", "first").status, kept.find("00ab", "first")
    ...     engine.dispose()
    (200, None)
    """

    def __init__(self, engine: Engine, keep_s: int, *, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._keep_ms = keep_s * 1000
        self._clock = clock
        self._locks: dict[tuple[str, str], tuple[asyncio.Lock, int]] = {}

    def find(self, api_key: str, name: str) -> Answer | None:
        """The answer that was given, if it has not expired."""
        column = answers.c
        query = select(answers).where(column.api_key == api_key, column.name == name, column.until_ms > self._now_ms())
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            return None
        return Answer(bytes(row["fingerprint"]), row["status"], json.loads(row["headers"]), bytes(row["body"]))

    def keep(self, api_key: str, name: str, answer: Answer) -> None:
        """Keep an answer, and let go of the expired ones."""
        column = answers.c
        with writing(self._engine) as connection:
            connection.execute(delete(answers).where(column.until_ms <= self._now_ms()))
            values = {
                "api_key": api_key,
                "name": name,
                "until_ms": self._now_ms() + self._keep_ms,
                "fingerprint": answer.fingerprint,
                "status": answer.status,
                "headers": json.dumps(answer.headers),
                "body": answer.body,
            }
            connection.execute(insert(answers).values(values))

    @asynccontextmanager
    async def turn(self, api_key: str, name: str) -> AsyncIterator[None]:
        """One request at a time with the same key."""
        key = api_key, name
        lock, waiting = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = lock, waiting + 1
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._locks[key]
            if waiting == 1:
                del self._locks[key]
            else:
                self._locks[key] = lock, waiting - 1

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)
