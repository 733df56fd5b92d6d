"""Rules on input and state: trading_state, duplicate_order, unknown_asset, stale_price, reduce_only."""

from __future__ import annotations

from collections.abc import Callable

from gxrisk import Order

from .rows import Row, holds, number, table
from .vaults import Origin, Side, Vault, exit_of, in_state, proposal

# Section 8: state, origin, what the order does; limit and observed where it is refused.
TRADING_STATE: list[tuple[str, Origin, str, str | None, str | None]] = [
    ("active", "agent", "open", None, None),
    ("active", "agent", "exit", None, None),
    ("active", "owner", "open", "reduce_only", "opening"),
    ("active", "owner", "exit", None, None),
    ("active", "protection", "open", "reduce_only", "opening"),
    ("active", "protection", "exit", None, None),
    ("reduce_only", "agent", "open", "active", "reduce_only"),
    ("reduce_only", "agent", "exit", None, None),
    ("reduce_only", "owner", "open", "reduce_only", "opening"),
    ("reduce_only", "owner", "exit", None, None),
    ("reduce_only", "protection", "open", "reduce_only", "opening"),
    ("reduce_only", "protection", "exit", None, None),
    ("halted", "agent", "open", "active", "halted"),
    ("halted", "agent", "exit", "reduce_only", "halted"),
    ("halted", "owner", "open", "reduce_only", "opening"),
    ("halted", "owner", "exit", None, None),
    ("halted", "protection", "open", "reduce_only", "opening"),
    ("halted", "protection", "exit", None, None),
]


def state_rows() -> list[Row]:
    """Each state, origin, kind and side."""
    rows = []
    for state, origin, kind, limit, observed in TRADING_STATE:
        for side in ("buy", "sell") if kind == "open" else ("sell",):
            wanted = proposal("buy" if side == "buy" else "sell") if kind == "open" else exit_of("sell", 5)
            case = f"{state}, {origin} would {kind} ({side})"
            refused = limit is not None
            given = lambda state=state: in_state(state)  # noqa: E731
            rows.append(Row("trading_state", case, given, wanted, refused, limit, observed, "", origin))
    return rows


FIRST = proposal(client_id="first")


def used(wanted: Order = FIRST, origin: Origin = "agent", **limits: object) -> Vault:
    """A long vault to which an order with an id was proposed."""
    vault = Vault().holding(5).limited(**limits)
    vault.gate.authorize(wanted, origin=origin)
    return vault


HELD = {"min_confidence": "0.3"}
TOO_LARGE = proposal("buy", 200_000, client_id="first")  # 20,000,000 > 1,000 x the equity of 10,000
# What was proposed before, what is proposed now, by whom, whether that is new.
DUPLICATE_ORDER: list[tuple[str, Callable[[], Vault], Order, Origin, bool]] = [
    ("no id, nothing before", lambda: Vault(), proposal(), "agent", True),
    ("no id after an order without one", lambda: used(proposal()), proposal(), "agent", True),
    ("another id", used, proposal(client_id="second"), "agent", True),
    ("an id that differs by its case", used, proposal(client_id="First"), "agent", True),
    ("only validated before", lambda: Vault(), FIRST, "agent", True),
    ("the same id, the same order", used, FIRST, "agent", False),
    ("the same id, one unit more", used, proposal("buy", "1.000000001", client_id="first"), "agent", False),
    ("the same id, the other side", used, proposal("sell", client_id="first"), "agent", False),
    ("the id of a refused order", lambda: used(TOO_LARGE), FIRST, "agent", False),
    ("an exit with a used id", used, exit_of("sell", 1, client_id="first"), "agent", False),
    ("the owner's exit with a used id", used, exit_of("sell", 1, client_id="first"), "owner", False),
    ("protection's exit with a new id", used, exit_of("sell", 1, client_id="stop"), "protection", True),
    (
        "the id of a held order",
        lambda: used(proposal(confidence="0.1", client_id="first"), min_confidence="0.3"),
        FIRST,
        "agent",
        False,
    ),
]


def test_an_id_is_new_once() -> None:
    """By `validate_order`, which reports every id that `authorize` has seen; `authorize` is in test_orders."""
    for case, given, wanted, origin, is_new in DUPLICATE_ORDER:
        decision = given().gate.validate_order(wanted, origin=origin)
        found = [(v.rule, v.limit, v.observed) for v in decision.violations]
        assert found == ([] if is_new else [("duplicate_order", "new", "used")]), case


