"""What every model of the package shares: the size and stop of an opening, and how long a reasoning may be."""

from datetime import UTC, datetime
from decimal import Decimal
from math import inf, nan

import pytest
from gxrisk import InvalidOrder, order
from gxrisk.agent.opening import opening
from gxrisk.agent.strategy import REASONING_CHARS_MAX, Open, Portfolio, View
from gxrisk.feeds import Candle
from hypothesis import given
from hypothesis import strategies as st


def view(close: str | Decimal = "100", atr: float | None = 1.0, equity: str | Decimal = "1000") -> View:
    """One bar, and an account."""
    bar = Candle("BTC", 0, 1, *[Decimal(close)] * 4, 1.0)
    return View("BTC", datetime(2020, 3, 12, tzinfo=UTC), (bar,), atr, Portfolio(Decimal(equity)))


NO_ROOM = [
    ("no range yet", view(atr=None)),
    ("a range of zero", view(atr=0.0)),
    ("a range that is none", view(atr=nan)),
    ("a range without end", view(atr=inf)),
    ("no equity", view(equity="0")),
    ("a loss beyond all equity", view(equity="-5")),
    ("less than the smallest quantity", view(close="1e15", atr=1.0, equity="0.1")),
    ("a stop of zero", view(atr=50.0)),
    ("a stop below the smallest price", view(close="2e-9", atr=0.75e-9)),
]


@pytest.mark.parametrize("seen", [one[1] for one in NO_ROOM], ids=[one[0] for one in NO_ROOM])
def test_where_there_is_no_room_nothing_opens(seen: View) -> None:
    assert opening(seen, "buy", Decimal("0.1"), 2.0) is None


@given(
    st.decimals("1e-8", "1e8", places=9),
    st.floats(1e-9, 1e7),
    st.decimals(0, "1e9", places=2),
    st.sampled_from(["buy", "sell"]),
)
def test_what_opens_is_an_order_with_its_stop_on_the_losing_side(
    close: Decimal, atr: float, equity: Decimal, side: str
) -> None:
    found = opening(view(close, atr, equity), side, Decimal("0.1"), 2.0)  # type: ignore[arg-type]
    if found is None:
        return
    asked = Open(side, found.quantity, 0.9, "x", stop_loss=found.stop_loss).order("BTC")  # type: ignore[arg-type]
    assert asked.stop_loss is not None
    assert asked.quantity * close <= equity / 10
    assert (asked.stop_loss <= close) if side == "buy" else (asked.stop_loss >= close)


def test_a_reasoning_is_as_long_as_the_gate_takes() -> None:
    """The number that stands in Python is the core's own: characters, not bytes."""
    longest = "\u00e9" * REASONING_CHARS_MAX
    assert order("BTC", "buy", 1, confidence=1, reasoning=longest).reasoning == longest
    with pytest.raises(InvalidOrder, match="1 to 4000 characters"):
        order("BTC", "buy", 1, confidence=1, reasoning=longest + "x")
