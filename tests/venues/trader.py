"""A process that trades on paper until it is killed: `python -m tests.venues.trader FOLDER SEED`.

Gate and account are files in the folder; the recording starts anew with every start. Each report that was read is
printed, and each order that the venue took.
"""

import random
import sys
from decimal import Decimal as D
from pathlib import Path

from gxrisk import Gate, ManualClock, order
from gxrisk.feeds import Candle
from gxrisk.venues import Cancelled, Failed, Filled, FundingPaid, FundingRate, PaperAccount, PaperCosts, PaperVenue
from gxrisk.venues.paper.codec import encode_report

from tests.venues.vault import MINUTE_MS, NS_PER_MS, WIDE, done, moments

MINUTES = 200
DEPOSIT = D(100_000)
COSTS = PaperCosts(notional_min=D(0), participation=D("0.05"), reject_probability=D("0.05"))
FUNDING = {"BTC": tuple(FundingRate(minute * MINUTE_MS, D("0.0001")) for minute in range(10, MINUTES, 10))}


def recording() -> list[Candle]:
    """The same walk in every process."""
    draw = random.Random("recording")
    bars, price = [], D(1000)
    for minute in range(MINUTES):
        close = price + D(draw.randint(-900, 900)) / 100
        high, low = max(price, close) + D(draw.randint(0, 300)) / 100, min(price, close) - D(draw.randint(0, 300)) / 100
        bars.append(Candle("BTC", minute * MINUTE_MS, MINUTE_MS, price, high, low, close, float(draw.randint(0, 40))))
        price = close + D(draw.randint(-100, 100)) / 100
    return bars


def tell(gate: Gate, account: PaperAccount, after: int) -> int:
    """Take the reports to the gate and print them; the last sequence."""
    for report in done(account.reports(after)):
        if isinstance(report, Filled):
            own = report.order_id if report.leg == "order" else f"{report.leg}-{report.fill_id}"
            gate.apply_fill(
                own, report.fill_id, report.quantity, report.price, report.fee, asset=report.asset, side=report.side
            )
        elif isinstance(report, Cancelled):
            gate.order_cancelled(report.order_id)
        elif isinstance(report, Failed):
            gate.order_failed(report.order_id, report.reason)
        elif not isinstance(report, FundingPaid):
            gate.order_accepted(report.order_id)
        after = report.sequence
        print(encode_report(report), flush=True)  # noqa: T201 (what the test reads)
    return after


def trade(folder: Path, seed: str) -> None:
    """Recover, then play the recording and trade at random where it was not yet played."""
    journal = folder / "gate.db"
    clock = ManualClock(0)
    gate = Gate.open(journal, clock=clock) if journal.exists() else Gate("vault", WIDE, clock=clock, journal=journal)
    venue = PaperVenue(costs=COSTS, folder=folder, funding=FUNDING)
    account = done(venue.account("vault", gate.redeem))
    done(account.deposit("first", DEPOSIT))
    if not gate.snapshot().base:
        gate.deposit(DEPOSIT)
    sequence = tell(gate, account, 0)
    for working in gate.snapshot().working:
        if working.order_id not in done(account.statement()).open_orders:
            done(account.cancel(working.order_id))  # redeemed or not, it never came
    draw = random.Random(seed)
    resumed_ms = account.resumed_ms
    for moment in moments(recording()):
        assert venue.advance(moment) == {}
        sequence = tell(gate, account, sequence)
        gate.resume()
        if moment.at_ms <= resumed_ms:
            continue
        clock.set(moment.at_ms * NS_PER_MS)
        for bar in moment.closed:
            gate.mark("BTC", bar.close, atr=10)
            propose(gate, account, bar.close, draw)
    print("end", flush=True)  # noqa: T201


def propose(gate: Gate, account: PaperAccount, price: D, draw: random.Random) -> None:
    """An order at random, sometimes a limit, sometimes a close, sometimes a cancel."""
    position = gate.snapshot().positions.get("BTC", D(0))
    side, sign = draw.choice((("buy", 1), ("sell", -1)))
    kind = draw.random()
    if kind < 0.2:
        for open_order in sorted(done(account.statement()).open_orders)[:1]:
            done(account.cancel(open_order))
        return
    wish = order(
        "BTC",
        side,  # type: ignore[arg-type]
        D(draw.randint(1, 40)) / 10,
        price=price - sign * draw.randint(1, 9) if kind < 0.5 else None,
        stop_loss=price - sign * (10 + draw.randint(1, 10)),
        take_profit=price + sign * draw.randint(5, 20),
        confidence=1,
        reasoning="at random",
    )
    if kind > 0.8 and position:
        closing = "sell" if position > 0 else "buy"
        wish = order("BTC", closing, abs(position), reduce_only=True, confidence=1, reasoning="out")
    decision = gate.authorize(wish)
    if decision.approval is not None:
        done(account.submit(decision.approval))


if __name__ == "__main__":
    trade(Path(sys.argv[1]), sys.argv[2])
