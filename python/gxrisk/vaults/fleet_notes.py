"""The notes of a fleet itself: what belongs to no vault's journal, in a file of its folder."""

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import MappingProxyType
from typing import Final

FILE: Final = "_fleet.json"  # no vault may have such a name
FLEET: Final = "*"
_log = logging.getLogger("gxrisk.vaults")


class FleetNotes:
    """Texts by topic, written whole or not at all; without a folder they live as long as the process.

    A file that cannot be read is put aside and begun anew, with a line in the log. A failure to write is logged too: no
    vault may stop for it.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     FleetNotes(Path(folder)).note("notices", "none")
    ...     dict(FleetNotes(Path(folder)).notes)
    {'notices': 'none'}
    """

    vault_id: Final = FLEET

    def __init__(self, folder: Path | None = None) -> None:
        self._file = None if folder is None else folder / FILE
        self._notes = {} if self._file is None else _read(self._file)

    @property
    def notes(self) -> Mapping[str, str]:
        """The last text of each topic."""
        return MappingProxyType(self._notes)

    def note(self, topic: str, text: str) -> None:
        """Keep it."""
        self._notes[topic] = text
        if self._file is not None:
            try:
                write_whole(self._file, json.dumps(self._notes))
            except OSError:
                _log.exception("%s could not be written", self._file)


def write_whole(file: Path, text: str) -> None:
    """Write beside `file` and move it there once it is on disk."""
    with NamedTemporaryFile("w", encoding="utf-8", newline="", dir=file.parent, prefix=".", delete=False) as stream:
        beside = Path(stream.name)
        try:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
            beside.replace(file)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise


def _read(file: Path) -> dict[str, str]:
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(kept, dict) and all(isinstance(one, str) for one in kept.values()):
            return kept
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        pass
    aside = file.with_suffix(".damaged")
    _log.error("%s cannot be read; it is begun anew, and kept as %s", file, aside.name)
    try:
        file.replace(aside)
    except OSError:
        _log.exception("%s could not be put aside", file)
    return {}
