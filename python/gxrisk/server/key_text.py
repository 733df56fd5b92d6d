"""How an API key is written: `gxr_`, a public id, `_`, a secret of 256 bits and its checksum.

The prefix lets a scanner find a key that was committed by mistake; the checksum lets it, and the server, tell a key
from what only looks like one, without a look into the database. The checksum protects from slips, not from anyone.

Only `digest` of a key is kept: SHA-256, and not a slow hash like argon2. A slow hash makes guessing a *password* dear,
since people choose from few; a secret of 256 random bits cannot be guessed at any speed, and each request would
have to pay for it.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_hex
from typing import Final
from zlib import crc32

_FORM: Final = re.compile(r"gxr_([0-9a-f]{16})_([0-9a-f]{64})([0-9a-f]{8})", re.ASCII)
_ID_BYTES: Final = 8
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class KeyText:
    """A key as its holder has it. Its `repr` shows the id alone.

    >>> key = KeyText.new()
    >>> KeyText.parse(key.text) == key, key.text in repr(key)
    (True, False)
    >>> KeyText.parse(key.text[:-1] + ("1" if key.text[-1] == "0" else "0")) is None
    True
    """

    key_id: str
    text: str

    def __repr__(self) -> str:
        return f"KeyText({self.key_id!r}, ...)"

    @classmethod
    def new(cls) -> "KeyText":
        """A key that was never there before."""
        key_id, secret = token_hex(_ID_BYTES), token_hex(_SECRET_BYTES)
        return cls(key_id, f"gxr_{key_id}_{secret}{_checksum(key_id, secret)}")

    @classmethod
    def parse(cls, text: str) -> "KeyText | None":
        """The key, or None for what is none."""
        match = _FORM.fullmatch(text)
        if match is None or _checksum(match[1], match[2]) != match[3]:
            return None
        return cls(match[1], text)

    @property
    def digest(self) -> bytes:
        """What is kept of it."""
        return sha256(self.text.encode()).digest()


def _checksum(key_id: str, secret: str) -> str:
    return f"{crc32(f'{key_id}_{secret}'.encode()):08x}"