def listed(*assets: str) -> Vault:
    """A vault long 5 SOL whose allow-list was set afterwards."""
    return Vault().holding(5, "SOL").limited(assets=list(assets))


def unmarked() -> Vault:
    """A vault that holds 5 DOGE, which nobody ever marked: halted by oracle_failure, fill_mismatch resumed."""
    vault = Vault()
    vault.fill("foreign", 5, asset="DOGE", side="buy")
    vault.gate.resume()
    return vault


CANNOT_MEASURE = ("stale_price", "leverage", "position_size", "concentration", "correlated_exposure")
UNKNOWN_ASSET = [
    Row("unknown_asset", "marked, no list", Vault, proposal("buy", 1, "ETH")),
    Row("unknown_asset", "marked and listed", lambda: listed("BTC", "ETH"), proposal("sell", 1, "ETH")),
    Row("unknown_asset", "marked, not listed", lambda: listed("BTC"), proposal("buy", 1, "ETH"), True,
        "listed", "not listed", "ETH"),
    Row("unknown_asset", "marked, not listed, sell", lambda: listed("BTC"), proposal("sell", 1, "ETH"), True,
        "listed", "not listed", "ETH"),
    Row("unknown_asset", "an opening where a position exists", lambda: listed("BTC"), proposal("buy", 1, "SOL"), True,
        "listed", "not listed", "SOL"),
    Row("unknown_asset", "an empty list", lambda: listed(), proposal("buy", 1, "BTC"), True, "listed", "not listed"),
    Row("unknown_asset", "an exit of a position not listed", lambda: listed("BTC"), exit_of("sell", 5, "SOL")),
    Row("unknown_asset", "an exit of a position never marked", unmarked, exit_of("sell", 5, "DOGE"), origin="owner"),
    Row("unknown_asset", "an exit without position, not listed", lambda: listed("BTC"), exit_of("sell", 1, "ETH"), True,
        "listed", "not listed", "ETH", beside=("reduce_only",)),
    Row("unknown_asset", "never marked, with a limit price", Vault, proposal("buy", 1, "DOGE", price=100), True,
        "marked", "never marked", "DOGE", beside=(*CANNOT_MEASURE, "stop_loss_distance", "price_collar")),
    Row("unknown_asset", "never marked, at market", Vault, proposal("sell", 1, "DOGE"), True,
        "marked", "never marked", "DOGE", beside=(*CANNOT_MEASURE, "stop_loss_required")),
]  # fmt: skip


def aged(seconds: str, held: str | None = None, working: str | None = None) -> Vault:
    """ETH fresh, everything else so old; something held or working at the venue. Marks are stale after 60 s."""
    vault = Vault(mark_age_s_max=60)
    if held:
        vault.holding(1, held)
    if working:
        vault.accepted(proposal("sell", 1, working, price=130))
    return vault.after(seconds).marked("ETH", 100)


def dated(ahead: str) -> Vault:
    """A vault whose BTC was marked by a feed that is ahead of the gate."""
    vault = Vault(marks={}, mark_age_s_max=60)
    vault.gate.mark("BTC", 100, atr=1, at=vault.clock.now_ns + int(number(ahead) * 10**9))
    return vault


HALTED = ("trading_state",)  # by oracle_failure, which trips at the same age
OLD = "60.000000001"
STALE_PRICE = [
    Row("stale_price", "own mark one ns younger", lambda: aged("59.999999999"), proposal("buy", 1, "BTC")),
    Row("stale_price", "own mark exactly 60 s old", lambda: aged("60"), proposal("buy", 1, "BTC")),
    Row("stale_price", "own mark exactly 60 s old, sell", lambda: aged("60"), proposal("sell", 1, "BTC")),
    Row("stale_price", "own mark one ns older", lambda: aged(OLD), proposal("buy", 1, "BTC"), True,
        number("60"), number(OLD), "60 60.000000001 BTC"),
    Row("stale_price", "own mark one ns older, sell", lambda: aged(OLD), proposal("sell", 1, "BTC"), True,
        number("60"), number(OLD), "60 60.000000001 BTC"),
    Row("stale_price", "another stale asset, nothing held", lambda: aged(OLD), proposal("buy", 1, "ETH")),
    Row("stale_price", "another stale asset, held, 60 s", lambda: aged("60", "SOL"), proposal("buy", 1, "ETH")),
    Row("stale_price", "another stale asset, held, one ns more", lambda: aged(OLD, "SOL"), proposal("buy", 1, "ETH"),
        True, number("60"), number(OLD), "60", beside=HALTED),
    Row("stale_price", "another stale asset, working", lambda: aged(OLD, None, "SOL"), proposal("sell", 1, "ETH"),
        True, number("60"), number(OLD), "60", beside=HALTED),
    Row("stale_price", "a mark 5 s from the future", lambda: dated("5"), proposal("buy", 1, "BTC")),
    Row("stale_price", "an agent's exit at 60 s", lambda: aged("60", "BTC"), exit_of("sell", 1)),
    Row("stale_price", "the owner's exit when stale", lambda: aged(OLD, "BTC"), exit_of("sell", 1), origin="owner"),
    Row("stale_price", "protection's exit when stale", lambda: aged(OLD, "BTC"), exit_of("sell", 1),
        origin="protection"),
    Row("stale_price", "an owner's opening is not spared", lambda: aged(OLD), proposal("buy", 1, "BTC"), True,
        number("60"), number(OLD), origin="owner", beside=HALTED),
]  # fmt: skip


