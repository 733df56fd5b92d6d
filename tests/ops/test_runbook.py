"""What the runbook says, done: backups beside a running server, a restore, new keys, and a line for every alert."""

from __future__ import annotations

import re
import shutil
import sqlite3
from pathlib import Path

import pytest
from gxrisk import CustodyError, Gate, Head, JournalReader
from gxrisk.metrics.counts import NOTICE_CODES
from gxrisk.metrics.fleet import FLEET_CODES
from gxrisk.server import alerting, trip_watch

from tests.api.desk import MANY, ORDER, config, serving

PAGE = Path(__file__).parents[2] / "docs" / "operate.md"


def passphrase(file: Path, words: str) -> Path:
    """A file that only its owner may read."""
    file.touch(mode=0o600)
    file.write_text(words)
    return file


def test_every_alert_has_its_line() -> None:
    """Breakers, notices of vaults and of the fleet, and the server's own."""
    table = PAGE.read_text(encoding="utf-8").partition("## What each alert means")[2].partition("\n## ")[0]
    told = {
        code for row in table.splitlines() for code in re.findall(r"`(\w+)`", row.split("|")[1] if "|" in row else "")
    }
    codes = trip_watch.CODES | NOTICE_CODES.keys() | FLEET_CODES.keys()
    codes |= {alerting.CRASHED, alerting.FLEET_FAILED, alerting.VAULT_FAILED}
    assert {one for one in codes if not one.endswith("_ended")} - told == set()


def test_a_backup_beside_a_running_server_is_whole(tmp_path: Path) -> None:
    """By SQLite's own backup, as the page has it; restored elsewhere it verifies, serves, and tells its history."""
    words = passphrase(tmp_path / "passphrase", "correct horse battery staple")
    live, restored = tmp_path / "live", tmp_path / "restored"
    with serving(config(live, keys=MANY, passphrase_file=words)) as server:
        server.made("ann")
        assert server.marks().status_code == 200
        assert server.call("POST", "/v1/vaults/ann/orders", ORDER, key="propose").json()["approved"]
        head = Head(**server.call("GET", "/v1/vaults/ann/audit/head", key="read").json())
        for name in ("vaults/ann/journal.gxr", "server.db"):
            _backup(live / "data" / name, restored / "data" / name)
        for file in (live / "data" / "venue").glob("*"):
            if file.is_file() and file.suffix not in (".db-wal", ".db-shm") and _is_database(file):
                _backup(file, restored / "data" / "venue" / file.name)
        key = "vaults/ann/journal.gxr.key"
        shutil.copy(live / "data" / key, restored / "data" / key)
        server.call("POST", "/v1/vaults/ann/holds", {"confidence": "0.5", "reasoning": "later"}, key="propose")
    found = JournalReader(restored / "data" / "vaults" / "ann" / "journal.gxr").verify(head)
    assert found["records"] >= head.sequence
    for folder in (restored / "data", *(restored / "data").rglob("*")):
        folder.chmod(0o700 if folder.is_dir() else 0o600)
    with serving(config(restored, keys=MANY, passphrase_file=words)) as server:
        assert server.call("GET", "/v1/vaults/ann").json()["equity"] == "10000"
        server.desk.projector.catch_up()
        rows = server.call("GET", "/v1/vaults/ann/decisions", key="read").json()["rows"]
        assert [one["outcome"] for one in rows] == ["approved"]


def test_new_keys_and_a_new_passphrase(tmp_path: Path) -> None:
    """By the page's own lines: the new passphrase opens, the old one does not, and the chain holds."""
    old = passphrase(tmp_path / "old", "correct horse battery staple")
    new = passphrase(tmp_path / "new", "another horse battery staple")
    settings = config(tmp_path, keys=MANY, passphrase_file=old)
    with serving(settings) as server:
        server.made("ann")
        journal = server.desk.journal("ann")
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.S)
    assert code is not None
    names: dict[str, object] = {}
    exec(code[1], names)  # noqa: S102 (it is ours)
    names["rotate"](journal, old, new)  # type: ignore[operator]
    with pytest.raises(CustodyError):
        Gate.open(journal, passphrase_file=old)
    JournalReader(journal).verify()
    with serving(config(tmp_path, keys=MANY, passphrase_file=new)) as server:
        assert server.call("GET", "/v1/vaults/ann").json()["equity"] == "10000"


def _is_database(file: Path) -> bool:
    return file.read_bytes()[:15] == b"SQLite format 3"


def _backup(source: Path, target: Path) -> None:
    """`.backup` of the command sqlite3."""
    target.parent.mkdir(parents=True, exist_ok=True)
    one, other = sqlite3.connect(f"file:{source}?mode=ro", uri=True), sqlite3.connect(target)
    try:
        one.backup(other)
    finally:
        one.close()
        other.close()
