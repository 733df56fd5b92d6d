"""A replay that keeps its records: the journal is one like any other, and what the screen said is in it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from gxrisk import JournalError, JournalReader, Limits, cli
from gxrisk.agent import Momentum
from gxrisk.feeds import reconstruct
from gxrisk.replay import ReplaySettings, VaultPlan, replay
from typer.testing import CliRunner, Result

MINUTES = 600
ROWS = [
    f"{1_583_971_200_000 + n * 60_000},{price},{price + 1},{price - 1},{price},1"
    for n, price in enumerate([8_000 + (n % 120) * 4 - n // 2 for n in range(MINUTES)])
]


def run(*args: object) -> Result:
    return CliRunner().invoke(cli.app, [str(arg) for arg in args])


def test_the_journal_of_a_replay_verifies_and_tells_what_happened(write: Callable[..., Path], tmp_path: Path) -> None:
    """The commands read it, its decisions are those that the screen counted, and keeping it changed none of them."""
    file, out, plain = tmp_path / "vault.gxr", tmp_path / "out.json", tmp_path / "plain.json"
    asked = ("replay", "--data", write(*ROWS), "--asset", "BTC", "--bar-minutes", 5, "--json")
    result = run(*asked, out, "--journal", file)
    assert result.exit_code == 0, result.output
    assert "gxrisk audit show prints them" in result.stdout
    assert run(*asked, plain).exit_code == 0
    assert out.read_bytes() == plain.read_bytes()

    # The file alone is all of it.
    file = shutil.copy(file, tmp_path / "copy.gxr")
    verified = run("audit", "verify", file)
    assert verified.exit_code == 0, verified.output
    assert "vault growth" in " ".join(verified.stdout.split())
    (vault,) = json.loads(out.read_text())["vaults"]
    decisions = [event for event in JournalReader(file).events() if event["kind"] == "decision"]
    outcomes = [event["outcome"] for event in decisions]
    assert outcomes.count("approved") >= vault["approved"] > 0
    assert outcomes.count("rejected") >= vault["rejected"] > 0
    shown = run("audit", "show", file, "--outcome", "approved").stdout.splitlines()
    assert len(shown) == outcomes.count("approved")
    page = run("explain", file, decisions[0]["sequence"])
    assert page.exit_code == 0, page.output
    assert f"Record {decisions[0]['sequence']} of growth" in page.stdout
    assert decisions[0]["order"]["reasoning"] in " ".join(page.stdout.split())


def test_a_file_that_is_there_is_never_written_over(write: Callable[..., Path], tmp_path: Path) -> None:
    """One line, no candle replayed, the file as it was."""
    file = tmp_path / "vault.gxr"
    file.write_text("mine")
    result = run("replay", "--data", write(*ROWS), "--asset", "BTC", "--journal", file)
    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1
    assert "vault.gxr" in result.stderr
    assert file.read_text() == "mine"


def test_each_vault_of_a_replay_has_a_file_of_its_own(tmp_path: Path) -> None:
    """Two vaults keep two journals; one file for both is refused."""
    settings = ReplaySettings(bar_ms=900_000)
    tiers = ("capital_guard", "high_octane")
    plans = [VaultPlan(tier, Limits.for_tier(tier), tmp_path / f"{tier}.gxr") for tier in tiers]
    result = replay([reconstruct()], Momentum, plans, settings)
    for plan, vault in zip(plans, result.vaults, strict=True):
        assert plan.journal is not None
        reader = JournalReader(plan.journal)
        assert reader.vault_id == plan.name == vault.name
        assert reader.verify()["approvals"] >= vault.approved
    shared = [VaultPlan(tier, Limits.for_tier(tier), tmp_path / "shared.gxr") for tier in tiers]
    with pytest.raises(JournalError, match=r"shared\.gxr"):
        replay([reconstruct()], Momentum, shared, settings)
