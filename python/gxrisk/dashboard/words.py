"""Numbers, times and states as the dashboard writes them: the same everywhere, aligned, with their sign and unit."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

NOTHING: Final = "–"
MINUS: Final = "\N{MINUS SIGN}"
# A shape beside each word: nothing is said by colour alone.
MARKS: Final = {
    "active": "●",
    "reduce_only": "◐",
    "exits_only": "◐",
    "halted": "■",
    "killed": "✕",
    "paused": "❚❚",
    "failed": "✕",
    "retired": "○",
    "approved": "✓",
    "rejected": "✕",
    "held": "◌",
}
# What a feed's risk level says of its prices.
QUALITY: Final = {"low": "good", "elevated": "fair", "high": "poor", "critical": "bad"}
# How bad an alert is, from the least on.
SEVERITIES: Final = {"info": "○ info", "warning": "▲ warning", "critical": "■ critical"}
# What ends a trip that has no time.
_ENDS: Final = {
    "drawdown": "until its owner reactivates",
    "execution_failure": "until resumed",
    "fill_mismatch": "until resumed",
    "oracle_failure": "until prices are back",
    "volatility": "until markets are calm",
}
_DIGITS: Final = 9
_MINUTE_S: Final = 60
_HOUR_S: Final = 3_600
_DAY_S: Final = 86_400


def words(code: str) -> str:
    """A code of the API as people read it.

    >>> words("reduce_only")
    'reduce only'
    """
    return code.replace("_", " ")


def marked(code: str) -> str:
    """A state or an outcome with its shape.

    >>> marked("halted")
    '■ halted'
    """
    return f"{MARKS.get(code, '•')} {words(code)}"


def money(value: Decimal | None, *, signed: bool = False) -> str:
    """An amount in the account's currency, to the cent.

    >>> money(Decimal("-1234.5")), money(Decimal("12"), signed=True), money(None)
    ('−1,234.50', '+12.00', '–')
    """
    return NOTHING if value is None else _minus(f"{value:{'+' if signed and value else ''},.2f}")


def number(value: Decimal | int | None) -> str:
    """A quantity or a price, with every digit that it has.

    >>> number(Decimal("0.00010")), number(Decimal("-64000")), number(1000)
    ('0.0001', '−64,000', '1,000')
    """
    if value is None:
        return NOTHING
    text = f"{value:,f}" if isinstance(value, Decimal) else f"{value:,}"
    return _minus(text.rstrip("0").rstrip(".") if "." in text else text)


def figure(value: object) -> str:
    """What the API gives as text, a number or a word, as people read it: grouped, at most nine digits after the point.

    >>> figure("901000"), figure("0.0004050925925"), figure("reduce_only"), figure(None), figure(False)
    ('901,000', '0.000405093', 'reduce only', '–', 'no')
    """
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    try:
        exact = Decimal(text)
    except InvalidOperation:
        return words(text)
    return number(round(exact, _DIGITS)) if exact.is_finite() else text


def percent(fraction: Decimal | float | None, *, signed: bool = False, digits: int = 1) -> str:
    """A fraction in percent.

    >>> percent(Decimal("0.0512")), percent(Decimal("-0.2"), signed=True), percent(None)
    ('5.1 %', '−20.0 %', '–')
    """
    if fraction is None:
        return NOTHING
    return _minus(f"{fraction * 100:{'+' if signed and fraction else ''}.{digits}f} %")


def clock(at: datetime | None) -> str:
    """A time of day, UTC.

    >>> clock(datetime(2020, 3, 12, 10, 55, tzinfo=UTC))
    '10:55:00'
    """
    return NOTHING if at is None else f"{at.astimezone(UTC):%H:%M:%S}"


def moment(at: datetime | None) -> str:
    """A day and a time, UTC.

    >>> moment(datetime(2020, 3, 12, 10, 55, tzinfo=UTC))
    '2020-03-12 10:55:00'
    """
    return NOTHING if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def until(breaker: str, end: datetime | None, now: datetime) -> str:
    """When a trip ends and how long that is, in whole minutes or more; or what ends it.

    >>> until("price_move", datetime(2020, 3, 12, 11, 10, tzinfo=UTC), datetime(2020, 3, 12, 10, 55, 1, tzinfo=UTC))
    'until 11:10:00 (15 min)'
    >>> until("oracle_failure", None, datetime(2020, 3, 12, tzinfo=UTC))
    'until prices are back'
    """
    if end is None:
        return _ENDS.get(breaker, "until it is reset")
    is_soon = (end - now).total_seconds() < _DAY_S
    shown = f"{end.astimezone(UTC):%H:%M:%S}" if is_soon else moment(end)
    return f"until {shown} ({_span(end, now)})"


def left(breaker: str, end: datetime | None, now: datetime) -> str:
    """How long a trip still lasts, where there is no room for more than that.

    >>> left("price_move", datetime(2020, 3, 12, 11, 10, tzinfo=UTC), datetime(2020, 3, 12, 10, 55, 1, tzinfo=UTC))
    '15 min'
    >>> left("fill_mismatch", None, datetime(2020, 3, 12, tzinfo=UTC))
    'until resumed'
    """
    return until(breaker, None, now) if end is None else _span(end, now)


def time_of(text: str | None) -> datetime | None:
    """A time of the API.

    >>> time_of("2020-03-12T10:55:00Z")
    datetime.datetime(2020, 3, 12, 10, 55, tzinfo=datetime.timezone.utc)
    """
    return None if text is None else datetime.fromisoformat(text)


def share(part: Decimal, whole: Decimal) -> Decimal | None:
    """How much of a limit is used, from 0 on; None where there is nothing to take a share of.

    >>> share(Decimal(3), Decimal(12)), share(Decimal(-1), Decimal(4)), share(Decimal(1), Decimal(0))
    (Decimal('0.25'), Decimal('0'), None)
    """
    return None if whole <= 0 else max(part, Decimal(0)) / whole


def _span(end: datetime, now: datetime) -> str:
    left_s = max(0, (end - now).total_seconds())
    if left_s <= _MINUTE_S:
        return "under 1 min"
    if left_s <= 2 * _HOUR_S:
        return f"{-(-left_s // _MINUTE_S):.0f} min"
    return f"{left_s / _HOUR_S:.0f} h"


def _minus(text: str) -> str:
    return text.replace("-", MINUS)
