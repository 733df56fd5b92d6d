"""A record of a journal in one line: its place, its time, its kind, and what matters of it."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from gxrisk.cli.plain import plain, shortened
from gxrisk.cli.reading import Record

_TEXT_CHARACTERS_MAX: Final = 60
_HEX_CHARACTERS: Final = 16
_TICKS_MAX: Final = 4
_SECONDS: Final = len("2020-03-12T00:00:00")


def line(record: Record) -> str:
    """The record in one line, safe for a terminal.

    >>> line({"sequence": 3, "time": "2020-03-12T00:00:00.5Z", "kind": "flow", "amount": Decimal(10_000)})
    '      3  2020-03-12 00:00:00.500  flow         10,000'
    """
    return f"{record['sequence']:>7}  {stamp(record['time'])}  {record['kind']:<11}  {what(record)}".rstrip()


def header() -> str:
    """What stands over the lines."""
    return f"{'record':>7}  {'time (UTC)':<23}  {'kind':<11}  what"


def stamp(time: str) -> str:
    """A record's time in 23 columns: UTC, cut to milliseconds."""
    fraction = time[_SECONDS + 1 : -1] if time[_SECONDS] == "." else ""
    return f"{time[:_SECONDS].replace('T', ' ')}.{fraction[:3]:0<3}"


def what(record: Record) -> str:
    """What matters of a record, in words; nothing for a kind that this version does not know."""
    words = KINDS.get(record["kind"])
    return plain(words(record)) if words else ""


def number(value: Decimal | int) -> str:
    """A number, exactly, with commas."""
    return f"{value:,f}" if isinstance(value, Decimal) else f"{value:,}"


def asked(order: Mapping[str, Any]) -> str:
    """What an order asks for: `buy 0.1 BTC at 7,900, reduce-only`."""
    words = f"{order['side']} {number(order['quantity'])} {order['asset']}"
    if order["price"] is not None:
        words += f" at {number(order['price'])}"
    return f"{words}, reduce-only" if order["reduce_only"] else words


def _decision(record: Record) -> str:
    order = record["order"]
    words = f"{record['outcome']}: {asked(order)}"
    if record["origin"] != "agent":
        words += f", by {record['origin']}"
    if record["order_id"] is not None:
        return f"{words}, {record['order_id']}"
    if record["outcome"] == "held":
        words += f", confidence {number(order['confidence'])}"
    rules = ", ".join(one["rule"] for one in record["violations"])
    return f"{words}; {rules}" if rules else words


def _market(record: Record) -> str:
    newest = {tick["asset"]: tick for tick in record["marks"]}
    words = [f"{asset} {number(tick['price'])}" for asset, tick in list(newest.items())[:_TICKS_MAX]]
    if len(newest) > _TICKS_MAX:
        words.append(f"and {len(newest) - _TICKS_MAX} more")
    if record["ignored_marks"]:
        words.append(f"{number(record['ignored_marks'])} old ones ignored")
    return ", ".join(words)


def _hold(record: Record) -> str:
    asset = "" if record["asset"] is None else f"{record['asset']}, "
    return f"{asset}confidence {number(record['confidence'])}: {_text(record['reasoning'])}"


def _fill(record: Record) -> str:
    words = f"{record['side']} {number(record['quantity'])} {record['asset']} at {number(record['price'])}"
    words += f", fee {number(record['fee'])}, {record['order_id']}, fill {record['fill_id']}"
    return words if record["approved"] else f"{words}, NOT APPROVED"


def _trip(record: Record) -> str:
    until = f" (until {record['until']})" if record["until"] else ""
    return f"{record['breaker']}: {_text(record['cause'])}{until}"


def _reactivated(record: Record) -> str:
    words = [f"with a new base of {number(record['new_base'])}"] if record["rebase"] else []
    words += [f"of the stop in record {record['ends']}, signed by the owner"] if "ends" in record else []
    return ", ".join(words)


def _restarted(record: Record) -> str:
    dropped = record["dropped_bytes"]
    return f"epoch {record['begun_epoch']}" + (
        f", {number(dropped)} bytes of an unfinished record dropped" if dropped else ""
    )


def _owner_key(record: Record) -> str:
    return f"{_hex(record['key'])}, {'signed by the one before' if record['signature'] else 'the first one'}"


def _order_id(record: Record) -> str:
    order_id: str = record["order_id"]
    return order_id


def _pairs(pairs: Iterable[tuple[str, object]]) -> str:
    return ", ".join(f"{name} {value}" for name, value in pairs)


def _text(text: str) -> str:
    return shortened(text, _TEXT_CHARACTERS_MAX)


def _hex(digits: str) -> str:
    return f"{digits[:_HEX_CHARACTERS]}…"


def _nothing(record: Record) -> str:
    return ""


KINDS: Final[dict[str, Callable[[Record], str]]] = {
    "opened": lambda record: f"vault {record['vault_id']}",
    "market": _market,
    "flow": lambda record: number(record["amount"]),
    "funding": lambda record: f"{record['asset']} {number(record['amount'])}",
    "volatility": lambda record: number(record["volatility"]),
    "lot_steps": lambda record: _pairs((asset, number(step)) for asset, step in record["steps"].items()),
    "correlation_groups": lambda record: _pairs((f"{name}:", " ".join(of)) for name, of in record["groups"].items()),
    "decision": _decision,
    "hold": _hold,
    "redeemed": _order_id,
    "accepted": _order_id,
    "fill": _fill,
    "cancelled": _order_id,
    "failed": lambda record: f"{record['order_id']}: {_text(record['reason'])}",
    "expired": _order_id,
    "day": lambda record: f"{record['date']}, opening equity {number(record['opening'])}",
    "trip": _trip,
    "end": lambda record: str(record["breaker"]),
    "cancel_requested": lambda record: ", ".join(record["order_ids"]),
    "paused": _nothing,
    "resumed": _nothing,
    "killed": lambda record: _text(record["reason"]),
    "reactivated": _reactivated,
    "limits": lambda record: f"{len(record['limits'])} limits set anew; gxrisk explain shows them",
    "risk_scale": lambda record: number(record["scale"]),
    "restarted": _restarted,
    "keys": lambda record: f"wallet {_hex(record['wallet_key'])}, head {_hex(record['head_key'])}",
    "owner_key": _owner_key,
    "withdrawal": lambda record: f"{number(record['amount'])} to {record['destination']}",
    "checkpoint": lambda record: f"state {_hex(record['state'])}",
    "note": lambda record: f"{record['topic']}: {_text(record['text']) or 'ended'}",
}
