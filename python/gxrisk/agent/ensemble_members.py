"""The members of an ensemble and their votes; whatever is no answer is a failure."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal

from gxrisk.agent.asking import LATE, Failure, Respondent, said
from gxrisk.agent.strategy import Action, Close, Hold, Open, Strategy, View

Choice = Literal["buy", "sell", "close", "hold", "failed"]


@dataclass(frozen=True, slots=True)
class Vote:
    """What one member said: its action, or None and why there is none."""

    member: str
    action: Action | None
    failure: str = ""

    @property
    def choice(self) -> Choice:
        """The action in one word.

        >>> Vote("trend", Close(0.9, "turned")).choice, Vote("forest", None, "gave no answer within 5 s").choice
        ('close', 'failed')
        """
        return "failed" if self.action is None else chosen(self.action)

    def told(self, reasoning_chars_max: int) -> str:
        """The vote in a few words.

        >>> Vote("trend", Hold(0.25, "could be chance: +0.1 %")).told(15)
        'trend hold 0.25 (could be chance)'
        """
        if self.action is None:
            return f"{self.member} failed ({self.failure[:reasoning_chars_max]})"
        return (
            f"{self.member} {self.choice} {self.action.confidence:.2f} ({self.action.reasoning[:reasoning_chars_max]})"
        )


def chosen(action: Action) -> Literal["buy", "sell", "close", "hold"]:
    """An action in one word.

    >>> chosen(Open("buy", 1, 0.8, "up"))
    'buy'
    """
    if isinstance(action, Open):
        return action.side
    return "close" if isinstance(action, Close) else "hold"


class Member:
    """A strategy with its name, asked one question after the other, as a `Respondent` is."""

    def __init__(self, name: str, strategy: Strategy) -> None:
        self.name = name
        self.strategy = strategy
        self._respondent = Respondent(strategy, "member")

    async def vote(self, view: View, timeout_s: float) -> Vote:
        """The member's vote, a failure after `timeout_s` at the latest."""
        answer = await self._respondent.answer(view, asyncio.get_running_loop().time() + timeout_s)
        if answer is LATE:
            return Vote(self.name, None, f"gave no answer within {timeout_s:g} s")
        return _vote(self.name, answer)


def _vote(name: str, answer: object) -> Vote:
    if isinstance(answer, Failure):
        return Vote(name, None, answer.reason)
    if not isinstance(answer, Open | Close | Hold):
        return Vote(name, None, f"answered {type(answer).__name__}, not Open, Close or Hold")
    try:
        problem = _problem(answer)
    except Exception as error:  # its fields may be anything
        problem = f"{type(error).__name__}: {said(error)}"
    return (
        Vote(name, None, f"answered a malformed {type(answer).__name__}: {problem}") if problem else Vote(name, answer)
    )


def _problem(action: Action) -> str:
    """What is wrong with an action's fields; empty where nothing is."""
    if isinstance(action.confidence, bool | str | bytes) or not 0 <= float(action.confidence) <= 1:
        return f"confidence {action.confidence!r}, 0 to 1 is allowed"
    if not isinstance(action.reasoning, str):
        return f"reasoning of the type {type(action.reasoning).__name__}"
    if not isinstance(action, Open):
        return ""
    if action.side not in ("buy", "sell"):
        return f"side {action.side!r}, buy or sell is allowed"
    given = [one for one in (action.stop_loss, action.price, action.take_profit) if one is not None]
    wrong = [one for one in (action.quantity, action.leverage, *given) if not exact(one) > 0]
    return f"{wrong[0]!r}, a number above 0 is allowed" if wrong else ""


def exact(value: Decimal | float) -> Decimal:
    """A number to compare others with, 0 for what is none; a float is taken as it is written.

    >>> exact(0.1) == Decimal("0.1"), exact(float("nan"))
    (True, Decimal('0'))
    """
    if isinstance(value, bool):
        return Decimal(0)
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return Decimal(0)
    return number if number.is_finite() else Decimal(0)
