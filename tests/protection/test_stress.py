"""Gaps: worked by hand, recomputed exactly, and the least that must be closed held against linear programming."""

from collections.abc import Iterator
from decimal import Decimal as D
from fractions import Fraction

import numpy as np
import pytest
from gxrisk import Limits
from gxrisk.protection import StressRow, StressTest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import linprog

from .accounts import BOUNDED, Held, decimals, held, portfolios, vault

GROWTH = Limits.for_tier("growth")
UNIT = Fraction(1, 10**9)


def rows(deposit: object, positions: list[Held], limits: Limits = GROWTH, **settings: object) -> list[StressRow]:
    return list(StressTest(limits, **settings).run(vault(deposit, positions).snapshot()))  # type: ignore[arg-type]


def test_an_empty_portfolio_has_no_scenario() -> None:
    assert rows(0, []) == rows(10_000, []) == []


def test_the_table_of_one_long() -> None:
    """40 at 100 on 1,000: down 10, 20, 30 and 50 %, all at once and alone; nothing upward."""
    found = rows(1_000, [held("BTC", 40, 100)])
    assert [(one.kind, str(one.gap)) for one in found[:4]] == [("all", f"-0.{n}") for n in (1, 2, 3, 5)]
    assert [one.kind for one in found[4:]] == ["asset"] * 4
    assert [(one.loss, one.equity, one.maintenance, one.survives) for one in found[:4]] == [
        (400, 600, 36, True),
        (800, 200, 32, True),
        (1200, -200, 28, False),
        (2000, -1000, 20, False),
    ]
    # 30 % down: 228 are missing, and a unit closed saves 30.7; 50 % down: 1,020 by 50.5
    assert [one.close_first[0].quantity for one in found[2:4]] == [D("7.426710098"), D("20.198019802")]
    assert [one.close_first for one in found[:2]] == [(), ()]


def test_equity_at_the_margin_is_taken_over() -> None:
    """10 at 100 fall by half: 505 leave 5 of equity for a margin of 5, and one unit more must be closed."""
    at = rows(505, [held("BTC", 10, 100)], gaps=["0.5"])[0]
    assert (at.equity, at.maintenance, at.survives) == (5, 5, False)
    assert [one.quantity for one in at.close_first] == [D("1e-9")]
    assert rows("505.000000001", [held("BTC", 10, 100)], gaps=["0.5"])[0].survives


def test_shorts_are_tested_upward_and_hedges_both_ways() -> None:
    short = rows(1_000, [held("BTC", -40, 100)])
    assert {one.gap for one in short} == {D("0.1"), D("0.2"), D("0.3"), D("0.5")}
    assert short[1].maintenance == D(40) * 120 / 100
    hedged = rows(1_000, [held("BTC", 40, 100), held("ETH", -80, 50)])
    together = [one for one in hedged if one.kind == "all"]
    assert len(together) == 8
    assert all(one.loss == 0 and one.survives for one in together)
    alone = {(one.name, one.gap): one.survives for one in hedged if one.kind == "asset"}
    assert alone[("BTC", D("-0.3"))] is alone[("ETH", D("0.3"))] is False


def test_groups_fall_together_while_others_stand() -> None:
    positions = [held("BTC", 20, 100), held("ETH", 20, 100), held("XRP", 100, 1)]
    found = rows(1_000, positions, groups={"majors": ["BTC", "ETH", "SOL"], "none": ["SOL"]}, gaps=["0.3"])
    assert [(one.kind, one.name, one.loss) for one in found] == [
        ("all", "all", 1230),
        ("group", "majors", 1200),
        ("asset", "BTC", 600),
        ("asset", "ETH", 600),
        ("asset", "XRP", 30),
    ]


def test_what_loses_most_per_worth_is_closed_first() -> None:
    """ETH alone gaps; closing BTC would save its margin only."""
    found = rows(1_000, [held("BTC", 50, 100), held("ETH", 30, 100)], gaps=["0.5"])
    eth = next(one for one in found if one.name == "ETH")
    assert [one.asset for one in eth.close_first] == ["ETH"]
    both = next(one for one in found if one.kind == "all")
    assert [one.asset for one in both.close_first] == ["BTC", "ETH"][: len(both.close_first)]


