"""Vaults in given situations, and the orders that the tables propose to them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from gxrisk import Decision, Gate, Limits, ManualClock, Order, order

Side = Literal["buy", "sell"]
Origin = Literal["agent", "owner", "protection"]
Number = int | str | Decimal

NOON = "2020-03-12T12:00:00Z"
UNIT = Decimal("0.000000001")
NANOSECOND = UNIT  # of a second

# Every limit as far open as its range goes, so that only what a row tightens is decisive.
WIDE = Limits.for_tier("high_octane").replace(
    max_leverage=1000,
    max_position_fraction=1000,
    max_daily_loss=1,
    max_drawdown=1,
    max_concentration=1000,
    max_correlated_exposure=1000,
    stop_atr_min=0,
    stop_atr_max=1000,
    max_daily_trades=1_000_000,
    price_collar=1,
    orders_per_minute=1_000_000,
    order_burst=1_000_000,
    max_open_orders=1_000_000,
    min_confidence=0,
    maintenance_margin=0,
    liquidation_share=1,
    price_move_max=1000,
    price_move_window_s="0.000000001",
    price_move_pause_s="0.000000001",
    mark_age_s_max=30 * 86_400,
    losses_in_row_max=1000,
    loss_pause_s="0.000000001",
    failures_in_row_max=1000,
    volatility_max=1000,
    approval_ttl_s=3600,
)


def proposal(
    side: Side = "buy",
    quantity: Number = 1,
    asset: str = "BTC",
    *,
    price: Number | None = None,
    stop: Number | Literal["usual"] | None = "usual",
    leverage: Number = 1,
    reduce_only: bool = False,
    confidence: Number = "0.9",
    reasoning: str = "a case of the table",
    client_id: str | None = None,
) -> Order:
    """An order; the usual stop of an opening is half the limit price (else of 100) away, on the losing side."""
    if stop == "usual":
        entry = Decimal(price if price is not None else 100)
        share = Decimal("0.5") if side == "buy" else Decimal("1.5")
        stop = None if reduce_only else (entry * share).quantize(UNIT)
    return order(
        asset,
        side,
        quantity,
        price=price,
        stop_loss=stop,
        leverage=leverage,
        reduce_only=reduce_only,
        confidence=confidence,
        reasoning=reasoning,
        client_order_id=client_id,
    )


def exit_of(side: Side, quantity: Number, asset: str = "BTC", **fields: Any) -> Order:
    """A reduce-only order."""
    return proposal(side, quantity, asset, reduce_only=True, **fields)


class Vault:
    """A gate with its clock, marked at 100 an asset (ATR 1) unless told otherwise, holding a deposit of 10,000."""

    def __init__(
        self,
        limits: Limits = WIDE,
        *,
        deposit: Number | None = 10_000,
        marks: Mapping[str, Number] | None = None,
        atr: Number | None = 1,
        at: str = NOON,
        **changes: Any,
    ) -> None:
        self.clock = ManualClock(at)
        self.gate = Gate("table", limits.replace(**changes), clock=self.clock)
        self.fills = 0
        if deposit is not None:
            self.gate.deposit(deposit)
        for asset, price in ({"BTC": 100, "ETH": 100, "SOL": 100} if marks is None else marks).items():
            self.gate.mark(asset, price, atr=atr)

    def after(self, seconds: Number) -> Vault:
        """The same vault some seconds later."""
        self.clock.advance(seconds)
        return self

    def marked(self, asset: str, price: Number, atr: Number | None = None) -> Vault:
        """The same vault with a new mark of now."""
        assert self.gate.mark(asset, price, atr=atr)
        return self

    def limited(self, **changes: Any) -> Vault:
        """The same vault under changed limits."""
        self.gate.set_limits(self.gate.limits.replace(**changes))
        return self

    def lost(self, amount: Number) -> Vault:
        """The same vault poorer by an amount: funding paid, which leaves positions and streaks alone."""
        self.gate.funding("BTC", -Decimal(amount))
        return self

    def approved(self, wanted: Order, origin: Origin = "agent") -> Decision:
        """An order that must be approved."""
        decision = self.gate.authorize(wanted, origin=origin)
        assert decision.approved, decision
        return decision

    def order_id(self, wanted: Order, origin: Origin = "agent") -> str:
        """The id of an order that must be approved."""
        order_id = self.approved(wanted, origin).order_id
        assert order_id is not None
        return order_id

    def accepted(self, wanted: Order, origin: Origin = "agent") -> str:
        """The id of an order that now works at the venue."""
        decision = self.approved(wanted, origin)
        assert decision.approval is not None
        assert decision.order_id is not None
        self.gate.redeem(decision.approval)
        self.gate.order_accepted(decision.order_id)
        return decision.order_id

    def filled(self, wanted: Order, price: Number = 100, fee: Number = 0, origin: Origin = "agent") -> str:
        """The id of an order that was executed whole."""
        order_id = self.accepted(wanted, origin)
        self.fill(order_id, wanted.quantity, price, fee)
        return order_id

    def fill(self, order_id: str, quantity: Number, price: Number = 100, fee: Number = 0, **what: Any) -> None:
        """A fill with an id of its own."""
        self.fills += 1
        assert self.gate.apply_fill(order_id, f"fill-{self.fills}", quantity, price, fee, **what)

    def holding(self, quantity: Number, asset: str = "BTC", price: Number = 100) -> Vault:
        """The same vault with a further position, below zero for a short."""
        signed = Decimal(quantity)
        stop = (Decimal(price) * (Decimal("0.5") if signed > 0 else Decimal("1.5"))).quantize(UNIT)
        self.filled(proposal("buy" if signed > 0 else "sell", abs(signed), asset, stop=stop), price)
        return self

    def round_trip(self, profit: Number, asset: str = "BTC") -> Vault:
        """The same vault after one unit bought at 100 and sold for a profit (or loss), with no fee."""
        self.filled(proposal("buy", 1, asset))
        self.filled(exit_of("sell", 1, asset), 100 + Decimal(profit), origin="protection")
        return self

    def failed(self) -> Vault:
        """The same vault after a submission that the venue refused."""
        self.gate.order_failed(self.order_id(proposal()), "refused by the venue")
        return self

    def codes(self, wanted: Order, origin: Origin = "agent") -> tuple[str, ...]:
        """The rules that an order would violate."""
        return tuple(violation.rule for violation in self.gate.validate_order(wanted, origin=origin).violations)

    def tripped(self) -> tuple[str, ...]:
        """The tripped breakers."""
        return tuple(trip.breaker for trip in self.gate.trips)

    def journal(self, kind: str, **having: Any) -> list[dict[str, Any]]:
        """The records of a kind, with these values in them."""
        records = [record for record in self.gate.events() if record["kind"] == kind]
        return [record for record in records if all(record[name] == value for name, value in having.items())]

    @property
    def now(self) -> Any:
        """The vault at this instant: its snapshot, whose Decimals the rows compare with plain numbers."""
        return self.gate.snapshot()


def in_state(state: str) -> Vault:
    """A vault that is long 5 BTC, in a trading state that nothing but the state shows."""
    vault = Vault().holding(5)
    if state == "reduce_only":
        vault.limited(max_daily_trades=1)  # the one that built the position: trade_limit
    if state == "halted":
        vault.gate.pause()
    assert vault.gate.state == state
    return vault
