"""One account in a replay: model, paper fills and stops; how an order is allowed is left to the kind of desk."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from gxrisk._native import Order
from gxrisk.agent.strategy import Action, Close, Hold, ModelError, Open, Portfolio, Strategy, Verdict, View
from gxrisk.feeds.candles import Candle
from gxrisk.replay.account import Account
from gxrisk.replay.costs import Costs, Side
from gxrisk.replay.result import VaultResult
from gxrisk.replay.tally import Tally
from gxrisk.vaults.proposals import PROPOSALS_MAX


@dataclass(frozen=True, slots=True)
class Working:
    """A market order that the venue has taken: it fills at the open of the asset's next bar."""

    order_id: str
    order: Order


@dataclass(frozen=True, slots=True)
class Question:
    """What every desk asks its model at one moment: `View` without the portfolio."""

    asset: str
    at: datetime
    candles: tuple[Candle, ...]
    atr: float | None


class Desk(ABC):
    """The part that is the same with and without a gate, so that both have the same fills.

    An order is decided at a bar's close and filled at the open of the asset's next bar, with slippage and fee: nothing
    that a decision uses is later than it. A stop-loss is executed within the bar whose low (or high) reaches it, at the
    stop, or at the bar's open where that is worse; it is booked at the bar's end, before the close is marked. The
    newest opening order's stop protects the whole position. When equity at a bar's close is 0 or less, the venue closes
    everything at the last marks and the account is over.

    Limit prices and take-profits are not simulated here: a model that asks for one is refused with a `ModelError`.
    `venues.PaperVenue` has both.
    """

    def __init__(self, name: str, model: Strategy, costs: Costs, deposit: Decimal) -> None:
        self.name = name
        self.account = Account(deposit)
        self.tally = Tally(deposit)
        self._model = model
        self._costs = costs
        self._working: dict[str, list[Working]] = {}
        self._stop_losses: dict[str, Decimal] = {}
        self._verdicts: dict[str, Verdict] = {}
        self._fill_count = 0

    @abstractmethod
    def advance(self, at_ms: int) -> None:
        """Bring the desk's clock to `at_ms`."""

    @abstractmethod
    def equity(self) -> Decimal:
        """Equity at the last marks."""

    @abstractmethod
    def result(self) -> VaultResult:
        """What the desk came to."""

    @abstractmethod
    def _state(self) -> str: ...

    @abstractmethod
    def _is_consensus_required(self) -> bool: ...

    @abstractmethod
    def _mark(self, candle: Candle, atr: float | None) -> None: ...

    @abstractmethod
    def _propose(self, order: Order, resize: bool) -> Working | None: ...

    @abstractmethod
    def _protect(self, order: Order) -> Working: ...

    @abstractmethod
    def _note_hold(self, asset: str, action: Hold) -> None: ...

    @abstractmethod
    def _book(self, working: Working, fill_id: str, price: Decimal, fee: Decimal) -> None: ...

    @abstractmethod
    def _is_cancelled(self, working: Working) -> bool: ...

    def open_bar(self, candle: Candle) -> None:
        """Fill what is working in the asset at the open of `candle`."""
        for working in self._working.pop(candle.asset, ()):
            if self._is_cancelled(working):
                self.tally.cancelled += 1
            else:
                self._fill(working, candle.open)

    def close_bar(self, candle: Candle, atr: float | None) -> None:
        """Execute the stop that `candle` reached, then mark its close."""
        self._check_stop(candle)
        self.account.mark(candle.asset, candle.close)
        self._mark(candle, atr)

    def settle(self, at: datetime) -> None:
        """Look at the equity once all closes of this moment are marked."""
        if self.tally.liquidated is not None:
            return
        equity = self.equity()
        if equity > 0:
            self.tally.equity(equity)
            return
        for asset, quantity in self.account.positions.items():
            self._flatten(asset, quantity, self.account.last_mark(asset), "liquidation: no equity left")
        self._working.clear()
        self.tally.liquidated = at
        self.tally.equity(Decimal(0))

    def finish(self) -> None:
        """The candles are over: what still works will never fill."""
        self.tally.cancelled += sum(map(len, self._working.values()))
        self._working.clear()

    def decide(self, question: Question) -> None:
        """Ask the model and carry its answer out; once more at once where that was refused and it wishes so."""
        if self.tally.liquidated is not None:
            return
        try:
            for _ in range(PROPOSALS_MAX):
                action = self._asked(self.view(question))
                if not self._carry_out(question.asset, action):
                    break
        except ModelError as error:
            raise ModelError(f"{error} ({self.name}, {question.asset}, {question.at:%Y-%m-%d %H:%M} UTC)") from error

    def view(self, question: Question) -> View:
        """What the model sees when it is asked."""
        stops, is_required = dict(self._stop_losses), self._is_consensus_required()
        portfolio = Portfolio(self.equity(), self.account.positions, stops, self._state(), is_required)
        verdict = self._verdicts.get(question.asset)
        return View(question.asset, question.at, question.candles, question.atr, portfolio, verdict)

    def _asked(self, view: View) -> Action:
        try:
            action = self._model.decide(view)
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(f"the model raised {type(error).__name__}: {error}") from error
        if not isinstance(action, Open | Close | Hold):
            raise ModelError(f"the model answered {type(action).__name__}, not Open, Close or Hold")
        return action

    def _carry_out(self, asset: str, action: Action) -> bool:
        """True where the gate refused and the model wishes to be asked again."""
        quantity = self.account.quantity(asset)
        if isinstance(action, Close) and not quantity:
            action = Hold(action.confidence, action.reasoning)
        try:
            if isinstance(action, Hold):
                self.tally.holds += 1
                self._note_hold(asset, action)
                return False
            order = order_of(asset, action, quantity)
        except (TypeError, ValueError) as error:
            raise ModelError(f"the model's {type(action).__name__} is malformed: {error}") from error
        self.tally.proposals += 1
        working = self._propose(order, isinstance(action, Open) and action.resize)
        if working is not None:
            self._working.setdefault(asset, []).append(working)
        verdict = self._verdicts.get(asset)
        is_refused = verdict is not None and verdict.outcome != "approved"
        return is_refused and isinstance(action, Open) and bool(action.ask_again)

    def _check_stop(self, candle: Candle) -> None:
        quantity = self.account.quantity(candle.asset)
        stop = self._stop_losses.get(candle.asset)
        if stop is None or not quantity:
            return
        if (candle.low <= stop) if quantity > 0 else (candle.high >= stop):
            market = min(stop, candle.open) if quantity > 0 else max(stop, candle.open)
            self.tally.stops += 1
            self._flatten(candle.asset, quantity, market, f"stop-loss at {stop}")

    def _flatten(self, asset: str, quantity: Decimal, market: Decimal, reasoning: str) -> None:
        order = Order(asset, _opposite(quantity), abs(quantity), confidence=1, reasoning=reasoning, reduce_only=True)
        self._fill(self._protect(order), market)

    def _fill(self, working: Working, market: Decimal) -> None:
        order = working.order
        price = self._costs.price(order.side, market)
        fee = self._costs.fee(order.quantity, price)
        self._fill_count += 1
        self.tally.fills += 1
        self._book(working, f"{self.name}-{self._fill_count}", price, fee)
        profit = self.account.apply(order.asset, order.side, order.quantity, price, fee)
        if profit is not None:
            self.tally.round_trip(profit)
        after = self.account.quantity(order.asset)
        if not after:
            self._stop_losses.pop(order.asset, None)
        elif not order.reduce_only and (after > 0) == (order.side == "buy"):
            if order.stop_loss is None:
                self._stop_losses.pop(order.asset, None)
            else:
                self._stop_losses[order.asset] = order.stop_loss


def order_of(asset: str, action: Open | Close, quantity: Decimal) -> Order:
    """The order that an answer asks for, where `quantity` (signed) is held.

    Raises `ValueError` where it is malformed, `ModelError` where a replay has no such order.
    """
    if isinstance(action, Close):
        return Order(
            asset,
            _opposite(quantity),
            abs(quantity),
            confidence=action.confidence,
            reasoning=action.reasoning,
            reduce_only=True,
        )
    for name, price in (("limit price", action.price), ("take-profit", action.take_profit)):
        if price is not None:
            raise ModelError(
                f"the model asked for a {name} ({price}), a replay has market orders with a stop-loss alone: "
                "leave it out, or trade on paper (gxrisk.venues.PaperVenue)"
            )
    return action.order(asset)


def _opposite(quantity: Decimal) -> Side:
    return "sell" if quantity > 0 else "buy"


def moment(at_ms: int) -> datetime:
    """UTC milliseconds as an aware datetime.

    >>> moment(1_584_010_500_000).isoformat()
    '2020-03-12T10:55:00+00:00'
    """
    return datetime.fromtimestamp(at_ms // 1000, UTC).replace(microsecond=at_ms % 1000 * 1000)
