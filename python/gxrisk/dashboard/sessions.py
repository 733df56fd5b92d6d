"""Who is signed in: keys are held here, in the memory of this process, and nowhere else."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Final, Literal

from gxrisk.dashboard.api import Api
from gxrisk.dashboard.live import Live
from gxrisk.server.routes.key import KeyShown

IDLE_S_MAX: Final = 12 * 3_600
PEOPLE_MAX: Final = 1_000
Theme = Literal["auto", "light", "dark"]


@dataclass(eq=False)
class Person:
    """One who signed in: what their key is, and the server as they may use it. Its `repr` shows no key."""

    key: KeyShown
    api: Api = field(repr=False)
    live: Live = field(repr=False)
    theme: Theme = "auto"
    used_s: float = 0.0

    @property
    def operates(self) -> bool:
        """Whether the key may stop vaults."""
        return self.key.scope in ("operate", "own")

    @property
    def owns(self) -> bool:
        """Whether the key is an owner's."""
        return self.key.scope == "own"


class Sessions:
    """People by the random token that their cookie holds; whoever is idle for half a day has to sign in again."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.url = url
        self._clock = clock
        self._people: dict[str, Person] = {}

    async def sign_in(self, key: str) -> str:
        """A token for the holder of `key`. Raises `ApiError` where the server does not know it."""
        await self._forget_idle()
        api = Api(self.url, key)
        try:
            shown = await api.key()
        except BaseException:
            await api.close()
            raise
        token = token_urlsafe(32)
        self._people[token] = Person(shown, api, Live(api), used_s=self._clock())
        return token

    def find(self, token: object) -> Person | None:
        """Who has this token."""
        person = self._people.get(token) if isinstance(token, str) else None
        if person is None or self._is_idle(person):
            return None
        person.used_s = self._clock()
        return person

    async def sign_out(self, token: object) -> None:
        """Forget the key of a token."""
        person = self._people.pop(token, None) if isinstance(token, str) else None
        if person is not None:
            person.live.stop()
            await person.api.close()

    async def close(self) -> None:
        """Forget every key."""
        for token in tuple(self._people):
            await self.sign_out(token)

    async def _forget_idle(self) -> None:
        by_age = sorted(self._people, key=lambda token: self._people[token].used_s)
        surplus = max(0, len(by_age) + 1 - PEOPLE_MAX)
        for number, token in enumerate(by_age):
            if number < surplus or self._is_idle(self._people[token]):
                await self.sign_out(token)

    def _is_idle(self, person: Person) -> bool:
        return self._clock() - person.used_s > IDLE_S_MAX
