"""How breakers hold, end and trip again, and what changed limits do to them (sections 7 and 9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from gxrisk import BREAKERS

from .vaults import Vault, exit_of, proposal

LATE = "2020-03-12T23:55:00Z"  # five minutes before midnight
MIDNIGHT = "2020-03-13T00:00:00Z"
BEFORE_MIDNIGHT = "2020-03-12T23:59:59.999999999Z"


def moved(**changes: Any) -> Vault:
    """price_move: 12 % up, for 900 s."""
    limits = {"price_move_max": "0.1", "price_move_window_s": 300, "price_move_pause_s": 900}
    return Vault(at=LATE, **{**limits, **changes}).holding(1, "ETH").marked("BTC", 112)


def drawn() -> Vault:
    """drawdown: 1,500 of 10,000 are gone."""
    return Vault(at=LATE, max_drawdown="0.15").holding(1, "ETH").lost(1500)


def lost() -> Vault:
    """daily_loss: 400 of 10,000 are gone today."""
    return Vault(at=LATE, max_daily_loss="0.04").holding(1, "ETH").lost(400)


def silent() -> Vault:
    """oracle_failure: ETH is held, its mark is 61 s old; SOL's is fresh."""
    return Vault(at=LATE, mark_age_s_max=60).holding(1, "ETH").after(61).marked("SOL", 100)


def losing(held: bool = True) -> Vault:
    """consecutive_losses: five, for 1,800 s."""
    vault = Vault(at=LATE, losses_in_row_max=5, loss_pause_s=1800)
    if held:
        vault.holding(1, "ETH")
    for _ in range(5):
        vault.round_trip(-1)
    return vault


def failing() -> Vault:
    """execution_failure: three."""
    return Vault(at=LATE, failures_in_row_max=3).holding(1, "ETH").failed().failed().failed()


def traded() -> Vault:
    """trade_limit: three openings today."""
    vault = Vault(at=LATE, max_daily_trades=3).holding(1, "ETH")
    for _ in range(2):
        vault.gate.order_cancelled(vault.order_id(proposal()))
    return vault


def volatile() -> Vault:
    """volatility: 50 %, where 30 % are allowed."""
    vault = Vault(at=LATE, volatility_max="0.3").holding(1, "ETH")
    vault.gate.set_volatility("0.5")
    return vault


def mismatched() -> Vault:
    """fill_mismatch: a buy of ETH that nobody approved."""
    vault = Vault(at=LATE)
    vault.fill("foreign", 1, asset="ETH", side="buy")
    return vault


TRIPPED: dict[str, Callable[[], Vault]] = {
    "price_move": moved,
    "drawdown": drawn,
    "daily_loss": lost,
    "oracle_failure": silent,
    "consecutive_losses": losing,
    "execution_failure": failing,
    "trade_limit": traded,
    "volatility": volatile,
    "fill_mismatch": mismatched,
}


def goes_flat_with_a_winner(vault: Vault) -> None:
    """The only position is closed at a profit, by protection."""
    vault.filled(exit_of("sell", 1, "ETH"), 120, origin="protection")
    assert not any(vault.now.positions.values())


def midnight(vault: Vault) -> None:
    """The next UTC day."""
    vault.clock.set(MIDNIGHT)


def pause_and_resume(vault: Vault) -> None:
    """By the operator."""
    vault.gate.pause()
    vault.gate.resume()


EVENTS: dict[str, Callable[[Vault], None]] = {
    "flat after a winner": goes_flat_with_a_winner,
    "a deposit": lambda vault: vault.gate.deposit(1000),
    "funding": lambda vault: vault.gate.funding("ETH", "0.1"),
    "pause and resume": pause_and_resume,
    "reactivate": lambda vault: vault.gate.reactivate(rebase=True),
    "midnight": midnight,
}
# Which breakers each event ends; every other one holds through it.
ENDED_BY: dict[str, set[str]] = {
    "flat after a winner": {"oracle_failure"},  # nothing has exposure any more
    "a deposit": set(),
    "funding": set(),
    "pause and resume": {"execution_failure", "fill_mismatch"},
    "reactivate": {"drawdown"},
    "midnight": {"daily_loss", "trade_limit"},
}


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("breaker", BREAKERS)
def test_a_breaker_holds_through_all_but_its_own_end(breaker: str, event: str) -> None:
    """It does not clear itself when flat or after a winner; its end is told once."""
    vault = TRIPPED[breaker]()
    assert vault.tripped() == (breaker,)
    EVENTS[event](vault)
    ends = breaker in ENDED_BY[event]
    assert vault.tripped() == (() if ends else (breaker,))
    assert vault.gate.state == "active" if ends else vault.gate.state != "active"
    assert [record["breaker"] for record in vault.journal("end")] == ([breaker] if ends else [])
    assert [record["breaker"] for record in vault.journal("trip")] == [breaker]


