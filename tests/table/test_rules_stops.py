"""Rules on stops: stop_loss_required, stop_loss_distance, liquidation_buffer, stop_risk_budget.

Every mark is 100 and equity 10,000 unless the row says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable

from .rows import ANY, Row, holds, number, table
from .vaults import Origin, Side, Vault, exit_of, proposal

# side, limit price, stop; the entry as the limit where it is refused
STOP_LOSS_REQUIRED: list[tuple[Side, str | None, str | None, str | None]] = [
    ("buy", None, "99.999999999", None),
    ("buy", None, "100", "100"),
    ("buy", None, "100.000000001", "100"),
    ("sell", None, "100.000000001", None),
    ("sell", None, "100", "100"),
    ("sell", None, "99.999999999", "100"),
    ("buy", "95", "94.999999999", None),
    ("buy", "95", "95", "95"),
    ("buy", "95", "99", "95"),
    ("sell", "105", "105.000000001", None),
    ("sell", "105", "105", "105"),
    ("sell", "105", "101", "105"),
    ("buy", None, None, "100"),
    ("sell", None, None, "100"),
]


def required_rows() -> list[Row]:
    """Openings; the owner's and protection's exits and the agent's need none."""
    rows = []
    for side, price, stop, entry in STOP_LOSS_REQUIRED:
        says = f"{entry} {stop}" if entry and stop else "stop-loss" if entry else ""
        figures = (entry is not None, number(entry), number(stop) if entry else None, says)
        case = f"{side} at {price or 'market'}, stop {stop or 'missing'}"
        rows.append(Row("stop_loss_required", case, Vault, proposal(side, 1, price=price, stop=stop), *figures))
    origins: tuple[Origin, ...] = ("agent", "owner", "protection")
    for origin in origins:
        case = f"{origin}'s exit without a stop"
        rows.append(Row("stop_loss_required", case, lambda: Vault().holding(5), exit_of("sell", 5), origin=origin))
    case = "an exit with a stop on the wrong side"
    rows.append(Row("stop_loss_required", case, lambda: Vault().holding(5), exit_of("sell", 5, stop=90)))
    return rows


def ranged(atr: str | None, remarked: bool = False) -> Vault:
    """A stop must lie 0.5 to 4 ATR away; the mark may have come again without an ATR."""
    vault = Vault(atr=atr, stop_atr_min="0.5", stop_atr_max=4)
    return vault.marked("BTC", 100) if remarked else vault


# side, limit price, stop, ATR; limit and observed (the distance) where refused
STOP_LOSS_DISTANCE: list[tuple[Side, str | None, str, str | None, str | None, str | None]] = [
    # 0.5 x 2 = 1 is the least, 4 x 2 = 8 the most
    ("buy", None, "99.000000001", "2", "1", "0.999999999"),
    ("buy", None, "99", "2", None, None),
    ("buy", None, "98.999999999", "2", None, None),
    ("buy", None, "92.000000001", "2", None, None),
    ("buy", None, "92", "2", None, None),
    ("buy", None, "91.999999999", "2", "8", "8.000000001"),
    ("sell", None, "100.999999999", "2", "1", "0.999999999"),
    ("sell", None, "101", "2", None, None),
    ("sell", None, "101.000000001", "2", None, None),
    ("sell", None, "107.999999999", "2", None, None),
    ("sell", None, "108", "2", None, None),
    ("sell", None, "108.000000001", "2", "8", "8.000000001"),
    # from the limit price, where there is one
    ("buy", "95", "94", "2", None, None),
    ("buy", "95", "86.999999999", "2", "8", "8.000000001"),
    ("sell", "105", "105.999999999", "2", "1", "0.999999999"),
    # the ATR decides: 0.5 x 2.000000002 = 1.000000001; 4 x 1.999999999 = 7.999999996
    ("buy", None, "99", "1.999999998", None, None),
    ("buy", None, "99", "2.000000002", "1.000000001", "1"),
    ("buy", None, "92", "1.999999999", "7.999999996", "8"),
    # not known, or nothing: it cannot be computed
    ("buy", None, "99", None, None, "1"),
    ("sell", None, "101", "0", None, "1"),
    # a half unit, exactly: 0.5 x 0.000000003 = 0.0000000015
    ("buy", None, "99.999999998", "0.000000003", None, None),
    ("buy", None, "99.999999999", "0.000000003", "0.0000000015", "0.000000001"),
]


