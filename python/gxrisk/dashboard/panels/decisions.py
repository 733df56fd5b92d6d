"""What the gate decided, newest first."""

from collections.abc import Sequence

from gxrisk.dashboard.addresses import decision_at
from gxrisk.dashboard.markup import panel
from gxrisk.dashboard.table import Cell, Column, Table
from gxrisk.dashboard.words import marked, moment, number, time_of, words
from gxrisk.server.routes.history import DecisionRow

SHOWN = 50
_REASONING_CHARS_MAX = 160
_TONES = {"approved": "good", "rejected": "bad", "held": "warn"}
_COLUMNS = (
    Column("Time (UTC)"),
    Column("Outcome"),
    Column("Asked"),
    Column("Rules violated"),
    Column("Confidence", is_number=True),
    Column("Reasoning"),
)


class Decisions:
    """The feed; each outcome leads to the decision's own page."""

    def __init__(self, vault_id: str) -> None:
        self._vault_id = vault_id
        with panel("Decisions", "gx-across"):
            self._table = Table("Decisions", _COLUMNS, empty="Nothing was decided yet.")

    def show(self, rows: Sequence[DecisionRow]) -> None:
        """These."""
        self._table.show([(str(one.sequence), self._cells(one)) for one in rows])

    def _cells(self, one: DecisionRow) -> list[Cell | str]:
        reasoning = " ".join(one.reasoning.split())
        if len(reasoning) > _REASONING_CHARS_MAX:
            reasoning = f"{reasoning[:_REASONING_CHARS_MAX]}…"
        outcome = Cell(marked(one.outcome), decision_at(self._vault_id, one.sequence), _TONES.get(one.outcome, ""))
        return [
            moment(time_of(one.time)),
            outcome,
            asked(one),
            Cell(", ".join(words(violation.rule) for violation in one.violations) or "–", tone="words"),
            f"{one.confidence:.2f}",
            Cell(reasoning, tone="said"),
        ]


def asked(one: DecisionRow) -> str:
    """What was asked for, in a line."""
    if one.side is None or one.quantity is None:
        return f"hold {one.asset or ''}".strip()
    price = "market" if one.price is None else number(one.price)
    return f"{one.side} {number(one.quantity)} {one.asset} at {price}{', reduce only' if one.reduce_only else ''}"
