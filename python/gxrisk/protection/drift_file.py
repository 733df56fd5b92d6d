"""The file of a drift reference: its JSON, and a hash that says whether it still is what was recorded."""

from hashlib import sha256
from hmac import compare_digest
from os import PathLike
from pathlib import Path
from typing import Final

from gxrisk.protection.drift import DriftError, DriftReference, DriftSettings

BYTES_MAX: Final = 1 << 28


def write_reference(reference: DriftReference, path: str | PathLike[str]) -> str:
    """Write a reference to a file and return the file's SHA-256, which reading asks for.

    >>> from tempfile import mkdtemp
    >>> from numpy.random import default_rng
    >>> file = Path(mkdtemp()) / "training.json"
    >>> digest = write_reference(DriftReference(["return_1"], default_rng(1).normal(size=(200, 1)), version="1"), file)
    >>> read_reference(file, digest).names
    ('return_1',)
    >>> read_reference(file, "0" * 64)
    Traceback (most recent call last):
    gxrisk.protection.drift.DriftError: the file's SHA-256 is not the one that was recorded: it was changed
    """
    content = reference.to_json().encode()
    Path(path).write_bytes(content)
    return sha256(content).hexdigest()


def read_reference(path: str | PathLike[str], digest: str, settings: DriftSettings | None = None) -> DriftReference:
    """The reference in the file whose SHA-256 was recorded as `digest`.

    Raises `DriftError` for a file that was changed or is none, `OSError` where there is none.
    """
    with Path(path).open("rb") as file:
        content = file.read(BYTES_MAX + 1)
    if len(content) > BYTES_MAX:
        raise DriftError(f"the file is larger than {BYTES_MAX} bytes")
    if not compare_digest(sha256(content).hexdigest(), digest):
        raise DriftError("the file's SHA-256 is not the one that was recorded: it was changed")
    return DriftReference.from_json(content.decode(), settings)
