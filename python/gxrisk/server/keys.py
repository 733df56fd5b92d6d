"""API keys: who may call the server, and for which vaults. Made by `gxrisk api-keys`, asked at every request."""

import json
import re
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any, Final, Literal, get_args

from sqlalchemy import Engine, insert, or_, select, update

from gxrisk._native import GxriskError
from gxrisk.server.database import reading, writing
from gxrisk.server.key_text import KeyText
from gxrisk.server.lockout import Lockout
from gxrisk.server.tables import api_keys

Scope = Literal["read", "propose", "feed", "operate", "own", "admin"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
USED_EVERY_MS: Final = 60_000
KNOWN_FOR_S: Final = 1.0  # a key that another process revokes works at most so much longer
_VAULTS_NEEDED: Final[dict[str, str]] = {"propose": "exactly one vault", "own": "one vault or more"}
_VAULT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_NO_DIGEST: Final = bytes(32)


class KeyringError(GxriskError):
    """A key that cannot be made or revoked as asked."""


class KeyRefused(GxriskError):
    """A call that no key vouches for; `code` says why, `wait_s` how long to wait before it is heard again."""

    def __init__(self, code: Literal["unauthenticated", "locked_out"], text: str, wait_s: int = 0) -> None:
        super().__init__(text)
        self.code = code
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as the server knows it; `vaults` is None for all. Times are milliseconds since 1970 (UTC)."""

    id: str
    name: str
    scope: Scope
    vaults: frozenset[str] | None
    created_ms: int
    expires_ms: int | None
    revoked_ms: int | None
    used_ms: int | None

    def covers(self, vault_id: str) -> bool:
        """Whether it is for this vault."""
        return self.vaults is None or vault_id in self.vaults


class Keyring:
    """The keys in the server's database. One key has one scope; whoever needs two has two keys.

    >>> import tempfile
    >>> from gxrisk.server.database import open_database
    >>> from gxrisk.server.lockout import Allowed
    >>> folder = tempfile.TemporaryDirectory()
    >>> engine = open_database(f"{folder.name}/server.db")
    >>> keyring = Keyring(engine, Lockout(Allowed(10, 100, 900), engine))
    >>> key, text = keyring.create("the momentum agent", "propose", ["growth-1"])
    >>> caller = keyring.caller(text, "192.0.2.1")
    >>> caller.scope, caller.covers("growth-1"), caller.covers("growth-2")
    ('propose', True, False)
    >>> keyring.revoke(key.id)
    >>> keyring.caller(text, "192.0.2.1")
    Traceback (most recent call last):
        ...
    gxrisk.server.keys.KeyRefused: the API key is unknown, revoked or expired; ask the operator for one
    >>> engine.dispose(); folder.cleanup()
    """

    def __init__(self, engine: Engine, lockout: Lockout, *, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._lockout = lockout
        self._clock = clock
        self._known: dict[str, tuple[ApiKey, bytes, float]] = {}
        self._used: dict[str, int] = {}

    def create(
        self, name: str, scope: Scope, vaults: Iterable[str] | None = None, *, expires_ms: int | None = None
    ) -> tuple[ApiKey, str]:
        """Make a key; its text is given here and never again. Raises `KeyringError` for what makes no sense."""
        chosen = None if vaults is None else frozenset(vaults)
        now_ms = self._now_ms()
        _check(name, scope, chosen, expires_ms, now_ms)
        text = KeyText.new()
        key = ApiKey(text.key_id, name, scope, chosen, now_ms, expires_ms, None, None)
        row = {**_row(key), "digest": text.digest}
        with writing(self._engine) as connection:
            connection.execute(insert(api_keys).values(row))
        return key, text.text

    def all(self) -> list[ApiKey]:
        """Every key that was ever made, oldest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(api_keys).order_by(api_keys.c.created_ms, api_keys.c.id)).mappings()
            return [_of(row) for row in rows]

    def revoke(self, key_id: str) -> None:
        """End a key for good; once more changes nothing. Raises `KeyringError` for one that is not there."""
        gone = update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_ms.is_(None))
        with writing(self._engine) as connection:
            done = connection.execute(gone.values(revoked_ms=self._now_ms()))
            if not done.rowcount and connection.scalar(select(api_keys.c.id).where(api_keys.c.id == key_id)) is None:
                raise KeyringError(f"there is no API key {key_id}; gxrisk api-keys list shows all")
        self._known.pop(key_id, None)

    def caller(self, text: str, address: str) -> ApiKey:
        """Whose key this is. Raises `KeyRefused`; from an address that fails too often even for a good key.

        What is wrong with a key is not said: a stranger learns nothing from the answer, nor from how long it takes.
        """
        parsed = KeyText.parse(text)
        key_id = "" if parsed is None else parsed.key_id
        wait_s = self._lockout.wait_s(address, key_id)
        if wait_s:
            raise KeyRefused(
                "locked_out", f"too many keys from this address were wrong; nothing is heard for {wait_s} s", wait_s
            )
        found = None if parsed is None else self._find(key_id)
        digest = _NO_DIGEST if found is None else found[1]
        is_same = compare_digest(digest, _NO_DIGEST if parsed is None else parsed.digest)
        if found is None or not is_same or not self._is_good(found[0]):
            self._lockout.failed(address, key_id)
            raise KeyRefused("unauthenticated", "the API key is unknown, revoked or expired; ask the operator for one")
        self._note_use(found[0])
        return found[0]

    def known(self, text: str, address: str) -> ApiKey | None:
        """Whose key this is, without waiting for the database; None where `caller` has to be asked: at the latest
        every second, and for all that is wrong.
        """
        parsed = KeyText.parse(text)
        known = None if parsed is None else self._known.get(parsed.key_id)
        if parsed is None or known is None or not 0 <= known[2] - self._clock() <= KNOWN_FOR_S:
            return None
        key, digest, _ = known
        if not (compare_digest(digest, parsed.digest) and self._is_good(key)) or self._is_use_due(key):
            return None
        return None if self._lockout.wait_s(address, key.id) else key

    def still_good(self, key_ids: Collection[str]) -> set[str]:
        """Those of these keys that are neither revoked nor expired, as the database has them now."""
        column, now_ms = api_keys.c, self._now_ms()
        is_not_late = or_(column.expires_ms.is_(None), column.expires_ms > now_ms)
        query = select(column.id).where(column.id.in_(key_ids), column.revoked_ms.is_(None), is_not_late)
        with reading(self._engine) as connection:
            return set(connection.scalars(query))

    def _find(self, key_id: str) -> tuple[ApiKey, bytes] | None:
        now_s = self._clock()
        known = self._known.get(key_id)
        if known is not None and 0 <= known[2] - now_s <= KNOWN_FOR_S:
            return known[0], known[1]
        with reading(self._engine) as connection:
            row = connection.execute(select(api_keys).where(api_keys.c.id == key_id)).mappings().one_or_none()
        if row is None:
            self._known.pop(key_id, None)
            return None
        key, digest = _of(row), bytes(row["digest"])
        self._known[key_id] = key, digest, now_s + KNOWN_FOR_S
        return key, digest

    def _is_good(self, key: ApiKey) -> bool:
        return key.revoked_ms is None and (key.expires_ms is None or self._now_ms() < key.expires_ms)

    def _note_use(self, key: ApiKey) -> None:
        now_ms = self._now_ms()
        if self._is_use_due(key):
            self._used[key.id] = now_ms
            with writing(self._engine) as connection:
                connection.execute(update(api_keys).where(api_keys.c.id == key.id).values(used_ms=now_ms))

    def _is_use_due(self, key: ApiKey) -> bool:
        return self._now_ms() - max(self._used.get(key.id, 0), key.used_ms or 0) >= USED_EVERY_MS

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _check(name: str, scope: str, vaults: frozenset[str] | None, expires_ms: int | None, now_ms: int) -> None:
    if not name.isprintable() or not 1 <= len(name.strip()) <= len(name) <= 64:
        raise KeyringError(f"name: {name!r} was given, 1 to 64 printable characters are allowed")
    if scope not in SCOPES:
        raise KeyringError(f"scope: {scope!r} was given, allowed are {', '.join(SCOPES)}")
    wrong = sorted(one for one in vaults or () if not _VAULT.fullmatch(one))
    if wrong:
        allowed = "1 to 64 letters, digits, '.', '_' and '-' are allowed, the first a letter or a digit"
        raise KeyringError(f"vault: {wrong[0]!r} is no vault's id; {allowed}")
    count = None if vaults is None else len(vaults)
    if (scope == "propose" and count != 1) or (scope == "own" and not count):
        seen = "none was" if count is None else f"{count} were"
        raise KeyringError(f"a key with the scope {scope} needs {_VAULTS_NEEDED[scope]}, {seen} given: use --vault")
    if scope in ("feed", "admin") and vaults is not None:
        raise KeyringError(f"a key with the scope {scope} is for no vault in particular: leave --vault out")
    if vaults is not None and not vaults:
        raise KeyringError("vaults: none was given; leave it out for all")
    if expires_ms is not None and expires_ms <= now_ms:
        raise KeyringError(f"expires: {(now_ms - expires_ms) // 1000} s ago was given, a time to come is allowed")


def _row(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scope": key.scope,
        "vaults": None if key.vaults is None else json.dumps(sorted(key.vaults)),
        "created_ms": key.created_ms,
        "expires_ms": key.expires_ms,
        "revoked_ms": key.revoked_ms,
        "used_ms": key.used_ms,
    }


def _of(row: Any) -> ApiKey:
    vaults = row["vaults"]
    kept = {name: row[name] for name in ("id", "name", "scope", "created_ms", "expires_ms", "revoked_ms", "used_ms")}
    return ApiKey(vaults=None if vaults is None else frozenset(json.loads(vaults)), **kept)
