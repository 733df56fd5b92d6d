"""What a model may cost: reserved before each request, settled by what the provider reports."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from gxrisk._native import GxriskError
from gxrisk.agent.strategy import ModelError

_MILLION: Final = 1_000_000


class OverBudget(GxriskError):
    """A request that could cost more than is left."""


@dataclass(frozen=True, slots=True)
class Prices:
    """What a million tokens cost, in and out, in the money of the budget. Cached tokens count as tokens in.

    Raises `ModelError` for anything but finite numbers of at least 0.

    >>> Prices("1.25", 10).cost(Tokens(2_000, 500))
    Decimal('0.0075')
    """

    input: Decimal | int | str
    output: Decimal | int | str

    def __post_init__(self) -> None:
        for name in ("input", "output"):
            object.__setattr__(self, name, _amount(getattr(self, name), f"the price {name}", least=Decimal(0)))

    def cost(self, tokens: "Tokens") -> Decimal:
        """What these tokens cost."""
        return (Decimal(self.input) * tokens.input + Decimal(self.output) * tokens.output) / _MILLION


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that one question, retries included, and one UTC day of the view's time may take; None is no limit.

    Raises `ModelError` for a limit that is not above 0.

    >>> Budget(day_cost_max="5").day_cost_max
    Decimal('5')
    """

    question_tokens_max: int | None = 50_000
    day_tokens_max: int | None = 5_000_000
    question_cost_max: Decimal | int | str | None = None
    day_cost_max: Decimal | int | str | None = None

    def __post_init__(self) -> None:
        for name in ("question_tokens_max", "day_tokens_max"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise ModelError(f"{name} is {value!r}; a whole number of tokens from 1, or None, is allowed")
        for name in ("question_cost_max", "day_cost_max"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _amount(getattr(self, name), name, least=None))

    @property
    def limits_cost(self) -> bool:
        """Whether prices are needed to keep it."""
        return self.question_cost_max is not None or self.day_cost_max is not None


@dataclass(slots=True)
class Tokens:
    """Tokens in and out."""

    input: int = 0
    output: int = 0

    @property
    def total(self) -> int:
        """Both."""
        return self.input + self.output


@dataclass(slots=True)
class Usage:
    """What a strategy has used since it was made.

    `answers` are the questions that ended in a valid answer; the others ended in a hold: `timeouts`, `over_budget`,
    `failures`. `invalid_outputs` counts responses, so a question may have several. `unmeasured` requests did not say
    what they took; they stay counted as the most that they can have taken. `cost` is None where prices are unknown.
    """

    questions: int = 0
    answers: int = 0
    requests: int = 0
    invalid_outputs: int = 0
    timeouts: int = 0
    over_budget: int = 0
    failures: int = 0
    unmeasured: int = 0
    tokens: Tokens = field(default_factory=Tokens)
    cost: Decimal | None = None


class Ledger:
    """The tokens of all questions, of the day, and of each question, against one budget. Raises `ModelError`."""

    def __init__(self, budget: Budget, prices: Prices | None) -> None:
        if budget.limits_cost and prices is None:
            raise ModelError("a cost budget was given but no prices; what a million tokens cost has to be known")
        self.budget = budget
        self.prices = prices
        self.usage = Usage()
        self.day = date.min
        self.day_tokens = Tokens()

    def question(self, at: datetime) -> "Question":
        """The next question, asked at `at`. As for the gate, a day that has ended never returns."""
        day = at.astimezone(UTC).date()
        if day > self.day:
            self.day = day
            self.day_tokens = Tokens()
        return Question(self, self.day_tokens)

    def reported(self) -> Usage:
        """A copy of the figures, with their cost."""
        tokens = replace(self.usage.tokens)
        return replace(self.usage, tokens=tokens, cost=None if self.prices is None else self.prices.cost(tokens))


class Question:
    """What one question takes. A request is made only where question and day can pay for the most that it may take."""

    def __init__(self, ledger: Ledger, day_tokens: Tokens) -> None:
        self._ledger = ledger
        self._day_tokens = day_tokens
        self.tokens = Tokens()
        self.responses = 0

    def reserve(self, most: Tokens) -> None:
        """Set `most` aside for one request. Raises `OverBudget`."""
        budget = self._ledger.budget
        self._check("question", self.tokens, most, budget.question_tokens_max, budget.question_cost_max)
        self._check("day", self._day_tokens, most, budget.day_tokens_max, budget.day_cost_max)
        self._add(most.input, most.output)
        self._ledger.usage.requests += 1
        self._ledger.usage.unmeasured += 1

    def settle(self, reserved: Tokens, used: Tokens) -> None:
        """Take back what was reserved and book what was used."""
        self._add(used.input - reserved.input, used.output - reserved.output)
        self._ledger.usage.unmeasured -= 1

    def _add(self, tokens_in: int, tokens_out: int) -> None:
        for tokens in (self.tokens, self._day_tokens, self._ledger.usage.tokens):
            tokens.input += tokens_in
            tokens.output += tokens_out

    def _check(
        self, whose: str, spent: Tokens, most: Tokens, tokens_max: int | None, cost_max: Decimal | int | str | None
    ) -> None:
        if tokens_max is not None and spent.total + most.total > tokens_max:
            raise OverBudget(
                f"of the {whose}'s {tokens_max:,} tokens {spent.total:,} are spent, "
                f"and the next request may take {most.total:,}"
            )
        prices = self._ledger.prices
        if cost_max is not None and prices is not None and prices.cost(spent) + prices.cost(most) > Decimal(cost_max):
            raise OverBudget(
                f"of the {whose}'s cost of {cost_max} {prices.cost(spent)} is spent, "
                f"and the next request may cost {prices.cost(most)}"
            )


def _amount(value: object, name: str, *, least: Decimal | None) -> Decimal:
    allowed = "a number above 0" if least is None else "a number of at least 0"
    try:
        amount = Decimal(value) if isinstance(value, Decimal | int | str) and not isinstance(value, bool) else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite() or amount < 0 or (least is None and not amount):
        raise ModelError(f"{name} is {value!r}; {allowed}, as a Decimal, an int or a str, is allowed")
    return amount
