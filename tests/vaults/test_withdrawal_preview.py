"""What a withdrawal would do is told before it is signed."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
from gxrisk import Gate, Limits, ManualClock, VaultError, order
from gxrisk.vaults.withdrawal_preview import preview
from gxrisk.venues import PaperVenue

from tests.vaults.fleets import fleet, settings

D = Decimal


def holding(quantity: str = "20", price: int = 100) -> Gate:
    """A gate with 10,000 and a position bought at 100."""
    gate = Gate("preview", Limits.for_tier("growth"), clock=ManualClock("2020-03-12T00:00:00Z"))
    gate.deposit(10_000)
    gate.mark("BTC", 100, atr=1)
    wish = order("BTC", "buy", quantity, confidence=1, reasoning="a test", stop_loss=98)
    decision = gate.authorize(wish)
    assert decision.order_id is not None, decision.violations
    gate.apply_fill(decision.order_id, "1", quantity, 100)
    if price != 100:
        gate.mark("BTC", price, at="2020-03-12T00:00:01Z")
    return gate


# A position worth 2,000: the equity at which it is exactly at the limit, and the amount that leaves as much.
EDGES = {
    "leverage": ("400", "9600"),  # 5 x 400
    "position_size": ("8000", "2000"),  # 25 % of 8,000
    "concentration": ("3333.333333334", "6666.666666666"),  # 60 %
    "correlated_exposure": ("1333.333333334", "8666.666666666"),  # 150 %
}
UNIT = D("0.000000010")


@pytest.mark.parametrize("limit", EDGES)
def test_each_limit_is_exceeded_one_unit_past_its_edge(limit: str) -> None:
    """At the edge positions could stay; a little more money gone, they are over the limit."""
    gate = holding()
    left, amount = EDGES[limit]
    for more, is_exceeded in ((-UNIT, False), (D(0), False), (UNIT, True)):
        seen = preview(gate.snapshot(), gate.limits, D(amount) + more)
        assert seen.equity_after == D(left) - more
        (judged,) = [one for one in seen.limits if one.limit == limit]
        assert judged.is_exceeded == is_exceeded, (more, judged)
        assert (judged in seen.exceeded) == is_exceeded
        assert ("over the" in judged.text) == is_exceeded
        assert judged.text in seen.lines()


def test_the_risk_scale_counts() -> None:
    """What a model's guards have tightened is tighter here too."""
    gate = holding("10")
    assert "position_size" not in {one.limit for one in preview(gate.snapshot(), gate.limits, D(1)).exceeded}
    gate.set_risk_scale("0.3")
    assert "position_size" in {one.limit for one in preview(gate.snapshot(), gate.limits, D(1)).exceeded}


def test_positions_are_told_with_their_worth_and_result() -> None:
    """At the marks."""
    gate = holding(price=104)
    seen = preview(gate.snapshot(), gate.limits, D(80))
    (closing,) = seen.closing
    assert (closing.asset, closing.quantity, closing.worth, closing.gain) == ("BTC", 20, 2080, 80)
    assert (seen.equity, seen.equity_after) == (10_080, 10_000)


def test_too_much_is_said_to_be_so() -> None:
    """All of it is possible, a unit more is not."""
    gate = holding()
    assert preview(gate.snapshot(), gate.limits, D(10_000)).is_possible
    seen = preview(gate.snapshot(), gate.limits, D(10_000) + UNIT)
    assert not seen.is_possible
    assert seen.lines() == ("The vault's equity is 10000; 10000.000000010 is more than that.",)


@pytest.mark.parametrize("amount", [D(0), D(-1), D("NaN"), D("Infinity"), 5, "5", None])
def test_what_is_no_amount_is_refused(amount: object) -> None:
    """By name."""
    gate = holding()
    with pytest.raises(VaultError, match="amount"):
        preview(gate.snapshot(), gate.limits, amount)  # type: ignore[arg-type]


def test_a_preview_changes_nothing(tmp_path: Path) -> None:
    """Not a record."""

    async def look() -> None:
        one = fleet(tmp_path, PaperVenue())
        vault = await one.create("ann", settings("Silent"))
        await vault.fund("first", D(10_000))
        before = vault.gate.sequence
        assert vault.preview_withdrawal(D(100)).equity_after == 9_900
        assert vault.gate.sequence == before
        await one.close()

    asyncio.run(look())
