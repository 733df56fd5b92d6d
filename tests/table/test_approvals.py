"""From approval to venue (section 10): redeeming, and orders that are proposed twice."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from gxrisk import Approval, ApprovalError, Decision, Gate, ManualClock, Order

from .vaults import NOON, WIDE, Origin, Vault, exit_of, proposal

Then = Callable[[Vault, Decision], Any]


def approval_of(decision: Decision) -> Approval:
    """The approval of an approved order."""
    assert decision.approval is not None
    return decision.approval


def order_id_of(decision: Decision) -> str:
    """The id of an approved order."""
    assert decision.order_id is not None
    return decision.order_id


def retimed(*controls: str) -> Then:
    """Controls of the owner, one after the other."""
    return lambda vault, _: [getattr(vault.gate, control)() for control in controls]


def killed_and_back(vault: Vault, _: Decision) -> None:
    """A kill that was a mistake: what was to be cancelled stays so."""
    vault.gate.kill("stop")
    vault.gate.reactivate()


def there_and_back(vault: Vault, _: Decision) -> None:
    """The gate sees the expiry, then its clock goes back before it."""
    assert vault.after(5).now.working == ()
    vault.after(-5)


# What happens between the approval of a buy and its use; whether it passes.
REDEEM: list[tuple[str, Then, bool]] = [
    ("at once", lambda v, d: None, True),
    ("one ns before it expires", lambda v, d: v.after("4.999999999"), True),
    ("as it expires: exactly 5 s", lambda v, d: v.after(5), False),
    ("one ns after", lambda v, d: v.after("5.000000001"), False),
    ("an hour later", lambda v, d: v.after(3600), False),
    ("the clock went back in between", there_and_back, False),
    ("used before", lambda v, d: v.gate.redeem(approval_of(d)), False),
    ("accepted before", lambda v, d: v.gate.order_accepted(order_id_of(d)), False),
    ("filled before", lambda v, d: v.fill(order_id_of(d), 1), False),
    ("partly filled before", lambda v, d: v.fill(order_id_of(d), "0.5"), False),
    ("cancelled before", lambda v, d: v.gate.order_cancelled(order_id_of(d)), False),
    ("failed before", lambda v, d: v.gate.order_failed(order_id_of(d), "refused"), False),
    ("paused since", retimed("pause"), False),
    ("killed since", lambda v, d: v.gate.kill("stop"), False),
    ("killed and reactivated since", killed_and_back, False),
    ("reduce-only since", lambda v, d: v.fill("foreign", 1, asset="ETH", side="buy"), False),
    ("halted by a price move since", lambda v, d: v.marked("ETH", 200), False),
    ("halted by volatility since", lambda v, d: v.gate.set_volatility(9), False),
    ("a loss that trips nothing", lambda v, d: v.lost(100), True),
    ("tighter limits that trip nothing", lambda v, d: v.limited(max_order_notional=1), True),
    ("a smaller risk scale", lambda v, d: v.gate.set_risk_scale("0.1"), True),
    ("another order since", lambda v, d: v.accepted(proposal()), True),
]


@pytest.mark.parametrize(("case", "then", "passes"), REDEEM, ids=[row[0] for row in REDEEM])
def test_redeem(case: str, then: Then, passes: bool) -> None:
    """Once, in time, and only while the state has not become stricter; a refusal changes nothing."""
    vault = Vault(approval_ttl_s=5, volatility_max=1, price_move_max="0.5", price_move_window_s=300)
    wanted = proposal(client_id="mine")
    decision = vault.approved(wanted)
    then(vault, decision)
    redeemed = len(vault.journal("redeemed", order_id=decision.order_id))
    if passes:
        assert vault.gate.redeem(approval_of(decision)) == wanted, case
        assert len(vault.journal("redeemed", order_id=decision.order_id)) == redeemed + 1
        return
    sequence = vault.now.sequence
    with pytest.raises(ApprovalError):
        vault.gate.redeem(approval_of(decision))
    assert vault.now.sequence == sequence


# origin and state at the decision, then the state at its use; whether it passes
STATES: list[tuple[Origin, str, str, bool]] = [
    ("agent", "active", "reduce_only", False),  # an exit too: whatever the order
    ("agent", "reduce_only", "active", True),
    ("agent", "reduce_only", "reduce_only", True),
    ("agent", "reduce_only", "halted", False),
    ("owner", "active", "halted", False),
    ("owner", "halted", "halted", True),
    ("owner", "halted", "active", True),
    ("protection", "halted", "reduce_only", True),
    ("protection", "reduce_only", "halted", False),
]


def into(vault: Vault, state: str) -> None:
    """Brings a vault into a state."""
    if state == "reduce_only":
        vault.fill("foreign", 1, asset="ETH", side="buy")
    if state == "halted":
        vault.gate.pause()
    elif vault.now.paused:
        # `resume` ends the mismatch too, so it comes again.
        vault.gate.resume()
        into(vault, state)
    assert vault.gate.state == state


@pytest.mark.parametrize(("origin", "before", "after", "passes"), STATES)
def test_an_exit_passes_while_the_state_is_no_stricter(origin: Origin, before: str, after: str, passes: bool) -> None:
    """Than it was at its decision."""
    vault = Vault().holding(5)
    into(vault, before)
    decision = vault.approved(exit_of("sell", 5), origin)
    if (before, after) == ("reduce_only", "active"):
        vault.gate.resume()
    elif before != after:
        into(vault, after)
    assert vault.gate.state == after
    if passes:
        vault.gate.redeem(approval_of(decision))
    else:
        with pytest.raises(ApprovalError, match="stricter"):
            vault.gate.redeem(approval_of(decision))


def test_the_last_opening_of_a_day_can_be_used() -> None:
    """Its own approval trips trade_limit, or the limit would be one less; one from before that trip is refused."""
    vault = Vault(max_daily_trades=2)
    first, last = vault.approved(proposal()), vault.approved(proposal())
    assert vault.tripped() == ("trade_limit",)
    with pytest.raises(ApprovalError):
        vault.gate.redeem(approval_of(first))
    vault.gate.redeem(approval_of(last))


def test_an_approval_is_of_one_gate() -> None:
    """Another gate refuses it, even one of the same vault's name and with the same history."""
    one, other = (Gate("same", WIDE, clock=ManualClock(NOON)) for _ in range(2))
    decisions = []
    for gate in (one, other):
        gate.deposit(10_000)
        gate.mark("BTC", 100, atr=1)
        decisions.append(gate.authorize(proposal()))
    assert decisions[0].order_id == decisions[1].order_id
    with pytest.raises(ApprovalError, match="signature"):
        other.redeem(approval_of(decisions[0]))
    assert one.redeem(approval_of(decisions[0])) == proposal()
    assert other.redeem(approval_of(decisions[1])) == proposal()


