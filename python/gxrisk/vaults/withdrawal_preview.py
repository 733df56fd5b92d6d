"""What a withdrawal would do, before the owner signs it: what closes, what stays, which limits would be exceeded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from types import MappingProxyType
from typing import Final

from gxrisk._native import Limits, VaultError
from gxrisk.snapshot import Snapshot

_DIGITS: Final = Context(prec=60)  # more than a product of two amounts has


@dataclass(frozen=True, slots=True)
class Closing:
    """A position that would close: its signed quantity, the mark, what it is worth there and what it has gained."""

    asset: str
    quantity: Decimal
    mark: Decimal
    worth: Decimal
    gain: Decimal


@dataclass(frozen=True, slots=True)
class LimitAfter:
    """A limit at the smaller equity: what it would allow, what today's positions come to, and a sentence about it."""

    limit: str
    allowed: Decimal
    held: Decimal
    is_exceeded: bool
    text: str


@dataclass(frozen=True, slots=True)
class WithdrawalPreview:
    """Estimated at the marks: spread, impact and fees of closing come off `equity_after`.

    `limits` tells for each limit on exposure whether today's positions would be over it if they stayed.
    """

    amount: Decimal
    equity: Decimal
    equity_after: Decimal
    closing: tuple[Closing, ...]
    cancelled: tuple[str, ...]
    limits: tuple[LimitAfter, ...]

    @property
    def is_possible(self) -> bool:
        """Whether the vault has that much."""
        return self.equity_after >= 0

    @property
    def exceeded(self) -> tuple[LimitAfter, ...]:
        """The limits that today's positions would be over."""
        return tuple(one for one in self.limits if one.is_exceeded)

    def lines(self) -> tuple[str, ...]:
        """The preview in sentences."""
        if not self.is_possible:
            return (f"The vault's equity is {self.equity}; {self.amount} is more than that.",)
        closing = [
            f"{one.asset}: {one.quantity} closes, worth {one.worth} at {one.mark}, with a result of {one.gain}."
            for one in self.closing
        ]
        orders = [f"Orders that end: {', '.join(self.cancelled)}."] if self.cancelled else []
        left = f"About {self.equity_after} of {self.equity} stays, before the costs of closing."
        return (*closing, *orders, left, *(one.text for one in self.limits))


def preview(
    snapshot: Snapshot, limits: Limits, amount: Decimal, groups: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> WithdrawalPreview:
    """Work out what withdrawing `amount` would do; nothing changes. Raises `VaultError` for what is no amount.

    `groups` are the gate's correlation groups; an asset in none is one of its own.

    >>> from gxrisk import Gate, ManualClock, order
    >>> gate = Gate("demo", Limits.for_tier("growth"), clock=ManualClock("2020-03-12T00:00:00Z"))
    >>> gate.deposit(10_000)
    >>> gate.mark("BTC", 100, atr=1)
    True
    >>> wish = order("BTC", "buy", 20, confidence=1, reasoning="an example", stop_loss=98)
    >>> gate.apply_fill(gate.authorize(wish).order_id, "1", 20, 100)
    True
    >>> for line in preview(gate.snapshot(), gate.limits, Decimal(8000)).lines():
    ...     print(line)
    BTC: 20 closes, worth 2000 at 100, with a result of 0.
    About 2000 of 10000 stays, before the costs of closing.
    leverage: today's positions are worth 2000, at most 10000 would be allowed.
    position_size: BTC is worth 2000, over the 500 that one order would be allowed.
    concentration: BTC is worth 2000, over the 1200 that would be allowed.
    correlated_exposure: BTC is worth 2000, at most 3000 would be allowed.
    """
    if not isinstance(amount, Decimal) or not amount.is_finite() or amount <= 0:
        raise VaultError(f"amount: {amount!r} was given, a Decimal above 0 is allowed")
    with localcontext(_DIGITS):
        after = snapshot.equity - amount
        closing = tuple(_closings(snapshot))
        working = tuple(one.order_id for one in snapshot.working)
        checked = tuple(_limits_after(snapshot, limits, after, closing, groups)) if after >= 0 else ()
        return WithdrawalPreview(amount, snapshot.equity, after, closing, working, checked)


def _closings(snapshot: Snapshot) -> Iterator[Closing]:
    for asset, position in sorted(snapshot.positions.items()):
        mark = position.mark if position.mark is not None else abs(position.entry_price)
        worth = _short(abs(position.quantity) * mark)
        yield Closing(asset, position.quantity, mark, worth, _short(position.unrealised))


def _limits_after(
    snapshot: Snapshot,
    limits: Limits,
    after: Decimal,
    closing: tuple[Closing, ...],
    groups: Mapping[str, Sequence[str]],
) -> Iterator[LimitAfter]:
    """What depends on equity; loss limits do not, since a withdrawal moves no percentage of them."""
    gross = sum((one.worth for one in closing), Decimal(0))
    yield _judged("leverage", "today's positions are", gross, _short(limits.max_leverage * after), "")
    scaled = after * snapshot.risk_scale
    largest = max(closing, key=lambda one: one.worth, default=None)
    worth = largest.worth if largest is not None else Decimal(0)
    who = f"{largest.asset} is" if largest is not None else "nothing is held,"
    one_order = " that one order would be allowed"
    yield _judged("position_size", who, worth, _short(limits.max_position_fraction * scaled), one_order)
    yield _judged("concentration", who, worth, _short(limits.max_concentration * scaled), "")
    group = {asset: name for name, assets in groups.items() for asset in assets}
    held: dict[tuple[bool, str], list[Closing]] = {}  # an asset may have the name of a group
    for one in closing:
        held.setdefault((one.asset in group, group.get(one.asset, one.asset)), []).append(one)
    together = max(held.values(), key=lambda some: sum(one.worth for one in some), default=[])
    worth = sum((one.worth for one in together), Decimal(0))
    if len(together) > 1:
        who = f"{' and '.join(one.asset for one in together)} are"
    elif together:
        who = f"{together[0].asset} is"
    yield _judged("correlated_exposure", who, worth, _short(limits.max_correlated_exposure * scaled), "")


def _judged(limit: str, who: str, held: Decimal, allowed: Decimal, of_what: str) -> LimitAfter:
    is_exceeded = held > allowed
    if is_exceeded:
        text = f"{limit}: {who} worth {held}, over the {allowed}{of_what or ' that would be allowed'}."
    else:
        text = f"{limit}: {who} worth {held}, at most {allowed} would be allowed."
    return LimitAfter(limit, allowed, held, is_exceeded, text)


def _short(amount: Decimal) -> Decimal:
    """Without zeros at the end, never in powers of ten."""
    return Decimal(f"{amount.normalize():f}")
