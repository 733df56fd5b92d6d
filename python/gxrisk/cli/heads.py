"""The head of a chain as a file of JSON, to be kept where whoever writes the journal cannot reach."""

import json
from pathlib import Path
from typing import Any, Final

from gxrisk._native import GxriskError, Head
from gxrisk.cli.failures import CommandError

_BYTES_MAX: Final = 10_000
_FIELDS: Final = ("vault_id", "sequence", "epoch", "hash", "key", "signature")


def head_dict(head: Head) -> dict[str, Any]:
    """A head as JSON holds it, its bytes in hex."""
    return {
        "vault_id": head.vault_id,
        "sequence": head.sequence,
        "epoch": head.epoch,
        "hash": head.hash.hex(),
        "key": None if head.key is None else head.key.hex(),
        "signature": None if head.signature is None else head.signature.hex(),
    }


def read_head(file: Path) -> Head:
    """The head in a file that `gxrisk audit head --out` wrote. Raises `CommandError` for any other."""

    def wrong(what: str) -> CommandError:
        return CommandError(f"{file} holds no head: {what}; gxrisk audit head --out {file} writes one")

    with file.open("rb") as stream:
        text = stream.read(_BYTES_MAX + 1)
    if len(text) > _BYTES_MAX:
        raise wrong(f"it is longer than {_BYTES_MAX:,} bytes")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise wrong("it is no JSON") from None
    if not isinstance(data, dict) or sorted(data) != sorted(_FIELDS):
        raise wrong(f"a head has {', '.join(_FIELDS)}")
    for field, kind in (("sequence", int), ("epoch", int), ("vault_id", str), ("hash", str)):
        if type(data[field]) is not kind:
            raise wrong(f"its {field} is {data[field]!r:.60}")
    try:
        return Head(**data)
    except (GxriskError, TypeError, OverflowError) as error:
        raise wrong(str(error)) from None


def check_replaceable(file: Path, head: Head) -> None:
    """Refuse to write a head over anything but an earlier head of the same vault.

    The later head that was kept is what shows that records were cut off: it must not be lost to an earlier one.
    """
    if not file.exists():
        return
    kept = read_head(file)
    same = kept.sequence == head.sequence and (kept.epoch, kept.hash) == (head.epoch, head.hash)
    if kept.vault_id != head.vault_id or not (same or kept.sequence < head.sequence):
        raise CommandError(
            f"--out: {file} holds the head of record {kept.sequence} of {kept.vault_id}, which this head "
            f"(record {head.sequence} of {head.vault_id}) does not follow on; "
            "see gxrisk audit verify --head, or choose another name"
        )
