"""The shell, TOML and other blocks of the documentation: what they name is there, and what can run here, runs."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
from gxrisk import Gate, Limits, ManualClock, order
from gxrisk.alerts import AlertSettings
from gxrisk.cli import app

from tests.api.processes import environment
from tests.docs.test_docs import PAGES, ROOT, blocks, named

LOOKED_AT = {"console", "json", "pycon", "python", "sh", "sql", "text", "toml"}
OTHERS = re.compile(r"\b(useradd|chown|install|usermod|podman|--name) ")
URL = "http://127.0.0.1:8780"


def lines(page: Path) -> list[str]:
    """The commands of a page's shell blocks, those that go over several lines as one."""
    text = "\n".join(blocks(page, "sh")).replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip()]


def words_of(line: str) -> list[str]:
    """What follows `gxrisk` in a line, up to a pipe or a redirection; none where it is no command."""
    found = re.search(r"(?:^|[\s(/]|as-)gxrisk(?= [a-z])(.*)", line)
    if found is None or OTHERS.search(line):
        return []
    return shlex.split(re.split(r"\)|\s\||\s2?>|\s&|;", found[1])[0], comments=True)


COMMANDS = sorted({(named(page), line) for page in PAGES for line in lines(page) if words_of(line)})


def test_every_block_is_of_a_kind_that_is_looked_at() -> None:
    """`py` alone is left out on purpose: parts of programs, for reading."""
    kinds = {kind for page in PAGES for kind in re.findall(r"^```(\w+)$", page.read_text(encoding="utf-8"), re.M)}
    assert kinds - {"py"} <= LOOKED_AT


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_parts_of_programs_are_python(page: Path) -> None:
    """Those that cannot run alone at least are what they say."""
    for text in blocks(page, "py"):
        compile(text, named(page), "exec")


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_every_command_and_option_is_there(page: str, line: str) -> None:
    """Also in the blocks that need a machine of their own."""
    words = words_of(line)
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        word = words.pop(0)
        assert word in command.commands, f"{page}: there is no gxrisk command {word}"
        command = command.commands[word]
    known = {"--help", *(one for each in command.params for one in (*each.opts, *each.secondary_opts))}
    options = {word.partition("=")[0] for word in words if word.startswith("-") and len(word) > 1}
    assert options <= known, page


def test_commands_were_found() -> None:
    assert len(COMMANDS) > 30


def test_the_server_s_and_the_client_s_commands_run(tmp_path: Path) -> None:
    """As docs/server.md, docs/cli.md and docs/dashboard.md have them, one after the other, on free ports."""
    setup, serving = lines(ROOT / "docs" / "server.md")[:5], lines(ROOT / "docs" / "server.md")[5]
    keys = [said(tmp_path, line) for line in setup]
    operator = re.findall(r"gxr_\w+", keys[2])[0]
    (tmp_path / "operator.key").write_text(operator)
    (tmp_path / "operator.key").chmod(0o600)
    (tmp_path / "momentum.py").write_text("# a strategy\n")
    pages = lines(ROOT / "docs" / "dashboard.md")
    assert serving == "gxrisk serve gxrisk.toml"
    assert pages[1:] == [f"gxrisk dashboard --url {URL}", f"{serving} --dashboard"]
    server, url = begun(tmp_path, serving)
    dashboard = None
    try:
        for line in lines(ROOT / "docs" / "cli.md")[1:]:
            said(tmp_path, line, "--yes" if " kill " in line else "", GXRISK_URL=url, GXRISK_KEY_FILE="operator.key")
        dashboard, shown = begun(tmp_path, pages[1].replace(URL, url) + " --port 0")
        assert httpx.post(f"{shown}/sign-in", data={"key": operator}).status_code == 303
    finally:
        for process in (server, dashboard):
            if process is not None:
                process.kill()
                process.communicate()


def test_the_history_s_commands_run(tmp_path: Path) -> None:
    """As docs/history.md has them, beside a vault's journal; without `--follow`, which lasts."""
    journal = tmp_path / "vaults" / "my-vault.gxr"
    journal.parent.mkdir()
    clock = ManualClock("2026-01-05T12:00:00Z")
    with Gate("my-vault", Limits.for_tier("growth"), clock=clock, journal=journal) as gate:
        gate.deposit(10_000)
        gate.mark("BTC", 100, atr=1)
        wish = order("BTC", "buy", 10, confidence=1, reasoning="an example", stop_loss=98)
        gate.apply_fill(gate.authorize(wish).order_id, "1", 10, 100)
    for file in journal.parent.glob("my-vault.gxr*"):
        shutil.copy(file, tmp_path)
    commands = lines(ROOT / "docs" / "history.md")
    assert commands[0].endswith(" --follow")
    told = [said(tmp_path, line.removesuffix(" --follow")) for line in commands]
    assert "my-vault" in told[1]
    assert (tmp_path / "trades.csv").is_file()
    assert "an example" in told[3]


def test_the_configuration_is_taken() -> None:
    """The alerts' table, as `AlertSettings` reads it."""
    (text,) = blocks(ROOT / "docs" / "alerts.md", "toml")
    settings = AlertSettings.model_validate(tomllib.loads(text)["alerts"])
    assert settings.channels.keys() == {"slack", "mail", "sms"}


def test_the_tables_and_the_messages_are_what_they_say() -> None:
    """The journal's tables can be made, and each message of the order stream is JSON."""
    for page in PAGES:
        for text in blocks(page, "sql"):
            sqlite3.connect(":memory:").executescript(text)
        for text in blocks(page, "json"):
            assert all(json.loads(line) for line in text.splitlines())


def told(folder: Path, **settings: str) -> dict[str, str]:
    """An environment in which `gxrisk` is this Python's, and nothing is set but where its data are."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return environment() | {"PATH": path, "GXRISK_FOLDER": str(folder / "data"), "GXRISK_HTTP__PORT": "0"} | settings


def said(folder: Path, line: str, more: str = "", **settings: str) -> str:
    """What a command says in a folder; it works."""
    command = ["bash", "-c", f"{line} {more}"]
    done = subprocess.run(
        command, cwd=folder, env=told(folder, **settings), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
    return done.stdout


def begun(folder: Path, line: str) -> tuple[subprocess.Popen[str], str]:
    """A command that goes on, and where it says that it listens."""
    process = subprocess.Popen(
        ["bash", "-c", f"exec {line}"], cwd=folder, env=told(folder), stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for heard in process.stderr:
        if ": listening on " in heard:
            return process, heard.rpartition(" ")[2].strip()
    raise AssertionError(f"{line} never listened")
