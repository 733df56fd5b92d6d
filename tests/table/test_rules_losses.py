"""Rules on losses: daily_loss and drawdown. Both are strict: at the limit they refuse, and the breaker trips."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .rows import Row, holds, number, table
from .vaults import Origin, Vault, exit_of, proposal

TRIPPED = ("trading_state",)  # by the breaker of the same name


def lost(amount: str, won: str = "0", **limits: Any) -> Vault:
    """Long 1 BTC of 10,000 equity, after a gain and then a loss."""
    vault = Vault(**limits).holding(1)
    if won != "0":
        vault.lost(f"-{won}")
    return vault.lost(amount)


def down(amount: str) -> Vault:
    """At most 4 % of the day's opening of 10,000 in a day: 400."""
    return lost(amount, max_daily_loss="0.04")


def marked_down(price: str) -> Vault:
    """10 long from 100, marked at a price: the loss is unrealised."""
    return Vault(max_daily_loss="0.04").holding(10).marked("BTC", price)


def charged(fee: str) -> Vault:
    """A fill at the mark whose fee is the loss."""
    vault = Vault(max_daily_loss="0.04")
    vault.filled(proposal(), 100, fee)
    return vault


def topped_up(amount: str) -> Vault:
    """A loss of 200, then 9,800 more: equity doubles, so the opening is 20,000 and 400 are lost already of 800."""
    vault = down("200")
    vault.gate.deposit("9800")
    return vault.lost(amount)


def the_day_after(amount: str) -> Vault:
    """A loss of 300 yesterday: today opens at 9,700, and 4 % of that is 388."""
    vault = down("300")
    vault.clock.set("2020-03-13T00:00:00Z")
    return vault.marked("BTC", 100).lost(amount)


# case, vault; limit and observed where refused
DAILY_LOSS: list[tuple[str, Callable[[], Vault], str | None, str | None]] = [
    ("one unit below", lambda: down("399.999999999"), None, None),
    ("at", lambda: down("400"), "400", "400"),
    ("one unit above", lambda: down("400.000000001"), "400", "400.000000001"),
    ("a gain", lambda: down("-400"), None, None),
    ("unrealised, one unit of price below", lambda: marked_down("60.000000001"), None, None),
    ("unrealised, at", lambda: marked_down("60"), "400", "400"),
    ("unrealised, above", lambda: marked_down("59.999999999"), "400", "400.00000001"),
    ("a fee, one unit below", lambda: charged("399.999999999"), None, None),
    ("a fee, at", lambda: charged("400"), "400", "400"),
    ("after a deposit, one unit below", lambda: topped_up("399.999999999"), None, None),
    ("after a deposit, at", lambda: topped_up("400"), "800", "800"),
    ("the next day, one unit below", lambda: the_day_after("387.999999999"), None, None),
    ("the next day, at", lambda: the_day_after("388"), "388", "388"),
]


def drawn(amount: str) -> Vault:
    """At most 15 % of the deposit of 10,000: 1,500."""
    return lost(amount, max_drawdown="0.15")


def from_peak(amount: str) -> Vault:
    """At most 15 % of the highest equity, which 2,000 of gain made 12,000: 1,800."""
    return lost(amount, "2000", max_drawdown="0.15", drawdown_base="peak")


def from_deposit(amount: str) -> Vault:
    """The same gain, measured from the deposit: 2,000 + 1,500 must go before the limit is reached."""
    return lost(amount, "2000", max_drawdown="0.15")


def refilled(amount: str) -> Vault:
    """A loss of 1,000, then 9,000 more: equity doubles, so the base is 20,000 and 2,000 are lost of 3,000."""
    vault = drawn("1000")
    vault.gate.deposit(9000)
    return vault.lost(amount)


# case, vault; limit and observed where refused
DRAWDOWN: list[tuple[str, Callable[[], Vault], str | None, str | None]] = [
    ("one unit below", lambda: drawn("1499.999999999"), None, None),
    ("at: a Growth vault stops at 85 % of its deposit", lambda: drawn("1500"), "1500", "1500"),
    ("one unit above", lambda: drawn("1500.000000001"), "1500", "1500.000000001"),
    ("from the peak, one unit below", lambda: from_peak("1799.999999999"), None, None),
    ("from the peak, at", lambda: from_peak("1800"), "1800", "1800"),
    ("from the peak, one unit above", lambda: from_peak("1800.000000001"), "1800", "1800.000000001"),
    ("from the deposit after a gain, one unit below", lambda: from_deposit("3499.999999999"), None, None),
    ("from the deposit after a gain, at", lambda: from_deposit("3500"), "1500", "1500"),
    ("after a deposit, one unit below", lambda: refilled("999.999999999"), None, None),
    ("after a deposit, at", lambda: refilled("1000"), "3000", "3000"),
]


def loss_rows() -> list[Row]:
    """Both sides of an opening, and the exits of every origin."""
    rows = []
    for rule, cases in (("daily_loss", DAILY_LOSS), ("drawdown", DRAWDOWN)):
        for case, given, limit, observed in cases:
            refused = limit is not None
            says = f"{limit} {observed}" if rule == "drawdown" or observed != limit else limit
            figures = (refused, number(limit), number(observed), (says or "") if refused else "")
            beside = TRIPPED if refused else ()
            rows.append(Row(rule, f"{case}, buy", given, proposal("buy"), *figures, beside=beside))
            rows.append(Row(rule, f"{case}, sell", given, proposal("sell"), *figures, beside=beside))
        origins: tuple[Origin, ...] = ("agent", "owner", "protection")
        beyond = (lambda: down("400")) if rule == "daily_loss" else (lambda: drawn("1500"))
        rows += [Row(rule, f"{who}'s exit beyond it", beyond, exit_of("sell", 1), origin=who) for who in origins]
    return rows


ROWS = loss_rows()


@table(ROWS)
def test_row(row: Row) -> None:
    """Exactly these rules, with these figures."""
    holds(row)
