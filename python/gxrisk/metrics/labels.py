"""Label values that cannot grow without bound."""

from collections.abc import Iterable
from typing import Final

OTHER: Final = "other"


class Bounded:
    """The first `most` values keep their names, all later ones are `other`.

    A name is given once and never to another value, so that no counter jumps back while the process lives.

    >>> bounded = Bounded(2)
    >>> [bounded(name) for name in ("ann", "bob", "cleo", "ann")]
    ['ann', 'bob', 'other', 'ann']
    """

    def __init__(self, most: int) -> None:
        if most < 0:
            raise ValueError(f"{most} labels were asked for; 0 or more are allowed")
        self._most = most
        self._named: set[str] = set()

    def __call__(self, value: str) -> str:
        """The label for a value."""
        if value in self._named:
            return value
        if len(self._named) >= self._most or value == OTHER:
            return OTHER
        self._named.add(value)
        return value


def one_of(value: str, known: Iterable[str]) -> str:
    """The value where it is a known one, else `other`.

    >>> one_of("stale_price", ["stale_price"]), one_of("invented", ["stale_price"])
    ('stale_price', 'other')
    """
    return value if value in known else OTHER