class End(NamedTuple):
    """What happens to a tripped vault, and whether that ends the breaker."""

    breaker: str
    case: str
    then: Callable[[Vault], Any]
    ends: bool


def closed(vault: Vault) -> None:
    """ETH, of which there is no fresh mark, is closed by the owner."""
    vault.filled(exit_of("sell", 1, "ETH"), origin="owner")


def marked_late(age_ns: int) -> Callable[[Vault], Any]:
    """A mark of ETH by a feed that is behind."""
    return lambda vault: vault.gate.mark("ETH", 100, at=vault.clock.now_ns - age_ns)


def to(time: str) -> Callable[[Vault], Any]:
    """The clock shows a time."""
    return lambda vault: vault.clock.set(time)


def wait(seconds: str) -> Callable[[Vault], Any]:
    """Time goes by."""
    return lambda vault: vault.after(seconds)


ENDS = [
    End("price_move", "one ns before 900 s", wait("899.999999999"), False),
    End("price_move", "900 s", wait("900"), True),
    End("price_move", "a calm mark", lambda v: v.after(301).marked("BTC", 112), False),
    End("drawdown", "recovered", lambda v: v.lost(-1500), False),
    End("drawdown", "a month", wait("2592000"), False),
    End("drawdown", "reactivated, recovered", lambda v: v.lost(-1500).gate.reactivate(), True),
    End("drawdown", "reactivated, recovered by one unit", lambda v: v.lost("-0.000000001").gate.reactivate(), True),
    End("drawdown", "reactivated with a new base", lambda v: v.gate.reactivate(rebase=True), True),
    End("daily_loss", "recovered", lambda v: v.lost(-400), False),
    End("daily_loss", "one ns before the next day", to(BEFORE_MIDNIGHT), False),
    End("daily_loss", "the next day", to(MIDNIGHT), True),
    End("oracle_failure", "a fresh mark", lambda v: v.marked("ETH", 100), True),
    End("oracle_failure", "a fresh mark of another asset", lambda v: v.marked("BTC", 100), False),
    End("oracle_failure", "a mark of 60 s ago", marked_late(60 * 10**9), True),
    End("oracle_failure", "a mark one ns older", marked_late(60 * 10**9 + 1), False),
    End("oracle_failure", "closed", closed, True),
    End("oracle_failure", "an hour", wait("3600"), False),
    End("consecutive_losses", "one ns before 1,800 s", wait("1799.999999999"), False),
    End("consecutive_losses", "1,800 s", wait("1800"), True),
    End("execution_failure", "an acceptance",
        lambda v: v.accepted(exit_of("sell", 1, "ETH"), origin="protection"), False),
    End("execution_failure", "a month", wait("2592000"), False),
    End("execution_failure", "resumed", lambda v: v.gate.resume(), True),
    End("trade_limit", "one ns before the next day", to(BEFORE_MIDNIGHT), False),
    End("trade_limit", "the next day", to(MIDNIGHT), True),
    End("volatility", "one unit above", lambda v: v.gate.set_volatility("0.300000001"), False),
    End("volatility", "at the limit", lambda v: v.gate.set_volatility("0.3"), True),
    End("volatility", "a month", wait("2592000"), False),
    End("fill_mismatch", "the opposite fill",
        lambda v: v.fill("back", 1, asset="ETH", side="sell"), False),
    End("fill_mismatch", "a month", wait("2592000"), False),
    End("fill_mismatch", "resumed", lambda v: v.gate.resume(), True),
]  # fmt: skip


@pytest.mark.parametrize("row", ENDS, ids=[f"{row.breaker}: {row.case}" for row in ENDS])
def test_end(row: End) -> None:
    """Exactly as section 7 says."""
    vault = TRIPPED[row.breaker]()
    row.then(vault)
    assert vault.tripped() == (() if row.ends else (row.breaker,))
    assert len(vault.journal("end", breaker=row.breaker)) == int(row.ends)
    assert len(vault.journal("trip", breaker=row.breaker)) == 1


