"""One decision, whole: what was asked, what each rule said, on which facts, and its place in the chain."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field

from gxrisk._native import JournalReader
from gxrisk.server.access import READERS, asks
from gxrisk.server.desk import Desk
from gxrisk.server.guard import Guarded
from gxrisk.server.orders import ViolationShown
from gxrisk.server.problems import Problem
from gxrisk.server.routes.audit import Explanation, Sequence, as_text, explained, records_at
from gxrisk.server.routes.history import DecisionRow
from gxrisk.server.shapes import VaultId, desk_of, text_of, time_of

router = APIRouter(route_class=Guarded, prefix="/v1/vaults/{vault_id}", tags=["history"])
_OF_ORDER = ("quantity", "price", "leverage", "stop_loss", "take_profit")


class DecisionDetail(DecisionRow):
    """A decision on record; a model's own hold has neither `evidence` nor `explanation`."""

    expires: str | None
    evidence: Annotated[dict[str, Any] | None, Field(description="The facts it was decided on; decimals are text.")]
    explanation: Explanation | None
    previous_hash: str | None
    hash: str


@router.get("/decisions/{sequence}")
@asks(*READERS)
async def show_decision(request: Request, vault_id: VaultId, sequence: Sequence) -> DecisionDetail:
    """A decision or a hold, from the journal itself: there as soon as it was answered."""
    desk = desk_of(request)
    return await desk.off_loop(_detail, desk, vault_id, sequence)


def _detail(desk: Desk, vault_id: str, sequence: int) -> DecisionDetail:
    reader = JournalReader(desk.journal(vault_id))
    before, record = records_at(reader, sequence)
    if record["kind"] not in ("decision", "hold"):
        raise Problem(404, "decision_unknown", f"record {sequence} is no decision; the audit shows any record")
    is_hold = record["kind"] == "hold"
    order = record if is_hold else record["order"]
    violations = [] if is_hold else record["violations"]
    return DecisionDetail(
        sequence=sequence,
        time=time_of(record["time_ns"]),
        outcome="held" if is_hold else record["outcome"],
        origin="agent" if is_hold else record["origin"],
        asset=order["asset"],
        side=order.get("side"),
        reduce_only=order.get("reduce_only", False),
        confidence=order["confidence"],
        reasoning=order["reasoning"],
        client_order_id=order.get("client_order_id"),
        order_id=record.get("order_id"),
        violations=[
            ViolationShown(
                rule=one["rule"],
                limit=text_of(one["limit"]),
                observed=text_of(one["observed"]),
                message=one["message"],
            )
            for one in violations
        ],
        **{name: order.get(name) for name in _OF_ORDER},
        expires=record.get("expires"),
        evidence=None if is_hold else as_text(record["evidence"]),
        explanation=None if is_hold else explained(reader, sequence),
        previous_hash=None if before is None else before["hash"],
        hash=record["hash"],
    )
