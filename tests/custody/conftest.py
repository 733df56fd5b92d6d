"""Passphrases and owners for the tests of custody."""

from pathlib import Path

import pytest
from gxrisk import ManualClock
from gxrisk.custody import create_owner_key

PASSPHRASE = "seven grey herons in the fog"  # noqa: S105 (of a test; found nowhere else, so that it can be looked for)


def private(file: Path, text: str) -> Path:
    """A file for its owner alone."""
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")
    return file


def key_files(journal: Path) -> set[str]:
    """The key files beside a journal."""
    return {file.name.removeprefix(journal.name) for file in journal.parent.glob(f"{journal.name}.key*")}


@pytest.fixture(autouse=True)
def _no_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GXRISK_PASSPHRASE", "GXRISK_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    """A file with the passphrase."""
    return private(tmp_path / "passphrase", f"{PASSPHRASE}\n")


@pytest.fixture
def owner(tmp_path: Path, passphrase: Path) -> Path:
    """The key file of an owner."""
    file = tmp_path / "owner.key"
    create_owner_key(file, "ann", passphrase_file=passphrase)
    return file


@pytest.fixture
def clock() -> ManualClock:
    """Noon."""
    return ManualClock("2020-03-12T12:00:00Z")


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Where the journal goes."""
    return tmp_path / "vault.gxr"
