"""What one step of the market does to one account: a pure function of book, step and market.

Where a bar leaves open what came first, the worse for the account did: stops before targets and before other
reductions, openings before the stops that they bring.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal

from gxrisk.venues.paper.book import Book
from gxrisk.venues.paper.exact import ZERO
from gxrisk.venues.paper.margin import liquidate, liquidation_price
from gxrisk.venues.paper.market import Market, Step
from gxrisk.venues.paper.orders import Protection, WorkingOrder


def match(book: Book, step: Step, markets: Mapping[str, Market], marks: Mapping[str, Decimal]) -> None:
    """Take the account through `step`. In `marks` stands the step's price already, of a range the last one before."""
    _Matching(book, step, markets, marks).run()


class _Matching:
    def __init__(self, book: Book, step: Step, markets: Mapping[str, Market], marks: Mapping[str, Decimal]) -> None:
        self.book = book
        self.step = step
        self.markets = markets
        self.market = markets[step.asset]
        self.marks = marks
        self.costs = book.costs
        self.taken = ZERO
        if step.kind in ("on_open", "range"):
            bar_ms, taken = book.used.pop(step.asset, (step.start_ms, ZERO))
            self.taken = taken if bar_ms == step.start_ms else ZERO

    def run(self) -> None:
        if self.step.kind == "range":
            self._adverse()
            self._orders(lambda order: not order.reduce_only)
            self._adverse()
            self._orders(lambda order: order.reduce_only)
            self._targets()
        elif self.step.kind == "on_open":
            self._orders(lambda order: True)  # legs have met this open already; new ones meet the range that follows
        else:
            self._adverse()
            self._targets()
            self._orders(lambda order: True)
            self._adverse()
        if self.step.kind in ("open", "on_open") and self.taken:
            self.book.used[self.step.asset] = (self.step.start_ms, self.taken)

    def _take(self, wanted: Decimal) -> Decimal:
        """As much of `wanted` as the account's share of the volume still allows."""
        if self.step.available is not None:
            wanted = max(ZERO, min(wanted, self.step.available - self.taken))
        self.taken += wanted
        return wanted

    def _adverse(self) -> None:
        """Stops in the order in which an adverse market meets them, and liquidation among them."""
        reached = [one for one in self.book.protections if one.stop_reached(self.step)]
        reached.sort(key=self._stop_price, reverse=self.book.ledger.quantity(self.step.asset) > 0)
        for one in reached:
            price = self._stop_price(one)
            if self._liquidated(before=price):
                return
            if one.quantity:
                self._stop(one, price)
        self._liquidated(before=None)

    def _stop_price(self, one: Protection) -> Decimal:
        """Where the market stands when the stop executes: at the stop, or past it where the bar opened past it."""
        if one.triggered or one.stop_loss is None:
            return self.step.price
        worse = min if one.side == "sell" else max
        return worse(one.stop_loss, self.step.price)

    def _stop(self, one: Protection, price: Decimal) -> None:
        quantity = self._take(one.quantity)
        if quantity < one.quantity:
            one.triggered = self.book.changed = True
        if quantity:
            one.stopped += quantity
            slipped = self.market.slipped(one.side, price, one.stopped)
            self.book.fill_leg(one, "stop_loss", quantity, slipped, self.costs.taker_fee_bp)

    def _liquidated(self, before: Decimal | None) -> bool:
        """Liquidate when the step reaches that price, and reaches it before the price `before`."""
        quantity = self.book.ledger.quantity(self.step.asset)
        if any(asset not in self.marks for asset in self.book.ledger.positions):
            return False
        level = liquidation_price(self.book, self.step.asset, self.marks)
        if level is None:
            return False
        if quantity > 0:
            if level < self.step.low or (before is not None and level <= before):
                return False
            level = min(level, self.step.price)
        else:
            if level > self.step.high or (before is not None and level >= before):
                return False
            level = max(level, self.step.price)
        liquidate(self.book, self.step.asset, level, self.markets, self.marks)
        return True

    def _orders(self, chosen: Callable[[WorkingOrder], bool]) -> None:
        for order in list(self.book.orders.values()):
            if order.order_id not in self.book.orders or not order.takes_part(self.step) or not chosen(order):
                continue
            if order.crossed_by(self.step):
                self._fill(order)
            elif order.price is not None and not order.resting:
                order.resting = self.book.changed = True

    def _fill(self, order: WorkingOrder) -> None:
        wanted = order.left
        if order.reduce_only:
            wanted = min(wanted, abs(self.book.ledger.quantity(order.asset)))
        quantity = self._take(wanted)
        if quantity:
            price = self._order_price(order, order.filled + quantity)
            fee_bp = self.costs.maker_fee_bp if order.resting else self.costs.taker_fee_bp
            filled_ms = self.step.end_ms if self.step.kind == "range" else self.step.start_ms
            self.book.fill_order(order, quantity, price, fee_bp, filled_ms)

    def _order_price(self, order: WorkingOrder, quantity: Decimal) -> Decimal:
        """The price for an order that has filled `quantity` in all, this fill included."""
        if order.price is not None and self.step.kind == "range":
            return order.price
        if order.price is not None and order.resting:
            return self.step.price if self.step.kind == "open" else order.price
        slipped = self.market.slipped(order.side, self.step.price, quantity)
        if order.price is None:
            return slipped
        return min(order.price, slipped) if order.side == "buy" else max(order.price, slipped)

    def _targets(self) -> None:
        for one in list(self.book.protections):
            if not one.quantity or one.take_profit is None or not one.target_crossed(self.step):
                continue
            quantity = self._take(one.quantity)
            if quantity:
                price = self.step.price if self.step.kind == "open" else one.take_profit
                self.book.fill_leg(one, "take_profit", quantity, price, self.costs.maker_fee_bp)
