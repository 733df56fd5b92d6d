"""A real gate and its account at a paper venue, and a tape of bars to play to both."""

from collections.abc import Callable, Coroutine, Iterable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from gxrisk import Gate, Limits, ManualClock, order
from gxrisk.feeds import Candle, Moment, Trade
from gxrisk.venues import (
    Accepted,
    Cancelled,
    Failed,
    Filled,
    FundingPaid,
    PaperAccount,
    PaperCosts,
    PaperVenue,
    Report,
)

MINUTE_MS = 60_000
NS_PER_MS = 1_000_000
D = Decimal
FREE = PaperCosts(half_spread_bp=D(0), fallback_bp=D(0), maker_fee_bp=D(0), taker_fee_bp=D(0), notional_min=D(0))

# So wide that only the venue decides in these tests.
WIDE = Limits.for_tier("high_octane").replace(
    max_leverage=1000,
    max_position_fraction=1,
    max_daily_loss=1,
    max_drawdown=1,
    max_concentration=100,
    max_correlated_exposure=1000,
    stop_atr_min="1e-9",
    stop_atr_max=1000,
    liquidation_share=1,
    max_daily_trades=1_000_000,
    orders_per_minute=1_000_000,
    order_burst=1_000_000,
    max_open_orders=1000,
    price_collar=1,
    price_move_max=1000,
    mark_age_s_max=2_592_000,
    losses_in_row_max=1000,
    failures_in_row_max=1000,
)
GATE_DEPOSIT = 10**12

_T = TypeVar("_T")


def done(call: Coroutine[Any, Any, _T]) -> _T:
    """The result of a call that never waits."""
    try:
        call.send(None)
    except StopIteration as end:
        result: _T = end.value
        return result
    raise AssertionError("a paper account's call waited")