def reducing(position: str, working: str | None = None, opening: str | None = None) -> Vault:
    """A position, with a working reduction of it and a working opening on the other side."""
    vault = Vault().holding(number(position))
    side: Side = "sell" if number(position) > 0 else "buy"
    if working:
        vault.accepted(exit_of(side, working))
    if opening:
        vault.accepted(proposal(side, opening))
    return vault


# position, working reduction, working opening of the exit's side, exit, by whom; limit, observed where refused
REDUCE_ONLY: list[tuple[str, str | None, str | None, Side, str, Origin, str | None, str | None]] = [
    ("5", None, None, "sell", "4.999999999", "agent", None, None),
    ("5", None, None, "sell", "5", "agent", None, None),
    ("5", None, None, "sell", "5.000000001", "agent", "5", "5.000000001"),
    ("-5", None, None, "buy", "4.999999999", "agent", None, None),
    ("-5", None, None, "buy", "5", "agent", None, None),
    ("-5", None, None, "buy", "5.000000001", "agent", "5", "5.000000001"),
    ("5", None, None, "sell", "5", "owner", None, None),
    ("5", None, None, "sell", "5.000000001", "owner", "5", "5.000000001"),
    ("-5", None, None, "buy", "5", "protection", None, None),
    ("-5", None, None, "buy", "5.000000001", "protection", "5", "5.000000001"),
    ("5", "2", None, "sell", "2.999999999", "agent", None, None),
    ("5", "2", None, "sell", "3", "agent", None, None),
    ("5", "2", None, "sell", "3.000000001", "agent", "5", "5.000000001"),
    ("-5", "2", None, "buy", "3", "agent", None, None),
    ("-5", "2", None, "buy", "3.000000001", "agent", "5", "5.000000001"),
    ("5", None, "2", "sell", "5", "agent", None, None),
    ("0.000000001", None, None, "sell", "0.000000001", "agent", None, None),
    ("5", None, None, "buy", "0.000000001", "agent", "0", "0.000000001"),
    ("-5", None, None, "sell", "0.000000001", "owner", "0", "0.000000001"),
    ("0", None, None, "sell", "0.000000001", "agent", "0", "0.000000001"),
    ("0", None, None, "buy", "0.000000001", "protection", "0", "0.000000001"),
]


def reduce_rows() -> list[Row]:
    """Rows of the table above."""
    rows = []
    for position, working, opening, side, quantity, origin, limit, observed in REDUCE_ONLY:
        given = Vault if position == "0" else lambda p=position, w=working, o=opening: reducing(p, w, o)
        others = "".join(f", {what} {q}" for what, q in (("reducing", working), ("opening", opening)) if q)
        case = f"{origin} {side} {quantity} of {position}{others}"
        figures = (limit is not None, number(limit), number(observed))
        rows.append(
            Row("reduce_only", case, given, exit_of(side, quantity), *figures, position if limit else "", origin)
        )
    return rows


DUPLICATES = [
    Row("duplicate_order", case, given, wanted, not is_new, "new", "used", "", origin)
    for case, given, wanted, origin, is_new in DUPLICATE_ORDER
]
ROWS = [*state_rows(), *UNKNOWN_ASSET, *STALE_PRICE, *reduce_rows()]


@table(ROWS)
def test_row(row: Row) -> None:
    """Exactly these rules, with these figures."""
    holds(row)
