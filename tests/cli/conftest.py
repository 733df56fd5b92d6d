"""Journals and keys for the commands, and a way to run them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from gxrisk import Gate, Limits, ManualClock, cli
from gxrisk.custody import create_owner_key
from typer.testing import CliRunner, Result

from .journals import START, Written, write_journal

PASSPHRASE_VARIABLES = ("GXRISK_PASSPHRASE", "GXRISK_PASSPHRASE_FILE")


@pytest.fixture(autouse=True)
def _no_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PASSPHRASE_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run `gxrisk` with arguments, in this process, without a terminal."""
    return lambda *args: CliRunner().invoke(cli.app, [str(arg) for arg in args])


@pytest.fixture(scope="session")
def passphrase(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a passphrase, for its owner alone."""
    file = tmp_path_factory.mktemp("passphrase") / "passphrase"
    file.touch(mode=0o600)
    file.write_text("correct horse battery staple\n")
    return file


@pytest.fixture(scope="session")
def owner(tmp_path_factory: pytest.TempPathFactory, passphrase: Path) -> Path:
    """The key file of an owner."""
    file = tmp_path_factory.mktemp("owner") / "owner.key"
    create_owner_key(file, "ann", passphrase_file=passphrase)
    return file


@pytest.fixture(scope="session")
def _sealed(tmp_path_factory: pytest.TempPathFactory, passphrase: Path, owner: Path) -> Written:
    folder = tmp_path_factory.mktemp("journal")
    return write_journal(folder / "demo.gxr", passphrase, owner)


@pytest.fixture
def journal(_sealed: Written, tmp_path: Path) -> Written:
    """A journal of one of everything, in a folder of its own."""
    folder = tmp_path / "journal"
    shutil.copytree(_sealed.file.parent, folder)
    return Written(folder / _sealed.file.name, _sealed.records)


@pytest.fixture
def unsealed(tmp_path: Path) -> Path:
    """A short journal of a vault whose keys nobody sealed."""
    file = tmp_path / "unsealed.gxr"
    with Gate("plain", Limits.for_tier("growth"), clock=ManualClock(START), journal=file) as gate:
        gate.deposit(10_000)
    return file
