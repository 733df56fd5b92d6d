"""The systemd unit: one that systemd takes, hardened, and whose settings the server knows."""

from __future__ import annotations

import re
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest
from gxrisk.config import HttpConfig, load

UNIT = Path(__file__).parents[2] / "ops" / "gxrisk.service"
EXPOSURE_MAX = 2.0  # of 10; systemd calls up to 2 "OK"
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")


def service() -> list[tuple[str, str]]:
    """The lines of [Service]; a setting may be there more than once."""
    text = UNIT.read_text(encoding="utf-8").partition("[Service]\n")[2].partition("\n[")[0]
    return [(one.partition("=")[0], one.partition("=")[2]) for one in text.splitlines() if one and one[0] != "#"]


def test_what_it_must_say() -> None:
    """Its own user, no new privileges, the system read-only, the passphrase as a credential, restarts, time to stop."""
    said = dict(service())
    assert said["User"] not in ("", "root")
    assert (said["NoNewPrivileges"], said["ProtectSystem"], said["Restart"]) == ("yes", "strict", "on-failure")
    assert said["LoadCredential"].startswith("passphrase:")
    assert (said["StateDirectoryMode"], said["RuntimeDirectoryMode"], said["UMask"]) == ("0700", "0700", "0077")
    assert int(said["TimeoutStopSec"]) > HttpConfig().shutdown_s + 5
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(UNIT, encoding="utf-8")
    assert set(parser.sections()) == {"Unit", "Service", "Install"}


def test_its_variables_are_settings() -> None:
    """The server refuses what it does not know; the unit's would be in its way."""
    given = dict(re.fullmatch(r"(\w+)=(.*)", value).groups() for name, value in service() if name == "Environment")  # type: ignore[union-attr]
    found = load(environ={name: value.replace("%S", "/var/lib").replace("%t", "/run") for name, value in given.items()})
    assert found.folder == Path("/var/lib/gxrisk")
    assert found.passphrase_file == Path("/run/gxrisk/passphrase")


@needs_systemd
def test_systemd_takes_it(tmp_path: Path) -> None:
    """Every line, without a warning; only where the program lies is another here."""
    here = tmp_path / "gxrisk.service"
    program = shutil.which("true")
    assert program is not None
    here.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={program}", UNIT.read_text(encoding="utf-8"), flags=re.M))
    found = subprocess.run(
        [str(ANALYZE), "verify", "--man=no", str(here)], capture_output=True, text=True, check=False, timeout=60
    )
    about_it = [line for line in found.stderr.splitlines() if "gxrisk" in line]
    assert (found.returncode, about_it) == (0, []), found.stderr


@needs_systemd
def test_it_is_hardened() -> None:
    """By systemd's own measure."""
    command = [str(ANALYZE), "security", "--offline=true", f"--threshold={int(EXPOSURE_MAX * 10)}", "--no-pager"]
    found = subprocess.run([*command, str(UNIT)], capture_output=True, text=True, check=False, timeout=60)
    assert found.returncode == 0, found.stdout
    level = re.search(r"Overall exposure level for gxrisk.service: ([\d.]+)", found.stdout)
    assert level is not None, found.stdout
    assert float(level[1]) <= EXPOSURE_MAX
