"""More vaults than a process may have files for: idle journals and accounts are closed, and nothing else changes."""

import asyncio
import multiprocessing
from pathlib import Path

import pytest

from tests.vaults import crowd
from tests.vaults.fleets import events, plain

pytestmark = pytest.mark.usefixtures("data_dir")


def test_with_few_files_every_vault_does_the_same(tmp_path: Path) -> None:
    """Each record is what it is where all files stay open."""
    few, many = tmp_path / "few", tmp_path / "many"
    few.mkdir()
    many.mkdir()
    process = multiprocessing.get_context("spawn").Process(target=crowd.run_with_few_files, args=(few,))
    process.start()
    process.join()
    assert process.exitcode == 0
    asyncio.run(crowd.run(many))
    for vault_id in crowd.VAULTS:
        records = plain(events(few / "vaults", vault_id))
        assert records == plain(events(many / "vaults", vault_id))
        assert any(record["kind"] == "fill" for record in records)
