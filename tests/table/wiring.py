"""For each limit a history whose end depends on it: looser value, stricter value, the history, both ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gxrisk import ApprovalError, Order

from .vaults import Vault, exit_of, proposal

Probe = Callable[..., Any]


def asking(wanted: Order, **also: Any) -> Probe:
    """The rules that an order violates, 100 lost today."""
    return lambda **limits: Vault(**{**also, **limits}).lost(100).codes(wanted)


def after_losing(amount: int, rule: str) -> Probe:
    """Whether a breaker is tripped after a loss."""
    return lambda **limits: rule in Vault(**limits).lost(amount).tripped()


def base(**limits: Any) -> Any:
    """What the drawdown is measured from after a gain of 500."""
    return Vault(**limits).lost(-500).now.base


def rate(**limits: Any) -> int:
    """How many of ten orders pass, five at once and five two seconds later."""
    vault = Vault(**{"order_burst": 2, "orders_per_minute": 60, **limits})
    return sum(vault.after(wait).gate.authorize(proposal()).approved for wait in (0, 0, 0, 0, 0, 2, 0, 0, 0, 0))


def moved(**limits: Any) -> tuple[bool, bool]:
    """Whether a move of 5 % within 10 s trips, and is tripped a second later."""
    full = {"price_move_max": "0.01", "price_move_window_s": 60, "price_move_pause_s": 60, **limits}
    vault = Vault(**full).after(10).marked("BTC", 105)
    return bool(vault.tripped()), bool(vault.after(1).tripped())


def streak(**limits: Any) -> tuple[bool, bool]:
    """Whether three losses trip, and are tripped a minute later."""
    vault = Vault(**{"losses_in_row_max": 3, "loss_pause_s": 3600, **limits})
    vault.round_trip(-1).round_trip(-1).round_trip(-1)
    return bool(vault.tripped()), bool(vault.after(60).tripped())


def aged(**limits: Any) -> tuple[str, ...]:
    """What a position whose mark is 61 s old trips."""
    return Vault(**limits).holding(1).after(61).tripped()


def redeemed(**limits: Any) -> bool:
    """Whether an approval passes after four seconds."""
    vault = Vault(**limits)
    approval = vault.approved(proposal()).approval
    assert approval is not None
    try:
        vault.after(4).gate.redeem(approval)
    except ApprovalError:
        return False
    return True


def volatile(**limits: Any) -> tuple[str, ...]:
    """What a volatility of 40 % trips."""
    vault = Vault(**limits)
    vault.gate.set_volatility("0.4")
    return vault.tripped()


def held(**limits: Any) -> str:
    """What becomes of an order with a confidence of 0.5; an exit is never held."""
    vault = Vault(**limits).holding(1)
    assert vault.gate.validate_order(exit_of("sell", 1, confidence="0.1")).approved
    return vault.gate.validate_order(proposal(confidence="0.5")).outcome


def opened(count: int) -> Probe:
    """What stands against one more opening after some that work."""

    def probe(**limits: Any) -> Any:
        vault = Vault(**limits)
        for _ in range(count):
            vault.gate.authorize(proposal())
        return vault.codes(proposal())

    return probe


def near(stop: str) -> Order:
    """A buy at 100 with an ATR of 1."""
    return proposal("buy", 1, stop=stop)


GEARED = proposal("buy", 1, leverage=2, stop=52)  # 48 % away; liquidation at 50 % - margin

PROBES: dict[str, tuple[Any, Any, Probe, tuple[Any, Any]]] = {
    "max_leverage": (2, 1, asking(proposal("buy", 1, leverage=2, stop=99)), ((), ("leverage",))),
    "max_position_fraction": (1, "0.01", asking(proposal()), ((), ("position_size",))),
    "max_daily_loss": ("0.1", "0.05", after_losing(500, "daily_loss"), (False, True)),
    "max_drawdown": ("0.1", "0.05", after_losing(500, "drawdown"), (False, True)),
    "drawdown_base": ("deposit", "peak", base, (10_000, 10_500)),
    "max_concentration": (1, "0.01", asking(proposal()), ((), ("concentration",))),
    "max_correlated_exposure": (1, "0.01", asking(proposal()), ((), ("correlated_exposure",))),
    "stop_atr_min": (1, 2, asking(near("99")), ((), ("stop_loss_distance",))),
    "stop_atr_max": (2, 1, asking(near("98")), ((), ("stop_loss_distance",))),
    "max_daily_trades": (3, 2, opened(2), ((), ("trading_state",))),
    "max_order_notional": (None, 99, asking(proposal()), ((), ("order_notional",))),
    "price_collar": ("0.1", "0.05", asking(proposal("buy", 1, price=110)), ((), ("price_collar",))),
    "orders_per_minute": (60, 30, rate, (4, 3)),  # two at once; 2 s refill two, or one
    "order_burst": (3, 2, rate, (5, 4)),
    "max_open_orders": (3, 2, opened(2), ((), ("open_orders",))),
    "min_confidence": ("0.5", "0.500000001", held, ("approved", "held")),
    "maintenance_margin": ("0.02", "0.03", asking(GEARED), ((), ("liquidation_buffer",))),
    "liquidation_share": (1, "0.9", asking(GEARED), ((), ("liquidation_buffer",))),
    "stop_risk_budget": (None, "0.01", asking(proposal()), ((), ("stop_risk_budget",))),
    "assets": (["BTC"], ["ETH"], asking(proposal()), ((), ("unknown_asset",))),
    "price_move_max": ("0.05", "0.049", moved, ((False, False), (True, True))),
    "price_move_window_s": (9, 10, moved, ((False, False), (True, True))),
    "price_move_pause_s": (1, 2, moved, ((True, False), (True, True))),
    "mark_age_s_max": (61, 60, aged, ((), ("oracle_failure",))),
    "losses_in_row_max": (4, 3, streak, ((False, False), (True, True))),
    "loss_pause_s": (60, 61, streak, ((True, False), (True, True))),
    "failures_in_row_max": (2, 1, lambda **limits: Vault(**limits).failed().tripped(), ((), ("execution_failure",))),
    "volatility_max": ("0.4", "0.39", volatile, ((), ("volatility",))),
    "approval_ttl_s": (5, 4, redeemed, (True, False)),
}
