"""Killed at every line of opening a vault for exits only, and of opening it whole again: it is the one or the other."""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from gxrisk import VaultError
from gxrisk.vaults import Vault

from tests.vaults.fleets import Listener, fleet
from tests.vaults.leaving import MODULE, TEXT, here, lose, mend
from tests.vaults.test_cut_short import killed_everywhere, memory

__all__ = ["memory"]


@contextmanager
def importing(folder: Path) -> Iterator[Path]:
    """The strategy's file there, as a new process would import it; the next kill's process inherits nothing of that."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", list(sys.path))
        patch.setattr(sys, "dont_write_bytecode", True)
        patch.delitem(sys.modules, MODULE, raising=False)
        yield here(folder)
        sys.modules.pop(MODULE, None)


def look(folder: Path, is_lost: bool) -> tuple[Vault, list[str]]:
    """The vault in the next process, and what its owner hears by then, before and after the kill."""
    listener = Listener()

    async def opened() -> Vault:
        one = fleet(folder, notify=listener)
        await one.open_all()
        assert one.failed == {}
        vault = one.vaults["ann"]
        await one.tick(1_513_555_260_000)
        assert vault.gate.state == "halted"
        if is_lost:
            with pytest.raises(VaultError, match="exits only"):
                vault.resume()
        await one.close()
        return vault

    with importing(folder) as file:
        assert file.exists() != is_lost
        return asyncio.run(opened()), listener.codes


def test_it_is_for_exits_only_whenever_the_kill_came(memory: Path) -> None:
    """Paused, on record and told once."""
    for folder in killed_everywhere(lose, memory):
        vault, codes = look(folder, True)
        assert "no module" in (vault.exits_only or "")
        assert codes == ["exits_only"]


def test_it_is_whole_again_whenever_the_kill_came(memory: Path) -> None:
    """Paused until somebody resumes it, also when the kill came before it was told so."""
    for folder in killed_everywhere(mend, memory):
        vault, codes = look(folder, False)
        assert vault.exits_only is None
        assert codes == ["exits_only", "exits_only_ended"]


def test_lost_for_a_moment(memory: Path) -> None:
    """Killed on the way to exits only, and the file is back at the next opening: whole, and paused if it was noted."""
    seen = set()
    for folder in killed_everywhere(lose, memory):
        (folder / f"{MODULE}.py").write_text(TEXT)

        async def opened(folder: Path = folder) -> tuple[bool, bool]:
            one = fleet(folder)
            vault = await one.open("ann")
            assert vault.exits_only is None
            was_noted = any(each.get("topic") == "exits_only" for each in vault.gate.events())
            assert not vault.gate.notes.get("exits_only")
            if was_noted:
                assert json.loads(vault.gate.notes["notices"])["waiting"][-1]["code"] == "exits_only_ended"
            is_paused = vault.gate.snapshot().paused
            await one.close()
            return was_noted, is_paused

        with importing(folder):
            seen.add(asyncio.run(opened()))
    assert seen == {(False, False), (True, True)}
