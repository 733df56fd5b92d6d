"""Vaults that hold what a test wants, in a real gate, and the same account at the paper venue's book."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from gxrisk import Gate, Limits, ManualClock, Order, order
from gxrisk.venues import PaperCosts
from gxrisk.venues.paper.book import Book
from hypothesis import settings
from hypothesis import strategies as st

START = "2020-03-12T12:00:00Z"
ASSETS = ("BTC", "ETH", "SOL", "XRP")
BOUNDED = settings(deadline=None, max_examples=80, print_blob=True, database=None)


@dataclass(frozen=True)
class Held:
    """A position to be: signed quantity, entry price and the mark now (None: never marked)."""

    asset: str
    quantity: Decimal
    entry: Decimal
    mark: Decimal | None


def held(asset: str, quantity: object, entry: object, mark: object = None) -> Held:
    """A position whose mark is its entry unless said otherwise."""
    return Held(asset, Decimal(str(quantity)), Decimal(str(entry)), Decimal(str(entry if mark is None else mark)))


def vault(deposit: object, positions: Sequence[Held] = (), limits: Limits | None = None) -> Gate:
    """A gate with a deposit and positions that came from elsewhere, which no limit refuses."""
    gate = Gate("guarded", limits or Limits.for_tier("growth"), clock=ManualClock(START))
    if deposit:
        gate.deposit(deposit)  # type: ignore[arg-type]
    for number, one in enumerate(positions):
        side = "buy" if one.quantity > 0 else "sell"
        gate.apply_fill("elsewhere", str(number), abs(one.quantity), one.entry, asset=one.asset, side=side)  # type: ignore[arg-type]
        if one.mark is not None:
            gate.mark(one.asset, one.mark, atr=1)
    return gate


def book(deposit: Decimal, positions: Sequence[Held], margin: Decimal) -> Book:
    """The same account in the paper venue's own accounting."""
    made = Book("guarded", PaperCosts(maintenance_margin=margin), seed=1)
    made.ledger.balance = deposit
    for one in positions:
        side = "buy" if one.quantity > 0 else "sell"
        made.ledger.fill(one.asset, side, abs(one.quantity), one.entry, Decimal(0))  # type: ignore[arg-type]
    return made


def idea(side: str = "buy", quantity: object = 10**6, **more: object) -> Order:
    """An opening order in BTC near 100, with a stop 2 away."""
    terms = {"stop_loss": 98 if side == "buy" else 102, "confidence": 1, "reasoning": "a test", **more}
    return order(str(terms.pop("asset", "BTC")), side, quantity, **terms)  # type: ignore[arg-type]


def decimals(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    """Decimals between two numbers, with at most so many fractional digits."""
    return st.decimals(Decimal(low), Decimal(high), places=places, allow_nan=False, allow_infinity=False)


@st.composite
def portfolios(draw: st.DrawFn, size: int = 4) -> list[Held]:
    """Positions in different assets, long and short, some far from their entry."""
    assets = draw(st.lists(st.sampled_from(ASSETS), min_size=1, max_size=size, unique=True))
    made = []
    for asset in assets:
        entry = draw(decimals("0.5", "500", 2))
        quantity = draw(decimals("0.01", "60", 2)) * draw(st.sampled_from([1, -1]))
        made.append(Held(asset, quantity, entry, (entry * draw(decimals("0.6", "1.6", 3))).quantize(Decimal("1e-9"))))
    return made
