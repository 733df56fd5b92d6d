"""A channel's address holds tokens: nothing that came of it is shown before they are taken out."""

import re
from base64 import b64encode
from typing import Final
from urllib.parse import quote, quote_plus, unquote_plus, urlsplit

HIDDEN: Final = "***"
_SECRET_CHARS_MIN: Final = 3
_WORDS_CHARS_MAX: Final = 300
_SEPARATORS: Final = re.compile(r"[/?&=,:;@#+\s]+")


def redacted(words: str, address: str) -> str:
    """`words` on one line without any part of the address but its scheme, however the part is written.

    A host is hidden too, since many services have a token in its place.

    >>> redacted("POST https://hooks.slack.com/services/T1A/B1B/C4N4RY%2F1 failed", "slack://T1A/B1B/c4n4ry%2f1")
    'POST https://hooks.slack.com/services/*** failed'
    """
    secrets = sorted(_secrets(address), key=len, reverse=True)
    if secrets:
        words = re.sub("|".join(map(re.escape, secrets)), HIDDEN, words, flags=re.IGNORECASE)
    words = " ".join(words.split())
    return words if len(words) <= _WORDS_CHARS_MAX else f"{words[: _WORDS_CHARS_MAX - 1]}…"


def _secrets(address: str) -> set[str]:
    """Every part of an address, as it stands there, decoded, encoded, and as HTTP's basic authentication writes it."""
    rest = address.partition("://")[2]
    parts = {rest, *_SEPARATORS.split(rest)}
    parts |= {unquote_plus(part) for part in (*parts, *re.split(r"[/?&=]", rest))}
    parts |= {piece for part in tuple(parts) for piece in _SEPARATORS.split(part)}
    user, separator, _ = _netloc(rest).rpartition("@")
    if separator:
        parts.add(b64encode(unquote_plus(user).encode()).decode())
    parts |= {write(part, safe="") for part in tuple(parts) for write in (quote, quote_plus)}
    return {part for part in parts if len(part) >= _SECRET_CHARS_MIN}


def _netloc(rest: str) -> str:
    try:
        return urlsplit(f"//{rest}").netloc
    except ValueError:  # an address that nothing can be sent to may be malformed too
        return rest.partition("/")[0]
