"""What rules and breakers measured, in the unit of each: rounded for reading, and exact where that would hide why."""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from types import MappingProxyType
from typing import Final

from gxrisk.dashboard.words import figure, money, number, percent

_MONEY: Final = frozenset(
    {
        "position_size",
        "leverage",
        "daily_loss",
        "drawdown",
        "concentration",
        "correlated_exposure",
        "stop_risk_budget",
        "order_notional",
    }
)
_SHARES: Final = frozenset({"price_move", "volatility"})
_SECONDS: Final = frozenset({"stale_price", "oracle_failure"})
_DIGITS: Final = 2
_DIGITS_SMALL: Final = 6
_UNITS: Final[Mapping[str, Callable[[Decimal], str]]] = MappingProxyType(
    dict.fromkeys(_MONEY, money)
    | dict.fromkeys(_SHARES, lambda value: percent(value, digits=2))
    | {"order_rate": lambda value: number(round(value, _DIGITS))}
    | dict.fromkeys(_SECONDS, lambda value: f"{number(round(value, 1))} s")
)
# A number of its own in a sentence: no part of a date, a name, or another number.
_NUMBER: Final = re.compile(r"(?<![\w.,:-])\d+(?:\.\d+)?(?![\w-]|[.:]\d)")
_GROUPED_FROM: Final = 1_000


def measured(code: str, limit: str | None, observed: str | None) -> tuple[str, str]:
    """The limit and what was observed by the rule or breaker `code`.

    >>> measured("position_size", "46859.210948024", "743940"), measured("price_move", "0.1", "0.181584159")
    (('46,859.21', '743,940.00'), ('10.00 %', '18.16 %'))
    >>> measured("position_size", "46859.210948024", "46859.210948025")  # a difference is never rounded away
    ('46,859.210948024', '46,859.210948025')
    >>> measured("trading_state", "active", "reduce_only"), measured("open_orders", "50", None)
    (('active', 'reduce only'), ('50', '–'))
    """
    shown = _in_unit(code, limit), _in_unit(code, observed)
    return shown if shown[0] != shown[1] or limit == observed else (figure(limit), figure(observed))


def sentence(text: str) -> str:
    """A sentence of the gate's, its long numbers rounded and grouped, unless two of them would become one.

    >>> sentence("the day opened at 205000 and equity is 195022.17491072153: a loss of 4 % or more")
    'the day opened at 205,000 and equity is 195,022.17: a loss of 4 % or more'
    >>> sentence("worth 46859.210948025; at most 46859.210948024 is allowed")
    'worth 46859.210948025; at most 46859.210948024 is allowed'
    >>> sentence("closed at 2020-03-12T10:55:00Z by gx-12345")
    'closed at 2020-03-12T10:55:00Z by gx-12345'
    """
    exact = {Decimal(one) for one in _NUMBER.findall(text)}
    if len({_short(str(one)) for one in exact}) < len(exact):
        return text
    return _NUMBER.sub(lambda found: _short(found[0]), text)


def quantities(values: Sequence[Decimal]) -> list[str]:
    """Quantities to stand under each other: as many digits after the point in each, never more than there are.

    >>> quantities([Decimal("566.891010743"), Decimal("11337.8")]), quantities([Decimal("0.000405"), Decimal(0)])
    (['566.89', '11,337.80'], ['0.00040', '0.00000'])
    """
    least = min((one for one in values if one), default=Decimal(1))
    digits = max(_DIGITS, _DIGITS - least.adjusted() - 1) if least < 1 else _DIGITS
    step = Decimal(1).scaleb(-digits)
    return [f"{one.quantize(step, ROUND_DOWN):,f}" for one in values]


def _in_unit(code: str, value: str | None) -> str:
    unit = _UNITS.get(code)
    try:
        exact = None if unit is None or value is None else Decimal(value)
    except InvalidOperation:
        exact = None
    return figure(value) if unit is None or exact is None or not exact.is_finite() else unit(exact)


def _short(text: str) -> str:
    exact = Decimal(text)
    digits = _DIGITS if exact >= 1 else _DIGITS_SMALL
    places = len(text.partition(".")[2])
    shown = round(exact, digits) if places > digits else exact
    return f"{shown:,f}" if exact >= _GROUPED_FROM else f"{shown:f}"
