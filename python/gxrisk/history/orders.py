"""What became of an approved order, as the venue's confirmations tell it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

STATES: Final = ("approved", "redeemed", "accepted", "filled", "cancelled", "failed", "expired")
WORKING: Final = ("approved", "redeemed", "accepted")

_PREFIX: Final = "gx-"
_CONFIRMED: Final = {
    "redeemed": "redeemed",
    "accepted": "accepted",
    "cancelled": "cancelled",
    "failed": "failed",
    "expired": "expired",
}

Row = dict[str, Any]


def decision_of(order_id: str) -> int | None:
    """The sequence of the decision that made an order id of the gate; None for an id that no gate made.

    >>> decision_of("gx-12"), decision_of("ours"), decision_of("gx-²")
    (12, None, None)
    """
    digits = order_id.removeprefix(_PREFIX)
    return int(digits) if digits != order_id and digits.isascii() and digits.isdigit() else None


def approved(decision: Mapping[str, Any]) -> Row:
    """The row of an order whose decision has just approved it."""
    order = decision["order"]
    return {
        "sequence": decision["sequence"],
        "time_ns": decision["time_ns"],
        "order_id": decision["order_id"],
        "asset": order["asset"],
        "side": order["side"],
        "quantity": order["quantity"],
        "price": order["price"],
        "reduce_only": order["reduce_only"],
        "state": "approved",
        "filled": Decimal(0),
        "value": Decimal(0),
        "fees": Decimal(0),
        "cancel_requested": False,
        "reason": None,
        "updated_ns": decision["time_ns"],
    }


def confirm(order: Row, record: Mapping[str, Any]) -> None:
    """Take a record that names the order."""
    order["updated_ns"] = record["time_ns"]
    match record["kind"]:
        case "fill":
            _fill(order, record)
        case "cancel_requested":
            order["cancel_requested"] = True
        case kind:
            order["state"] = _CONFIRMED[kind]
            order["reason"] = record.get("reason")


def _fill(order: Row, fill: Mapping[str, Any]) -> None:
    order["filled"] += fill["quantity"]
    order["value"] += fill["quantity"] * fill["price"]
    order["fees"] += fill["fee"]
    # What fills after a confirmed end is booked, and the order stays ended; an expired one did reach the venue.
    if order["state"] in (*WORKING, "expired"):
        order["state"] = "filled" if order["filled"] >= order["quantity"] else "accepted"
