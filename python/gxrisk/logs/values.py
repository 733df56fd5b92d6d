"""Values of a log line that somebody else chose: bounded, without secrets, and in characters that one can see."""

import math
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from gxrisk.logs.secrets import REDACTED, Secrets, is_secret_name

CHARS_MAX: Final = 4_000  # of one text
KEY_CHARS_MAX: Final = 64
ITEMS_MAX: Final = 50  # of one list or mapping
DEPTH_MAX: Final = 4
LINE_CHARS_MAX: Final = 32_000  # of all texts of one line
_READ_MAX: Final = 65_536  # of a text before it is searched for secrets
_INT_BITS_MAX: Final = 256


class Plain:
    """Makes the values of one line plain: what `json` can write, and nothing that surprises who reads it.

    >>> plain = Plain(Secrets())
    >>> plain.value({"answer": "buy\\x1b[2K\\nnow", "api_key": "k", "score": float("nan"), "size": 10**100})
    {'answer': 'buy\\\\x1b[2K\\\\nnow', 'api_key': '[redacted]', 'score': 'nan', 'size': '[an integer of 333 bits]'}
    """

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._left = LINE_CHARS_MAX

    def value(self, value: Any, depth: int = 0) -> Any:
        """Any value."""
        match value:
            case None | bool():
                return value
            case int():
                return (
                    int(value) if value.bit_length() <= _INT_BITS_MAX else f"[an integer of {value.bit_length()} bits]"
                )
            case float():
                return float(value) if math.isfinite(value) else str(float(value))
            case str():
                return self.text(value)
            case bytes() | bytearray() | memoryview():
                return f"[{len(value)} bytes]"
            case Mapping() | list() | tuple() | set() | frozenset() if depth >= DEPTH_MAX:
                return f"[{type(value).__name__} of {len(value)}]"
            case Mapping():
                return self._mapping(value, depth)
            case list() | tuple() | set() | frozenset():
                shown = [self.value(one, depth + 1) for one in islice(value, ITEMS_MAX)]
                return shown if len(value) <= ITEMS_MAX else [*shown, f"[{len(value) - ITEMS_MAX} more]"]
        return self.text(_said(value))

    def text(self, text: str) -> str:
        """A text in one line."""
        return self._bounded(visible(self._cleaned(text)), len(text))

    def lines(self, text: str, most: int) -> list[str]:
        """The last lines of a text, as for a traceback."""
        return [self._bounded(visible(one), len(one)) for one in self._cleaned(text[-_READ_MAX:]).splitlines()[-most:]]

    def name(self, name: object) -> str:
        """The name of a field."""
        return visible(self._cleaned(_said(name)))[:KEY_CHARS_MAX]

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for key, one in islice(value.items(), ITEMS_MAX):
            name = self.name(key)
            shown[name] = REDACTED if is_secret_name(name) else self.value(one, depth + 1)
        if len(value) > ITEMS_MAX:
            shown["[more]"] = len(value) - ITEMS_MAX
        return shown

    def _cleaned(self, text: str) -> str:
        if len(text) <= _READ_MAX:
            return self._secrets.cleaned(text)
        # Half a secret at the cut is not known as one: nothing that could be half of one is kept.
        cleaned = self._secrets.cleaned(text[:_READ_MAX])
        return cleaned[: max(0, len(cleaned) - self._secrets.chars_max)]

    def _bounded(self, text: str, chars: int) -> str:
        most = min(CHARS_MAX, self._left)
        self._left -= min(len(text), most)
        return text if len(text) <= most and chars <= _READ_MAX else f"{text[:most]}[cut, of {chars} characters]"


def visible(text: str) -> str:
    """The text with an escape for each character that does not show: line ends, controls, ANSI, writing directions.

    >>> visible("one\\ntwo\\u202e")
    'one\\\\ntwo\\\\u202e'
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _said(value: object) -> str:
    """What an object says of itself; anyone's may raise, or say no text."""
    try:
        return str(value)
    except Exception as error:
        return f"[{type(value).__name__}, whose text raised {type(error).__name__}]"
