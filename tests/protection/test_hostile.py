"""What comes from outside is refused by the guards that take it, and never escapes as another error."""

import json
from typing import Any

import pytest
from gxrisk import Limits
from gxrisk.agent import Close
from gxrisk.agent.ensemble_members import _problem
from gxrisk.protection import AdaptiveLimits, DataQuality, HealthMonitor
from gxrisk.protection.data_quality_words import DataQualityError, Print
from gxrisk.protection.health_vitals import HealthError


@pytest.mark.parametrize("price", [1e-322, 1e308, 0.99e-9, 1.01e18, float("nan"), float("inf")])
def test_a_price_that_no_gate_takes_is_blamed_and_not_marked(price: float) -> None:
    quality = DataQuality()
    for minute in range(40):
        quality.take("BTC", Print(minute * 60_000, 7900.0 + minute % 3))
    seen = quality.take("BTC", Print(40 * 60_000, price))
    assert not seen.is_usable
    with pytest.raises(DataQualityError, match="1e-09 to 1e\\+18"):
        quality.hear("BTC", "another", 40 * 60_000, price)


@pytest.mark.parametrize("confidence", ["0.5", b"0.5", True, 1.5, None])
def test_a_member_s_confidence_is_a_number(confidence: Any) -> None:
    try:
        problem = _problem(Close(confidence, "a member's"))
    except TypeError:  # its caller takes any exception for a problem
        return
    assert "confidence" in problem


@pytest.mark.parametrize("scale", ["NaN", "5", "0", "-1", "Infinity"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_scale_is_above_zero_and_at_most_one(scale: str, place: int) -> None:
    guard = AdaptiveLimits(Limits.for_tier("growth"), volatility_normal=1)
    before = guard.to_json()
    state = json.loads(before)
    state[place] = scale
    with pytest.raises(ValueError, match="this is no state of adaptive limits"):
        guard.restore(json.dumps(state))
    assert guard.to_json() == before


def test_a_state_with_infinity_is_refused() -> None:
    with pytest.raises(DataQualityError, match="holds no suspensions"):
        DataQuality().restore('{"version": 1, "suspended": {"BTC": {"since_ms": Infinity, "reason": "x"}}}')
    kept = json.loads(HealthMonitor().to_json())
    kept["held"] = {"drawdown": ["high", float("inf"), "low"]}
    with pytest.raises(HealthError):
        HealthMonitor.from_json(json.dumps(kept))
