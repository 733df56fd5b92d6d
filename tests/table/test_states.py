"""Who may do what in which state (section 8), and the controls that make states."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from gxrisk import BREAKERS, ApprovalError, InvalidOrder, VaultError

from .test_breaker_ends import TRIPPED
from .test_breakers import STATES
from .vaults import Origin, Vault, exit_of, proposal


def paused() -> Vault:
    """Halted by the operator, with 1 ETH."""
    vault = Vault().holding(1, "ETH")
    vault.gate.pause()
    return vault


def killed() -> Vault:
    """Halted by the kill switch, with 1 ETH."""
    vault = Vault().holding(1, "ETH")
    vault.gate.kill("something is wrong")
    return vault


CAUSES: dict[str, tuple[str, Callable[[], Vault]]] = {
    "nothing": ("active", lambda: Vault().holding(1, "ETH")),
    "pause": ("halted", paused),
    "kill": ("halted", killed),
    **{breaker: (STATES[breaker], TRIPPED[breaker]) for breaker in BREAKERS},
}

# state: agent opening, agent reduce-only, owner and protection reduce-only, cancels
MATRIX = {
    "active": (True, True, True, True),
    "reduce_only": (False, True, True, True),
    "halted": (False, False, True, True),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_who_may_do_what(cause: str) -> None:
    """The matrix, in every state and for every cause of it; owner and protection can never open."""
    state, given = CAUSES[cause]
    opens, exits, others_exit, cancels = MATRIX[state]
    out = exit_of("sell", 1, "ETH")
    asked: list[tuple[str, Origin, bool]] = [
        ("open", "agent", opens),
        ("open", "owner", False),
        ("open", "protection", False),
        ("exit", "agent", exits),
        ("exit", "owner", others_exit),
        ("exit", "protection", others_exit),
    ]
    for kind, origin, allowed in asked:
        vault = given()
        assert vault.gate.state == state
        decision = vault.gate.authorize(proposal("buy", 1, "SOL") if kind == "open" else out, origin=origin)
        found = [violation.rule for violation in decision.violations]
        assert ("trading_state" not in found) is allowed, (kind, origin)
        assert decision.approved is allowed, (kind, origin, found)
        if decision.approval is not None and decision.order_id is not None:
            assert vault.gate.redeem(decision.approval) == decision.approval.order
            assert vault.gate.order_cancelled(decision.order_id) is cancels
            assert not vault.gate.order_cancelled(decision.order_id)


@pytest.mark.parametrize("control", ["pause", "kill", "trade_limit", "volatility"])
def test_a_cancel_of_an_older_order_is_accepted_in_every_state(control: str) -> None:
    """And releases its reservation."""
    vault = Vault(max_daily_trades=2, volatility_max="0.3")
    order_id = vault.accepted(proposal("buy", 3))
    if control == "trade_limit":
        vault.holding(1, "ETH")
    elif control == "volatility":
        vault.gate.set_volatility(1)
    else:
        getattr(vault.gate, control)(*(["enough"] if control == "kill" else []))
    assert vault.gate.state != "active"
    assert vault.now.exposures["BTC"] == 300
    assert vault.gate.order_cancelled(order_id)
    assert not vault.now.exposures.get("BTC")
    assert vault.now.working == ()


# What owner and operator do, one after the other; the state that is left, paused, killed.
CONTROLS: list[tuple[str, str, bool, bool]] = [
    ("pause", "halted", True, False),
    ("pause resume", "active", False, False),
    ("pause pause resume", "active", False, False),
    ("pause reactivate", "halted", True, False),
    ("resume", "active", False, False),
    ("reactivate", "active", False, False),
    ("kill", "halted", False, True),
    ("kill resume", "halted", False, True),
    ("kill reactivate", "active", False, False),
    ("kill kill reactivate", "active", False, False),
    ("pause kill resume", "halted", False, True),
    ("pause kill reactivate", "halted", True, False),
    ("pause kill reactivate resume", "active", False, False),
    ("kill pause resume reactivate", "active", False, False),
]


@pytest.mark.parametrize(("controls", "state", "is_paused", "is_killed"), CONTROLS, ids=[row[0] for row in CONTROLS])
def test_controls(controls: str, state: str, is_paused: bool, is_killed: bool) -> None:
    """`resume` ends the pause, `reactivate` the kill, and neither the other; time ends neither."""
    vault = Vault()
    for control in controls.split():
        getattr(vault.gate, control)(*(["a reason"] if control == "kill" else []))
    for seconds in (0, 10 * 86_400):
        vault.after(seconds)
        assert (vault.gate.state, vault.now.paused, vault.now.killed) == (state, is_paused, is_killed)
    assert vault.gate.trips == ()  # controls are not breakers


# control, breaker: what ends with what
@pytest.mark.parametrize(
    ("control", "ended"),
    [("resume", {"execution_failure", "fill_mismatch"}), ("reactivate", {"drawdown"})],
    ids=["resume", "reactivate"],
)
def test_controls_end_their_breakers_and_no_other(control: str, ended: set[str]) -> None:
    """The drawdown has recovered, so that `reactivate` needs no new base."""
    for breaker in BREAKERS:
        vault = TRIPPED[breaker]()
        if breaker == "drawdown":
            vault.lost(-1500)
        getattr(vault.gate, control)()
        assert (vault.tripped() == ()) is (breaker in ended), breaker


def test_reactivating_below_the_threshold_needs_a_new_base() -> None:
    """Refused as a whole, the kill with it; the rebase is told with the old base and peak."""
    vault = TRIPPED["drawdown"]()
    vault.gate.kill("the owner wants out")
    with pytest.raises(VaultError, match="rebase"):
        vault.gate.reactivate()
    assert (vault.tripped(), vault.now.killed, vault.gate.state) == (("drawdown",), True, "halted")
    vault.gate.reactivate(rebase=True)
    assert (vault.tripped(), vault.now.killed, vault.gate.state) == ((), False, "active")
    assert (vault.now.base, vault.now.peak, vault.now.drawdown) == (8500, 8500, 0)
    (record,) = vault.journal("reactivated")
    figures = {name: record[name] for name in ("rebase", "old_base", "old_peak", "new_base")}
    assert figures == {"rebase": True, "old_base": 10_000, "old_peak": 10_000, "new_base": 8500}


def test_a_new_base_must_be_above_nothing() -> None:
    """Equity of zero cannot be one; a deposit makes it possible."""
    vault = Vault(max_drawdown="0.15").lost(10_000)
    with pytest.raises(VaultError):
        vault.gate.reactivate(rebase=True)
    assert "drawdown" in vault.tripped()
    vault.gate.deposit("0.000000001")
    vault.gate.reactivate(rebase=True)
    assert "drawdown" not in vault.tripped()


def test_kill_cancels_everything_and_says_why() -> None:
    """Every working order is to be cancelled; approvals from before pass no more, not even after reactivation."""
    vault = Vault().holding(2)
    working = vault.accepted(proposal("buy", 1, price=90))
    unused = vault.approved(exit_of("sell", 1))
    vault.gate.kill("the model is mad")
    assert all(order.cancel_requested for order in vault.now.working)
    assert vault.journal("killed")[0]["reason"] == "the model is mad"
    assert vault.journal("cancel_requested")[0]["order_ids"] == [working, unused.order_id]
    assert unused.approval is not None
    for control in ("resume", "reactivate"):
        with pytest.raises(ApprovalError):
            vault.gate.redeem(unused.approval)
        getattr(vault.gate, control)()
    with pytest.raises(ApprovalError):
        vault.gate.redeem(unused.approval)
    assert vault.now.exposures["BTC"] == 300  # reserved until the venue confirms
    assert vault.gate.authorize(proposal()).approved


@pytest.mark.parametrize("reason", ["", 7, None, "long" * 1001])
def test_a_kill_needs_a_reason(reason: Any) -> None:
    """A malformed one is refused, and nothing is killed."""
    vault = Vault()
    with pytest.raises(InvalidOrder):
        vault.gate.kill(reason)
    assert vault.gate.state == "active"


AGENT = {
    "validate_order",
    "validate_batch",
    "authorize",
    "hold",
    "max_quantity",
    "headroom",
    "snapshot",
    "state",
}


def test_the_agent_reaches_nothing_of_the_owners() -> None:
    """Its handle has the names of DESIGN and no other; nothing it can call takes an origin."""
    agent = Vault().gate.agent()
    assert {name for name in dir(agent) if not name.startswith("_")} == AGENT
    with pytest.raises(TypeError):
        agent.authorize(exit_of("sell", 1), origin="owner")  # type: ignore[call-arg]
    for name in ("resume", "reactivate", "set_limits", "set_risk_scale", "deposit", "mark", "gate"):
        assert not hasattr(agent, name)


@pytest.mark.parametrize("cause", CAUSES)
def test_whatever_the_agent_does_makes_nothing_looser(cause: str) -> None:
    """State, trips, limits and scale after each of its calls are what they were."""
    state, given = CAUSES[cause]
    vault = given()
    agent, before = vault.gate.agent(), (vault.tripped(), vault.gate.limits)
    for call in (
        lambda: agent.hold(1, "wait"),
        lambda: agent.authorize(proposal(stop=None)),
        lambda: agent.authorize(exit_of("sell", "0.1", "ETH", client_id="out")),
        lambda: agent.authorize(exit_of("sell", "0.1", "ETH", client_id="out")),
        lambda: agent.validate_order(proposal()),
        lambda: agent.max_quantity(proposal()),
        lambda: agent.headroom("BTC", "buy"),
        agent.snapshot,
    ):
        call()
        assert agent.state == vault.gate.state == state
        assert (vault.tripped(), vault.gate.limits) == before


def hostile(state: str) -> Vault:
    """Long 50 BTC where every entry check is closed: size, rate, orders, stops, scale; no ATR, not on the list."""
    vault = Vault(atr=None, min_confidence=1)
    vault.fill("foreign", 50, asset="BTC", side="buy")  # nothing but its size is known
    vault.gate.resume()
    vault.accepted(exit_of("sell", 1))
    vault.gate.set_risk_scale("0.000000001")
    vault.limited(
        max_leverage=1,
        max_position_fraction="0.000000001",
        max_concentration="0.000000001",
        max_correlated_exposure="0.000000001",
        max_order_notional="0.000000001",
        price_collar="0.000000001",
        order_burst=1,
        orders_per_minute=1,
        max_open_orders=1,
        stop_risk_budget="0.000000001",
        assets=[],
        mark_age_s_max=60,
    )
    vault.gate.authorize(proposal())  # takes the last token
    if state == "reduce_only":
        vault.limited(max_daily_loss="0.01", max_drawdown="0.01").lost(5000)
    if state == "halted":
        vault.after(3600)
    assert vault.gate.state == state
    return vault


@pytest.mark.parametrize("origin", ["agent", "owner", "protection"])
@pytest.mark.parametrize("state", ["active", "reduce_only", "halted"])
def test_entry_checks_block_no_exit(state: str, origin: Origin) -> None:
    """Size, rate, stop, staleness, losses, confidence: an exit needs only something to reduce, in any state."""
    vault = hostile(state)
    assert not vault.gate.validate_order(proposal()).approved
    for quantity in ("0.000000001", "49"):
        wanted = exit_of("sell", Decimal(quantity), leverage=1000, confidence=0)
        expected = ("trading_state",) if (state, origin) == ("halted", "agent") else ()
        assert vault.codes(wanted, origin) == expected
    assert vault.codes(exit_of("sell", "49.000000001"), "owner") == ("reduce_only",)


def test_protection_closes_the_whole_book_in_a_killed_vault() -> None:
    """Through the same road: authorize, redeem, accept, fill."""
    vault = Vault().holding(3).holding(-2, "ETH")
    vault.gate.kill("flatten")
    vault.filled(exit_of("sell", 3), 99, origin="protection")
    vault.filled(exit_of("buy", 2, "ETH"), 101, origin="owner")
    assert not any(vault.now.positions.values())
    assert vault.now.equity == 10_000 - 3 - 2