@pytest.mark.parametrize("breaker", BREAKERS)
def test_every_breaker_has_rows_of_its_end(breaker: str) -> None:
    """One that ends it, one that does not."""
    assert {row.ends for row in ENDS if row.breaker == breaker} == {True, False}
    assert list(TRIPPED) == list(BREAKERS)


def test_a_new_price_move_restarts_the_pause() -> None:
    """Trips at 0 s and at 600 s: not ended at 900 s, one ns before 1,500 s still tripped, then ended. Each is told."""
    vault = moved().after(600).marked("BTC", "125")  # 112 has left the window of 300 s: 125 alone trips nothing
    assert len(vault.journal("trip")) == 1
    vault.marked("BTC", "112")  # 10.4 % below 125
    assert len(vault.journal("trip")) == 2
    (trip,) = vault.gate.trips
    assert trip.until is not None
    assert (trip.until - trip.since).total_seconds() == 900
    assert vault.after(300).tripped() == ("price_move",)
    assert vault.after("599.999999999").tripped() == ("price_move",)
    assert vault.after("0.000000001").tripped() == ()
    assert len(vault.journal("end")) == 1


def test_a_time_that_passed_while_nobody_asked_ends_at_the_next_question() -> None:
    """No background thread; a trip of the past ends before anything else is looked at."""
    vault = moved().after(10_000)
    assert vault.gate.authorize(proposal()).approved


def test_the_streak_is_nothing_from_the_end_of_the_pause() -> None:
    """Losses during the pause are of the old streak; four more after it trip nothing, the fifth does."""
    vault = losing()
    vault.filled(exit_of("sell", 1, "ETH"), 90, origin="protection")
    assert vault.now.loss_streak == 6
    assert vault.after("1799.999999999").now.loss_streak == 6
    assert vault.after("0.000000001").now.loss_streak == 0
    for _ in range(4):
        vault.round_trip(-1)
    assert vault.tripped() == ()
    assert vault.round_trip(-1).tripped() == ("consecutive_losses",)


# What makes a breaker trip again after it ended: just not, then just so.
AGAIN: list[tuple[str, Callable[[Vault], Any], Callable[[Vault], Any], Callable[[Vault], Any]]] = [
    ("drawdown", lambda v: v.gate.reactivate(rebase=True), lambda v: v.lost("1274.999999999"),  # 15 % of 8,500 = 1,275
     lambda v: v.lost("0.000000001")),
    ("daily_loss", midnight, lambda v: v.lost("383.999999999"), lambda v: v.lost("0.000000001")),  # 4 % of 9,600 = 384
    ("oracle_failure", lambda v: v.marked("ETH", 100), lambda v: v.after(60), lambda v: v.after("0.000000001")),
    ("execution_failure", lambda v: v.gate.resume(), lambda v: v.failed().failed(), lambda v: v.failed()),
    ("trade_limit", midnight, lambda v: v.holding(1).holding(1), lambda v: v.holding(1)),
    ("volatility", lambda v: v.gate.set_volatility("0.1"), lambda v: v.gate.set_volatility("0.3"),
     lambda v: v.gate.set_volatility("0.300000001")),
    ("fill_mismatch", lambda v: v.gate.resume(), lambda v: v.holding(1),
     lambda v: v.fill("foreign", 1, asset="BTC", side="buy")),
    ("price_move", lambda v: v.after(900), lambda v: v.marked("BTC", "123.2").after(301),
     lambda v: v.marked("ETH", 50).marked("BTC", 1).marked("BTC", 2)),
]  # fmt: skip


@pytest.mark.parametrize(("breaker", "end", "nearly", "again"), AGAIN, ids=[row[0] for row in AGAIN])
def test_trips_again(
    breaker: str, end: Callable[[Vault], Any], nearly: Callable[[Vault], Any], again: Callable[[Vault], Any]
) -> None:
    """Only by a new cause, counted anew; consecutive_losses has its own test."""
    vault = TRIPPED[breaker]()
    end(vault)
    assert vault.tripped() == ()
    nearly(vault)
    assert vault.tripped() == ()
    again(vault)
    assert vault.tripped() == (breaker,)
    assert len(vault.journal("end", breaker=breaker)) == 1
