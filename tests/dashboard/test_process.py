"""The commands: beside a server and ending with it, on the demonstration, and what is refused at once."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from .rig import WITHIN_S, keys_of

SIGN_IN = re.compile(r"sign in with +(gxr_\w+)")
ADDRESS = re.compile(r"gxrisk dashboard: listening on (http://\S+)")


def command(*arguments: str | Path) -> list[str]:
    """The command, as this Python has it."""
    return [sys.executable, "-m", "gxrisk.cli", *map(str, arguments)]


def environment(**more: str) -> dict[str, str]:
    """Without any setting but these."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GXRISK_")} | more


def is_gone(url: str) -> bool:
    """Whether nobody answers there, at the latest after a while."""
    end = time.monotonic() + WITHIN_S
    while time.monotonic() < end:
        try:
            httpx.get(url, timeout=1)
        except httpx.TransportError:
            return True
    return False


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_beside_the_server_and_ending_with_it(tmp_path: Path, ending: signal.Signals) -> None:
    """In order or killed: no dashboard is left behind."""
    file = tmp_path / "gxrisk.toml"
    file.write_text(f'folder = "{tmp_path / "data"}"\n[http]\nport = 0\n')
    keys = keys_of(file, ["ann"])
    arguments = command("serve", file, "--dashboard", "--dashboard-port", "0")
    process = subprocess.Popen(arguments, env=environment(), stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        pages = next(found[1] for line in process.stderr if (found := ADDRESS.match(line)))
        with httpx.Client(base_url=pages, timeout=WITHIN_S) as client:
            assert client.post("/sign-in", data={"key": keys["read"]}).status_code == 303
            assert client.get("/").status_code == 200
        process.send_signal(ending)
        assert is_gone(pages)
        assert process.wait(WITHIN_S) == (0 if ending is signal.SIGTERM else -signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()


def test_the_demonstration_ends_with_it(tmp_path: Path) -> None:
    """The printed key opens the printed address; Ctrl-C ends all of it, in order."""
    process = subprocess.Popen(
        command("demo", "--serve", "--no-progress", "--port", "0"),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = []
    try:
        assert process.stdout is not None
        key = pages = ""
        for line in process.stdout:
            said.append(line)
            key = found[1] if (found := SIGN_IN.search(line)) else key
            pages = found[1] if (found := ADDRESS.match(line)) else pages
            if key and pages:
                break
        with httpx.Client(base_url=pages, timeout=WITHIN_S) as client:
            assert client.post("/sign-in", data={"key": key}).status_code == 303, "".join(said)
            page = client.get("/").text
        assert all(tier in page for tier in ("capital_guard", "growth", "high_octane"))
        process.send_signal(signal.SIGINT)
        assert process.wait(WITHIN_S) == 0
        assert is_gone(pages)
    finally:
        process.kill()
        process.communicate()


def test_the_demonstration_can_end_without_it() -> None:
    """In a terminal, where it would be opened: with `--no-serve` nothing listens, and the command ends by itself."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        command("demo", "--no-serve", "--no-progress"), env=environment(COLUMNS="100"), stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    said = b""
    with suppress(OSError):  # the end of a terminal
        while piece := os.read(ours, 65_536):
            said += piece
    os.close(ours)
    assert process.wait(WITHIN_S) == 0
    assert b"growth" in said
    assert b"listening" not in said
    assert b"sign in with" not in said


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://risk.example.com", "keys go over https alone"),
        ("ftp://127.0.0.1", "an address like"),
        ("http://user:gxr_secret@127.0.0.1:8780", "an address like"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(url: str, said: str) -> None:
    """In one line, without what may be a secret."""
    done = subprocess.run(
        command("dashboard", "--url", url, "--port", "0"),
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["dashboard"], ["serve", "--dashboard"], ["demo", "--serve", "--no-progress"]])
def test_without_its_extra_it_says_what_to_install(tmp_path: Path, arguments: list[str]) -> None:
    """Before anything is served."""
    script = "import sys; sys.modules['nicegui'] = None; from gxrisk.cli import app; app()"
    settings = (
        environment(GXRISK_FOLDER=str(tmp_path), GXRISK_HTTP__PORT="0") if arguments[0] == "serve" else environment()
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], env=settings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "pip install 'gxrisk[dashboard]'" in done.stderr
