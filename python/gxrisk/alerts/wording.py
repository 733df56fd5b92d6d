"""What a message says. A notice's text may come from a model or a venue: it is data, and nothing in it is markup."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gxrisk.alerts.incidents import RANK, Incident
from gxrisk.history.times import written
from gxrisk.vaults.fleet_notes import FLEET
from gxrisk.vaults.notices import Severity, printable

BODY_CHARS_MAX: Final = 3_000  # what most services take in one piece
_TEXT_CHARS_MAX: Final = 250
_TEXTS_MAX: Final = 5
_IDS_CHARS_MAX: Final = 1_000
_SECONDS: Final = len("2020-03-12T00:00:00")

# Each service has markup of its own, and apprise knows over a hundred. So the characters that mean something in any of
# them are shown by their full-width forms, which look alike and mean nothing: tags, Slack's <!channel>, mentions,
# links, bold, code, tables, entities.
_FULL_WIDTH: Final = 0xFEE0
_ALIKE: Final = {ord(one): ord(one) + _FULL_WIDTH for one in "<>&@*_~`|[]#\\"}
_NO_LINK: Final = f":{chr(ord('/') + _FULL_WIDTH) * 2}"
_VAULT: Final = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Message:
    """What goes to a channel. `thread` is the same for all messages of one incident, for services that have threads."""

    title: str
    body: str
    severity: Severity
    thread: str = ""


@dataclass(frozen=True, slots=True)
class News:
    """What a channel was not told yet of an incident: the newest texts first; `count` notices in all."""

    incident: Incident
    texts: tuple[str, ...]
    count: int


def plain(text: str) -> str:
    """The text as data: one line, in which nothing is markup of any service, no mention and no link.

    >>> ascii(plain("<!here>\\n *now*")), ascii(plain("https://evil.example"))
    ("'\\\\uff1c!here\\\\uff1e \\\\uff0anow\\\\uff0a'", "'https:\\\\uff0f\\\\uff0fevil.example'")
    """
    shown = printable(" ".join(text.split())).translate(_ALIKE).replace("://", _NO_LINK)
    return _cut(shown, _TEXT_CHARS_MAX)


def message_of(news: Sequence[News], *, note: str = "") -> Message:
    """One message of everything that waits, worst first; of one incident it has the incident's own title."""
    news = sorted(news, key=lambda one: (not one.incident.is_open, -RANK[one.incident.severity], one.incident.id))
    severity = max((one.incident.severity for one in news), key=RANK.__getitem__)
    if len(news) == 1:
        incident = news[0].incident
        title, thread = f"{severity}: {named(incident)}", f"incident-{incident.id}-{incident.opened_ns}"
        parts = [_told(news[0])]
    else:
        # All the numbers come first: they are what must not be cut.
        ids = ", ".join(f"#{one.incident.id}" for one in news)
        title, thread = f"{severity}: {len(news)} incidents", ""
        parts = [f"{_cut(ids, _IDS_CHARS_MAX)} (gxrisk alerts list shows them)"]
        parts += [f"{one.incident.severity}: {named(one.incident)}\n{_told(one)}" for one in news]
    return Message(title, _cut("\n\n".join([note, *parts] if note else parts), BODY_CHARS_MAX), severity, thread)


def digest_of(news: Sequence[News]) -> Message:
    """What was held back: a line for each incident."""
    count = sum(one.count for one in news)
    lines = [f"{count} held back, of {len(news)} incidents; gxrisk alerts list shows them all."]
    for one in news:
        lines.append(f"{one.count} x {one.incident.severity}: {named(one.incident)}: {plain(one.incident.text)}")
    return Message(f"digest: {count} alerts held back", _cut("\n".join(lines), BODY_CHARS_MAX), "info")


def named(incident: Incident) -> str:
    """An incident in a title: vault, what it is about, code, number."""
    vault = "all vaults" if incident.vault == FLEET else incident.vault
    vault = vault if vault == "all vaults" or _VAULT.fullmatch(vault) else plain(vault)
    subject = f" {plain(incident.subject)}" if incident.subject else ""
    return f"{vault}{subject}, {plain(incident.code.replace('_', ' '))} (#{incident.id})"


def at(time_ns: int) -> str:
    """A time to the second.

    >>> at(1_583_971_200_000_000_000)
    '2020-03-12 00:00:00 UTC'
    """
    return f"{written(time_ns)[:_SECONDS].replace('T', ' ')} UTC"


def _told(news: News) -> str:
    incident = news.incident
    lines = []
    if incident.resolved_ns is not None:
        lines.append(f"Resolved {at(incident.resolved_ns)} by {plain(incident.resolved_by or '')}.")
    elif incident.is_waiting and incident.escalations:
        lines.append(f"STILL NOT ACKNOWLEDGED, reminder {incident.escalations}.")
    lines.extend(plain(text) for text in news.texts[:_TEXTS_MAX])
    if not news.texts:
        lines.append(plain(incident.text))
    if news.count > _TEXTS_MAX:
        lines.append(f"and {news.count - _TEXTS_MAX} more")
    told = "once" if incident.count == 1 else f"{incident.count} times"
    lines.append(f"Since {at(incident.opened_ns)}, told {told}, last {at(incident.last_ns)}.")
    if incident.is_waiting:
        lines.append(f"Acknowledge: gxrisk alerts ack {incident.id}")
    return "\n".join(lines)


def _cut(text: str, characters_max: int) -> str:
    return text if len(text) <= characters_max else f"{text[: characters_max - 1]}…"
