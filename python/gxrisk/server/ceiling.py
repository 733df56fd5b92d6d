"""The operator's ceilings over every vault's limits: the tighter of a vault's limit and the ceiling holds."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from gxrisk._native import Limits, limit_docs

_LOWER: Final = "The lower value is the tighter one"
_HIGHER: Final = "The higher value is the tighter one"


class Ceiling:
    """Limits that no vault here may be looser than, by name.

    >>> ceiling = Ceiling({"max_daily_loss": "0.03", "max_daily_trades": 50})
    >>> growth = ceiling.over(Limits.for_tier("growth"))
    >>> str(growth.max_daily_loss), growth.max_daily_trades
    ('0.03', 50)
    >>> str(ceiling.over(Limits.for_tier("capital_guard")).max_daily_loss)
    '0.02'
    >>> ceiling.exceeded(Limits.for_tier("growth"))
    ('max_daily_loss', 'max_daily_trades')
    """

    def __init__(self, limits: Mapping[str, Any]) -> None:
        self._limits = {
            name: getattr(Limits.for_tier("growth").replace(**{name: limits[name]}), name) for name in limits
        }

    def over(self, limits: Limits) -> Limits:
        """The tighter of each."""
        changes = {name: _tighter(name, getattr(limits, name), one) for name, one in self._limits.items()}
        return limits.replace(**changes)

    def exceeded(self, limits: Limits) -> tuple[str, ...]:
        """The limits that are looser than the ceiling, by name."""
        held = self.over(limits)
        return tuple(sorted(name for name in self._limits if getattr(held, name) != getattr(limits, name)))


def looser(now: Limits, wanted: Limits) -> tuple[str, ...]:
    """The limits that `wanted` has looser than `now`, by name.

    >>> growth = Limits.for_tier("growth")
    >>> looser(growth, growth.replace(max_leverage=6, stop_atr_min="1.5", max_daily_trades=3))
    ('max_leverage',)
    """
    held, asked = now.to_dict(), wanted.to_dict()
    return tuple(name for name in sorted(held) if _same(_tighter(name, held[name], asked[name])) != _same(asked[name]))


def _same(value: Any) -> Any:
    return sorted(value) if isinstance(value, tuple) else value


def _tighter(name: str, one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    return _CHOICES[name](one, other)


def _assets(one: tuple[str, ...], other: tuple[str, ...]) -> list[str]:
    return sorted(set(one) & set(other))


def _base(one: str, other: str) -> str:
    return "peak" if "peak" in (one, other) else "deposit"


def _choice(name: str, tighter: str) -> Callable[[Any, Any], Any]:
    if tighter == _LOWER:
        return min
    if tighter == _HIGHER:
        return max
    return _assets if name == "assets" else _base


_CHOICES: Final[dict[str, Callable[[Any, Any], Decimal | int | str | list[str]]]] = {
    one["name"]: _choice(one["name"], one["tighter"]) for one in limit_docs()
}
