"""Real candles, an owner's key, and no passphrase of the machine's."""

import os
from pathlib import Path

import pytest
from gxrisk.custody import create_owner_key

from tests.vaults.fleets import Owner


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of recorded candles."""
    folder = os.environ.get("GXRISK_DATA_DIR")
    if not folder:
        reason = "GXRISK_DATA_DIR names no folder of recorded candles"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return Path(folder)


@pytest.fixture(scope="session")
def passphrase(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a passphrase, for its owner alone."""
    file = tmp_path_factory.mktemp("passphrase") / "passphrase"
    file.touch(mode=0o600)
    file.write_text("correct horse battery staple\n")
    return file


@pytest.fixture(scope="session")
def owner(passphrase: Path) -> Owner:
    """An owner with a master key."""
    key = passphrase.with_name("owner.key")
    return Owner(key, create_owner_key(key, "ann", passphrase_file=passphrase), passphrase)
