"""A vault whose strategy or licence is gone is opened without it: nobody opens anything, but everything can be closed.

Why, and whether the owner was told, is the note `exits_only`, so that a crash in between goes on where it was. The
vault stays paused when its strategy is back, until somebody resumes it.
"""

import json
from dataclasses import dataclass
from typing import Final

from gxrisk._native import Gate
from gxrisk.agent.strategy import Action, ModelError, View
from gxrisk.vaults.notices import Notices, printable

TOPIC: Final = "exits_only"
WAY_OUT: Final = "restore what is missing and open the vault again, or withdraw everything and retire it"
_REASON_CHARS_MAX: Final = 1000


@dataclass(frozen=True, slots=True)
class Absent:
    """Stands where a strategy would that may not be asked; `reason` says why."""

    reason: str

    def decide(self, view: View) -> Action:
        """Raises `ModelError`: nobody should have asked."""
        raise ModelError(f"there is no strategy to ask about {view.asset}: {self.reason}")


def settle(gate: Gate, notices: Notices, reason: str | None) -> str | None:
    """At an opening: put on record that the vault is for exits only, or that it is whole again; the reason as kept.

    Each step can be repeated: the reason is noted, the vault paused, the owner told, and that noted.

    >>> from gxrisk import Limits, ManualClock
    >>> gate = Gate("demo", Limits.for_tier("growth"), clock=ManualClock("2020-03-12T00:00:00Z"))
    >>> notices = Notices(gate)
    >>> settle(gate, notices, "no module 'breakout'")
    "no module 'breakout'"
    >>> settle(gate, notices, None)
    >>> [one.code for one in notices.waiting], gate.state
    (['exits_only', 'exits_only_ended'], 'halted')
    """
    text = gate.notes.get(TOPIC)
    at = gate.snapshot().time.isoformat()
    if reason is None:
        if text:
            gate.pause()
            whole = "the strategy is back and may trade; the vault stays paused until it is resumed"
            notices.add(at, "info", "exits_only_ended", whole)
            gate.note(TOPIC, "")
        return None
    reason = printable(reason)[:_REASON_CHARS_MAX]
    kept = {"reason": reason, "told": False}
    if text and json.loads(text)["reason"] == reason:
        kept = json.loads(text)
    else:
        gate.note(TOPIC, json.dumps(kept))
    gate.pause()
    if not kept["told"]:
        notices.add(at, "critical", "exits_only", f"open for exits only, nothing is asked or opened: {reason}")
        gate.note(TOPIC, json.dumps(kept | {"told": True}))
    return reason
