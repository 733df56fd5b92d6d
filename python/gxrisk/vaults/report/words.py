"""How the page writes numbers, times and foreign text."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from markupsafe import Markup

from gxrisk.history.amounts import EXACT, plain
from gxrisk.history.times import written

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNKNOWN: Final = Markup('<span class="unknown">not known</span>')
_LONG: Final = re.compile(r"(?<![\w.,:-])(?:\d+\.\d{5,}|\d{5,}(?:\.\d+)?)(?![\w.-]*\w)", re.ASCII)
_SIGNIFICANT: Final = 6
_KEPT: Final = "\n"
_OF_FRACTIONS: Final = ("price_move", "volatility")

Form = Callable[[Decimal], str]


def money(value: Decimal | None) -> Markup:
    """To two digits: `1,234.50`, a true minus sign; the exact value is in the mark-up."""
    return _data(value, lambda number: f"{number:,.2f}")


def signed(value: Decimal | None) -> Markup:
    """Money with its sign."""
    return _data(value, lambda number: f"{number:+,.2f}")


def percent(value: Decimal | None) -> Markup:
    """A fraction as a percentage to two digits."""
    return _data(value, lambda number: f"{number * 100:,.2f} %")


def signed_percent(value: Decimal | None) -> Markup:
    """The same with its sign."""
    return _data(value, lambda number: f"{number * 100:+,.2f} %")


def ratio(value: Decimal | None) -> Markup:
    """A plain number to two digits."""
    return _data(value, lambda number: f"{number:,.2f}")


def number(value: Decimal | int | None) -> Markup:
    """A number, exactly."""
    return _data(None if value is None else Decimal(value), lambda one: f"{Decimal(plain(one)):,f}")


def figure(text: str | None, breaker: str) -> Markup:
    """A limit or an observed value as the journal writes it; those of some breakers are fractions."""
    if text is None:
        return Markup("")
    try:
        value = Decimal(text)
        return percent(value) if breaker in _OF_FRACTIONS else _data(value, _significant)
    except InvalidOperation:
        return Markup.escape(shown(text))


def price(value: Decimal | None) -> Markup:
    """A price or quantity to six significant digits, its zeros too, so that a column's points stand together."""
    return _data(value, lambda one: f"{_rounded(one):,f}")


def moment(time_ns: int, form: str = "{day} {time:%b %H:%M}") -> Markup:
    """A time in UTC to the minute."""
    time = _EPOCH + timedelta(microseconds=time_ns // 1000)
    return Markup('<time datetime="{}">{}</time>').format(written(time_ns), form.format(day=time.day, time=time))


def date(time_ns: int) -> Markup:
    """A day in full."""
    return moment(time_ns, "{time:%A} {day} {time:%B %Y}")


def lasting(seconds: int) -> str:
    """A duration in its two largest units.

    >>> lasting(36960), lasting(59), lasting(180_000)
    ('10 h 16 min', '59 s', '2 d 2 h')
    """
    minutes, rest = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days} d {hour} h"
    if hours:
        return f"{hours} h {minute} min"
    return f"{minutes} min" if minutes else f"{rest} s"


def shown(text: str) -> str:
    r"""Text of a model or a venue with what does not print written out, line breaks kept; not yet escaped for HTML.

    >>> print(shown("up \x1b[2J\u202e only"))
    up \x1b[2J\u202e only
    """
    if text.isprintable():
        return text
    kept = text.replace("\r\n", "\n")
    return "".join(one if one.isprintable() or one in _KEPT else _escaped(one) for one in kept)


def brief(text: str) -> str:
    """The gate's own sentences with their exact numbers to six significant digits.

    >>> brief("the day opened at 10155.708998004032343504: a loss of 4 % or more")
    'the day opened at 10,155.7: a loss of 4 % or more'
    """
    return _LONG.sub(lambda match: _significant(Decimal(match[0])), shown(text))


def _data(value: Decimal | None, form: Form) -> Markup:
    if value is None:
        return _UNKNOWN
    text = form(value)
    is_nothing = not any(digit in text for digit in "123456789")
    text = text.lstrip("+-") if is_nothing else text.replace("-", "\N{MINUS SIGN}")
    return Markup('<data value="{}">{}</data>').format(plain(value), text)


def _significant(value: Decimal) -> str:
    return f"{Decimal(plain(_rounded(value))):,f}"


def _rounded(value: Decimal) -> Decimal:
    digits = max(0, _SIGNIFICANT - 1 - value.adjusted()) if value else 0
    return value.quantize(Decimal(1).scaleb(-digits), context=EXACT)


def _escaped(one: str) -> str:
    return one.encode("unicode_escape").decode("ascii")
