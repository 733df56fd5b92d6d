"""How often a channel may be used: fewer than fifty messages in any 24 hours, whatever happens.

What is not critical has a number of messages in 24 hours; the rest waits for a digest at midnight. Critical messages
have a number that wait for nothing; after these there is one in each `critical_every_s`, with everything that waits. So
nothing critical is lost and the longest wait is known, and no storm can fill a telephone.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from gxrisk.alerts.settings import AlertSettings, QuietHours

Kind = Literal["critical", "other", "digest"]
DAY_NS: Final = 86_400_000_000_000
NS_PER_S: Final = 1_000_000_000


def critical_at(settings: AlertSettings, sent_ns: Sequence[int], now_ns: int) -> int:
    """When the next critical message may go, from the times of the channel's last critical ones.

    >>> settings = AlertSettings(channels={"slack": "json://h"}, critical_burst=2)
    >>> critical_at(settings, [0], 5), critical_at(settings, [0, 5], 10) == 5 + 3600 * NS_PER_S
    (5, True)
    """
    if len(_of_a_day(sent_ns, now_ns)) < settings.critical_burst:
        return now_ns
    return max(now_ns, max(sent_ns) + round(settings.critical_every_s * NS_PER_S))


def others_left(settings: AlertSettings, sent_ns: Sequence[int], now_ns: int) -> int:
    """How many messages that are not critical the channel may still get now."""
    return max(0, settings.daily_max - len(_of_a_day(sent_ns, now_ns)))


def next_midnight(now_ns: int) -> int:
    """The next beginning of a UTC day."""
    return (now_ns // DAY_NS + 1) * DAY_NS


def retry_at(settings: AlertSettings, failures: int, now_ns: int) -> int:
    """When to try again after so many failures in a row: twice as long each time.

    >>> settings = AlertSettings(channels={"slack": "json://h"})
    >>> [retry_at(settings, failures, 0) // NS_PER_S for failures in (1, 2, 3, 50)]
    [5, 10, 20, 600]
    """
    wait_s = min(settings.retry_max_s, settings.retry_s * 2.0 ** min(failures - 1, 30))
    return now_ns + round(wait_s * NS_PER_S)


def quiet_until(hours: QuietHours | None, now_ns: int) -> int | None:
    """The end of the quiet hours, within them; else None.

    >>> hours = QuietHours(start="22:00", end="07:00", zone="UTC")
    >>> quiet_until(hours, 23 * 3600 * NS_PER_S) == (24 + 7) * 3600 * NS_PER_S
    True
    >>> quiet_until(hours, 7 * 3600 * NS_PER_S)
    """
    if hours is None:
        return None
    zone = ZoneInfo(hours.zone)
    now = datetime.fromtimestamp(now_ns // NS_PER_S, zone)
    for day in (now.date() - timedelta(days=1), now.date()):
        start = datetime.combine(day, hours.start, zone)
        ends_on = day if hours.end > hours.start else day + timedelta(days=1)
        end = datetime.combine(ends_on, hours.end, zone)
        # Compared in UTC: within one zone Python compares the hands of the clock, which go back in autumn.
        if start.astimezone(UTC) <= now.astimezone(UTC) < end.astimezone(UTC):
            return int(end.timestamp()) * NS_PER_S
    return None


def _of_a_day(sent_ns: Sequence[int], now_ns: int) -> list[int]:
    return [one for one in sent_ns if one > now_ns - DAY_NS]
