"""Seven recorded days on paper: who graduates, who does not and why, also when it is killed on the way."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from gxrisk import JournalReader, verify_note
from gxrisk.vaults.certificate import GraduationError, check
from gxrisk.vaults.fleet import JOURNAL
from gxrisk.vaults.version import StrategyVersion

from tests.week.running import MODELS, UNTIL_MS, opened, run, week

KILLS = int(os.environ.get("GXRISK_WEEK_KILLS", "4"))


@pytest.fixture(scope="module")
def data_dir() -> Path:
    """The folder of recorded candles."""
    folder = os.environ.get("GXRISK_DATA_DIR")
    if not folder:
        reason = "GXRISK_DATA_DIR names no folder of recorded candles"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return Path(folder)


@pytest.fixture(scope="module")
def after(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a fleet that has the week behind it."""

    async def all_three(folder: Path) -> None:
        fleet = await run(folder, week(data_dir), list(MODELS))
        assert not fleet.failed
        await fleet.close()

    folder = tmp_path_factory.mktemp("fleet")
    asyncio.run(all_three(folder))
    return folder


def judged(folder: Path, name: str) -> dict[str, Any]:
    """The requirements of a vault by name, with the certificate's token where there is one."""

    async def ask() -> dict[str, Any]:
        fleet = await opened(folder, [name])
        vault = fleet.vaults[name]
        graduation = vault.graduation(UNTIL_MS)
        found: dict[str, Any] = {one.name: one.passed for one in graduation.requirements}
        found["token"] = vault.certificate() if "certificate" in vault.gate.notes else None
        found["key"] = vault.gate.head().key
        await fleet.close()
        return found

    return asyncio.run(ask())


def story(journal: Path) -> list[dict[str, Any]]:
    """What happened, without what differs from run to run: keys, hashes, the journal's own openings."""
    secret = {"hash", "epoch", "signature", "wallet_key", "head_key", "state", "nonce"}
    events = [
        {name: value for name, value in event.items() if name not in secret}
        for event in JournalReader(journal).events()
        if event["kind"] not in ("keys", "checkpoint", "restarted")
    ]
    return [event for event in events if event.get("topic") != "certificate"]  # it names the chain's hash


@pytest.mark.parametrize(
    ("name", "days", "profit", "drawdown", "round_trips"),
    [
        ("momentum", True, True, True, True),
        ("contrary", True, False, True, True),
        ("patient", True, False, True, False),
    ],
)
def test_who_graduates_and_why_not(
    after: Path, name: str, days: bool, profit: bool, drawdown: bool, round_trips: bool
) -> None:
    found = judged(after, name)
    assert {key: found[key] for key in ("days", "profit", "drawdown", "round_trips")} == {
        "days": days, "profit": profit, "drawdown": drawdown, "round_trips": round_trips,
    }  # fmt: skip
    assert (found["token"] is not None) == (name == "momentum")


def test_the_certificate_is_for_this_content_alone(after: Path) -> None:
    found = judged(after, "momentum")
    version = StrategyVersion.of(MODELS["momentum"], "1")
    certificate = check(found["token"], found["key"], "momentum", version, "growth")
    assert certificate.strategy == version
    assert verify_note(found["token"], found["key"], "momentum")["topic"] == "certificate"
    changed = StrategyVersion(version.name, "1", "00" * 32)
    with pytest.raises(GraduationError) as refused:
        check(found["token"], found["key"], "momentum", changed, "growth")
    assert refused.value.code == "strategy_changed"


def test_the_same_seed_tells_the_same_story(after: Path, data_dir: Path, tmp_path: Path) -> None:
    """And a vault alone does what it did among others."""

    async def alone() -> None:
        fleet = await run(tmp_path, week(data_dir), ["momentum"])
        await fleet.close()

    asyncio.run(alone())
    first, again = story(after / "momentum" / JOURNAL), story(tmp_path / "momentum" / JOURNAL)
    assert len(again) > 500
    assert [event for event in first if event["sequence"] <= again[-1]["sequence"]] == again


def test_killed_on_the_way_it_graduates_once(data_dir: Path, tmp_path: Path) -> None:
    seed = int(os.environ.get("GXRISK_SEED", random.SystemRandom().randrange(2**32)))
    print(f"seed {seed}")  # noqa: T201
    chance = random.Random(seed)
    command = [sys.executable, "-m", "tests.week.running", str(data_dir), str(tmp_path), "momentum"]
    hours = [*sorted(chance.sample(range(1, 168), KILLS - 1)), 168]
    for hour in hours:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for told, _ in enumerate(child.stdout):
                if told >= hour:
                    child.kill()
                    break
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    journal = tmp_path / "momentum" / JOURNAL
    reader = JournalReader(journal)
    reader.verify()
    notes = [event for event in reader.events() if event["kind"] == "note"]
    assert len([event for event in notes if event["topic"] == "certificate"]) == 1
    told = [event["text"] for event in notes if event["topic"] == "notices" and '"graduated"' in event["text"]]
    assert len({text for text in told if '"waiting": []' not in text}) == 1
    assert len([event for event in reader.events() if event["kind"] == "flow"]) == 1
    found = judged(tmp_path, "momentum")
    assert found["days"]
    assert found["token"] is not None
