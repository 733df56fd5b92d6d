"""The automatic pause after a drawdown: cancel everything, reduce-only, tell the owner, stay until the owner acts.

The gate itself trips the breaker, asks for the cancels and stays reduce-only; this sees to the venue and the owner. How
far it came is a note in the journal, so that a crash in the middle goes on where it was.
"""

import json
from typing import Final

from gxrisk._native import Gate
from gxrisk.snapshot import Snapshot
from gxrisk.vaults.notices import Notices

TOPIC: Final = "auto_pause"
BREAKER: Final = "drawdown"


class AutoPause:
    """One vault's automatic pause, looked at whenever something happened."""

    def __init__(self, gate: Gate, notices: Notices) -> None:
        self._gate = gate
        self._notices = notices
        self._kept: dict[str, str] = json.loads(gate.notes.get(TOPIC, "{}"))

    @property
    def stage(self) -> str | None:
        """`cancelling`, then `told` until the owner acts; None while there is no pause."""
        return self._kept.get("stage")

    def look(self, snapshot: Snapshot) -> None:
        """Do what is next. The cancels themselves are the vault's, as after a kill."""
        trip = next((one for one in self._gate.trips if one.breaker == BREAKER), None)
        at = snapshot.time.isoformat()
        if trip is None:
            if self._kept:
                self._notices.add(at, "info", "drawdown_ended", f"the drawdown breaker ended; equity {snapshot.equity}")
                self._keep({})
            return
        since = trip.since.isoformat()
        if self._kept.get("since") != since:
            self._keep({"since": since, "stage": "cancelling"})
        if self._kept["stage"] == "cancelling" and not any(one.cancel_requested for one in snapshot.working):
            text = (
                f"{trip.cause}. All orders are cancelled; only reductions pass until the owner reactivates or withdraws"
            )
            self._notices.add(since, "critical", "drawdown", text)
            self._keep({"since": since, "stage": "told"})

    def _keep(self, state: dict[str, str]) -> None:
        self._gate.note(TOPIC, json.dumps(state, sort_keys=True) if state else "")
        self._kept = state
