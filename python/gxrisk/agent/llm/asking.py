"""The only module that speaks pydantic-ai: one question to one model, each of its requests within the budget."""

import json
from collections.abc import Mapping
from typing import Any, Final, cast

from pydantic_ai import Agent, NativeOutput, PromptedOutput, ToolOutput
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, ModelResponse, ToolCallPart
from pydantic_ai.models import Model, ModelRequestParameters, infer_model
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings

from gxrisk.agent.llm.answer import NAMES, Answer, CloseAnswer, HoldAnswer, Mode, OpenAnswer
from gxrisk.agent.llm.budget import Question, Tokens
from gxrisk.agent.strategy import ModelError

OUTPUT_TOKENS_MAX: Final = 2_000
SCHEMAS: Final = {name: form.model_json_schema() for form, name in NAMES.items()}
# One token is at least one byte of text. Whatever a provider puts around messages and schemas fits in the rest.
_FRAMING_TOKENS: Final = 1_000 + 2 * len(json.dumps(SCHEMAS))
# Behind them the model may have answered, and nobody was there any more to hear it.
_TIMEOUT_STATUSES: Final = frozenset({408, 504, 524})


class InvalidAnswer(ValueError):
    """A valid form, and yet no answer."""


class Asker:
    """A model with its instructions, ready to be asked. Raises `ModelError` where pydantic-ai cannot make the model."""

    def __init__(
        self, model: Model | str, *, instructions: str, settings: Mapping[str, Any], mode: Mode, retries: int
    ) -> None:
        try:
            self._model = infer_model(model)
        except Exception as error:  # of the provider's own: a key or a package that is missing, a name nobody knows
            raise ModelError(f"the model {model!r} cannot be made: {error}") from error
        defaults = ModelSettings(max_tokens=OUTPUT_TOKENS_MAX)
        self.settings = defaults | (self._model.settings or {}) | cast(ModelSettings, dict(settings))
        self._output_tokens_max = self.settings["max_tokens"]
        if not isinstance(self._output_tokens_max, int) or self._output_tokens_max < 1:
            raise ModelError(f"max_tokens is {self._output_tokens_max!r}; a whole number of tokens from 1 is allowed")
        self._agent = Agent(
            output_type=_outputs(mode),
            instructions=instructions,
            model_settings=self.settings,
            retries=retries,
            name="gxrisk",
        )

    @property
    def model_id(self) -> str:
        """The model as `provider:name`."""
        return self._model.model_id

    async def open(self) -> None:
        """Keep the provider's connections until `close`."""
        await self._model.__aenter__()

    async def close(self) -> None:
        """Close the provider's connections, where pydantic-ai opened them."""
        await self._model.__aexit__(None, None, None)

    async def ask(self, text: str, question: Question) -> Answer:
        """The model's answer. Raises whatever went wrong."""
        metered = _Metered(self._model, question, self._output_tokens_max)
        result = await self._agent.run(text, model=metered)
        calls = [part for part in result.response.parts if isinstance(part, ToolCallPart)]
        if len(calls) > 1:
            raise InvalidAnswer(f"{len(calls)} decisions at once; exactly one is allowed")
        answer: Answer = result.output
        return answer


class _Metered(WrapperModel):
    """A model whose requests are paid for: retries too, since each of them comes through here."""

    def __init__(self, model: Model, question: Question, output_tokens_max: int) -> None:
        super().__init__(model)
        self._question = question
        self._output_tokens_max = output_tokens_max

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Ask within the budget. Where nobody says what it took, the most that it can have taken stays booked."""
        bytes_sent = len(ModelMessagesTypeAdapter.dump_json(messages))
        most = Tokens(bytes_sent + _FRAMING_TOKENS, self._output_tokens_max)
        self._question.reserve(most)
        try:
            response = await super().request(messages, model_settings, model_request_parameters)
        except ModelHTTPError as error:
            if error.status_code not in _TIMEOUT_STATUSES:
                self._question.settle(most, Tokens())  # an error is not billed
            raise
        except SystemExit as error:  # in a task of the library's it would end the event loop
            raise RuntimeError(f"the model wanted to end the process: {error}") from error
        self._question.responses += 1
        used = Tokens(max(response.usage.input_tokens, 0), max(response.usage.output_tokens, 0))
        if used.total and not response.usage.unmeasured_requests:
            self._question.settle(most, used)
        return response


def _outputs(mode: Mode) -> Any:
    if mode == "native":
        return NativeOutput([OpenAnswer, CloseAnswer, HoldAnswer], name="decision")
    if mode == "prompted":
        return PromptedOutput([OpenAnswer, CloseAnswer, HoldAnswer], name="decision")
    return [ToolOutput(form, name=name) for form, name in NAMES.items()]
