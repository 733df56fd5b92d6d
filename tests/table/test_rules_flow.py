"""Rules on the flow of orders: price_collar, order_rate, open_orders."""

from __future__ import annotations

from typing import Any

from gxrisk import Order

from .rows import Row, holds, number, table
from .vaults import Origin, Side, Vault, exit_of, proposal

# side, limit price, exit or opening, who; observed (the distance from the mark of 100) where more than 5 %
PRICE_COLLAR: list[tuple[Side, str | None, str, Origin, str | None]] = [
    ("buy", "104.999999999", "open", "agent", None),
    ("buy", "105", "open", "agent", None),
    ("buy", "105.000000001", "open", "agent", "5.000000001"),
    ("buy", "95.000000001", "open", "agent", None),
    ("buy", "95", "open", "agent", None),
    ("buy", "94.999999999", "open", "agent", "5.000000001"),
    ("sell", "104.999999999", "open", "agent", None),
    ("sell", "105", "open", "agent", None),
    ("sell", "105.000000001", "open", "agent", "5.000000001"),
    ("sell", "95", "open", "agent", None),
    ("sell", "94.999999999", "open", "agent", "5.000000001"),
    ("sell", "95", "exit", "agent", None),
    ("sell", "94.999999999", "exit", "agent", "5.000000001"),
    ("sell", "105", "exit", "agent", None),
    ("sell", "105.000000001", "exit", "agent", "5.000000001"),
    ("sell", None, "exit", "agent", None),
    ("sell", None, "open", "agent", None),
    ("sell", "1", "exit", "owner", None),
    ("sell", "1000", "exit", "owner", None),
    ("sell", "1", "exit", "protection", None),
    ("sell", "1000", "exit", "protection", None),
]


def collar_rows() -> list[Row]:
    """Limit prices of openings and exits."""
    rows = []
    for side, price, kind, origin, observed in PRICE_COLLAR:
        wanted = exit_of(side, 5, price=price) if kind == "exit" else proposal(side, 1, price=price)
        figures = (observed is not None, number("5") if observed else None, number(observed))
        says = f"{price} 100 {observed} 5" if observed else ""
        case = f"{origin} would {kind}: {side} at {price or 'market'}"
        held = lambda: Vault(price_collar="0.05").holding(5)  # noqa: E731
        rows.append(Row("price_collar", case, held, wanted, *figures, says, origin))
    return rows


def spent(*wanted: Order, seconds: str = "0", **limits: Any) -> Vault:
    """A bucket of 3 at 60 a minute, after these orders and a wait; long 5."""
    vault = Vault().holding(5).limited(order_burst=3, orders_per_minute=60, **limits)
    for one in wanted:
        vault.gate.authorize(one)
    return vault.after(seconds)


BUY = proposal()
REFUSED = proposal(stop=None)
HELD = proposal(confidence="0.1")
EXIT = exit_of("sell", 1)


def validated() -> Vault:
    """Ten questions that take nothing."""
    vault = spent(BUY, BUY)
    for _ in range(10):
        vault.gate.validate_order(BUY)
    return vault


def drained(*waits: str) -> Vault:
    """An empty bucket, then a refused order after each wait: less than a whole token is left alone."""
    vault = spent(BUY, BUY, BUY)
    for seconds in waits:
        vault.after(seconds).gate.authorize(BUY)
    return vault


def by_others() -> Vault:
    """Orders that take no token: exits, and the owner's refused openings."""
    vault = spent(EXIT, EXIT)
    for _ in range(5):
        vault.gate.authorize(BUY, origin="owner")
    return vault