def test_nothing_but_a_gate_makes_an_approval() -> None:
    """It names its vault, order and time, and no one else builds or changes one."""
    vault = Vault(approval_ttl_s=5)
    approval = approval_of(vault.approved(proposal()))
    assert (approval.vault_id, approval.order, approval.sequence) == ("table", proposal(), vault.now.sequence)
    assert (approval.expires_at - vault.clock.now()).total_seconds() == 5
    with pytest.raises(TypeError):
        Approval()
    with pytest.raises(AttributeError):
        approval.order_id = "gx-1"  # type: ignore[misc]
    for wrong in (None, "gx-1", proposal(), vault.approved(proposal())):
        with pytest.raises(TypeError):
            vault.gate.redeem(wrong)  # type: ignore[arg-type]


# What is asked a second time is the same order; what the first answer was.
SENSIBLE = proposal("buy", 1, price=100, client_id="a-1")
REPEATED: list[tuple[str, Order, str]] = [
    ("approved", SENSIBLE, "approved"),
    ("refused", SENSIBLE.replace(stop_loss=None), "rejected"),
    ("held", SENSIBLE.replace(confidence="0.1"), "held"),
    ("an exit", exit_of("sell", 1, client_id="a-1"), "approved"),
]


@pytest.mark.parametrize(("case", "wanted", "outcome"), REPEATED, ids=[row[0] for row in REPEATED])
def test_an_identical_repeat_gets_the_first_decision(case: str, wanted: Order, outcome: str) -> None:
    """Built anew, by the agent's handle, seconds later, in another state: the same decision, and nothing is taken."""
    vault = Vault(min_confidence="0.3").holding(5).limited(order_burst=9, orders_per_minute=1)
    first = vault.gate.authorize(wanted)
    assert first.outcome == outcome, case
    vault.gate.pause()
    before = vault.now
    for ask in (vault.gate.authorize, vault.gate.agent().authorize):
        again = ask(wanted.replace())
        assert (again.outcome, again.order_id, again.sequence) == (first.outcome, first.order_id, first.sequence)
        assert [(v.rule, v.message) for v in again.violations] == [(v.rule, v.message) for v in first.violations]
        if first.approval is None:
            assert again.approval is None
        else:
            same = approval_of(again)
            assert (same.order_id, same.sequence) == (first.approval.order_id, first.approval.sequence)
            assert (same.order, same.expires_at) == (first.approval.order, first.approval.expires_at)
    assert vault.now == before  # no token, no reservation, no trade of the day, no record
    assert len(vault.journal("decision", outcome=outcome)) == (2 if outcome == "approved" else 1)  # with the holding's


