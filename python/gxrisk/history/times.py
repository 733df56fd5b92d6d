"""Times as whole nanoseconds since 1970 (UTC): a gate's own precision, which no database's timestamp has."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_NS: Final = 1_000_000_000
_SECONDS: Final = len("1970-01-01T00:00:00")
_FRACTION_DIGITS: Final = 9


def nanoseconds(text: str) -> int:
    """The time of a record's text, exactly.

    >>> nanoseconds("1970-01-01T00:00:01.000000002Z")
    1000000002
    """
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = (datetime.fromisoformat(f"{whole}+00:00") - _EPOCH) // timedelta(seconds=1)
    return seconds * _SECOND_NS + int(f"{fraction:0<{_FRACTION_DIGITS}}")


def written(time_ns: int) -> str:
    """The time as RFC 3339, to the last digit that is not zero.

    >>> written(1_500_000_000)
    '1970-01-01T00:00:01.5Z'
    """
    seconds, fraction = divmod(time_ns, _SECOND_NS)
    whole = (_EPOCH + timedelta(seconds=seconds)).isoformat()[:_SECONDS]
    return f"{whole}{f'.{fraction:09}'.rstrip('0')}Z" if fraction else f"{whole}Z"