def distance_rows() -> list[Row]:
    """Openings with a stop on the right side, and what the rule is not asked for."""
    rows = []
    for side, price, stop, atr, limit, observed in STOP_LOSS_DISTANCE:
        given = lambda atr=atr: ranged(atr)  # noqa: E731
        says = f"{observed} 0.5 4 {atr} ATR" if limit else "ATR"
        figures = (observed is not None, number(limit), number(observed), says if observed else "")
        case = f"{side} at {price or 'market'}, stop {stop}, ATR {atr or 'unknown'}"
        rows.append(Row("stop_loss_distance", case, given, proposal(side, 1, price=price, stop=stop), *figures))
    kept, far = proposal("buy", 1, stop=92), proposal("buy", 1, stop="91.999999999")
    figures = (True, number("8"), number("8.000000001"), "")
    rows.append(Row("stop_loss_distance", "a mark without an ATR keeps the last", lambda: ranged("2", True), kept))
    rows.append(Row("stop_loss_distance", "the kept ATR decides", lambda: ranged("2", True), far, *figures))
    held = lambda: Vault().holding(5).limited(stop_atr_min="0.5", stop_atr_max=4)  # noqa: E731
    rows.append(Row("stop_loss_distance", "not asked for an exit", held, exit_of("sell", 5, stop=300)))
    return rows


def margined() -> Vault:
    """Maintenance margin 1 %, and 80 % of the way to liquidation."""
    return Vault(maintenance_margin="0.01", liquidation_share="0.8")


# side, limit price, leverage, stop; limit and observed (the distance)
LIQUIDATION_BUFFER: list[tuple[Side, str | None, str, str, object, str | None]] = [
    # (1/10 - 0.01) x 0.8 = 7.2 % of the entry
    ("buy", None, "10", "92.800000001", None, None),
    ("buy", None, "10", "92.8", None, None),
    ("buy", None, "10", "92.799999999", "7.2", "7.200000001"),
    ("sell", None, "10", "107.199999999", None, None),
    ("sell", None, "10", "107.2", None, None),
    ("sell", None, "10", "107.200000001", "7.2", "7.200000001"),
    ("buy", "50", "10", "46.4", None, None),  # 7.2 % of 50 = 3.6
    ("buy", "50", "10", "46.399999999", "3.6", "3.600000001"),
    # (1/1.25 - 0.01) x 0.8 = 63.2 %
    ("buy", None, "1.25", "36.8", None, None),
    ("buy", None, "1.25", "36.799999999", "63.2", "63.200000001"),
    # (1/3 - 0.01) x 0.8 = 25.866666... %, decided without a rounding
    ("buy", None, "3", "74.133333334", None, None),
    ("buy", None, "3", "74.133333333", ANY, "25.866666667"),
    # one unit above 1: (1/1.000000001 - 0.01) x 0.8 = 79.1999999200... %
    ("buy", None, "1.000000001", "20.80000008", None, None),
    ("buy", None, "1.000000001", "20.800000079", ANY, "79.199999921"),
    # 1/100 - 0.01 = 0 and 1/200 - 0.01 < 0: no stop is near enough
    ("buy", None, "100", "99.999999999", "0", "0.000000001"),
    ("sell", None, "200", "100.000000001", ANY, "0.000000001"),
    # at a leverage of 1, and of less, there is nothing to be liquidated
    ("buy", None, "1", "0.000000001", None, None),
    ("sell", None, "1", "1000", None, None),
]


def liquidation_rows() -> list[Row]:
    """Openings on leverage with a stop on the right side, and what the rule is not asked for."""
    rows = []
    for side, price, leverage, stop, limit, observed in LIQUIDATION_BUFFER:
        wanted = proposal(side, 1, price=price, stop=stop, leverage=leverage)
        bound = number(limit) if isinstance(limit, str) else limit
        figures = (observed is not None, bound, number(observed), f"{leverage} {observed}" if observed else "")
        case = f"{side} at {price or 'market'}, leverage {leverage}, stop {stop}"
        rows.append(Row("liquidation_buffer", case, margined, wanted, *figures))
    held = lambda: margined().holding(5)  # noqa: E731
    rows.append(Row("liquidation_buffer", "not asked for an exit", held, exit_of("sell", 5, stop=300, leverage=50)))
    return rows


def budgeted(
    *held: tuple[str, str], lost: str = "0", working: tuple[str, str, str] | None = None, mark: str = "100"
) -> Vault:
    """1 % of the day's opening: 100. Positions by quantity and stop, a working buy, the day's loss, the mark."""
    vault = Vault()
    for quantity, stop in held:
        side: Side = "sell" if quantity.startswith("-") else "buy"
        vault.filled(proposal(side, quantity.removeprefix("-"), stop=stop))
    if working:
        quantity, price, stop = working
        vault.accepted(proposal("buy", quantity, price=price, stop=stop))
    if lost != "0":
        vault.lost(lost)
    return vault.marked("BTC", mark).limited(stop_risk_budget="0.01")


