"""Rules on size: leverage, position_size, concentration, correlated_exposure, order_notional.

Equity is 10,000 and every mark 100 unless the row says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable

from .rows import Row, holds, number, table
from .vaults import Origin, Side, Vault, exit_of, proposal

HUNDRED = ("BTC", "ETH", "SOL")

# side, order leverage; limit, observed where refused. The maximum is 3.
ORDER_LEVERAGE: list[tuple[Side, str, str | None]] = [
    ("buy", "0.999999999", "1"),
    ("buy", "1", None),
    ("buy", "1.000000001", None),
    ("buy", "2.999999999", None),
    ("buy", "3", None),
    ("buy", "3.000000001", "3"),
    ("sell", "0.999999999", "1"),
    ("sell", "3", None),
    ("sell", "3.000000001", "3"),
]


def geared(position: str = "0", other: str = "0", working: tuple[Side, str] | None = None, lost: str = "0") -> Vault:
    """At most 1 x equity: 10,000. Positions in BTC and ETH, a working order in BTC, and what was lost."""
    vault = Vault()
    for asset, quantity in (("BTC", position), ("ETH", other)):
        if quantity != "0":
            vault.holding(quantity, asset)
    if working:
        vault.accepted(proposal(*working))
    if lost != "0":
        vault.lost(lost)
    return vault.limited(max_leverage=1)


CAP = "10000"
# case, vault, side, quantity; limit and observed (gross exposure after) where refused
GROSS_EXPOSURE: list[tuple[str, Callable[[], Vault], Side, str, str | None, str | None]] = [
    ("one unit below", geared, "buy", "99.999999999", None, None),
    ("at", geared, "buy", "100", None, None),
    ("one unit above", geared, "buy", "100.000000001", CAP, "10000.0000001"),
    ("at, sell", geared, "sell", "100", None, None),
    ("one unit above, sell", geared, "sell", "100.000000001", CAP, "10000.0000001"),
    ("at, 4,000 in ETH", lambda: geared(other="40"), "buy", "60", None, None),
    ("above, 4,000 in ETH", lambda: geared(other="40"), "buy", "60.000000001", CAP, "10000.0000001"),
    ("at, short 4,000 in ETH: no netting", lambda: geared(other="-40"), "buy", "60", None, None),
    ("above, short 4,000 in ETH", lambda: geared(other="-40"), "buy", "60.000000001", CAP, "10000.0000001"),
    # Long 20, sell 120: worst short = 120 - 20 = 100 units, worst long 20.
    ("at, a sell through a long", lambda: geared("20"), "sell", "120", None, None),
    ("above, a sell through a long", lambda: geared("20"), "sell", "120.000000001", CAP, "10000.0000001"),
    # Long 20 and a working sell of 30: worst long = 20 + 80 = 100; the sell takes nothing off.
    ("at, against a working sell", lambda: geared("20", working=("sell", "30")), "buy", "80", None, None),
    ("above, against a working sell", lambda: geared("20", working=("sell", "30")), "buy", "80.000000001", CAP,
     "10000.0000001"),
    # A working buy of 30 adds to it.
    ("at, beside a working buy", lambda: geared("20", working=("buy", "30")), "buy", "50", None, None),
    ("above, beside a working buy", lambda: geared("20", working=("buy", "30")), "buy", "50.000000001", CAP,
     "10000.0000001"),
    ("equity one unit too small", lambda: geared(lost="0.000000001"), "buy", "100", "9999.999999999", "10000"),
]  # fmt: skip


def leverage_rows() -> list[Row]:
    """The order's own leverage, then the vault's."""
    rows = []
    for side, leverage, limit in ORDER_LEVERAGE:
        wanted = proposal(side, 1, leverage=leverage, stop=99 if side == "buy" else 101)
        figures = (limit is not None, number(limit), number(leverage) if limit else None)
        case = f"{side} at leverage {leverage}"
        rows.append(Row("leverage", case, lambda: Vault(max_leverage=3), wanted, *figures, leverage if limit else ""))
    for case, given, side, quantity, limit, observed in GROSS_EXPOSURE:
        figures = (limit is not None, number(limit), number(observed))
        says = f"{limit} {observed}" if limit else ""
        rows.append(Row("leverage", f"gross {case}", given, proposal(side, quantity), *figures, says))
    exits = exit_of("sell", 200)
    rows.append(Row("leverage", "an exit above every maximum", lambda: geared("200"), exits))
    rows.append(Row("leverage", "an exit at a leverage beyond", lambda: geared("2"), exit_of("sell", 2, leverage=9)))
    return rows


def sized(scale: str = "1", position: str | None = None) -> Vault:
    """25 % of 10,000 an order: 2,500 x the risk scale."""
    vault = Vault()
    if position:
        vault.holding(position)
    vault.gate.set_risk_scale(scale)
    return vault.limited(max_position_fraction="0.25")


# side, quantity, limit price, risk scale; limit and observed (quantity x the dearer of entry and mark)
POSITION_SIZE: list[tuple[Side, str, str | None, str, str | None, str | None]] = [
    ("buy", "24.999999999", None, "1", None, None),
    ("buy", "25", None, "1", None, None),
    ("buy", "25.000000001", None, "1", "2500", "2500.0000001"),
    ("sell", "24.999999999", None, "1", None, None),
    ("sell", "25", None, "1", None, None),
    ("sell", "25.000000001", None, "1", "2500", "2500.0000001"),
    ("buy", "20", "125", "1", None, None),
    ("buy", "20.000000001", "125", "1", "2500", "2500.000000125"),
    ("sell", "20", "125", "1", None, None),
    ("sell", "20", "125.000000001", "1", "2500", "2500.00000002"),
    ("buy", "25", "80", "1", None, None),
    ("buy", "25.000000001", "80", "1", "2500", "2500.0000001"),
    ("buy", "12.5", None, "0.5", None, None),
    ("buy", "12.500000001", None, "0.5", "1250", "1250.0000001"),
    ("sell", "12.500000001", None, "0.5", "1250", "1250.0000001"),
    # 2,500 x 0.000000001 = 0.0000025, which 0.000000025 units at 100 reach.
    ("buy", "0.000000025", None, "0.000000001", None, None),
    ("buy", "0.000000026", None, "0.000000001", "0.0000025", "0.0000026"),
]


def size_rows() -> list[Row]:
    """Openings; an exit of any size passes."""
    rows = []
    for side, quantity, price, scale, limit, observed in POSITION_SIZE:
        figures = (limit is not None, number(limit), number(observed), f"{limit} {observed}" if limit else "")
        case = f"{side} {quantity} at {price or 'market'}, scale {scale}"
        given = lambda scale=scale: sized(scale)  # noqa: E731
        rows.append(Row("position_size", case, given, proposal(side, quantity, price=price), *figures))
    origins: tuple[Origin, ...] = ("agent", "owner", "protection")
    for origin in origins:
        case, wanted = f"{origin}'s exit of twice the size", exit_of("sell", 50)
        rows.append(Row("position_size", case, lambda: sized("1", "50"), wanted, origin=origin))
    wanted = proposal("buy", "25.000000001")
    figures = (True, number("2500"), number("2500.0000001"), "")
    beside = ("trading_state",)
    rows.append(Row("position_size", "an owner's opening", sized, wanted, *figures, origin="owner", beside=beside))
    return rows


def concentrated(position: str = "0", working: tuple[Side, str] | None = None, scale: str = "1", **marks: str) -> Vault:
    """60 % of equity in one asset: 6,000 x the risk scale, at a mark of 100."""
    vault = Vault()
    if position != "0":
        vault.holding(position)
    if working:
        vault.accepted(proposal(*working))
    vault.gate.set_risk_scale(scale)
    for asset, price in marks.items():
        vault.marked(asset, price)
    return vault.limited(max_concentration="0.6")


# case, vault, side, quantity, limit price; limit and observed (exposure in BTC after)
CONCENTRATION: list[tuple[str, Callable[[], Vault], Side, str, str | None, str | None, str | None]] = [
    ("one unit below", concentrated, "buy", "59.999999999", None, None, None),
    ("at", concentrated, "buy", "60", None, None, None),
    ("one unit above", concentrated, "buy", "60.000000001", None, "6000", "6000.0000001"),
    ("one unit below, sell", concentrated, "sell", "59.999999999", None, None, None),
    ("at, sell", concentrated, "sell", "60", None, None, None),
    ("one unit above, sell", concentrated, "sell", "60.000000001", None, "6000", "6000.0000001"),
    ("long 20, working buy 10, at", lambda: concentrated("20", ("buy", "10")), "buy", "30", None, None, None),
    ("long 20, working buy 10, above", lambda: concentrated("20", ("buy", "10")), "buy", "30.000000001", None, "6000",
     "6000.0000001"),
    ("long 20, working sell 10, at", lambda: concentrated("20", ("sell", "10")), "buy", "40", None, None, None),
    ("long 20, working sell 10, above", lambda: concentrated("20", ("sell", "10")), "buy", "40.000000001", None, "6000",
     "6000.0000001"),
    ("short 20, at", lambda: concentrated("-20"), "sell", "40", None, None, None),
    ("short 20, above", lambda: concentrated("-20"), "sell", "40.000000001", None, "6000", "6000.0000001"),
    # Exposure is at the mark, whatever the limit price.
    ("a low limit price, at", concentrated, "buy", "60", "50", None, None),
    ("a low limit price, above", concentrated, "buy", "60.000000001", "50", "6000", "6000.0000001"),
    ("a high limit price, at", concentrated, "buy", "60", "150", None, None),
    ("half the scale, at", lambda: concentrated(scale="0.5"), "buy", "30", None, None, None),
    ("half the scale, above", lambda: concentrated(scale="0.5"), "buy", "30.000000001", None, "3000", "3000.0000001"),
    # 60 bought at 100, the mark then rises: equity 10,600 allows 6,360, and 60 x 110 are 6,600 already.
    ("grown past it", lambda: concentrated("60", BTC="110"), "sell", "0.000000001", None, "6360", "6600"),
]  # fmt: skip


def concentration_rows() -> list[Row]:
    """Openings, and an exit of what is far too much."""
    rows = []
    for case, given, side, quantity, price, limit, observed in CONCENTRATION:
        figures = (limit is not None, number(limit), number(observed), f"{limit} {observed} BTC" if limit else "")
        rows.append(Row("concentration", case, given, proposal(side, quantity, price=price), *figures))
    rows.append(Row("concentration", "an exit of part of 80", lambda: concentrated("80"), exit_of("sell", 1)))
    return rows


def grouped(eth: str = "0", sol: str = "0", scale: str = "1", groups: bool = True) -> Vault:
    """150 % of equity in the majors (BTC, ETH): 15,000 x the risk scale; SOL stands outside."""
    vault = Vault()
    if groups:
        vault.gate.set_correlation_groups({"majors": ["BTC", "ETH"]})
    for asset, quantity in (("ETH", eth), ("SOL", sol)):
        if quantity != "0":
            vault.holding(quantity, asset)
    vault.gate.set_risk_scale(scale)
    return vault.limited(max_correlated_exposure="1.5")


CAP_OF_GROUP = ("15000", "15000.0000001")
# case, vault, side, quantity of BTC; limit and observed (the group's sum after)
CORRELATED: list[tuple[str, Callable[[], Vault], Side, str, tuple[str, str] | None]] = [
    ("one unit below", lambda: grouped("100"), "buy", "49.999999999", None),
    ("at", lambda: grouped("100"), "buy", "50", None),
    ("one unit above", lambda: grouped("100"), "buy", "50.000000001", CAP_OF_GROUP),
    ("at, a hedge gets no credit", lambda: grouped("100"), "sell", "50", None),
    ("above, a hedge gets no credit", lambda: grouped("100"), "sell", "50.000000001", CAP_OF_GROUP),
    ("at, short in ETH", lambda: grouped("-100"), "buy", "50", None),
    ("above, short in ETH", lambda: grouped("-100"), "buy", "50.000000001", CAP_OF_GROUP),
    ("at, SOL is not of the group", lambda: grouped("100", "70"), "buy", "50", None),
    ("above, SOL is not of the group", lambda: grouped("100", "70"), "buy", "50.000000001", CAP_OF_GROUP),
    ("at, no groups: a group of its own", lambda: grouped("100", groups=False), "buy", "150", None),
    ("above, no groups: a group of its own", lambda: grouped("100", groups=False), "buy", "150.000000001",
     CAP_OF_GROUP),
    ("at, half the scale", lambda: grouped("50", scale="0.5"), "buy", "25", None),
    ("above, half the scale", lambda: grouped("50", scale="0.5"), "sell", "25.000000001", ("7500", "7500.0000001")),
]  # fmt: skip


def group_rows() -> list[Row]:
    """Openings, and an exit where the group is full."""
    rows = []
    for case, given, side, quantity, figures in CORRELATED:
        limit, observed = figures or (None, None)
        seen = (figures is not None, number(limit), number(observed), f"{limit} {observed} BTC" if figures else "")
        rows.append(Row("correlated_exposure", case, given, proposal(side, quantity), *seen))
    full = exit_of("sell", 1, "ETH")
    rows.append(Row("correlated_exposure", "an exit from a full group", lambda: grouped("200"), full))
    return rows


# side, quantity, limit price, the cap; observed where refused
ORDER_NOTIONAL: list[tuple[Side, str, str | None, str | None, str | None]] = [
    ("buy", "9.999999999", None, "1000", None),
    ("buy", "10", None, "1000", None),
    ("buy", "10.000000001", None, "1000", "1000.0000001"),
    ("sell", "10", None, "1000", None),
    ("sell", "10.000000001", None, "1000", "1000.0000001"),
    ("buy", "10", None, "999.999999999", "1000"),
    ("buy", "8", "125", "1000", None),
    ("buy", "8.000000001", "125", "1000", "1000.000000125"),
    ("sell", "10.000000001", "80", "1000", "1000.0000001"),
    ("buy", "10000", None, None, None),
]


def notional_rows() -> list[Row]:
    """Openings; off unless set; an exit of any size passes."""
    rows = []
    for side, quantity, price, cap, observed in ORDER_NOTIONAL:
        given = lambda cap=cap: Vault(max_order_notional=cap)  # noqa: E731
        says = f"{cap} {observed}" if observed else ""
        figures = (observed is not None, number(cap), number(observed), says)
        case = f"{side} {quantity} at {price or 'market'}, cap {cap or 'off'}"
        rows.append(Row("order_notional", case, given, proposal(side, quantity, price=price), *figures))
    held = lambda: Vault().holding(50).limited(max_order_notional=1000)  # noqa: E731
    rows.append(Row("order_notional", "an exit of five times the cap", held, exit_of("sell", 50)))
    return rows


ROWS = [*leverage_rows(), *size_rows(), *concentration_rows(), *group_rows(), *notional_rows()]


@table(ROWS)
def test_row(row: Row) -> None:
    """Exactly these rules, with these figures."""
    holds(row)
