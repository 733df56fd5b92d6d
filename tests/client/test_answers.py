"""What an answer becomes: the guards' words and the order that was decided on, and nothing from an unclear one."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from gxrisk.agent.strategy import Objection
from gxrisk.client.answers import read_decision
from gxrisk.client.call import Answer

from .scripted import DECISION

SIZE = {"guard": "size", "did": "changed", "limit": "0.1", "observed": "3", "message": "too much", "passes": "0.1"}


def answer(**more: Any) -> Answer:
    """A decision's answer."""
    return Answer(200, {}, json.dumps(DECISION | more).encode())


def test_what_guards_did_is_told() -> None:
    decision = read_decision(answer(guards=[SIZE]))
    assert decision.guards == (Objection("size", "changed", "too much", "0.1", "3", "0.1"),)
    assert (decision.quantity, decision.stop_loss) == (Decimal("0.1"), Decimal(98))


@pytest.mark.parametrize(
    "more",
    [
        {"outcome": "approved", "approved": False},
        {"outcome": "rejected", "approved": True},
        {"outcome": "held", "approved": True},
        {"outcome": "approved", "approved": 1},
        {"outcome": "yes"},
    ],
)
def test_an_answer_that_contradicts_itself_approves_nothing(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="outcome"):
        read_decision(answer(**more))