def without_stop() -> Vault:
    """A position of which nobody knows a stop: a fill that was not approved, resumed."""
    vault = budgeted()
    vault.fill("foreign", 1, asset="ETH", side="buy")
    vault.gate.resume()
    return vault


# case, vault, side, quantity, stop; limit (budget less the day's loss) and observed (the sum of all stops)
STOP_RISK_BUDGET: list[tuple[str, Callable[[], Vault], Side, str, str, str | None, str | None]] = [
    ("one unit below", budgeted, "buy", "9.999999999", "90", None, None),
    ("at", budgeted, "buy", "10", "90", None, None),
    ("one unit above", budgeted, "buy", "10.000000001", "90", "100", "100.00000001"),
    ("one unit below, sell", budgeted, "sell", "9.999999999", "110", None, None),
    ("at, sell", budgeted, "sell", "10", "110", None, None),
    ("one unit above, sell", budgeted, "sell", "10.000000001", "110", "100", "100.00000001"),
    ("the stop one unit further", budgeted, "buy", "10", "89.999999999", "100", "100.00000001"),
    # the day's loss comes off, its gain is added
    ("at, 20 lost today", lambda: budgeted(lost="20"), "buy", "8", "90", None, None),
    ("above, 20 lost today", lambda: budgeted(lost="20"), "buy", "8.000000001", "90", "80", "80.00000001"),
    ("at, 30 won today", lambda: budgeted(lost="-30"), "buy", "13", "90", None, None),
    ("above, 30 won today", lambda: budgeted(lost="-30"), "sell", "13.000000001", "110", "130", "130.00000001"),
    # 5 held with a stop 10 away: 50
    ("at, a long held", lambda: budgeted(("5", "90")), "buy", "5", "90", None, None),
    ("above, a long held", lambda: budgeted(("5", "90")), "buy", "5.000000001", "90", "100", "100.00000001"),
    ("at, a short held", lambda: budgeted(("-5", "110")), "buy", "5", "90", None, None),
    ("above, a short held", lambda: budgeted(("-5", "110")), "sell", "5.000000001", "110", "100", "100.00000001"),
    # from the mark: 5 x (104 - 90) = 70, and 20 was won: 120 - 70 = 50 are left, at 104 - 94 = 10 a unit
    ("at, a long that rose", lambda: budgeted(("5", "90"), mark="104"), "buy", "5", "94", None, None),
    ("above, a long that rose", lambda: budgeted(("5", "90"), mark="104"), "buy", "5.000000001", "94", "120",
     "120.00000001"),
    # past its stop: no risk and no credit; 5 x 15 = 75 are lost: 25 are left, at 85 - 80 = 5 a unit
    ("at, a long past its stop", lambda: budgeted(("5", "90"), mark="85"), "buy", "5", "80", None, None),
    ("above, a long past its stop", lambda: budgeted(("5", "90"), mark="85"), "buy", "5.000000001", "80", "25",
     "25.000000005"),
    # the furthest stop of the orders that built it: 4 x (100 - 80) = 80
    ("at, two stops", lambda: budgeted(("3", "90"), ("1", "80")), "buy", "2", "90", None, None),
    ("above, two stops", lambda: budgeted(("3", "90"), ("1", "80")), "buy", "2.000000001", "90", "100",
     "100.00000001"),
    # a working opening from its entry to its stop: 4 x (95 - 90) = 20
    ("at, a working buy", lambda: budgeted(working=("4", "95", "90")), "sell", "8", "110", None, None),
    ("above, a working buy", lambda: budgeted(working=("4", "95", "90")), "sell", "8.000000001", "110", "100",
     "100.00000001"),
    ("nothing left", lambda: budgeted(lost="100"), "buy", "0.000000001", "99.999999999", "0", "0.000000000000000001"),
    ("a position without a stop", without_stop, "buy", "0.000000001", "90", "100", None),
    ("off unless set", lambda: Vault().holding(50), "buy", "5000", "1", None, None),
]  # fmt: skip


def budget_rows() -> list[Row]:
    """Openings with a stop on the right side, and an exit when nothing is left."""
    rows = []
    for case, given, side, quantity, stop, limit, observed in STOP_RISK_BUDGET:
        figures = (limit is not None, number(limit), number(observed), observed or "")
        rows.append(Row("stop_risk_budget", case, given, proposal(side, quantity, stop=stop), *figures))
    spent = lambda: budgeted(("5", "90"), lost="100")  # noqa: E731
    rows.append(Row("stop_risk_budget", "not asked for an exit", spent, exit_of("sell", 5)))
    return rows


ROWS = [*required_rows(), *distance_rows(), *liquidation_rows(), *budget_rows()]


@table(ROWS)
def test_row(row: Row) -> None:
    """Exactly these rules, with these figures."""
    holds(row)
