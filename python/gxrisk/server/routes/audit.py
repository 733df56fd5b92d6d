"""A vault's journal: its signed head, whether all of it holds together, and any record with what explains it."""

from decimal import Decimal
from pathlib import Path as File
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field

from gxrisk._native import Head, JournalError, JournalReader
from gxrisk.server.access import READERS, asks
from gxrisk.server.desk import Desk
from gxrisk.server.guard import Guarded
from gxrisk.server.problems import Problem
from gxrisk.server.shapes import VaultId, desk_of, text_of

router = APIRouter(route_class=Guarded, prefix="/v1/vaults/{vault_id}", tags=["audit"])
Sequence = Annotated[int, Path(ge=1, le=10**18, description="The record's number, from 1.")]
VERIFIED_S: Final = 60.0  # for so long a verification is an answer to everybody


class HeadShown(BaseModel):
    """Where the chain ends, as `gxrisk audit head` writes it: kept elsewhere it shows later whether records were cut.

    Bytes in hex; `key` and `signature` are null for a vault without sealed keys that does not run.
    """

    vault_id: str
    sequence: int
    epoch: int
    hash: str
    key: str | None
    signature: str | None


class Verified(BaseModel):
    """Every hash and signature was checked and every decision worked out anew, up to `head`; `state` is its hash."""

    vault_id: str
    records: int
    decisions: int
    approvals: int
    signatures: int
    checkpoints: int
    state: str
    head: HeadShown


class RuleShown(BaseModel):
    """What one rule said: `applies` is false where it was not asked."""

    rule: str
    applies: bool
    passed: bool
    limit: str | None
    observed: str | None
    message: str


class Explanation(BaseModel):
    """Every rule, and the largest quantity of this order that would have passed then."""

    rules: list[RuleShown]
    max_quantity: str | None


class RecordShown(BaseModel):
    """A record as the journal holds it, its place in the chain, and for a decision what `gxrisk explain` says.

    Its `hash` covers `previous_hash`, which is null for the first record, and so every record before it.
    """

    vault_id: str
    sequence: int
    previous_hash: str | None
    hash: str
    record: Annotated[dict[str, Any], Field(description="All that it holds; decimals are text.")]
    explanation: Explanation | None


@router.get("/audit/head")
@asks(*READERS)
async def audit_head(request: Request, vault_id: VaultId) -> HeadShown:
    """The head of the chain, signed."""
    desk = desk_of(request)
    journal = desk.journal(vault_id)
    vault = desk.fleet.vaults.get(vault_id)
    if vault is not None:
        return head_shown(await desk.off_loop(vault.gate.head))
    return head_shown(
        await desk.off_loop(lambda: JournalReader(journal).head(passphrase_file=desk.config.passphrase_file))
    )


@router.get("/audit/verify")
@asks(*READERS)
async def verify_audit(request: Request, vault_id: VaultId) -> Verified:
    """Verify the whole chain. A 504 only says that it takes longer: it goes on, and the same request finds it.

    A damaged journal is a 409 with the code `journal_damaged`, which names the record. An answer counts for a minute.
    """
    desk = desk_of(request)
    journal = desk.journal(vault_id)
    found = await desk.shared.get(
        ("verify", vault_id), lambda: desk.off_loop(lambda: _verified(journal)), keep_s=VERIFIED_S
    )
    if isinstance(found, str):
        raise Problem(409, "journal_damaged", found)
    return Verified(vault_id=vault_id, **{**found, "head": head_shown(found["head"])})


@router.get("/audit/records/{sequence}")
@asks(*READERS)
async def audit_record(request: Request, vault_id: VaultId, sequence: Sequence) -> RecordShown:
    """One record, with its hash; of a decision every rule's limit, observed value and what would have passed."""
    desk = desk_of(request)
    return await desk.off_loop(_record, desk, vault_id, sequence)


def explained(reader: JournalReader, sequence: int) -> Explanation:
    """What each rule said to a decision. Raises `JournalError` for a record that is none."""
    found = reader.explain(sequence)
    rules = [
        RuleShown(**{**one, "limit": text_of(one["limit"]), "observed": text_of(one["observed"])})
        for one in found["rules"]
    ]
    return Explanation(rules=rules, max_quantity=text_of(found["max_quantity"]))


def records_at(reader: JournalReader, sequence: int) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """The record before it and the record. Raises `Problem` where there is none."""
    found = reader.events(max(0, sequence - 2), 2)
    if not found or sequence not in (one["sequence"] for one in found):
        raise Problem(404, "record_unknown", f"there is no record {sequence}")
    by_number = {one["sequence"]: one for one in found}
    return by_number.get(sequence - 1), by_number[sequence]


def head_shown(head: Head) -> HeadShown:
    """A head with its bytes in hex."""
    return HeadShown(
        vault_id=head.vault_id,
        sequence=head.sequence,
        epoch=head.epoch,
        hash=head.hash.hex(),
        key=None if head.key is None else head.key.hex(),
        signature=None if head.signature is None else head.signature.hex(),
    )


def as_text(value: Any) -> Any:
    """A record with its decimals as text."""
    if isinstance(value, Decimal):
        return text_of(value)
    if isinstance(value, dict):
        return {name: as_text(one) for name, one in value.items()}
    return [as_text(one) for one in value] if isinstance(value, list | tuple) else value


def _verified(journal: File) -> dict[str, Any] | str:
    """What was found, or what is wrong: kept as an answer too, since looking again finds the same."""
    try:
        return JournalReader(journal).verify()
    except JournalError as error:
        return str(error)


def _record(desk: Desk, vault_id: str, sequence: int) -> RecordShown:
    reader = JournalReader(desk.journal(vault_id))
    before, record = records_at(reader, sequence)
    return RecordShown(
        vault_id=vault_id,
        sequence=sequence,
        previous_hash=None if before is None else before["hash"],
        hash=record["hash"],
        record=as_text(record),
        explanation=explained(reader, sequence) if record["kind"] == "decision" else None,
    )
