"""When the venue takes an account over, and which prices of an asset an account has to look at."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from gxrisk.venues.paper.book import Book
from gxrisk.venues.paper.exact import down, up
from gxrisk.venues.paper.market import Market
from gxrisk.venues.protocol import Side

_NEVER_LOW: Final = Decimal(-1)
_NEVER_HIGH: Final = Decimal("Infinity")


class Band(NamedTuple):
    """Prices strictly between `low` and `high` change nothing in an account."""

    low: Decimal
    high: Decimal


ALWAYS: Final = Band(_NEVER_HIGH, _NEVER_LOW)


def liquidation_price(book: Book, asset: str, marks: Mapping[str, Decimal], parts: int = 1) -> Decimal | None:
    """The price of `asset` at which equity = maintenance margin x gross exposure, other prices as they are.

    With equity E, gross exposure G, margin m and position q it is mark + (m G - E) / (q - m |q|), rounded against the
    account. With `parts` it is where the asset alone has used up that part of what lies between. None when flat.
    """
    quantity = book.ledger.quantity(asset)
    if not quantity:
        return None
    margin = book.costs.maintenance_margin
    missing = margin * book.ledger.gross(marks) - book.ledger.equity(marks)
    price = marks[asset] + missing / parts / (quantity - margin * abs(quantity))
    return down(price) if quantity > 0 else up(price)


def liquidate(
    book: Book, asset: str, price: Decimal, markets: Mapping[str, Market], marks: Mapping[str, Decimal]
) -> None:
    """Cancel everything and close every position at once: `asset` at `price`, the others at their marks."""
    for order_id in list(book.orders):
        book.cancel(order_id, "liquidation")
    book.protections.clear()
    for name, position in list(book.ledger.positions.items()):
        side: Side = "sell" if position.quantity > 0 else "buy"
        quantity = abs(position.quantity)
        market = price if name == asset else marks[name]
        slipped = markets[name].slipped(side, market, quantity)
        order_id = f"liquidation-{book.fills + 1}"
        book.execute(order_id, "liquidation", name, side, quantity, slipped, book.costs.taker_fee_bp)


def bands(book: Book, marks: Mapping[str, Decimal]) -> dict[str, Band]:
    """For each asset in which something of the account works or is held: the prices that need no look.

    Of several positions each may use up an equal part of the equity over the margin: while none has, it is not gone.
    """
    found: dict[str, Band] = {}

    def narrow(asset: str, low: Decimal = _NEVER_LOW, high: Decimal = _NEVER_HIGH) -> None:
        before = found.get(asset, Band(_NEVER_LOW, _NEVER_HIGH))
        found[asset] = Band(max(before.low, low), min(before.high, high))

    for order in book.orders.values():
        if order.price is None or not order.resting:
            found[order.asset] = ALWAYS
        elif order.side == "buy":
            narrow(order.asset, low=order.price)
        else:
            narrow(order.asset, high=order.price)
    for one in book.protections:
        below, above = (one.stop_loss, one.take_profit) if one.side == "sell" else (one.take_profit, one.stop_loss)
        narrow(one.asset, low=below or _NEVER_LOW, high=above or _NEVER_HIGH)
        if one.triggered:
            found[one.asset] = ALWAYS
    blind = any(asset not in marks for asset in book.ledger.positions)
    for asset, position in book.ledger.positions.items():
        price = None if blind else liquidation_price(book, asset, marks, len(book.ledger.positions))
        if price is None:
            found[asset] = ALWAYS
        elif position.quantity > 0:
            narrow(asset, low=price)
        else:
            narrow(asset, high=price)
    return found