ORDER_RATE = [
    Row("order_rate", "a full bucket", spent, BUY),
    Row("order_rate", "one token left", lambda: spent(BUY, BUY), BUY),
    Row("order_rate", "one token left, sell", lambda: spent(BUY, BUY), proposal("sell")),
    Row("order_rate", "none left", lambda: spent(BUY, BUY, BUY), BUY, True, 1, 0, "3 60"),
    Row("order_rate", "none left, sell", lambda: spent(BUY, BUY, BUY), proposal("sell"), True, 1, 0, "3 60"),
    Row("order_rate", "refilled, one unit below", lambda: spent(BUY, BUY, BUY, seconds="0.999999999"), BUY, True,
        1, number("0.999999999"), "3 60"),
    Row("order_rate", "refilled, one", lambda: spent(BUY, BUY, BUY, seconds="1"), BUY),
    Row("order_rate", "refilled, one unit above", lambda: spent(BUY, BUY, BUY, seconds="1.000000001"), BUY),
    Row("order_rate", "refused orders take one too", lambda: spent(REFUSED, REFUSED, REFUSED), BUY, True, 1, 0),
    Row("order_rate", "held orders take one too", lambda: spent(HELD, HELD, HELD, min_confidence="0.3"), BUY, True,
        1, 0),
    Row("order_rate", "questions take none", validated, BUY),
    Row("order_rate", "exits and others' orders take none", by_others, BUY),
    # 0.4 and 0.5 s: 0.9 tokens, of which the refused orders took nothing; at 1.0 there is one.
    Row("order_rate", "less than one is left alone, below", lambda: drained("0.4", "0.5"), BUY, True, 1, number("0.9")),
    Row("order_rate", "less than one is left alone, at", lambda: drained("0.4", "0.5").after("0.1"), BUY),
    Row("order_rate", "the bucket is no larger for waiting", lambda: spent(BUY, BUY, BUY, seconds="3600"), BUY),
    Row("order_rate", "an agent's exit", lambda: spent(BUY, BUY, BUY), EXIT),
    Row("order_rate", "an owner's exit", lambda: spent(BUY, BUY, BUY), EXIT, origin="owner"),
    Row("order_rate", "protection's exit", lambda: spent(BUY, BUY, BUY), EXIT, origin="protection"),
]  # fmt: skip


def test_a_bucket_of_twenty_refills_at_sixty_a_minute() -> None:
    """The defaults: 20 at once, the 21st a second later, and after a pause of any length 20 again."""
    vault = Vault(order_burst=20, orders_per_minute=60)
    for wait in (0, 3600):
        vault.after(wait)
        assert [vault.gate.authorize(BUY).approved for _ in range(21)] == [True] * 20 + [False]
        assert vault.after(1).gate.authorize(BUY).approved


def crowded(openings: int, exits: int = 0) -> Vault:
    """Long 5, with so many orders working; at most 3."""
    vault = Vault().holding(5)
    for _ in range(openings):
        vault.accepted(proposal())
    for _ in range(exits):
        vault.accepted(exit_of("sell", 1))
    return vault.limited(max_open_orders=3)


def finished() -> Vault:
    """Three were working; the venue confirmed the end of one."""
    vault = crowded(3)
    vault.gate.order_cancelled(vault.now.working[0].order_id)
    return vault


OPEN_ORDERS = [
    Row("open_orders", "one below: 2 after", lambda: crowded(1), BUY),
    Row("open_orders", "at: 3 after", lambda: crowded(2), BUY),
    Row("open_orders", "one above: 4 after", lambda: crowded(3), BUY, True, 3, 4, "3 4"),
    Row("open_orders", "at, sell", lambda: crowded(2), proposal("sell")),
    Row("open_orders", "one above, sell", lambda: crowded(3), proposal("sell"), True, 3, 4, "3 4"),
    Row("open_orders", "reductions count", lambda: crowded(2, 1), BUY, True, 3, 4, "3 4"),
    Row("open_orders", "what has ended does not count", finished, BUY),
    Row("open_orders", "an agent's exit", lambda: crowded(3), EXIT),
    Row("open_orders", "an owner's exit", lambda: crowded(3), EXIT, origin="owner"),
    Row("open_orders", "protection's exit", lambda: crowded(2, 1), EXIT, origin="protection"),
]

ROWS = [*collar_rows(), *ORDER_RATE, *OPEN_ORDERS]


@table(ROWS)
def test_row(row: Row) -> None:
    """Exactly these rules, with these figures."""
    holds(row)
