"""The tiers of section 9, the defaults of sections 6, 7 and 10, and what a model's own hold leaves behind."""

from __future__ import annotations

from typing import Any

import pytest
from gxrisk import TIERS, InvalidOrder, Limits

from .rows import number
from .vaults import Vault

# limit: capital_guard, growth, high_octane
SECTION_9: dict[str, tuple[str, str, str]] = {
    "max_leverage": ("2", "5", "10"),
    "max_position_fraction": ("0.1", "0.25", "0.5"),
    "max_daily_loss": ("0.02", "0.04", "0.08"),
    "max_drawdown": ("0.1", "0.15", "0.25"),
    "max_concentration": ("0.6", "0.6", "0.6"),
    "max_correlated_exposure": ("0.8", "1.5", "3"),
    "stop_atr_min": ("0.5", "0.5", "0.5"),
    "stop_atr_max": ("3", "4", "5"),
    "max_daily_trades": ("50", "100", "200"),
}
# The same for every tier; None is off.
DEFAULTS: dict[str, str | None] = {
    "drawdown_base": "deposit",
    "max_order_notional": None,
    "stop_risk_budget": None,
    "assets": None,
    "price_collar": "0.05",
    "orders_per_minute": "60",
    "order_burst": "20",
    "max_open_orders": "50",
    "min_confidence": "0.3",
    "maintenance_margin": "0.01",
    "liquidation_share": "0.8",
    "price_move_max": "0.1",
    "price_move_window_s": "300",
    "price_move_pause_s": "900",
    "mark_age_s_max": "60",
    "losses_in_row_max": "5",
    "loss_pause_s": "1800",
    "failures_in_row_max": "3",
    "volatility_max": "0.3",
    "approval_ttl_s": "5",
}


@pytest.mark.parametrize("tier", TIERS)
def test_the_limits_of_a_tier(tier: str) -> None:
    """Every field, to the digit."""
    column = ("capital_guard", "growth", "high_octane").index(tier)
    expected = {name: number(values[column]) for name, values in SECTION_9.items()}
    expected |= {name: number(value) for name, value in DEFAULTS.items()}
    assert Limits.for_tier(tier).to_dict() == expected


@pytest.mark.parametrize("tier", ["", "Growth", "yolo", "growth "])
def test_there_is_no_other_tier(tier: str) -> None:
    """The message names those that there are."""
    with pytest.raises(InvalidOrder, match="capital_guard, growth, high_octane"):
        Limits.for_tier(tier)


# confidence, reasoning; whether a hold is recorded
HOLDS: list[tuple[Any, Any, bool]] = [
    (0, "nothing to do", True),
    ("0.299999999", "unsure", True),
    (1, "x" * 4000, True),
    ("1.000000001", "too sure", False),
    ("-0.000000001", "not sure at all", False),
    (1, "", False),
    (1, "x" * 4001, False),
    (None, "no confidence", False),
]


@pytest.mark.parametrize(("confidence", "reasoning", "recorded"), HOLDS, ids=[f"{h[0]} {h[1]:.20}" for h in HOLDS])
def test_a_models_own_hold_is_recorded(confidence: Any, reasoning: Any, recorded: bool) -> None:
    """Like a decision, with its confidence and words; it takes nothing, in a halted vault too."""
    vault = Vault()
    vault.gate.pause()
    before = vault.now
    if not recorded:
        with pytest.raises(InvalidOrder):
            vault.gate.agent().hold(confidence, reasoning)
        assert vault.now == before
        return
    decision = vault.gate.agent().hold(confidence, reasoning)
    assert (decision.outcome, bool(decision), decision.violations) == ("held", False, ())
    assert (decision.order_id, decision.approval, decision.sequence) == (None, None, before.sequence + 1)
    (record,) = vault.journal("hold", asset=None)
    assert (record["confidence"], record["reasoning"]) == (number(str(confidence)), reasoning)
    assert (vault.now.tokens, vault.now.daily_trades) == (before.tokens, 0)


@pytest.mark.parametrize("asset", ["BTC", "DOGE"])
def test_a_hold_names_the_asset_that_it_is_of(asset: str) -> None:
    """Only on record: naming an asset that was never marked, or is not on the list, opens no book for it."""
    vault = Vault(assets=("BTC", "ETH"))
    before = vault.now
    vault.gate.agent().hold("0.7", "waits", asset=asset)
    vault.gate.hold("0.7", "waits", asset=asset)
    assert [record["asset"] for record in vault.journal("hold")] == [asset, asset]
    after = vault.now
    assert (after.marks, after.exposures, after.positions) == (before.marks, before.exposures, before.positions)
