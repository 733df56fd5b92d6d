"""Everything that journals say, as server-sent events: of one vault by its records' numbers, of many by a cursor."""

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request, Response

from gxrisk.server.access import READERS, asks
from gxrisk.server.desk import Desk
from gxrisk.server.events.cursor import VAULTS_MAX, Cursor, CursorError, places
from gxrisk.server.events.event_stream import MEDIA_TYPE, EventStream, WriteId
from gxrisk.server.events.reading import Reading
from gxrisk.server.events.told import Kind
from gxrisk.server.guard import Guarded
from gxrisk.server.keys import ApiKey
from gxrisk.server.problems import Problem
from gxrisk.server.shapes import VaultId, Word, desk_of

router = APIRouter(route_class=Guarded, prefix="/v1", tags=["events"])
_ABOUT: Final = (
    "Server-sent events. Each has the record's `kind` as its event, the record as JSON in `data` (`vault_id`, "
    "`sequence`, `time`, `kind`, `hash`, and what that kind holds; decimals as text), and an id to go on from. Silence "
    "is broken by comments."
)
_ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": _ABOUT, "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}
}
LAST_EVENT_ID: Final = "Last-Event-ID"
_SEQUENCE: Final = "^[0-9]{1,18}$"
_CURSOR: Final = "^(0|[A-Za-z0-9_-]{8,20000})$"
Kinds = Annotated[list[Kind] | None, Query(max_length=100, description="Records of these kinds alone.")]


@router.get("/vaults/{vault_id}/events", status_code=200, response_class=EventStream, responses=_ANSWER)
@asks(*READERS)
async def vault_events(
    request: Request,
    vault_id: VaultId,
    since: Annotated[
        str | None, Query(pattern=_SEQUENCE, description="The record after which to begin; 0 for all there are.")
    ] = None,
    last_event_id: Annotated[str | None, Header(alias=LAST_EVENT_ID, pattern=_SEQUENCE)] = None,
    kinds: Kinds = None,
) -> Response:
    """What the vault's journal says, from the record after `Last-Event-ID`, else after `since`, else from now on.

    The id is the record's `sequence`: a client that comes back with the last one misses nothing and gets nothing twice.
    """
    desk = desk_of(request)
    desk.check_known(vault_id)
    asked = last_event_id or since
    reading = Reading(desk.tails, kinds or ())

    def write_id(places: Mapping[str, int]) -> str:
        return str(places[vault_id])

    begin = {vault_id: None if asked is None else int(asked)}
    return await _stream(request, reading, begin, write_id)


@router.get("/events", status_code=200, response_class=EventStream, responses=_ANSWER)
@asks(*READERS)
async def events(
    request: Request,
    vault_id: Annotated[list[Word] | None, Query(max_length=VAULTS_MAX, description="These vaults alone.")] = None,
    since: Annotated[
        str | None, Query(pattern=_CURSOR, description="The id after which to begin; 0 for all there is.")
    ] = None,
    last_event_id: Annotated[str | None, Header(alias=LAST_EVENT_ID, pattern=_CURSOR)] = None,
    kinds: Kinds = None,
) -> Response:
    """What all journals say that the key is for, or those of `vault_id`, and of vaults that are made meanwhile.

    Records come in the order of each vault. The id is a cursor that holds the place in each of these vaults: to go on
    from it, ask with the same key and the same vaults.
    """
    desk, key = desk_of(request), request.state.key
    reading = Reading(desk.tails, kinds or ())

    def welcome(newcomer: str) -> None:
        if vault_id is None and key.covers(newcomer):
            reading.welcome(newcomer)

    forget = desk.tails.on_new_vault(welcome)
    try:
        ordered = await desk.tails.in_order(_chosen(desk, key, vault_id))
        if len(ordered) > VAULTS_MAX:
            raise Problem(422, "too_many_vaults", f"{len(ordered)} vaults; name at most {VAULTS_MAX} by vault_id")
        begin = _begin(last_event_id or since, ordered)
        cursor = Cursor(begin)

        def write_id(places: Mapping[str, int]) -> str:
            for newcomer in islice(reading.places, len(cursor), None):
                cursor.add(newcomer)
            cursor.move(places)
            return cursor.text

        return await _stream(request, reading, begin, write_id, forget)
    except BaseException:
        forget()
        raise


def _chosen(desk: Desk, key: ApiKey, vault_ids: Collection[str] | None) -> list[str]:
    """Raises `Problem` where the key is not for one that was named: whether it is there makes no difference."""
    if vault_ids is None:
        return [one for one in desk.vault_ids() if key.covers(one)]
    for one in vault_ids:
        if not key.covers(one):
            raise Problem(403, "forbidden", "this key is for other vaults")
        desk.check_known(one)
    return sorted(set(vault_ids))


def _begin(asked: str | None, ordered: Sequence[str]) -> dict[str, int | None]:
    """Where to begin in each vault; one that was made after the cursor is told from its beginning."""
    if asked is None:
        return dict.fromkeys(ordered)
    try:
        known = {} if asked == "0" else places(asked, ordered)
    except CursorError as error:
        raise Problem(409, "cursor_unknown", f"{error}; begin anew without it, or with since=0") from None
    return {one: known.get(one, 0) for one in ordered}


async def _stream(
    request: Request,
    reading: Reading,
    begin: Mapping[str, int | None],
    write_id: WriteId,
    forget: Callable[[], None] = lambda: None,
) -> EventStream:
    desk = desk_of(request)
    hurry: Callable[[], None] = reading.end
    stream = desk.streams.open(request.state.key, "events", lambda: hurry())
    try:
        for vault_id, since in begin.items():
            if not await reading.follow(vault_id, since):
                text = f"{vault_id} has no record {since} yet; was it put back from a copy? Begin anew"
                raise Problem(409, "cursor_ahead", text)
        answer = EventStream(reading, stream, desk.streams, write_id, forget)
    except BaseException:
        reading.leave()
        desk.streams.close(stream)
        raise
    hurry = answer.hurry
    return answer
