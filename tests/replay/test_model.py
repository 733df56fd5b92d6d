"""The momentum model against a table by hand, and loading anyone's model."""

import math
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from gxrisk.agent import Close, Hold, ModelError, Momentum, Open, Portfolio, Strategy, View, load_model
from gxrisk.feeds import CandleSeries

RISING = [100 * 1.01**n for n in range(17)]
FALLING = [100 * 0.99**n for n in range(17)]
NOISE = [100.0, *([101.0, 100.0] * 8)]
LONG, SHORT, FLAT = Decimal(1), Decimal(-1), Decimal(0)

# (what, closes, position, kind of action, side)
DECISIONS = [
    ("rises, flat", RISING, FLAT, Open, "buy"),
    ("falls, flat", FALLING, FLAT, Open, "sell"),
    ("noise, flat", NOISE, FLAT, Hold, None),
    ("stands still, flat", [100.0] * 17, FLAT, Hold, None),
    ("too few bars", RISING[:16], FLAT, Hold, None),
    ("rises, long", RISING, LONG, Hold, None),
    ("rises, short", RISING, SHORT, Close, None),
    ("falls, long", FALLING, LONG, Close, None),
    ("stands still, long", [100.0] * 17, LONG, Hold, None),
]


def view_of(series: CandleSeries, position: Decimal = FLAT, atr: float | None = 2.0) -> View:
    at = datetime.fromtimestamp(series.candles[-1].end_ms / 1000, UTC)
    return View("BTC", at, series.candles, atr, Portfolio(Decimal(1000), {"BTC": position}))


@pytest.mark.parametrize(
    ("closes", "position", "kind", "side"), [row[1:] for row in DECISIONS], ids=[row[0] for row in DECISIONS]
)
def test_momentum(
    series: Callable[..., CandleSeries], closes: list[float], position: Decimal, kind: type, side: str | None
) -> None:
    action = Momentum().decide(view_of(series([f"{close:.6f}" for close in closes]), position))
    assert isinstance(action, kind)
    assert 0 <= action.confidence <= 1
    assert 1 <= len(action.reasoning) <= 4000
    if isinstance(action, Open):
        price = Decimal(f"{closes[-1]:.6f}")
        assert action.side == side
        quantity = Decimal(str(action.quantity))
        assert quantity * price <= 250 < (quantity + Decimal("1e-9")) * price
        assert action.stop_loss == pytest.approx(float(price) + (-4 if side == "buy" else 4))
        assert action.leverage == 1


def test_the_confidence_is_that_of_a_random_walk(series: Callable[..., CandleSeries]) -> None:
    action = Momentum().decide(view_of(series([f"{close:.9f}" for close in RISING])))
    assert action.confidence == pytest.approx(math.erf(4 / math.sqrt(2)))  # equal steps: z = sqrt(16)


def test_momentum_without_an_average_true_range_or_room_for_a_stop_holds(
    series: Callable[..., CandleSeries],
) -> None:
    rising = series([f"{close:.6f}" for close in RISING])
    for atr in (None, 0.0, 1e6):
        assert isinstance(Momentum().decide(view_of(rising, atr=atr)), Hold)


def test_the_model_has_no_state(series: Callable[..., CandleSeries]) -> None:
    model, rising = Momentum(), series([f"{close:.6f}" for close in RISING])
    before = dict(vars(model))
    assert model.decide(view_of(rising)) == model.decide(view_of(rising)) == Momentum().decide(view_of(rising))
    assert vars(model) == before


MODULE = """
class Good:
    def decide(self, view): ...
class Needy:
    def __init__(self, x): ...
class Mute: ...
def make(): return Good()
def broken(): raise RuntimeError("no luck")
ready = Good()
number = 7
"""

# (name, part of the message)
LOAD_ERRORS = [
    ("shop_model", "no MODULE:NAME"),
    ("shop_model:", "no MODULE:NAME"),
    (":Good", "no MODULE:NAME"),
    ("no_such_shop:Good", "no module 'no_such_shop'"),
    ("shop_model.inner:Good", "no module 'shop_model.inner'"),
    ("shop_model:Absent", "has no 'Absent'"),
    ("shop_model:number", "is a int"),
    ("shop_model:Needy", "could not be made without arguments"),
    ("shop_model:broken", "RuntimeError: no luck"),
    ("shop_model:Mute", "has no decide"),
    ("shop_broken:Good", "could not be imported: SyntaxError"),
    ("shop_lacking:Good", "needs the module 'surely_not_installed'"),
]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with models in it, made the current one."""
    (tmp_path / "shop_model.py").write_text(MODULE)
    (tmp_path / "shop_broken.py").write_text("def (")
    (tmp_path / "shop_lacking.py").write_text("import surely_not_installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("shop_model", "shop_broken", "shop_lacking"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(("name", "part"), LOAD_ERRORS)
def test_a_model_that_cannot_be_had_is_explained(name: str, part: str) -> None:
    with pytest.raises(ModelError) as caught:
        load_model(name)()
    assert part in str(caught.value)


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("name", ["shop_model:Good", "shop_model:make", "shop_model:ready"])
def test_each_vault_gets_a_model_of_its_own(name: str) -> None:
    make = load_model(name)
    one, two = make(), make()
    assert isinstance(one, Strategy)
    assert one is not two
    assert type(one) is type(two)
