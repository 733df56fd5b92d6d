"""`gxrisk drill`: its configuration, its exit codes, what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from gxrisk import JournalReader, Limits
from gxrisk.cli import app
from gxrisk.drills import SCENARIOS, ConfigError, read_config
from typer.testing import CliRunner, Result

from .test_invariants import Lying


def drill(*args: object) -> Result:
    """`gxrisk drill` in this process."""
    return CliRunner().invoke(app, ["drill", *map(str, args)])


def config(folder: Path, text: str) -> Path:
    """A file with this configuration."""
    file = folder / "drill.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_example_runs_and_the_journals_can_be_audited(tmp_path: Path) -> None:
    file, out, answer = tmp_path / "drill.toml", tmp_path / "journals", tmp_path / "answer.json"
    assert drill("--init", file).exit_code == 0
    assert read_config(file).limits == Limits.for_tier("growth")
    done = drill("flash-crash", "--config", file, "--out", out, "--json", answer)
    assert done.exit_code == 0, done.output
    assert "All 1 drills held." in done.stdout
    (found,) = json.loads(answer.read_text())["drills"]
    assert (found["scenario"], found["held"]) == ("flash-crash", True)
    assert JournalReader(out / "flash-crash-1" / "drill" / "journal.gxr").verify()["records"] > 100
    assert drill("--init", file).exit_code == 2, "nothing is overwritten"
    assert drill("flash-crash", "--config", file, "--out", out).exit_code == 2


def test_the_list_names_each_scenario() -> None:
    done = drill("--list")
    assert done.exit_code == 0
    assert all(name in done.stdout for name in SCENARIOS)


def test_a_broken_invariant_ends_with_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCENARIOS, "liar", replace(SCENARIOS["flash-crash"], name="liar", venue=Lying))
    done = drill("liar", "--config", config(tmp_path, 'limits = "growth"'))
    assert done.exit_code == 1
    assert "BROKEN: account (balance: the gate has" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "limits: missing"),
        ('limits = "growth"\nlimit = 1', "limit: there is no such key"),
        ('limits = "huge"', "a tier (capital_guard, growth, high_octane) or a file"),
        ("[limits]\nmax_concentartion = 1", '"max_concentartion" is not a limit'),
        ('[limits]\ntier = "huge"', "limits.tier: 'huge' was given"),
        ('limits = "growth"\ndeposit = 0', "deposit: 0 was given"),
        ('limits = "growth"\ndeposit = nan', "deposit"),
        ('limits = "growth"\nbar_s = 90', "bar_s: 90 was given"),
        ('limits = "growth"\nmodels = ["nowhere:Model"]', "no module 'nowhere'"),
        ('limits = "growth"\nassets = ["A", "A"]', "each may be named once"),
        ('limits = "growth"\n[groups]\nall = ["ETH"]', "ETH is not among assets (BTC)"),
        ("limits =", "drill.toml"),
    ],
)
def test_a_bad_configuration_ends_with_2_and_says_what_was_seen(tmp_path: Path, text: str, said: str) -> None:
    file = config(tmp_path, text)
    with pytest.raises(ConfigError):
        read_config(file)
    done = drill("all", "--config", file)
    assert done.exit_code == 2
    assert said in done.stderr


def test_limits_may_be_a_file_or_a_table(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('tier = "growth"\nmax_leverage = 3\n')
    assert read_config(config(tmp_path, 'limits = "mine.toml"')).limits.max_leverage == 3
    inline = read_config(config(tmp_path, '[limits]\ntier = "growth"\nmax_leverage = 2.5'))
    assert inline.limits == Limits.for_tier("growth").replace(max_leverage="2.5")


@pytest.mark.parametrize("args", [(), ("nothing", "--config", "x.toml")])
def test_what_is_missing_or_unknown_ends_with_2(args: tuple[str, ...]) -> None:
    assert drill(*args).exit_code == 2


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    places = tmp_path / "temporary"
    places.mkdir()
    command = [sys.executable, "-m", "gxrisk.cli", "drill", "all", "--config", config(tmp_path, 'limits = "growth"')]
    running = subprocess.Popen(
        command, env={**os.environ, "TMPDIR": str(places)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        while not list(places.glob("gxrisk-drill-*/drill/journal.gxr")):
            assert running.poll() is None
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == 130, said
    assert list(places.iterdir()) == []
