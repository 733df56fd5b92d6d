"""What a language model may answer: three forms, bounded as the gate bounds an order."""

from typing import Annotated, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from gxrisk.agent.strategy import REASONING_CHARS_MAX, Action, Close, Hold, Open

Amount = Annotated[float, Field(ge=1e-9, le=1e18, allow_inf_nan=False)]
Leverage = Annotated[float, Field(ge=1, le=1000, allow_inf_nan=False)]
Confidence = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, description="how sure you are, from 0 to 1")]
Reasoning = Annotated[str, Field(min_length=1, max_length=REASONING_CHARS_MAX, description="why, in plain words")]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


# The docstrings of the three are shown to the model.


class OpenAnswer(_Answer):
    """Open a position in the asset, or add to it. The risk gate decides whether it may."""

    side: Literal["buy", "sell"]
    quantity: Annotated[Amount, Field(description="in units of the asset, not in money")]
    stop_loss: Annotated[Amount, Field(description="a price: below the entry to buy, above it to sell")]
    confidence: Confidence
    reasoning: Reasoning
    leverage: Leverage = 1
    price: Annotated[Amount | None, Field(description="of a limit order; null is a market order")] = None
    take_profit: Annotated[Amount | None, Field(description="a price; null is none")] = None


class CloseAnswer(_Answer):
    """Close the whole position in the asset."""

    confidence: Confidence
    reasoning: Reasoning


class HoldAnswer(_Answer):
    """Do nothing."""

    confidence: Confidence
    reasoning: Reasoning


Mode = Literal["tool", "native", "prompted"]
MODES: Final[tuple[Mode, ...]] = get_args(Mode)
Answer = OpenAnswer | CloseAnswer | HoldAnswer
NAMES: Final[dict[type[BaseModel], str]] = {
    OpenAnswer: "open_position",
    CloseAnswer: "close_position",
    HoldAnswer: "hold",
}


def action_of(answer: Answer, reasoning: str, *, resize: bool, ask_again: bool) -> Action:
    """The strategy's action for an answer, with `reasoning` as it goes on record.

    >>> answer = OpenAnswer(side="buy", quantity=0.1, stop_loss=7800, confidence=0.7, reasoning="up")
    >>> action_of(answer, "up [a model]", resize=False, ask_again=True).ask_again
    True
    """
    match answer:
        case OpenAnswer():
            return Open(
                answer.side,
                answer.quantity,
                answer.confidence,
                reasoning,
                stop_loss=answer.stop_loss,
                leverage=answer.leverage,
                resize=resize,
                price=answer.price,
                take_profit=answer.take_profit,
                ask_again=ask_again,
            )
        case CloseAnswer():
            return Close(answer.confidence, reasoning)
        case HoldAnswer():
            return Hold(answer.confidence, reasoning)