class Vault:
    """Authorizes what a test asks for, submits it, and tells the gate whatever the account reports."""

    def __init__(self, venue: PaperVenue, name: str = "vault", deposit: int = 1_000_000, atr: object = 10_000) -> None:
        self.venue = venue
        self.clock = ManualClock(0)
        self.gate = Gate(name, WIDE, clock=self.clock)
        self.gate.deposit(GATE_DEPOSIT)
        self.account: PaperAccount = done(venue.account(name, self.gate.redeem))
        if deposit:
            done(self.account.deposit("first", D(deposit)))
        self.deposited = D(deposit)
        self.reports: list[Report] = []
        self.atr = atr
        self.sent: list[str] = []

    def buy(self, quantity: object, price: object = None, **more: Any) -> str:
        """Propose and submit a purchase; its order id."""
        return self.submit("buy", quantity, price, **more)

    def sell(self, quantity: object, price: object = None, **more: Any) -> str:
        """Propose and submit a sale; its order id."""
        return self.submit("sell", quantity, price, **more)

    def submit(
        self,
        side: str,
        quantity: object,
        price: object = None,
        *,
        stop: object = None,
        target: object = None,
        reduce_only: bool = False,
        asset: str = "BTC",
    ) -> str:
        """Propose and submit; an opening order without a stop gets one that no test reaches."""
        if stop is None and not reduce_only:
            stop = "0.000001" if side == "buy" else 9_000_000
        wish = order(
            asset,
            side,  # type: ignore[arg-type]
            quantity,  # type: ignore[arg-type]
            price=price,  # type: ignore[arg-type]
            stop_loss=stop,  # type: ignore[arg-type]
            take_profit=target,  # type: ignore[arg-type]
            reduce_only=reduce_only,
            confidence=1,
            reasoning="a test",
        )
        decision = self.gate.authorize(wish)
        assert decision.approval is not None, decision.violations
        assert decision.order_id is not None
        done(self.account.submit(decision.approval))
        self.sent.append(decision.order_id)
        return decision.order_id

    def cancel(self, number: int) -> None:
        """Ask for the end of the `number`th order."""
        done(self.account.cancel(self.sent[number - 1]))

    def advance(self, moment: Moment) -> list[Report]:
        """Advance the venue, then take the news to the gate and mark the closes there; the new reports."""
        assert self.venue.advance(moment) == {}
        return self.look(moment)

    def look(self, moment: Moment) -> list[Report]:
        """What `advance` does after the venue's part."""
        self.clock.set(moment.at_ms * NS_PER_MS)
        for one in (*moment.opened, *moment.closed):
            self.gate.mark(one.asset, one.close if one in moment.closed else one.open, atr=self.atr)  # type: ignore[arg-type]
        for trade in moment.trades:
            self.gate.mark(trade.asset, trade.price, atr=self.atr)  # type: ignore[arg-type]
        news = list(done(self.account.reports(len(self.reports))))
        for report in news:
            self._tell(report)
        self.reports += news
        return news

    def _tell(self, report: Report) -> None:
        gate = self.gate
        if isinstance(report, Accepted):
            gate.order_accepted(report.order_id)
        elif isinstance(report, Failed):
            gate.order_failed(report.order_id, report.reason)
        elif isinstance(report, Cancelled):
            gate.order_cancelled(report.order_id)
        elif isinstance(report, FundingPaid):
            gate.funding(report.asset, report.amount)
        else:
            own = report.order_id if report.leg == "order" else f"{report.leg}-{report.fill_id}"
            gate.apply_fill(
                own, report.fill_id, report.quantity, report.price, report.fee, asset=report.asset, side=report.side
            )
            gate.resume()  # a leg that nobody approved here trips fill_mismatch

    def line(self, report: Report) -> str:
        """A report in a few words; orders go by number, in the order in which they were sent."""
        if isinstance(report, FundingPaid):
            return f"funding {report.asset} {plain(report.amount)}"
        order_id = report.order_id
        number = f"#{self.sent.index(order_id) + 1}" if order_id in self.sent else order_id
        if isinstance(report, Filled):
            fee = f" fee {plain(report.fee)}" if report.fee else ""
            return f"{number} {report.leg} {report.side} {plain(report.quantity)} @ {plain(report.price)}{fee}"
        reason = "" if isinstance(report, Accepted) else f": {report.reason}"
        return f"{number} {type(report).__name__.lower()}{reason}"

    @property
    def gate_balance(self) -> Decimal:
        """The balance as the gate has worked it out from the reports."""
        known = self.gate.snapshot()
        return self.deposited + known.realised - known.fees + known.funding

    def agrees(self) -> None:
        """Assert that gate and venue have the same account, to the eighteenth digit."""
        statement = done(self.account.statement())
        assert statement.balance == self.gate_balance
        assert statement.positions == {asset: D(one) for asset, one in self.gate.snapshot().positions.items()}
        assert statement.open_orders == {one.order_id for one in self.gate.snapshot().working}


def bar(minute: int, *prices: object, volume: float = 0.0, asset: str = "BTC") -> Candle:
    """A bar from one price or from open, high, low and close."""
    made = [D(str(price)) for price in prices] * (4 if len(prices) == 1 else 1)
    return Candle(asset, minute * MINUTE_MS, MINUTE_MS, *made, volume)  # type: ignore[call-arg,arg-type]


def moments(bars: Iterable[Candle]) -> list[Moment]:
    """Bars of one minute, one after the other, as moments: each closes as the next one opens."""
    listed = list(bars)
    edges = sorted({one.start_ms for one in listed} | {one.end_ms for one in listed})
    return [
        Moment(
            at_ms,
            closed=tuple(one for one in listed if one.end_ms == at_ms),
            opened=tuple(one for one in listed if one.start_ms == at_ms),
        )
        for at_ms in edges
    ]


def trade(at_ms: int, price: object, quantity: object = 1, asset: str = "BTC") -> Moment:
    """A moment with one trade."""
    return Moment(at_ms, trades=(Trade(asset, at_ms, D(str(price)), D(str(quantity))),))


Play = dict[int, Callable[[Vault], object]]


def play(vault: Vault, bars: Sequence[Candle], actions: Play | None = None) -> list[str]:
    """Play the bars; after minute n's moment carry out `actions[n]`. The reports as lines, each with its minute."""
    lines: list[str] = []
    for moment in moments(bars):
        minute = moment.at_ms // MINUTE_MS
        lines += [f"{minute} {vault.line(report)}" for report in vault.advance(moment)]
        if actions and minute in actions:
            actions[minute](vault)
    return lines


def plain(number: Decimal) -> str:
    """A decimal without trailing zeros or exponent."""
    return f"{number.normalize():f}"
