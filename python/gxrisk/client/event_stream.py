"""Server-sent events as they come: bytes in, a vault's records out, and the place to go on from."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from gxrisk.client.call import vault_path
from gxrisk.client.errors import ServerFailed

Told = dict[str, Any]
MEDIA_TYPE: Final = "text/event-stream"
# The server breaks its silence every 15 seconds: three times that, and nobody is there any more.
SILENCE_S: Final = 45.0
_BLOCK_BYTES_MAX: Final = 16_000_000


class EventStream:
    """One vault's stream over any number of connections: none of its records is lost between two, none comes twice.

    >>> stream = EventStream("ann", since=6)
    >>> stream.headers()["Last-Event-ID"]
    '6'
    >>> list(stream.take(b'id: 7\\nevent: flow\\ndata: {"sequence": 7, "kind"'))
    []
    >>> list(stream.take(b': "flow"}\\n\\n: silence\\n\\n')), stream.headers()["Last-Event-ID"]
    ([{'sequence': 7, 'kind': 'flow'}], '7')
    """

    def __init__(self, vault_id: str, since: int | None, kinds: Sequence[str] = ()) -> None:
        self.path = vault_path(vault_id, "events")
        self.query = {"kinds": list(kinds)}
        self._last = since
        self._buffer = b""

    def headers(self) -> dict[str, str]:
        """What a connection asks with: where to go on. What the one before it left unfinished comes again, whole."""
        self._buffer = b""
        place = {} if self._last is None else {"Last-Event-ID": str(self._last)}
        return {"Accept": MEDIA_TYPE, **place}

    def check(self, headers: Mapping[str, str]) -> None:
        """Raises `ServerFailed` where the answer is no stream of events."""
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != MEDIA_TYPE:
            raise ServerFailed(f"the answer is {kind[:80] or 'nothing'} and no stream of events", code="answer_unknown")

    def take(self, part: bytes) -> Iterator[Told]:
        """The records that these bytes complete. Raises `ServerFailed` for what is none of gxrisk's."""
        self._buffer += part
        *blocks, self._buffer = self._buffer.replace(b"\r\n", b"\n").split(b"\n\n")
        if len(self._buffer) > _BLOCK_BYTES_MAX:
            raise ServerFailed(f"an event of more than {_BLOCK_BYTES_MAX} bytes", code="answer_unknown")
        for block in blocks:
            told = self._told(block)
            if told is not None:
                yield told

    def _told(self, block: bytes) -> Told | None:
        """One block (HTML standard, 9.2.6): its record, if it has one that did not come before."""
        fields: dict[str, str] = {}
        for line in block.decode("utf-8", "replace").split("\n"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            fields[name] = f"{fields[name]}\n{value}" if name == "data" and "data" in fields else value
        try:
            last = int(fields["id"]) if "id" in fields else None
            told = json.loads(fields["data"]) if "data" in fields else None
            if told is not None and (last is None or told["sequence"] != last):
                raise ValueError("a record that is not what its id says")
        except (ValueError, KeyError, TypeError) as error:
            raise ServerFailed(f"an event that this client does not know: {error}", code="answer_unknown") from None
        if last is None or (told is not None and self._last is not None and last <= self._last):
            return None
        self._last = last
        return told
