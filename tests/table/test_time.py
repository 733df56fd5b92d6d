"""Clocks, days and the times of marks (section 3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from gxrisk import Gate, InvalidOrder, ManualClock, SystemClock, VaultError

from .vaults import NOON, WIDE, Vault, proposal

SECOND = 10**9
# The mark's time from the gate's, after one of now; whether it is taken (None: refused).
MARKS: list[tuple[str, int, bool | None]] = [
    ("the same time replaces", 0, True),
    ("one ns newer", 1, True),
    ("one ns older", -1, False),
    ("an hour older", -3600 * SECOND, False),
    ("5 s ahead", 5 * SECOND, True),
    ("one ns further ahead", 5 * SECOND + 1, None),
    ("a year ahead", 365 * 86_400 * SECOND, None),
]


@pytest.mark.parametrize(("case", "offset", "taken"), MARKS, ids=[row[0] for row in MARKS])
def test_the_time_of_a_mark(case: str, offset: int, taken: bool | None) -> None:
    """Older than the newest of its asset: ignored and counted. More than 5 s ahead: refused."""
    vault = Vault()
    at = vault.clock.now_ns + offset
    if taken is None:
        with pytest.raises(VaultError, match="ahead"):
            vault.gate.mark("BTC", 101, at=at)
    else:
        assert vault.gate.mark("BTC", 101, at=at) is taken, case
    assert vault.now.marks["BTC"] == (101 if taken else 100)
    assert vault.now.ignored_marks == (1 if taken is False else 0)
    assert vault.gate.mark("NEW", 100, at=vault.clock.now_ns - 3600 * SECOND)  # the first of its asset


AT = datetime(2020, 3, 12, 12, 0, 1, tzinfo=UTC)
TIMES: list[tuple[str, Any, bool]] = [
    ("text", "2020-03-12T12:00:01Z", True),
    ("text with an offset", "2020-03-12T13:00:01+01:00", True),
    ("text with nanoseconds", "2020-03-12T12:00:01.000000001Z", True),
    ("an aware datetime", AT, True),
    ("integer nanoseconds", 1_584_014_401_000_000_000, True),
    ("a naive datetime", AT.replace(tzinfo=None), False),
    ("a float", 1_584_014_401.0, False),
    ("a bool", True, False),
    ("text that is no time", "soon", False),
    ("a 13th month", "2020-13-12T12:00:01Z", False),
]


@pytest.mark.parametrize(("case", "time", "fits"), TIMES, ids=[row[0] for row in TIMES])
def test_how_a_time_is_given(case: str, time: Any, fits: bool) -> None:
    """All the same instant, one second after noon; anything else is an error."""
    vault = Vault()
    if not fits:
        with pytest.raises(InvalidOrder):
            vault.gate.mark("BTC", 101, at=time)
        return
    vault.gate.mark("BTC", 101, at=time)
    assert not vault.gate.mark("BTC", 102, at=1_584_014_400_999_999_999), case


# How the clock moves; the gate's time after each move, in seconds from noon.
CLOCK: list[tuple[str, list[int], list[int]]] = [
    ("forward", [1, 2, 3], [1, 3, 6]),
    ("back", [10, -5], [10, 10]),
    ("back and forward", [10, -5, 3, 3], [10, 10, 10, 11]),
    ("back a day", [10, -86_400, 86_395, 6], [10, 10, 10, 11]),
]


@pytest.mark.parametrize(("case", "moves", "times"), CLOCK, ids=[row[0] for row in CLOCK])
def test_the_gates_time_never_goes_back(case: str, moves: list[int], times: list[int]) -> None:
    """Now is the later of the last seen and the clock; so is the time of every record."""
    vault = Vault()
    noon = vault.clock.now_ns
    for move, time in zip(moves, times, strict=True):
        vault.after(move).gate.set_volatility(0)
        assert vault.now.time_ns == vault.gate.events()[-1]["time_ns"] == noon + time * SECOND, case


def test_a_day_never_returns() -> None:
    """Back over midnight: the 13th stays, with its opening, its trades and its limit; the 14th comes once."""
    vault = Vault(max_daily_trades=2, at="2020-03-13T00:00:00Z")
    vault.lost(100).approved(proposal())
    vault.clock.set("2020-03-12T23:00:00Z")
    vault.approved(proposal())
    assert (vault.tripped(), vault.now.day_opening, vault.now.daily_trades) == (("trade_limit",), 10_000, 2)
    for time in ("2020-03-12T00:00:00Z", "2020-03-13T23:59:59.999999999Z", "2020-03-12T23:59:59Z"):
        vault.clock.set(time)
        assert vault.tripped() == ("trade_limit",)
    for time in ("2020-03-14T00:00:00Z", "2020-03-13T00:00:00Z", "2020-03-14T00:00:00Z"):
        vault.clock.set(time)
        assert (vault.tripped(), vault.now.day_opening) == ((), 9900)
    assert [record["date"] for record in vault.journal("day")] == ["2020-03-14"]


def test_a_clock_that_goes_back_undoes_nothing() -> None:
    """What expired stays expired, what is stale stays stale, what ended stays ended; no token comes of it."""
    vault = Vault(approval_ttl_s=5, mark_age_s_max=60, price_move_max="0.1", price_move_window_s=300,
                  price_move_pause_s=900, order_burst=1, orders_per_minute=1)  # fmt: skip
    vault.approved(proposal())
    vault.marked("BTC", 112)
    assert vault.after(5).now.working == ()
    assert vault.after(895).tripped() == ()
    assert vault.gate.authorize(proposal("buy", "0.5")).approved is False  # stale; takes the token all the same
    before = vault.now
    vault.after(-899)
    assert (vault.now, vault.codes(proposal())) == (before, ("stale_price", "order_rate"))


# what `since` and `until` say of a trip at noon: seconds to its end
UNTIL: list[tuple[str, dict[str, Any], Any, int | None]] = [
    ("price_move", {"price_move_max": "0.1", "price_move_window_s": 300, "price_move_pause_s": 900},
     lambda v: v.marked("BTC", 112), 900),
    ("consecutive_losses", {"losses_in_row_max": 1, "loss_pause_s": 1800}, lambda v: v.round_trip(-1), 1800),
    ("daily_loss", {"max_daily_loss": "0.04"}, lambda v: v.lost(400), 43_200),
    ("trade_limit", {"max_daily_trades": 1}, lambda v: v.approved(proposal()), 43_200),
    ("drawdown", {"max_drawdown": "0.15"}, lambda v: v.lost(1500), None),
    ("execution_failure", {"failures_in_row_max": 1}, lambda v: v.failed(), None),
    ("volatility", {"volatility_max": "0.3"}, lambda v: v.gate.set_volatility(1), None),
    ("fill_mismatch", {}, lambda v: v.fill("x", 1, asset="BTC", side="buy"), None),
]  # fmt: skip


@pytest.mark.parametrize(("breaker", "limits", "trip", "seconds"), UNTIL, ids=[row[0] for row in UNTIL])
def test_since_and_until(breaker: str, limits: dict[str, Any], trip: Any, seconds: int | None) -> None:
    """Known for timed ends and for the next UTC day; the others show none."""
    vault = Vault(**limits)
    trip(vault)
    (found,) = vault.gate.trips
    assert (found.breaker, found.since) == (breaker, vault.clock.now())
    assert found.until == (None if seconds is None else vault.clock.now() + timedelta(seconds=seconds))


@pytest.mark.parametrize("clock", [None, SystemClock()], ids=["the usual", "given"])
def test_a_live_gate_trades(clock: SystemClock | None) -> None:
    """On the system's clock the whole road works, with Growth's own limits of time."""
    limits = WIDE.replace(mark_age_s_max=60, approval_ttl_s=5, price_move_window_s=300, price_move_pause_s=900)
    gate = Gate("live", limits) if clock is None else Gate("live", limits, clock=clock)
    gate.deposit(10_000)
    assert gate.mark("BTC", 100, atr=1)
    decision = gate.authorize(proposal())
    assert decision.approved
    assert decision.approval is not None
    assert decision.order_id is not None
    gate.redeem(decision.approval)
    assert gate.order_accepted(decision.order_id)
    assert gate.apply_fill(decision.order_id, 1, 1, 100)
    assert abs(gate.snapshot().time - datetime.now(UTC)) < timedelta(seconds=60)
    assert gate.state == "active"


@pytest.mark.parametrize("call", ["validate_order", "authorize", "redeem", "apply_fill", "hold", "max_quantity"])
def test_nobody_passes_a_time_for_a_decision(call: str) -> None:
    """Under no name."""
    gate = Gate("live", WIDE)
    for name in ("now", "at", "time", "clock", "timestamp"):
        with pytest.raises(TypeError):
            getattr(gate, call)(proposal(), **{name: NOON})
    assert not hasattr(SystemClock(), "advance")
    assert not hasattr(SystemClock(), "set")
    assert not hasattr(gate, "clock")


def test_two_gates_of_one_clock_see_the_same_time() -> None:
    """A manual clock is shared."""
    clock = ManualClock(NOON)
    gates = [Gate(name, WIDE, clock=clock) for name in ("a", "b")]
    clock.advance("0.000000001")
    assert len({gate.snapshot().time_ns for gate in gates}) == 1
