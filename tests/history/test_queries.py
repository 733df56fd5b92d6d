"""Questions: pages, filters, spans, exact sums, indexes, and the same answers from both databases."""

from decimal import Decimal, localcontext
from pathlib import Path

import pytest
from gxrisk.history import History, HistoryError, Projector, tables
from gxrisk.history.amounts import EXACT, exact_total, ordered, unordered
from gxrisk.history.database import reading, writing
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import event, insert, select

from tests.postgres import Server

from .desk import LISTS, START_NS, Desk, all_of

AMOUNTS = st.decimals(Decimal("-1e20"), Decimal("1e20"), places=18, allow_nan=False, allow_infinity=False)


@pytest.fixture(scope="module")
def desks(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two vaults' journals."""
    files = []
    for seed, name in enumerate(("desk", "other")):
        desk = Desk(tmp_path_factory.mktemp(name) / "desk.gxr", seed + 21, name)
        desk.work(700)
        desk.close()
        files.append(desk.file)
    return files


@pytest.fixture
def filled(history: History, desks: list[Path]) -> History:
    """A history of both."""
    projector = Projector(history, desks)
    projector.catch_up()
    projector.raise_failures()
    return history


def test_both_databases_give_equal_answers(desks: list[Path], postgres: Server, tmp_path: Path) -> None:
    """Every row of every list, and the sums."""
    with History.open(str(tmp_path / "history.db")) as lite, History.open(postgres.migrated()) as full:
        for history in (lite, full):
            Projector(history, desks).catch_up()
        assert lite.vaults() == full.vaults()
        for vault in ("desk", "other"):
            assert all_of(lite, vault) == all_of(full, vault)
        since = START_NS + 10**12
        assert lite.totals("desk", since_ns=since) == full.totals("desk", since_ns=since) != full.totals("desk")


@pytest.mark.parametrize("name", [name for name in LISTS if name != "unknown"])
def test_pages_hold_every_row_once_both_ways(filled: History, name: str) -> None:
    """Pages of seven from either end are the whole list."""
    listed = getattr(filled, name)
    whole = list(filled.every(listed, "desk"))
    assert whole
    assert [row.sequence for row in whole] == sorted({row.sequence for row in whole})
    for newest_first in (True, False):
        found, after = [], None
        while True:
            page = listed("desk", after=after, limit=7, newest_first=newest_first)
            found.extend(page.rows)
            after = page.next
            if after is None:
                break
            assert len(page.rows) == 7
        assert found == (whole[::-1] if newest_first else whole)


@pytest.mark.parametrize("name", ["decisions", "trades", "equity", "fills", "flows", "trips"])
def test_spans_are_half_open(filled: History, name: str) -> None:
    """A span has its first instant and not its last one."""
    listed = getattr(filled, name)
    whole = list(filled.every(listed, "desk"))
    times = sorted({row.time_ns for row in whole})
    for since, until in ((times[0], times[-1]), (times[len(times) // 2], times[-1] + 1), (times[-1] + 1, None)):
        expected = [row for row in whole if row.time_ns >= since and (until is None or row.time_ns < until)]
        assert list(filled.every(listed, "desk", since_ns=since, until_ns=until)) == expected


def test_filters(filled: History) -> None:
    """Each filter gives what a filter over everything gives, and something."""
    decisions = list(filled.every(filled.decisions, "desk"))
    rules = {violation.rule for decision in decisions for violation in decision.violations}
    assert len(rules) > 3
    for rule in rules:
        for outcome in (None, "rejected", "held"):
            expected = [one for one in decisions if rule in {violation.rule for violation in one.violations}]
            expected = [one for one in expected if outcome in (None, one.outcome)]
            assert list(filled.every(filled.decisions, "desk", rule=rule, outcome=outcome)) == expected
    for outcome in ("approved", "rejected", "held"):
        found = list(filled.every(filled.decisions, "desk", outcome=outcome))
        assert found == [one for one in decisions if one.outcome == outcome] != []
    for name, field, value in (
        ("orders", "state", "filled"),
        ("trades", "asset", "BTC"),
        ("flows", "kind", "funding"),
        ("controls", "kind", "limits"),
        ("notes", "topic", "plan"),
    ):
        listed = getattr(filled, name)
        expected = [row for row in filled.every(listed, "desk") if getattr(row, field) == value]
        assert list(filled.every(listed, "desk", **{field: value})) == expected != []


def test_a_trade_tells_why_it_was_opened(filled: History) -> None:
    """The reasoning is that of the decision whose fill opened it; none where no approval did."""
    reasons = {decision.sequence: decision.reasoning for decision in filled.every(filled.decisions, "desk")}
    trades = list(filled.every(filled.trades, "desk"))
    assert {trade.decision is None for trade in trades} == {True, False}
    for trade in trades:
        assert trade.reasoning == (None if trade.decision is None else reasons[trade.decision])
        assert trade.duration_ns == trade.time_ns - trade.opened_ns >= 0
        sign = 1 if trade.side == "long" else -1
        gross = (trade.exit_value - trade.entry_value) * sign
        assert abs(gross - trade.fees - trade.profit) < Decimal("1e-15"), "the gate rounds partial closes"


def test_what_is_asked_wrongly_is_refused(filled: History) -> None:
    """With a sentence that says what there is."""
    with pytest.raises(HistoryError, match="no vault nosuch in this history; it has desk, other"):
        filled.trades("nosuch")
    for limit in (0, 1001):
        with pytest.raises(HistoryError, match=f"limit is {limit}; 1 to 1000"):
            filled.trades("desk", limit=limit)


@given(AMOUNTS, AMOUNTS)
@example(Decimal(0), Decimal("-0.000000000000000001"))
@example(Decimal("-5"), Decimal("-5.1"))
@example(Decimal("-9.9"), Decimal("-10"))
@example(Decimal("1E+5"), Decimal("99999.999999999999999999"))
def test_texts_of_amounts_sort_like_the_amounts(one: Decimal, other: Decimal) -> None:
    """What SQLite compares byte by byte has the order of the numbers, and one text a number."""
    assert (ordered(one) < ordered(other)) == (one < other)
    assert (ordered(one) == ordered(other)) == (one == other)
    assert unordered(ordered(one)) == one


def test_amounts_compare_sort_and_sum_exactly_in_sql(history: History) -> None:
    """Amounts that a float would merge, of every sign and size."""
    values = [Decimal(text) for text in (
        "123456789012345678901.123456789012345678", "123456789012345678901.123456789012345679", "-0.000000000000000001",
        "0", "0.000000000000000001", "-99999999999999999999.5", "-100000000000000000000", "9", "10", "-9", "-10",
    )]  # fmt: skip
    amount = tables.flows.c.amount
    with writing(history.engine) as connection:
        vault = connection.execute(insert(tables.vaults).values(name="sums")).inserted_primary_key
        assert vault is not None
        rows = [
            {"vault": vault[0], "sequence": number, "time_ns": number, "kind": "funding", "amount": value}
            for number, value in enumerate(values)
        ]
        connection.execute(insert(tables.flows), rows)
    with reading(history.engine) as connection:
        assert list(connection.scalars(select(amount).order_by(amount))) == sorted(values)
        with localcontext(EXACT):
            assert connection.scalar(select(exact_total(amount))) == sum(values)
        assert set(connection.scalars(select(amount).where(amount > 0))) == {value for value in values if value > 0}
        assert connection.scalar(select(exact_total(amount)).where(amount > Decimal("1e25"))) is None


def test_the_questions_of_a_server_use_indexes(desks: list[Path], tmp_path: Path) -> None:
    """No list reads a whole table, and none but the fleet's counts sorts in memory: SQLite says how it would do it."""
    with History.open(str(tmp_path / "history.db")) as history:
        Projector(history, desks).catch_up()
        asked: list[tuple[str, object]] = []
        event.listen(
            history.engine, "before_cursor_execute", lambda _c, _u, text, values, *_: asked.append((text, values))
        )
        span = {"since_ns": START_NS, "until_ns": START_NS + 10**15, "after": 500, "limit": 5}
        history.decisions("desk", **span)  # type: ignore[arg-type]
        history.decisions("desk", outcome="rejected", **span)  # type: ignore[arg-type]
        history.decisions("desk", rule="leverage", **span)  # type: ignore[arg-type]
        history.trades("desk", **span)  # type: ignore[arg-type]
        history.trades("desk", asset="BTC", **span)  # type: ignore[arg-type]
        history.equity("desk", **span)  # type: ignore[arg-type]
        history.orders("desk", state="filled")
        history.trips("desk", lasting=True)
        history.flows("desk", kind="funding")
        history.fills("desk", order_id="gx-9")
        history.positions("desk")
        questions = [(text, values) for text, values in asked if text.startswith("SELECT")]
        assert len(questions) > 20
        with reading(history.engine) as connection:
            for text, values in questions:
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)  # type: ignore[arg-type]
                steps = [row[3] for row in plan]
                assert not [step for step in steps if step.startswith("SCAN") or "TEMP B-TREE" in step], (text, steps)
