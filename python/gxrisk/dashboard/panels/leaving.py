"""What a withdrawal would do, before it is signed: what must be closed, what ends, and what remains."""

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from typing import Final

from nicegui import ui

from gxrisk.dashboard.addresses import vault_at
from gxrisk.dashboard.markup import link, panel, words_in
from gxrisk.dashboard.sessions import Person
from gxrisk.dashboard.table import Cell, Column, Table
from gxrisk.dashboard.words import money, number, share
from gxrisk.dashboard.words import percent as in_percent
from gxrisk.server.routes.withdrawal_preview import PreviewShown

_FIRST: Final = Decimal("0.1")  # of the equity: what is shown until somebody asks for another amount
_CENT: Final = Decimal("0.01")
_DEBOUNCE_MS: Final = 400
_CHARS_MAX: Final = 40
_DIGITS: Final = range(-9, 19)  # where the first digit of an amount may stand; 1e999999999 would be written out
_CLOSING: Final = (
    Column("To be closed"),
    Column("Quantity", is_number=True),
    Column("Worth", is_number=True),
    Column("Gain", is_number=True),
)
_LIMITS: Final = (
    Column("Limit then"),
    Column("Allowed", is_number=True),
    Column("Held today", is_number=True),
    Column(""),
)


class Leaving:
    """An amount, and the answer to it; `changed` is called when another one is asked for. Nothing is withdrawn here."""

    def __init__(self, person: Person, vault_id: str, changed: Callable[[], None]) -> None:
        with panel("Withdrawal preview"):
            self._amount = ui.input("Amount", on_change=changed)
            self._amount.props(f"outlined dense inputmode=decimal debounce={_DEBOUNCE_MS}")
            self._is_filled = False
            self._said = words_in("p", "", "gx-note")
            self._said.props["role"] = "status"
            self._closing = Table("To be closed", _CLOSING, empty="")
            self._limits = Table("Limits then", _LIMITS, empty="")
            if person.owns:
                link("Sign and hand in a withdrawal", vault_at(vault_id, "controls"))

    def amount(self, equity: Decimal) -> str | None:
        """What is asked about: a tenth of the equity at first; None where it is no amount above zero."""
        if not self._is_filled and equity > 0:
            self._is_filled = True
            self._amount.value = f"{(equity * _FIRST).quantize(_CENT, ROUND_DOWN)}"
        return asked_for(str(self._amount.value or ""))

    def refuse(self, text: str) -> None:
        """Say why there is no answer."""
        self._said.text = text
        self._closing.show([])
        self._limits.show([])

    def show(self, found: PreviewShown) -> None:
        """This answer."""
        self._said.text = _sentence(found)
        self._closing.show(
            [
                (
                    one.asset,
                    [
                        f"{one.asset} {'long' if one.quantity > 0 else 'short'}",
                        number(abs(one.quantity)),
                        money(abs(one.worth)),
                        Cell(money(one.gain, signed=True), tone="bad" if one.gain < 0 else "good"),
                    ],
                )
                for one in found.closing
            ]
        )
        self._limits.show(
            [
                (
                    one.limit,
                    [
                        one.limit.replace("_", " "),
                        money(one.allowed),
                        money(one.held),
                        Cell("✕ exceeded", tone="bad") if one.is_exceeded else Cell("✓ kept", tone="good"),
                    ],
                )
                for one in found.limits
            ]
        )


def asked_for(text: str) -> str | None:
    """The amount that somebody typed, as the server takes it; None where it is no amount above zero.

    >>> asked_for(" 1,250.50 "), asked_for("-1"), asked_for("1e999999999")
    ('1250.50', None, None)
    """
    text = text.strip().replace(",", "")
    if len(text) > _CHARS_MAX:
        return None
    try:
        asked = Decimal(text)
    except InvalidOperation:
        return None
    return f"{asked:f}" if asked.is_finite() and asked > 0 and asked.adjusted() in _DIGITS else None


def _sentence(found: PreviewShown) -> str:
    if not found.is_possible:
        return f"✕ Not possible: {money(found.amount)} of {money(found.equity)}."
    remains = in_percent(share(found.equity_after, found.equity), digits=0)
    closing = "1 position closes" if len(found.closing) == 1 else f"{len(found.closing) or 'no'} positions close"
    ending = "1 order ends" if len(found.cancelled) == 1 else f"{len(found.cancelled) or 'no'} orders end"
    return f"{money(found.equity_after)} ({remains}) remain, less the costs of closing; {closing}, {ending}."
