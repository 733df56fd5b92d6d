"""A reader's place in many vaults as one short text: nothing is kept for it, so nothing of it can be lost.

The vaults are in the order in which they were made, which only grows; of them a cursor has a checksum, and then the
place in each as a number of a few bytes. For a thousand vaults of a million records each that is 4,000 characters.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Final

VAULTS_MAX: Final = 1_000
_CHECK_BYTES: Final = 6
_PLACE_MAX: Final = 2**63


class CursorError(ValueError):
    """A text that is no cursor over these vaults."""


class Cursor:
    """Writes the places of one stream; what did not move since is not worked out again.

    >>> cursor = Cursor(["ann", "bob"])
    >>> cursor.move({"ann": 17, "bob": 1_000_000})
    >>> len(cursor.text), places(cursor.text, ["ann", "bob", "eve"])
    (14, {'ann': 17, 'bob': 1000000})
    >>> places(cursor.text, ["bob", "ann"])
    Traceback (most recent call last):
        ...
    gxrisk.server.events.cursor.CursorError: this cursor is of other vaults than the key and the filter name now
    """

    def __init__(self, vault_ids: Iterable[str]) -> None:
        self._order: list[str] = []
        self._numbers: dict[str, int] = {}
        self._parts: list[bytes] = []
        self._check = b""
        for vault_id in vault_ids:
            self.add(vault_id)

    def __len__(self) -> int:
        return len(self._order)

    def add(self, vault_id: str) -> None:
        """A vault that was made after all others."""
        self._numbers[vault_id] = len(self._order)
        self._order.append(vault_id)
        self._parts.append(_varint(0))
        self._check = _checksum(self._order)

    def move(self, places: Mapping[str, int]) -> None:
        """Other places for some vaults."""
        for vault_id, place in places.items():
            self._parts[self._numbers[vault_id]] = _varint(place)

    @property
    def text(self) -> str:
        """What `places` reads."""
        return urlsafe_b64encode(b"".join((self._check, *self._parts))).rstrip(b"=").decode()


def places(text: str, vault_ids: Sequence[str]) -> dict[str, int]:
    """The places that a cursor has for the first of these vaults. Raises `CursorError`."""
    try:
        raw = urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
    except (Error, ValueError):
        raise CursorError("this is no cursor: give one as the server gave it") from None
    numbers = _numbers(raw[_CHECK_BYTES:])
    known = list(vault_ids[: len(numbers)])
    if len(raw) < _CHECK_BYTES or raw[:_CHECK_BYTES] != _checksum(known) or len(known) < len(numbers):
        raise CursorError("this cursor is of other vaults than the key and the filter name now")
    return dict(zip(known, numbers, strict=True))


def _checksum(vault_ids: Iterable[str]) -> bytes:
    return blake2b("\n".join(vault_ids).encode(), digest_size=_CHECK_BYTES).digest()


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; all but the last byte have the eighth bit."""
    parts = bytearray()
    while number >= 128:
        parts.append(number & 127 | 128)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _numbers(raw: bytes) -> list[int]:
    found, number, shift = [], 0, 0
    for byte in raw:
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            found.append(number)
            number = shift = 0
        if shift > 63:
            break
    if shift or any(one >= _PLACE_MAX for one in found):
        raise CursorError("this is no cursor: give one as the server gave it")
    return found
