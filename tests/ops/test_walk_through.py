"""The README's server, as a newcomer types it: real commands, a real process, a real receiver of alerts."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.alerts.receivers import webhook

README = Path(__file__).parents[2] / "README.md"
WITHIN_S = 600


def script(port: int) -> str:
    """The block of commands under the heading, on a port that is free here; and the server's number for the end."""
    section = README.read_text(encoding="utf-8").partition("\n## A server in a minute\n")[2].partition("\n## ")[0]
    found = re.search(r"```sh\n(.*?)```", section, flags=re.S)
    assert found is not None
    assert "127.0.0.1:8780" in found[1]
    served = found[1].replace("8780", str(port)).replace("2> gxrisk.log &\n", "2> gxrisk.log &\necho $! > server.pid\n")
    return f"set -eu\n{served}"


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def test_the_readme_s_server_does_what_it_says(tmp_path: Path) -> None:
    """A refused and an approved order, an alert that arrives, a metric; and a log that is JSON without any key."""
    port = free_port()
    with webhook() as receiver:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GXRISK_")}
        environment |= {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "SLACK": f"json://127.0.0.1:{receiver.port}/",
            "GXRISK_ALERTS__ALLOWED_NETWORKS": '["127.0.0.0/8"]',
            "GXRISK_HTTP__PORT": str(port),
        }
        try:
            with (tmp_path / "said").open("wb") as said_file:  # no pipe, which the server would keep open
                done = subprocess.run(
                    ["bash", "-c", script(port)],
                    cwd=tmp_path,
                    env=environment,
                    stdout=said_file,
                    stderr=subprocess.STDOUT,
                    check=False,
                    timeout=WITHIN_S,
                )
            text = (tmp_path / "said").read_text(encoding="utf-8")
            assert done.returncode == 0, text + _log(tmp_path)
            said = [one for one in text.splitlines() if not one.startswith("This is the one time")]
            assert said[0].split()[:2] == ["slack", "sent"], text
            assert "exit code 3: refused" in said
            assert "the order is worth 321500" in " ".join(text.split())
            assert sum("approved" in one for one in said) == 1, text
            assert said[-1] == 'gxrisk_vault_killed{vault="growth-1"} 1.0'
            alert = _heard(receiver.bodies, "killed")
            assert "growth-1" in alert["title"]
        finally:
            _end(tmp_path)
    lines = [json.loads(one) for one in _log(tmp_path).splitlines() if one.startswith("{")]
    requests = [one for one in lines if one["logger"] == "gxrisk.access"]
    assert {"POST"} <= {one["method"] for one in requests}
    assert "gxr_" not in _log(tmp_path)


def _heard(bodies: list[bytes], word: str) -> dict[str, str]:
    """The message with a word in it, once it is there."""

    end = time.monotonic() + WITHIN_S
    while time.monotonic() < end:
        for body in tuple(bodies):
            message: dict[str, str] = json.loads(body)
            if word in message["title"] + message["message"]:
                return message
    pytest.fail(f"no alert with {word!r} came: {bodies}")


def _end(folder: Path) -> None:
    """The server that the script left running."""
    file = folder / "server.pid"
    if file.exists():
        os.kill(int(file.read_text()), signal.SIGTERM)
        end = folder / "gxrisk.log"

        until = time.monotonic() + WITHIN_S
        while "gxrisk: stopped" not in end.read_text(encoding="utf-8"):
            assert time.monotonic() < until, "it does not stop"


def _log(folder: Path) -> str:
    file = folder / "gxrisk.log"
    return file.read_text(encoding="utf-8") if file.exists() else ""
