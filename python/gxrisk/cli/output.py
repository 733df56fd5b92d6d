"""What a command writes: a file whole or not at all, JSON with exact decimals."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TextIO, cast

from gxrisk.cli.failures import CommandError


def check_writable(file: Path, option: str) -> None:
    """Refuse a place that cannot be written before the work is done, not after it."""
    if file.is_dir():
        raise CommandError(f"{option}: {file} is a folder")
    if not file.parent.is_dir():
        raise CommandError(f"{option}: there is no folder {file.parent}")
    if not os.access(file.parent, os.W_OK):
        raise CommandError(f"{option}: {file.parent} cannot be written")


def as_json(value: object, *, indent: int | None = 2) -> str:
    """JSON in ASCII, with every Decimal as text, exactly.

    >>> as_json({"amount": Decimal("1E-9")}, indent=None)
    '{"amount": "0.000000001"}'
    """
    return json.dumps(value, indent=indent, default=_text)


def write_json(value: object, file: Path) -> None:
    """Write beside `file` and move it there once it is on disk."""
    text = as_json(value) + "\n"
    with replacing(file) as stream:
        stream.write(text)


@contextmanager
def replacing(file: Path, *, newline: str | None = None) -> Iterator[TextIO]:
    """A stream beside `file`, which is moved there once all is written and on disk; else `file` is as it was."""
    with NamedTemporaryFile(
        "w", encoding="utf-8", newline=newline, dir=file.parent, prefix=f".{file.name}.", delete=False
    ) as stream:
        beside = Path(stream.name)
        try:
            yield cast(TextIO, stream)
            stream.flush()
            os.fsync(stream.fileno())
            beside.replace(file)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    file.chmod(0o666 & ~_umask())


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
