"""A model's own holds over HTTP, each once: the same request is the same hold, after a crash of the server too."""

import json
from hashlib import blake2b
from threading import Lock
from typing import Any, Final

from gxrisk._native import Gate
from gxrisk.server.problems import Problem

TOPIC: Final = "holds"
KNOWN_MAX: Final = 16  # of a vault, and so how many it may have in flight at a crash


class Holds:
    """Puts holds on record. An order has an id in its record; a hold has none, so a note of the id goes before it.

    The note names the vault's last 16 holds, each with the record after which to look for it. So a crash between note
    and hold is told from one between hold and answer: the first leaves a note that no hold follows.

    >>> from gxrisk import Gate, Limits, ManualClock
    >>> gate, holds = Gate("demo", Limits.for_tier("growth"), clock=ManualClock("2020-03-12T00:00:00Z")), Holds()
    >>> first = holds.hold(gate, "one", "0.5", "nothing is sure", "BTC")
    >>> other = holds.hold(gate, "two", "0.5", "nothing is sure", "BTC")
    >>> holds.hold(gate, "one", "0.5", "nothing is sure", "BTC") == first != other
    True
    >>> holds.hold(gate, "one", "0.9", "sold out", None)
    Traceback (most recent call last):
        ...
    gxrisk.server.problems.Problem: this Idempotency-Key was used for another hold; give a new one for a new request
    """

    def __init__(self) -> None:
        self._turns: dict[str, Lock] = {}

    def hold(self, gate: Gate, hold_id: str, confidence: str, reasoning: str, asset: str | None) -> int:
        """The number of the hold's record, which is made unless it is there. Raises `Problem` for other words."""
        digest = blake2b(json.dumps([confidence, reasoning, asset]).encode(), digest_size=8).hexdigest()
        with self._turns.setdefault(gate.vault_id, Lock()):
            known: dict[str, list[Any]] = json.loads(gate.notes.get(TOPIC, "{}"))
            since, words = known.pop(hold_id, (None, digest))
            if words != digest:
                text = "this Idempotency-Key was used for another hold; give a new one for a new request"
                raise Problem(422, "idempotency_key_reused", text)
            made = None if since is None else _made(gate, since, reasoning)
            if made is not None:
                return made
            recent = dict(list(known.items())[1 - KNOWN_MAX :])
            gate.note(TOPIC, json.dumps(recent | {hold_id: [gate.sequence, digest]}))
            return gate.hold(confidence, reasoning, asset=asset).sequence or 0


def _made(gate: Gate, since: int, reasoning: str) -> int | None:
    """The first hold after the first note from there on; none where the next note comes before it."""
    is_noted = False
    for event in gate.events(since):
        if event["kind"] == "note" and event["topic"] == TOPIC:
            if is_noted:
                return None
            is_noted = True
        elif is_noted and event["kind"] == "hold" and event["reasoning"] == reasoning:
            sequence: int = event["sequence"]
            return sequence
    return None
