"""A result as a JSON file, whole or not at all."""

import json
import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from gxrisk.replay.costs import ReplayError
from gxrisk.replay.result import ReplayResult


def check_writable(file: Path) -> None:
    """Refuse a place that cannot be written before the work is done, not after it."""
    if file.is_dir():
        raise ReplayError(f"--json: {file} is a folder")
    if not file.parent.is_dir():
        raise ReplayError(f"--json: there is no folder {file.parent}")
    if not os.access(file.parent, os.W_OK):
        raise ReplayError(f"--json: {file.parent} cannot be written")


def write_json(result: ReplayResult, file: Path) -> None:
    """Write beside `file` and move it there once it is on disk."""
    text = json.dumps(result.to_dict(), indent=2) + "\n"
    with NamedTemporaryFile("w", encoding="utf-8", dir=file.parent, prefix=f".{file.name}.", delete=False) as stream:
        beside = Path(stream.name)
        try:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
            beside.replace(file)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    file.chmod(0o666 & ~_umask())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
