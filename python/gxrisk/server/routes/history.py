"""What happened: decisions, trades and fills from the history, in pages that a cursor continues."""

from collections.abc import Callable
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from gxrisk.history import rows
from gxrisk.server.access import READERS, asks
from gxrisk.server.guard import Guarded
from gxrisk.server.orders import ViolationShown
from gxrisk.server.shapes import Amount, VaultId, desk_of, time_of

router = APIRouter(route_class=Guarded, prefix="/v1/vaults/{vault_id}", tags=["history"])
Cursor = Annotated[
    str | None, Query(pattern="^[0-9]{1,18}$", description="`next_cursor` of the page before; the first page without.")
]
Limit = Annotated[int, Query(ge=1, le=1_000)]
Direction = Annotated[Literal["newest_first", "oldest_first"], Query()]
Shown = TypeVar("Shown", bound=BaseModel)


class DecisionRow(BaseModel):
    """A decision on record; a model's own hold has no side."""

    sequence: int
    time: str | None
    outcome: str
    origin: str
    asset: str | None
    side: str | None
    quantity: Amount | None
    price: Amount | None
    leverage: Amount | None
    stop_loss: Amount | None
    take_profit: Amount | None
    reduce_only: bool
    confidence: Amount
    reasoning: str
    client_order_id: str | None
    order_id: str | None
    violations: list[ViolationShown]


class TradeRow(BaseModel):
    """A round trip from flat to flat; `profit` is net of fees, funding left out."""

    sequence: int
    time: str | None
    opened: str | None
    asset: str
    side: str
    quantity: Amount
    entry_price: Amount
    exit_price: Amount
    profit: Amount
    fees: Amount
    reasoning: str | None


class FillRow(BaseModel):
    """What the venue executed; `approved` is false for what no approval covers."""

    sequence: int
    time: str | None
    order_id: str
    fill_id: str
    approved: bool
    asset: str
    side: str
    quantity: Amount
    price: Amount
    fee: Amount


class PageOf(BaseModel, Generic[Shown]):
    """Some rows; `next_cursor` is null where there are no more."""

    rows: list[Shown]
    next_cursor: str | None


@router.get("/decisions")
@asks(*READERS)
async def decisions(
    request: Request,
    vault_id: VaultId,
    outcome: Annotated[Literal["approved", "rejected", "held"] | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
    order: Direction = "newest_first",
) -> PageOf[DecisionRow]:
    """Decisions and holds."""
    asked = desk_of(request).history.decisions
    page: rows.Page[rows.Decision] = await _page(request, asked, vault_id, cursor, limit, order, outcome=outcome)
    return PageOf(rows=[_decision(one) for one in page.rows], next_cursor=_next(page))


@router.get("/trades")
@asks(*READERS)
async def trades(
    request: Request, vault_id: VaultId, cursor: Cursor = None, limit: Limit = 100, order: Direction = "newest_first"
) -> PageOf[TradeRow]:
    """Finished round trips."""
    page: rows.Page[rows.Trade] = await _page(request, desk_of(request).history.trades, vault_id, cursor, limit, order)
    return PageOf(rows=[_trade(one) for one in page.rows], next_cursor=_next(page))


@router.get("/fills")
@asks(*READERS)
async def fills(
    request: Request, vault_id: VaultId, cursor: Cursor = None, limit: Limit = 100, order: Direction = "newest_first"
) -> PageOf[FillRow]:
    """Executions."""
    page: rows.Page[rows.Fill] = await _page(request, desk_of(request).history.fills, vault_id, cursor, limit, order)
    return PageOf(rows=[_fill(one) for one in page.rows], next_cursor=_next(page))


async def _page(
    request: Request,
    asked: Callable[..., rows.Page[Any]],
    vault_id: str,
    cursor: str | None,
    limit: int,
    order: str,
    **filters: Any,
) -> rows.Page[Any]:
    desk = desk_of(request)
    desk.check_known(vault_id)
    if vault_id not in await desk.off_loop(desk.told_vaults):
        return rows.Page((), None)  # so new that nothing of it was told yet
    after = None if cursor is None else int(cursor)
    part = {"after": after, "limit": limit, "newest_first": order == "newest_first"}
    return await desk.off_loop(asked, vault_id, **filters, **part)


def _next(page: rows.Page[Any]) -> str | None:
    return None if page.next is None else str(page.next)


def _decision(one: rows.Decision) -> DecisionRow:
    violations = [
        ViolationShown(rule=v.rule, limit=v.limit, observed=v.observed, message=v.message) for v in one.violations
    ]
    fields = {name: getattr(one, name) for name in DecisionRow.model_fields if name not in ("time", "violations")}
    return DecisionRow(**fields, time=time_of(one.time_ns), violations=violations)


def _trade(one: rows.Trade) -> TradeRow:
    fields = {name: getattr(one, name) for name in TradeRow.model_fields if name not in ("time", "opened")}
    return TradeRow(**fields, time=time_of(one.time_ns), opened=time_of(one.opened_ns))


def _fill(one: rows.Fill) -> FillRow:
    fields = {name: getattr(one, name) for name in FillRow.model_fields if name != "time"}
    return FillRow(**fields, time=time_of(one.time_ns))