def test_a_repeat_of_a_used_approval_cannot_be_used_again() -> None:
    """One approval, one use, however often it is handed out; nor after it has expired."""
    vault = Vault(approval_ttl_s=5)
    vault.gate.redeem(approval_of(vault.approved(SENSIBLE)))
    again = vault.gate.authorize(SENSIBLE)
    with pytest.raises(ApprovalError):
        vault.gate.redeem(approval_of(again))
    other = SENSIBLE.replace(client_order_id="a-2")
    expired = vault.approved(other)
    vault.after(5)
    assert (vault.gate.authorize(other).outcome, vault.gate.authorize(other).order_id) == ("approved", expired.order_id)
    with pytest.raises(ApprovalError):
        vault.gate.redeem(approval_of(expired))
    assert vault.now.exposures["BTC"] == 100  # of a-1 alone


CHANGES: list[dict[str, Any]] = [
    {"asset": "ETH"},
    {"side": "sell", "stop_loss": 150},
    {"quantity": "1.000000001"},
    {"price": "100.000000001"},
    {"price": None},
    {"leverage": 2},
    {"stop_loss": "50.000000001"},
    {"take_profit": 200},
    {"reduce_only": True, "side": "sell", "stop_loss": None},
    {"confidence": "0.900000001"},
    {"reasoning": "another thought"},
]


@pytest.mark.parametrize("changes", CHANGES, ids=[", ".join(f"{k}={v}" for k, v in c.items()) for c in CHANGES])
def test_the_same_id_with_other_content_is_refused(changes: dict[str, Any]) -> None:
    """Every field counts. The first use stays the one that is repeated."""
    vault = Vault().holding(5)
    first = vault.approved(SENSIBLE)
    for _ in range(2):
        decision = vault.gate.authorize(SENSIBLE.replace(**changes))
        assert [violation.rule for violation in decision.violations] == ["duplicate_order"]
    assert vault.gate.authorize(SENSIBLE).sequence == first.sequence
    assert vault.now.exposures == {**vault.now.exposures, "BTC": 600}


def test_the_origin_is_content_too() -> None:
    """The owner's order with the agent's id is another order."""
    vault = Vault().holding(5)
    wanted = exit_of("sell", 1, client_id="a-1")
    vault.approved(wanted)
    decision = vault.gate.authorize(wanted, origin="owner")
    assert [violation.rule for violation in decision.violations] == ["duplicate_order"]


@pytest.mark.parametrize(("case", "wanted", "outcome"), REPEATED, ids=[row[0] for row in REPEATED])
def test_every_decision_uses_its_id_up(case: str, wanted: Order, outcome: str) -> None:
    """Refused and held ones too: mended, they need a new one."""
    vault = Vault(min_confidence="0.3").holding(5)
    assert vault.gate.authorize(wanted).outcome == outcome, case
    mended = proposal("buy", "0.5", client_id="a-1")
    assert vault.codes(mended) == ("duplicate_order",)
    assert vault.codes(mended.replace(client_order_id="a-2")) == ()


def test_an_order_without_an_id_is_new_each_time() -> None:
    """Two approvals, two reservations, two trades of the day."""
    vault = Vault()
    assert vault.approved(proposal()).order_id != vault.approved(proposal()).order_id
    assert (vault.now.exposures["BTC"], vault.now.daily_trades) == (Decimal(200), 2)
