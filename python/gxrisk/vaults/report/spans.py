"""Which time a report is about: a week from Monday to Monday (ISO 8601, UTC), or any other span."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from gxrisk._native import GxriskError

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WEEK: Final = re.compile(r"(\d{4})-W(\d{2})", re.ASCII)
_WEEK_LENGTH: Final = timedelta(weeks=1)
_NS_PER_MICROSECOND: Final = 1_000


class ReportError(GxriskError):
    """A report that cannot be made as asked."""


@dataclass(frozen=True, slots=True)
class Span:
    """From `since_ns` (included) to `until_ns` (not included); `name` is short and fit for a file."""

    name: str
    since_ns: int
    until_ns: int

    @classmethod
    def week(cls, name: str) -> "Span":
        """The week of that name.

        >>> span = Span.week("2017-W51")
        >>> datetime.fromtimestamp(span.since_ns / 1e9, UTC).isoformat()
        '2017-12-18T00:00:00+00:00'
        """
        match = _WEEK.fullmatch(name)
        try:
            if match is not None:
                return cls.week_of(nanoseconds(datetime.fromisocalendar(int(match[1]), int(match[2]), 1)))
        except (ValueError, OverflowError):
            pass
        raise ReportError(f"week: {name!r} was given, a week of ISO 8601 like 2017-W51 is allowed")

    @classmethod
    def week_of(cls, time_ns: int) -> "Span":
        """The week that a time lies in.

        >>> Span.week_of(1_513_987_200_000_000_000).name
        '2017-W51'
        """
        time = _EPOCH + timedelta(microseconds=time_ns // _NS_PER_MICROSECOND)
        year, week, _ = time.isocalendar()
        monday = datetime.fromisocalendar(year, week, 1)
        return cls(f"{year}-W{week:02}", nanoseconds(monday), nanoseconds(monday + _WEEK_LENGTH))

    @classmethod
    def between(cls, since: datetime, until: datetime) -> "Span":
        """Any span between two times that know their zone; a whole week gets the week's name."""
        if not since < until:
            raise ReportError(f"since {since.isoformat()} is not before until {until.isoformat()}")
        span = cls(f"{_compact(since)}-{_compact(until)}", nanoseconds(since), nanoseconds(until))
        week = cls.week_of(span.since_ns)
        return week if (week.since_ns, week.until_ns) == (span.since_ns, span.until_ns) else span


def nanoseconds(time: datetime) -> int:
    """Since 1970 (UTC), exactly; a time without a zone is UTC."""
    known = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
    return (known - _EPOCH) // timedelta(microseconds=1) * _NS_PER_MICROSECOND


def _compact(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y%m%dT%H%M%SZ}"