def test_what_is_unknown_or_gone_is_not_survived() -> None:
    blind = rows(10_000, [Held("BTC", D(1), D(100), None)])
    assert not any(one.survives for one in blind)
    assert "no price" in blind[0].reason
    gone = rows(10, [held("BTC", 5, 100, 90)])
    assert not any(one.survives or one.close_first for one in gone)
    assert "gone already" in gone[0].reason


def test_gaps_are_settings() -> None:
    with pytest.raises(ValueError, match=r"^gaps: 1.5 was given, 0.000001 to 1 is allowed$"):
        StressTest(GROWTH, gaps=[1.5])


def exactly(row: StressRow, positions: list[Held], deposit: D, margin: D, close: bool) -> tuple[Fraction, Fraction]:
    """Equity and margin after the gap, worked out anew with whole fractions, with `close_first` closed or not."""
    equity, needed = Fraction(deposit), Fraction(0)
    closing = {one.asset: Fraction(one.quantity) for one in row.close_first} if close else {}
    for one, moves in moving(row, positions):
        assert one.mark is not None
        mark, quantity = Fraction(one.mark), Fraction(one.quantity)
        equity += quantity * (mark - Fraction(one.entry))
        left = abs(quantity) - closing.get(one.asset, Fraction(0))
        assert left >= 0
        gap = Fraction(row.gap) if moves else Fraction(0)
        equity += left * (1 if quantity > 0 else -1) * mark * gap
        needed += left * mark * (1 + gap) * Fraction(margin)
    return equity, needed


def moving(row: StressRow, positions: list[Held]) -> Iterator[tuple[Held, bool]]:
    return ((one, row.name in ("all", one.asset)) for one in positions)


@BOUNDED
@given(portfolios(), decimals("1", "20000", 2), decimals("0", "0.3", 3), st.data())
def test_closing_what_is_named_survives_the_gap_and_closing_less_does_not(
    positions: list[Held], deposit: D, margin: D, data: st.DataObject
) -> None:
    found = rows(deposit, positions, GROWTH.replace(maintenance_margin=margin))
    solvent = vault(deposit, positions).snapshot().equity > 0
    assert found
    for row in found:
        equity, needed = exactly(row, positions, deposit, margin, close=False)
        assert (Fraction(row.equity), Fraction(row.maintenance)) == (equity, needed)
        assert row.survives == (solvent and equity > needed)
        assert bool(row.close_first) == (solvent and not row.survives)
        if row.close_first:
            equity, needed = exactly(row, positions, deposit, margin, close=True)
            assert equity > needed
            last = row.close_first[-1]
            mark = next(Fraction(one.mark) for one in positions if one.asset == last.asset and one.mark)
            # the last one was closed by at most a unit too much: a unit less leaves the account at its margin
            assert equity - needed <= UNIT * mark * 2


@BOUNDED
@given(portfolios(), decimals("1", "3000", 2), decimals("0", "0.3", 3))
def test_no_other_closing_of_less_worth_survives(positions: list[Held], deposit: D, margin: D) -> None:
    """Against scipy's linear programming: minimise the worth closed so that equity is the margin after the gap."""
    lost = [row for row in rows(deposit, positions, GROWTH.replace(maintenance_margin=margin)) if row.close_first]
    assume(lost)
    for row in lost:
        equity, needed = exactly(row, positions, deposit, margin, close=False)
        worths = np.array([float(abs(one.quantity) * one.mark) for one in positions if one.mark])
        gaps = np.array([float(row.gap) if moves else 0.0 for _, moves in moving(row, positions)])
        sides = np.array([1.0 if one.quantity > 0 else -1.0 for one in positions])
        saved = worths * (float(margin) * (1 + gaps) - sides * gaps)
        best = linprog(worths, A_ub=[-saved], b_ub=[-float(needed - equity)], bounds=[(0, 1)] * len(positions))
        assert best.success
        closed = float(sum(one.worth for one in row.close_first))
        assert closed == pytest.approx(best.fun, rel=1e-6, abs=1e-5)


@BOUNDED
@given(portfolios(), decimals("1", "3000", 2), decimals("0.1", "5", 1))
def test_closings_lie_on_the_lot_step_or_are_whole(positions: list[Held], deposit: D, step: D) -> None:
    snapshot = vault(deposit, positions).snapshot()
    sizes = {one.asset: abs(one.quantity) for one in positions}
    for row in StressTest(GROWTH).run(snapshot, lot_steps=dict.fromkeys(sizes, step)):
        for one in row.close_first:
            assert one.quantity == sizes[one.asset] or one.quantity % step == 0
