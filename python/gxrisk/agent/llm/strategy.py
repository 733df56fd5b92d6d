"""A language model as a strategy: asked within time and budget, and silent where anything goes wrong."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from datetime import date
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Self

from gxrisk._native import Limits
from gxrisk.agent.llm.answer import MODES, Answer, Mode, action_of
from gxrisk.agent.llm.budget import Budget, Ledger, OverBudget, Prices, Question, Tokens, Usage
from gxrisk.agent.llm.identity import identity_of, tag_of, tagged
from gxrisk.agent.llm.prompt import INSTRUCTIONS, PROMPT_VERSION, Prompt, page, with_rules
from gxrisk.agent.llm.quotation import cleaned
from gxrisk.agent.strategy import REASONING_CHARS_MAX, Action, Hold, ModelError, View

if TYPE_CHECKING:
    from pydantic_ai.models import Model

News = Callable[[View], Sequence[str]]
_FAILURE_CHARS_MAX: Final = 500


class LlmStrategy:
    """A `Strategy` that asks a language model, by name (`openai:gpt-5.2`) or as a pydantic-ai model object.

    - `instructions`: what to trade for; rules about the gate and about text of strangers always follow them.
    - `news`: texts about the market for a view; the model gets them as quoted data.
    - `limits`: the vault's, to be named in the prompt; the gate holds with or without them.
    - `bars`: how many bars the prompt shows. `settings`: pydantic-ai's model settings (`max_tokens`, ...).
    - `mode`: `tool` calls; `native` or `prompted` JSON for models without them.
    - `retries`: how often an invalid answer may be mended. `timeout_s`: for the whole question; keep it below the
      vault's own, which is 30 seconds.
    - `budget`, `prices`: see `Budget`; a budget of money needs prices.
    - `resize`, `ask_again`: as in `Open`, for each opening.

    No call of `decide` raises: what goes wrong is a `Hold` of confidence 0 that says what. Each reasoning ends with
    `[model identity/prompt]`, so that each decision on record says which prompt it came from (`prompt_of`). Questions
    are independent of each other: the model's own words never come back to it.

    A vault that closes closes it (`aclose`), and with the last one that shares the model the provider's connections;
    so does the end of an asynchronous context.

    Needs the extra `ai`; raises `ModelError` without it, and for what cannot work: a model that cannot be made, a
    budget of money without prices.

    >>> from pydantic_ai.models.test import TestModel
    >>> strategy = LlmStrategy(TestModel(), timeout_s=5, budget=Budget(day_tokens_max=100_000))
    >>> strategy.model_id, len(strategy.identity), strategy.usage.questions
    ('test:test', 64, 0)
    """

    def __init__(
        self,
        model: "Model | str",
        *,
        instructions: str = INSTRUCTIONS,
        news: News | None = None,
        limits: Limits | None = None,
        bars: int = 48,
        settings: Mapping[str, Any] | None = None,
        mode: Mode = "tool",
        retries: int = 2,
        timeout_s: float = 20.0,
        budget: Budget | None = None,
        prices: Prices | None = None,
        resize: bool = False,
        ask_again: bool = True,
    ) -> None:
        _check(instructions, bars, retries, timeout_s, mode)
        try:
            from gxrisk.agent.llm.asking import SCHEMAS, Asker
        except ImportError as error:
            raise ModelError(f"a language model needs the extra ai: pip install 'gxrisk[ai]' ({error})") from error
        self._asker = Asker(
            model, instructions=with_rules(instructions), settings=settings or {}, mode=mode, retries=retries
        )
        self._is_open = False
        self._ledger = Ledger(budget or Budget(), prices)
        self._news = news
        self._limits = limits
        self._bars = bars
        self._timeout_s = timeout_s
        self._resize = resize
        self._ask_again = ask_again
        self.identity = identity_of(
            {
                "prompt_version": PROMPT_VERSION,
                "model": self.model_id,
                "instructions": with_rules(instructions),
                "schemas": SCHEMAS,
                "settings": dict(self._asker.settings),
                "asking": {"bars": bars, "mode": mode, "retries": retries, "resize": resize, "ask_again": ask_again},
            }
        )

    @property
    def model_id(self) -> str:
        """The model as `provider:name`."""
        return self._asker.model_id

    @property
    def usage(self) -> Usage:
        """What was used since the strategy was made, for metrics; a copy."""
        return self._ledger.reported()

    @property
    def today(self) -> tuple[date, Tokens]:
        """The UTC day of the last question's view, and its tokens."""
        day = self._ledger.day_tokens
        return self._ledger.day, Tokens(day.input, day.output)

    def __deepcopy__(self, _memo: object) -> Self:
        """A strategy for another vault: with figures of its own, sharing the model, which is but a client."""
        other = copy(self)
        other._is_open = False
        other._ledger = Ledger(self._ledger.budget, self._ledger.prices)
        return other

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Let go of the provider's connections; those who share the model keep theirs."""
        if self._is_open:
            self._is_open = False
            await self._asker.close()

    async def _open(self) -> None:
        """Keep the connections from now on."""
        if not self._is_open:
            self._is_open = True
            await self._asker.open()

    def prompt_of(self, view: View, news: Sequence[str] | None = None) -> Prompt:
        """What the model is asked about `view`, with the hash and tag that its answer carries.

        `news` are the texts that were quoted then; without them the strategy's source of news is asked. Raises what
        that source raises.
        """
        if news is None and self._news is not None:
            news = self._news(view)
        text = page(view, bars=self._bars, limits=self._limits, news=news)
        digest = sha256(text.encode()).hexdigest()
        return Prompt(text, digest, tag_of(self.model_id, self.identity, digest))

    async def decide(self, view: View) -> Action:
        """The model's answer, or a hold that says why there is none."""
        self._ledger.usage.questions += 1
        try:
            question = self._ledger.question(view.at)
            prompt = self.prompt_of(view)
        except (Exception, SystemExit) as error:
            self._ledger.usage.failures += 1
            return _silence(f"no prompt could be made: {_said(error)}", tag_of(self.model_id, self.identity, "none"))
        outcome = await self._outcome(prompt, question)
        self._ledger.usage.invalid_outputs += question.responses
        if isinstance(outcome, BaseException):
            return _silence(self._counted(outcome), prompt.tag)
        self._ledger.usage.invalid_outputs -= 1
        self._ledger.usage.answers += 1
        reasoning = tagged(outcome.reasoning, prompt.tag, REASONING_CHARS_MAX)
        return action_of(outcome, reasoning, resize=self._resize, ask_again=self._ask_again)

    async def _outcome(self, prompt: Prompt, question: Question) -> Answer | BaseException:
        """The answer in time, or why there is none. A model that refuses to be cancelled is left behind."""
        task = asyncio.ensure_future(self._contained(prompt, question))
        try:
            await asyncio.wait({task}, timeout=self._timeout_s)
        finally:
            is_late = task.cancel()
        return _Late() if is_late else task.result()

    async def _contained(self, prompt: Prompt, question: Question) -> Answer | BaseException:
        """The answer or the error, as a result in any case: nobody may be there any more to take an exception."""
        try:
            await self._open()
            return await self._asker.ask(prompt.text, question)
        except (Exception, asyncio.CancelledError) as error:
            return error

    def _counted(self, error: BaseException) -> str:
        usage = self._ledger.usage
        match error:
            case _Late():
                usage.timeouts += 1
                return f"the model took longer than {self._timeout_s:g} s"
            case OverBudget():
                usage.over_budget += 1
                return f"over budget: {error}"
        usage.failures += 1
        return _said(error)


