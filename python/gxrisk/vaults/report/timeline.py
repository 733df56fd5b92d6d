"""What happened, in order: breakers, cancels, the automatic pause, notices, controls, money, in one sentence each."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gxrisk.history.amounts import plain
from gxrisk.history.rows import Control, Flow, Note
from gxrisk.vaults.auto_pause import TOPIC as AUTO_PAUSE
from gxrisk.vaults.notices import TOPIC as NOTICES
from gxrisk.vaults.notices import Notice
from gxrisk.vaults.reconciliation import TOPIC as RECONCILIATION
from gxrisk.vaults.report.episodes import Episode
from gxrisk.vaults.report.records import Cancels, Recorded


@dataclass(frozen=True, slots=True)
class Event:
    """`kind` is a word for programs and colours, `text` a sentence; it can hold words of a model or a venue."""

    sequence: int
    at_ns: int
    kind: str
    text: str


def timeline(
    episodes: Iterable[Episode],
    recorded: Recorded,
    notes: Iterable[Note],
    controls: Iterable[Control],
    flows: Iterable[Flow],
    *,
    since_ns: int,
    before: Note | None,
) -> list[Event]:
    """All events of a span, in the order of the journal; `before` is the last note on notices before it."""
    found = [
        *(event for one in episodes for event in _of_episode(one, recorded, since_ns)),
        *(Event(one.sequence, one.at_ns, "cancel", _cancelled(one)) for one in recorded.cancels),
        *_of_notes(notes, before),
        *(Event(one.sequence, one.time_ns, one.kind, words(_details(one))) for one, words in _told(controls)),
        *(Event(one.sequence, one.time_ns, one.kind, _paid(one)) for one in flows if one.kind != "funding"),
    ]
    return sorted(found, key=lambda event: (event.at_ns, event.sequence))


def _of_episode(one: Episode, recorded: Recorded, since_ns: int) -> Iterator[Event]:
    if one.since_ns >= since_ns:
        text = f"{one.breaker} tripped, the vault is {one.state or 'restricted'}: {one.first_cause}"
        yield Event(one.sequence, one.since_ns, "trip", text)
    if one.ended_ns is not None:
        again = f" after {one.trips} trips" if one.trips > 1 else ""
        sequence = recorded.ends.get((one.breaker, one.ended_ns), one.sequence)
        yield Event(sequence, one.ended_ns, "end", f"{one.breaker} ended{again}")


def _cancelled(one: Cancels) -> str:
    orders = "1 working order" if len(one.order_ids) == 1 else f"all {len(one.order_ids)} working orders"
    return f"the gate asked for the cancel of {orders}: {', '.join(one.order_ids)}"


def _of_notes(notes: Iterable[Note], before: Note | None) -> Iterator[Event]:
    told = max((notice.number for notice in _waiting(before)), default=0) if before else 0
    for note in notes:
        if note.topic == NOTICES:
            for notice in _waiting(note):
                if notice.number > told:
                    told = notice.number
                    text = f"notified ({notice.severity}, {notice.code}): {notice.text}"
                    yield Event(note.sequence, note.time_ns, "notice", text)
        elif note.topic == AUTO_PAUSE:
            stage = str(_json(note.text).get("stage", ""))
            yield Event(note.sequence, note.time_ns, "auto_pause", f"automatic pause: {_PAUSE.get(stage, stage)}")
        elif note.topic == RECONCILIATION:
            text = "gate and venue agree again" if note.text == "[]" else note.text
            yield Event(note.sequence, note.time_ns, "reconciliation", f"reconciliation: {text}")


def _waiting(note: Note) -> list[Notice]:
    try:
        found = [Notice(**one) for one in _json(note.text).get("waiting", [])]
    except TypeError:
        return []
    return [notice for notice in found if isinstance(notice.number, int)]


def _told(controls: Iterable[Control]) -> Iterator[tuple[Control, Callable[[Mapping[str, Any]], str]]]:
    for one in controls:
        words = _CONTROLS.get(one.kind)
        if words is not None:
            yield one, words


def _details(one: Control) -> Mapping[str, Any]:
    return _json(one.details)


def _paid(one: Flow) -> str:
    if one.kind == "deposit":
        return f"paid in: {plain(one.amount)}"
    return f"paid out: {plain(-one.amount)} to {one.destination}"


def _json(text: str) -> dict[str, Any]:
    """The object of a note; nothing where somebody else wrote something else under the topic."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _reactivated(details: Mapping[str, Any]) -> str:
    base = f", with {details['new_base']} as the new base" if details.get("rebase") else ""
    return f"the owner reactivated the vault{base}"


_PAUSE: Final = {
    "cancelling": "all working orders are being cancelled",
    "told": "no order works any more; reduce-only until the owner acts",
    "": "ended",
}
_CONTROLS: Final[dict[str, Callable[[Mapping[str, Any]], str]]] = {
    "paused": lambda _: "paused",
    "resumed": lambda _: "resumed",
    "killed": lambda details: f"killed: {details['reason']}",
    "reactivated": _reactivated,
    "limits": lambda _: "limits changed",
    "risk_scale": lambda details: f"risk scale set to {details['scale']}",
    "restarted": lambda _: "the vault was opened again",
    "owner_key": lambda _: "the owner's key was set",
    "volatility": lambda details: f"market volatility given as {details['volatility']}",
}
