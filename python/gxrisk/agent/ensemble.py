"""Several models that must agree before anything is opened."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from math import fsum, isfinite
from typing import Final, Literal

from gxrisk.agent.closing import close_strategy
from gxrisk.agent.ensemble_members import Member, Vote, exact
from gxrisk.agent.strategy import REASONING_CHARS_MAX, Action, Close, Hold, Open, Strategy, View

_SIDES: Final[tuple[Literal["buy", "sell"], ...]] = ("buy", "sell")
_VOTE_CHARS: Final = 120  # of reasoning, for each of a few members


class Ensemble:
    """Opens what at least `agreement` of all members say; members that fail or are late count against.

    All `members` (by name; sync or async) are asked at once, each for `timeout_s` at the most. The share that agrees is
    compared exactly: 7 of 10 are 70 %. Confidence is the average of those that agree.

    | what those that agree differ in | is taken |
    |---|---|
    | quantity, leverage | the smallest |
    | stop-loss, take-profit | the nearest to the price, of those that have one |
    | limit price | the lowest of a buy, the highest of a sell; market only where all say market |
    | `resize`, `ask_again` | only where all say so |

    In a position, opening the other side counts as leaving: it is closed and nothing is opened in its place. An exit is
    not held up by members that are broken: to leave takes `agreement` of those that answered. Without consensus it
    holds, with confidence 0 and all votes in the reasoning. The confidence of many is no edge either: models trained on
    the same data are wrong together.

    Raises `ValueError` without members, or for an agreement that is not above 1/2 and at most 1.

    >>> class Always:
    ...     def __init__(self, action):
    ...         self.action = action
    ...     def decide(self, view):
    ...         return self.action
    >>> bold, shy = Open("buy", 2, 0.9, "up", stop_loss=95), Open("buy", 1, 0.7, "up", stop_loss=97)
    >>> members = {"a": Always(bold), "b": Always(shy)}
    >>> from datetime import UTC, datetime
    >>> from gxrisk.agent.strategy import Portfolio
    >>> view = View("BTC", datetime(2020, 3, 12, tzinfo=UTC), (), None, Portfolio(Decimal(1000)))
    >>> opening = asyncio.run(Ensemble(members).decide(view))
    >>> opening.quantity, opening.stop_loss, opening.confidence
    (1, 97, 0.8)
    >>> asyncio.run(Ensemble(members | {"c": Always(Hold(0.5, "calm"))}).decide(view)).reasoning
    'no consensus (70 % needed): a buy 0.90 (up), b buy 0.70 (up), c hold 0.50 (calm)'
    """

    def __init__(
        self,
        members: Mapping[str, Strategy],
        agreement: Decimal | Fraction | float = Decimal("0.7"),
        *,
        timeout_s: float = 5.0,
    ) -> None:
        share = Fraction(str(agreement)) if isfinite(agreement) else Fraction(0)
        if not Fraction(1, 2) < share <= 1:
            raise ValueError(f"agreement: {agreement} was given, more than 0.5 and at most 1 is allowed")
        if not members:
            raise ValueError("members: an ensemble needs at least one")
        if not timeout_s > 0:
            raise ValueError(f"timeout_s: {timeout_s} was given, more than 0 is allowed")
        self.members = tuple(Member(name, strategy) for name, strategy in members.items())
        self.agreement = share
        self.timeout_s = timeout_s

    async def decide(self, view: View) -> Action:
        """What the members agree on, or a hold."""
        return self.consensus(view, await self.votes(view))

    async def aclose(self) -> None:
        """Close the members."""
        await asyncio.gather(*(close_strategy(member.strategy) for member in self.members))

    async def votes(self, view: View) -> tuple[Vote, ...]:
        """Every member's vote, in the order of the members."""
        return tuple(await asyncio.gather(*(member.vote(view, self.timeout_s) for member in self.members)))

    def consensus(self, view: View, votes: Sequence[Vote]) -> Action:
        """What these votes come to."""
        position = view.portfolio.quantity(view.asset)
        against = None if not position else "sell" if position > 0 else "buy"
        leaving = [vote for vote in votes if vote.choice in ("close", against)]
        answered = sum(vote.action is not None for vote in votes)
        if position and leaving and Fraction(len(leaving), answered) >= self.agreement:
            return Close(_confidence(leaving), _told(f"consensus to close, {len(leaving)} of {answered}", votes))
        for side in _SIDES:
            opening = [vote.action for vote in votes if isinstance(vote.action, Open) and vote.action.side == side]
            if side != against and self._is_enough(len(opening), votes):
                return _combined(side, opening, _told(f"consensus to {side}, {len(opening)} of {len(votes)}", votes))
        holding = [vote for vote in votes if vote.choice == "hold" or (vote.choice == "close" and not position)]
        if self._is_enough(len(holding), votes):
            return Hold(_confidence(holding), _told(f"consensus to hold, {len(holding)} of {len(votes)}", votes))
        return Hold(0.0, _told(f"no consensus ({float(self.agreement) * 100:g} % needed)", votes))

    def _is_enough(self, count: int, votes: Sequence[Vote]) -> bool:
        return count > 0 and Fraction(count, len(votes)) >= self.agreement


def _combined(side: Literal["buy", "sell"], opening: Sequence[Open], reasoning: str) -> Open:
    """One order that risks no more than any of those that agree would."""
    lowest, highest = (_lowest, _highest) if side == "buy" else (_highest, _lowest)
    return Open(
        side,
        min((one.quantity for one in opening), key=exact),
        fsum(float(one.confidence) for one in opening) / len(opening),
        reasoning,
        stop_loss=highest(one.stop_loss for one in opening),
        leverage=min((one.leverage for one in opening), key=exact),
        resize=all(one.resize for one in opening),
        price=lowest(one.price for one in opening),
        take_profit=lowest(one.take_profit for one in opening),
        ask_again=all(one.ask_again for one in opening),
    )


def _lowest(prices: Iterable[Decimal | float | None]) -> Decimal | float | None:
    return min((price for price in prices if price is not None), key=exact, default=None)


def _highest(prices: Iterable[Decimal | float | None]) -> Decimal | float | None:
    return max((price for price in prices if price is not None), key=exact, default=None)


def _confidence(votes: Sequence[Vote]) -> float:
    return fsum(float(vote.action.confidence) for vote in votes if vote.action is not None) / len(votes)


def _told(result: str, votes: Sequence[Vote]) -> str:
    """The result and all votes, in letters that a record can hold and no longer than it may be."""
    chars = min(_VOTE_CHARS, REASONING_CHARS_MAX // (2 * len(votes)))
    told = f"{result}: {', '.join(vote.told(chars) for vote in votes)}"
    return told.encode("utf-8", "replace").decode()[:REASONING_CHARS_MAX]