class _Late(Exception):
    """The question took too long."""


def _silence(reasoning: str, tag: str) -> Hold:
    # A vault's report counts holds that begin so as malfunctions, and not among the model's answers.
    return Hold(0.0, tagged(f"the strategy gave no answer: {reasoning}", tag, REASONING_CHARS_MAX))


def _said(error: BaseException) -> str:
    """The error and its cause in few words: what a provider answers is a stranger's text too."""
    try:
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        return cleaned(f"{type(error).__name__}: {error}{cause}", _FAILURE_CHARS_MAX)
    except Exception:
        return f"{type(error).__name__} (its message raised too)"


def _check(instructions: str, bars: int, retries: int, timeout_s: float, mode: str) -> None:
    if instructions != instructions.encode(errors="replace").decode():
        raise ModelError("instructions: the text holds half a surrogate; text that UTF-8 can hold is allowed")
    if not 1 <= bars <= 1000:
        raise ModelError(f"bars is {bars}; 1 to 1000 are allowed")
    if not 0 <= retries <= 10:
        raise ModelError(f"retries is {retries}; 0 to 10 are allowed")
    if not 0 < timeout_s < float("inf"):
        raise ModelError(f"timeout_s is {timeout_s}; a number of seconds above 0 is allowed")
    if mode not in MODES:
        raise ModelError(f"mode is {mode!r}; {', '.join(MODES)} are allowed")
