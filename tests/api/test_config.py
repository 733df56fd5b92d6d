"""Configuration: what is wrong is named with its place and what is allowed; nothing unknown passes; no secret shows."""

from decimal import Decimal
from pathlib import Path

import pytest
from gxrisk import Limits, cli
from gxrisk.config import ConfigError, load
from typer.testing import CliRunner

WORD = "hunter2-of-the-database"

# name, file, variables, what the one line must say
WRONG = [
    ("unknown key", "prot = 1", {}, ["prot: no such setting", "allowed are mode"]),
    ("near key", "fodler = 'x'", {}, ["fodler: no such setting; did you mean folder?"]),
    ("unknown in a section", "[http]\nprot = 1", {}, ["http.prot: no such setting; did you mean port?"]),
    ("unknown variable", "", {"GXRISK_HTTP__PROT": "1"}, ["GXRISK_HTTP__PROT: no such", "GXRISK_HTTP__PORT"]),
    ("port too large", "[http]\nport = 65536", {}, ["http.port: 65536 was given", "65535"]),
    ("port in a variable", "", {"GXRISK_HTTP__PORT": "-1"}, ["GXRISK_HTTP__PORT: '-1' was given", "0"]),
    ("unknown limit", "[limits]\nmax_lverage = 2", {}, ["max_lverage", "max_leverage"]),
    ("limit out of range", "[limits]\nmax_drawdown = 1.5", {}, ["limits.max_drawdown", "1.5", "0.000000001 to 1"]),
    ("limit in a variable", "", {"GXRISK_LIMITS__MAX_DRAWDOWN": "nan"}, ["GXRISK_LIMITS__MAX_DRAWDOWN", "nan"]),
    ("live without venue", 'mode = "live"', {}, ['mode "live" needs live_venue']),
    ("venue without live", 'live_venue = "a:b"', {}, ['mode is "paper"']),
    ("another mode", 'mode = "real"', {}, ["mode: 'real' was given", "'paper' or 'live'"]),
    ("no TOML", "mode = \nfolder", {}, ["no TOML", "line 1"]),
]


@pytest.mark.parametrize(("text", "variables", "said"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_is_wrong_is_said(tmp_path: Path, text: str, variables: dict[str, str], said: list[str]) -> None:
    """Where, what was seen, what is allowed."""
    file = tmp_path / "gxrisk.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load(file, environ=variables)
    for words in said:
        assert words in str(raised.value)


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    """One line for each."""
    file = tmp_path / "gxrisk.toml"
    file.write_text('mode = "real"\nidempotency_s = 1\n[http]\nport = "x"\n')
    with pytest.raises(ConfigError) as raised:
        load(file, environ={})
    assert len(str(raised.value).splitlines()) == 3


def test_variables_stand_over_the_file_one_by_one(tmp_path: Path) -> None:
    """The rest of a section stays as the file has it."""
    file = tmp_path / "gxrisk.toml"
    file.write_text('[http]\nport = 1\nhost = "::1"\n[limits]\nmax_drawdown = 0.1\n')
    found = load(file, environ={"GXRISK_HTTP__PORT": "2", "GXRISK_LIMITS__MAX_DAILY_LOSS": "0.01"})
    assert (found.http.port, found.http.host) == (2, "::1")
    assert found.limits == {"max_drawdown": "0.1", "max_daily_loss": "0.01"}


def test_variables_of_other_commands_are_let_alone() -> None:
    """The passphrase of the vaults' keys is one."""
    assert load(environ={"GXRISK_PASSPHRASE": "x", "HOME": "/"}).mode == "paper"


@pytest.mark.parametrize("profile", ["default", "production"])
def test_what_init_writes_check_takes(profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole, private, and never over a file."""
    for name in ("GXRISK_DATA_DIR", "GXRISK_SEED"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "gxrisk.toml"
    run = CliRunner()
    made = run.invoke(cli.app, ["config", "init", "--profile", profile, str(file)])
    assert made.exit_code == 0, made.output
    assert file.stat().st_mode & 0o777 == 0o600
    assert run.invoke(cli.app, ["config", "check", str(file)]).exit_code == 0
    assert run.invoke(cli.app, ["config", "init", str(file)]).exit_code == 1
    assert load(file, environ={}).mode == "paper"


def test_the_production_profile_holds_the_published_values(tmp_path: Path) -> None:
    """And each is one that a gate or the feed's guard holds to, not a number for show."""
    file = tmp_path / "gxrisk.toml"
    CliRunner().invoke(cli.app, ["config", "init", "--profile", "production", str(file)])
    found = load(file, environ={})
    limits = Limits.for_tier("growth").replace(**found.limits)
    assert (limits.stop_risk_budget, limits.max_position_fraction) == (Decimal("0.015"), Decimal("0.03"))
    assert (limits.max_daily_loss, limits.max_daily_trades) == (Decimal("0.03"), 50)
    assert found.feed.quality_window == 200


def test_no_password_shows(tmp_path: Path) -> None:
    """Neither in what check prints, nor in an error, nor in the object's own words."""
    file = tmp_path / "gxrisk.toml"
    file.write_text(f'database_url = "postgresql://risk:{WORD}@db/gxrisk"\nhistory_url = ["{WORD}"]\n')
    refused = CliRunner().invoke(cli.app, ["config", "check", str(file)], env={"GXRISK_SEED": None})
    assert refused.exit_code == 1
    file.write_text(f'database_url = "postgresql://risk:{WORD}@db/gxrisk"\n')
    shown = CliRunner().invoke(cli.app, ["config", "check", str(file)], env={"GXRISK_SEED": None})
    assert "***" in shown.stdout
    assert WORD not in refused.output + shown.output + repr(load(file, environ={}))
