"""A row of a rule's table, and how it is held against the gate."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final, NamedTuple

import pytest
from gxrisk import Order, Violation

from .vaults import Origin, Vault

ANY: Final = object()  # a figure that the specification does not fix to the digit


class Row(NamedTuple):
    """What is proposed to which vault, and what must stand against it."""

    rule: str
    case: str
    given: Callable[[], Vault]
    order: Order
    refused: bool = False
    limit: object = None
    observed: object = None
    says: str = ""  # numbers that the sentence names
    origin: Origin = "agent"
    beside: tuple[str, ...] = ()  # other rules that the situation cannot but violate


def number(value: str | int | None) -> Any:
    """A figure of a row: text that reads as a number is one."""
    if not isinstance(value, str):
        return value
    try:
        return Decimal(value)
    except ArithmeticError:
        return value


def table(rows: Iterable[Row]) -> pytest.MarkDecorator:
    """The rows as parameters with readable ids."""
    listed = list(rows)
    return pytest.mark.parametrize("row", listed, ids=[f"{row.rule}: {row.case}" for row in listed])


def holds(row: Row) -> None:
    """Asserts the row: exactly these rules are violated, by both questions, with these figures and a sentence."""
    vault = row.given()
    for ask in (vault.gate.validate_order, vault.gate.authorize):
        decision = ask(row.order, origin=row.origin)
        found = {violation.rule: violation for violation in decision.violations}
        assert set(found) == {*row.beside, *([row.rule] if row.refused else [])}
        assert len(found) == len(decision.violations)
        assert decision.outcome == ("rejected" if found else "approved")
        if row.refused:
            figures_hold(row, found[row.rule])


def figures_hold(row: Row, violation: Violation) -> None:
    """Asserts limit, observed value and sentence."""
    for name in ("limit", "observed"):
        wanted, seen = getattr(row, name), getattr(violation, name)
        assert wanted is ANY or seen == wanted, f"{name} is {seen}, not {wanted}"
        assert not isinstance(seen, float)
    message = violation.message
    assert len(message.split()) >= 4, message
    assert "\n" not in message
    for part in row.says.split():
        assert part in message, f"{part} is not in: {message}"
