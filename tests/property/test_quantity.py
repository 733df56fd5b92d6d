"""What would pass: monotone in quantity, and `max_quantity` and `headroom` are its edge, exactly."""

from __future__ import annotations

from decimal import Decimal, localcontext

from gxrisk import Limits, Order, order
from hypothesis import given
from hypothesis import strategies as st

from .vaults import ASSETS, BOUNDED, LARGEST, UNIT, Step, Vault, carry_out, histories, limits, opened, orders, sides


def is_on(quantity: Decimal, step: Decimal) -> bool:
    """Whether a quantity is a multiple of a lot step."""
    with localcontext(prec=60):
        return quantity % step == 0


def approved(vault: Vault, proposal: Order, quantity: Decimal) -> bool:
    """Whether the order passes with this quantity."""
    return vault.gate.validate_order(proposal.replace(quantity=quantity)).approved


def check_edge(vault: Vault, proposal: Order) -> Decimal:
    """`max_quantity` passes and one lot step more does not."""
    step = vault.step_of(proposal.asset)
    most = vault.gate.max_quantity(proposal)
    assert isinstance(most, Decimal)
    assert is_on(most, step)
    if most:
        assert approved(vault, proposal, most)
    if most + step <= LARGEST:
        assert not approved(vault, proposal, most + step)
    return most


@BOUNDED
@given(limits(), histories(), orders(with_ids=True), st.lists(st.fractions(0, 1), max_size=4))
def test_if_a_quantity_passes_every_smaller_one_does(
    some_limits: Limits, history: list[Step], proposal: Order, shares: list[object]
) -> None:
    vault = opened(some_limits, history)
    most = check_edge(vault, proposal)
    for share in shares:
        smaller = (most * Decimal(share.numerator) / Decimal(share.denominator)).quantize(UNIT)  # type: ignore[attr-defined]
        if UNIT <= smaller <= most:
            assert approved(vault, proposal, smaller)
        larger = min(most + vault.step_of(proposal.asset) + smaller, LARGEST)
        if larger > most + vault.step_of(proposal.asset):
            assert not approved(vault, proposal, larger)


@BOUNDED
@given(
    limits(),
    sides,
    st.decimals(Decimal("0.5"), Decimal(9), places=3),
    st.decimals(Decimal("0.001"), Decimal(3), places=3),
)
def test_the_largest_reduction_is_what_is_held_less_what_is_being_reduced(
    some_limits: Limits, side: str, held: Decimal, lot_step: Decimal
) -> None:
    vault = opened(some_limits)
    vault.gate.apply_fill("elsewhere", "f", held, 100, asset="BTC", side=side)
    carry_out(vault, ("lots", {"BTC": lot_step}))
    exit_side = "sell" if side == "buy" else "buy"
    out = order("BTC", exit_side, 1, confidence=0, reasoning="out", reduce_only=True)
    assert check_edge(vault, out) == held // lot_step * lot_step
    first = held / 4 // UNIT * UNIT
    assert vault.gate.authorize(out.replace(quantity=first)).approved
    assert check_edge(vault, out) == (held - first) // lot_step * lot_step
    assert check_edge(vault, out.replace(side=side)) == 0


@BOUNDED
@given(limits(), histories(), sides, st.sampled_from(ASSETS))
def test_headroom_is_the_edge_of_each_rule(some_limits: Limits, history: list[Step], side: str, asset: str) -> None:
    vault = opened(some_limits, history)
    step = vault.step_of(asset)
    plain = order(asset, side, 1, confidence=1, reasoning="room")

    def violates(rule: str, quantity: Decimal) -> bool:
        found = vault.gate.validate_order(plain.replace(quantity=quantity)).violations
        return rule in [violation.rule for violation in found]

    for rule, most in vault.gate.headroom(asset, side).items():
        if most is None:
            assert not violates(rule, LARGEST)
            continue
        assert is_on(most, step)
        assert not most or not violates(rule, most)
        assert most + step > LARGEST or violates(rule, most + step)


@BOUNDED
@given(limits(), histories(), sides, st.sampled_from(ASSETS))
def test_the_least_headroom_is_what_a_sound_order_may_have(
    some_limits: Limits, history: list[Step], side: str, asset: str
) -> None:
    vault = opened(some_limits.replace(stop_risk_budget=None), history)
    mark = vault.gate.snapshot().marks[asset]
    stop = mark - 2 if side == "buy" else mark + 2
    sound = order(asset, side, 1, confidence=1, reasoning="sound", stop_loss=stop)
    rooms = [most for most in vault.gate.headroom(asset, side).values() if most is not None]
    assert check_edge(vault, sound) == min(rooms)


def test_nothing_passes_without_money_without_a_mark_and_after_a_kill() -> None:
    vault = opened(Limits.for_tier("growth"))
    sound = order("BTC", "buy", 1, confidence=1, reasoning="sound", stop_loss=98)
    assert vault.gate.max_quantity(sound) == 25
    assert vault.gate.max_quantity(sound.replace(asset="DOGE")) == 0
    assert vault.gate.max_quantity(sound.replace(confidence="0.299999999")) == 0
    vault.gate.kill("enough")
    assert vault.gate.max_quantity(sound) == 0
    assert set(vault.gate.headroom("BTC", "buy").values()) >= {Decimal(0)}
