"""The commands of owners, operators and agents: the real ones, against a real server."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gxrisk import cli
from gxrisk.custody import create_owner_key, sign_withdrawal
from typer.testing import CliRunner, Result

from tests.api.processes import WITHIN_S, environment, gxrisk

from .serving import Serving

EVIL = "up \x1b[2J\x1b]0;title\x07 \u202e down"
BUY = ["BTC", "buy", "0.1", "--confidence", "0.8", "--reasoning", EVIL, "--stop-loss", "98"]
GREEDY = ["BTC", "buy", "1000", "--confidence", "0.8", "--reasoning", "all in", "--stop-loss", "98"]
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def files(server: Serving, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A key file for each scope, as people have them."""
    folder = tmp_path_factory.mktemp("keys")
    made = {}
    for scope, key in server.keys.items():
        made[scope] = folder / scope
        made[scope].touch(mode=0o600)
        made[scope].write_text(key + "\n")
    return made


@pytest.fixture
def run(server: Serving, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `gxrisk` in this process with the key of a scope."""
    monkeypatch.setenv("GXRISK_URL", server.url)

    def ran(*args: object, scope: str = "operate", text: str | None = None) -> Result:
        monkeypatch.setenv("GXRISK_KEY_FILE", str(files[scope]))
        return CliRunner().invoke(cli.app, [str(arg) for arg in args], input=text)

    return ran


def shown(result: Result, code: int = 0) -> Any:
    """What a command told as JSON."""
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_a_vault_s_life(run: Run, tmp_path: Path) -> None:
    """From making it to closing it, each control by its command; every JSON has the shape that the API has."""
    code = tmp_path / "momentum.py"
    code.write_text("# a strategy\n")
    made = ["vault", "create", "eve", "--tier", "growth", "--strategy", "momentum", "--version", "1", "--bar-s", 1]
    vault = shown(run(*made, "--content", code, "--asset", "BTC", "--json"))
    assert (vault["vault_id"], vault["tier"], vault["state"], vault["equity"]) == ("eve", "growth", "active", "0")
    assert {"vault_id": "eve", "status": "running"} in shown(run("vault", "list", "--json"))
    for _ in range(2):
        assert shown(run("vault", "fund", "eve", "2500.5", "--transfer-id", "t-1", "--json"))["equity"] == "2500.5"
    assert run("vault", "pause", "eve").stdout == "eve: halted, paused, tier growth, equity 2500.5\n"
    assert run("vault", "resume", "eve").stdout == "eve: active, tier growth, equity 2500.5\n"
    assert run("vault", "reopen", "eve").stdout == "eve: active, tier growth, equity 2500.5\n"
    whole = shown(run("vault", "show", "eve", "--json"))
    assert whole.keys() == {"vault", "breakers", "positions"}
    assert run("vault", "show", "eve").stdout.splitlines()[0].split() == ["vault_id", "eve"]
    assert shown(run("vault", "limits", "eve", "--json"))["max_daily_trades"] > 0
    assert shown(run("vault", "scale", "eve", "0.5", "--json")) == {"risk_scale": "0.5"}
    assert "owner_only" in run("vault", "scale", "eve", "1").stderr
    assert shown(run("vault", "reconcile", "eve", "--json"))["is_equal"] is True
    flat = run("vault", "close", "eve", "BTC", "--reason", "a drill")
    assert (flat.exit_code, flat.stdout, "vault_state" in flat.stderr) == (1, "", True)
    refused = run("vault", "retire", "eve", "--reason", "over", "--yes")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("gxrisk: ")


def test_an_owner_s_controls(run: Run) -> None:
    """Kill, reactivate, tier and limits; a limit is of the kind that it is."""
    killed = shown(run("kill", "ann", "--reason", "a drill", "--yes", "--json", scope="own"))
    assert killed == {"vault_ids": ["ann"]}
    lines = run("vault", "show", "ann", scope="own").stdout.splitlines()
    assert ["is_killed", "yes"] in [line.split() for line in lines]
    back = shown(run("vault", "reactivate", "ann", "--json", scope="own"))
    assert (back["is_killed"], back["state"]) == (False, "active")
    assert shown(run("vault", "tier", "ann", "capital_guard", "--json", scope="own"))["tier"] == "capital_guard"
    assert shown(run("vault", "tier", "ann", "growth", "--json", scope="own"))["tier"] == "growth"
    changes = ["--set", "max_daily_trades=7", "--set", "assets=BTC,ETH", "--set", "max_drawdown=0.05"]
    now = shown(run("vault", "limits", "ann", *changes, "--set", "max_order_notional=5000", "--json", scope="own"))
    assert (now["max_daily_trades"], now["assets"], now["max_drawdown"]) == (7, ["BTC", "ETH"], "0.05")
    off = run("vault", "limits", "ann", "--set", "max_order_notional=off", "--set", "assets=off", scope="own")
    assert "assets                   off" in off.stdout
    for wrong, said in (
        ("nonsense=1", "NAME one of"),
        ("max_daily_trades=many", "a whole number"),
        ("x", "NAME=VALUE"),
    ):
        refused = run("vault", "limits", "ann", "--set", wrong, scope="own")
        assert refused.exit_code == 1
        assert said in refused.stderr


def test_an_agent_s_orders(run: Run, server: Serving) -> None:
    """Asked, proposed, seen, ended; 3 is a refusal, which is no failure."""
    server.marks()
    asked = run("order", "validate", "ann", *BUY, scope="propose")
    assert asked.exit_code == 0, asked.output
    assert asked.stdout.splitlines()[0] == "approved"
    assert asked.stdout.splitlines()[-1].startswith("the most that would pass: ")
    named = [*BUY, "--client-order-id", "mine-1", "--json"]
    first = shown(run("order", "propose", "ann", *named, scope="propose"))
    assert (first["outcome"], first["approved"], first["violations"]) == ("approved", True, [])
    assert shown(run("order", "propose", "ann", *named, scope="propose")) == first
    greedy = run("order", "propose", "ann", *GREEDY, scope="propose")
    assert greedy.exit_code == 3
    assert greedy.stdout.startswith("rejected, record ")
    assert "  position_size: " in greedy.stdout
    would = shown(run("order", "validate", "ann", *GREEDY, "--json", scope="propose"), 3)
    assert {"position_size"} <= {one["rule"] for one in would["violations"]}
    working = shown(run("order", "list", "ann", "--json", scope="read"))
    assert first["order_id"] in [one["order_id"] for one in working]
    assert first["order_id"] in run("order", "list", "ann", scope="read").stdout
    ended = run("order", "cancel", "ann", first["order_id"], scope="propose")
    assert ended.stdout == f"{first['order_id']}: the venue was asked to cancel it\n"
    found: list[Any] = []
    while len(found) < 2:  # the history is told soon, not at once
        found = shown(run("order", "decisions", "ann", "--count", 2, "--json", scope="read"))
    assert [one["outcome"] for one in found] == ["rejected", "approved"]
    page = run("order", "decisions", "ann", "--outcome", "rejected", scope="read").stdout
    assert "\x1b" not in page
    assert "position_size" in page


def test_a_signed_withdrawal(run: Run, tmp_path: Path) -> None:
    """The owner's master key signs it here; the server takes it as it is."""
    passphrase = tmp_path / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text("correct horse battery staple\n")
    key = tmp_path / "owner.key"
    public = create_owner_key(key, "ann", passphrase_file=passphrase).hex()
    strategy = ["--strategy", "x", "--version", "1", "--content-hash", "0" * 64]
    assert run("vault", "create", "rich", "--tier", "growth", *strategy, "--owner-key", public).exit_code == 0
    assert run("vault", "fund", "rich", 100, "--transfer-id", "t", scope="own").exit_code == 0
    expires = "2199-01-01T00:00:00Z"
    signed = sign_withdrawal(key, "rich", 40, "acct-1", expires=expires, passphrase_file=passphrase).hex()
    assert "forbidden" in run("vault", "withdraw", "rich", signed, scope="propose").stderr
    forged = run("vault", "withdraw", "rich", signed[:-2] + "00", scope="own")
    assert (forged.exit_code, "withdrawal_" in forged.stderr) == (1, True)
    taken = shown(run("vault", "withdraw", "rich", "-", "--json", scope="own", text=signed + "\n"))
    assert (taken["amount"], taken["destination"]) == ("40", "acct-1")


@pytest.mark.parametrize(
    "args",
    [
        ["vault", "create", "x", "--tier", "huge", "--strategy", "s", "--version", "1", "--content-hash", "0" * 64],
        ["vault", "create", "x", "--tier", "growth", "--strategy", "s", "--version", "1"],
        ["vault", "fund", "ann", "10"],
        ["order", "propose", "ann", "BTC", "hold", "1", "--confidence", "1", "--reasoning", "x"],
        ["order", "propose", "ann", "BTC", "buy", "many", "--confidence", "1", "--reasoning", "x"],
        ["kill"],
        ["kill", "ann", "--all", "--yes"],
        ["vault", "nonsense"],
    ],
)
def test_a_command_that_is_wrong_is_2(run: Run, args: list[str]) -> None:
    """And nothing was sent."""
    assert run(*args).exit_code == 2


def test_what_fails_is_1_and_one_line(run: Run, server: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    """No server, no key, a vault that is not there, a key that may not."""
    for result, said in (
        (run("vault", "show", "nobody"), "vault_unknown"),
        (run("vault", "pause", "ann", scope="read"), "forbidden"),
        (run("vault", "list", "--key-file", "/nowhere/key"), "No such file"),
        (run("vault", "list", "--url", "http://risk.example.com"), "plain http"),
    ):
        assert (result.exit_code, result.stdout) == (1, "")
        assert said in result.stderr
        assert len(result.stderr.splitlines()) == 1
    monkeypatch.delenv("GXRISK_KEY_FILE")
    monkeypatch.delenv("GXRISK_URL")
    nothing = CliRunner().invoke(cli.app, ["vault", "list"])
    assert (nothing.exit_code, "GXRISK_URL" in nothing.stderr) == (1, True)


def test_what_cannot_be_undone_is_asked(run: Run, server: Serving, files: dict[str, Path]) -> None:
    """By a word that has to be typed; without a terminal, and without --yes, nothing is done."""
    for command in (["kill", "ann"], ["kill", "--all"], ["vault", "retire", "ann", "--reason", "x"]):
        refused = run(*command, text="ann\n")
        assert (refused.exit_code, "--yes" in refused.stderr) == (1, True)
    for typed, code in (("yes", 1), ("ann", 0)):
        assert typing(server, files["own"], typed, "kill", "ann") == code
        assert shown(run("vault", "show", "ann", "--json"))["vault"]["is_killed"] == (code == 0)
    assert run("vault", "reactivate", "ann", scope="own").exit_code == 0


def typing(server: Serving, key_file: Path, typed: str, *args: str) -> int:
    """The exit code of a command that someone answers on a terminal."""
    near, far = pty.openpty()
    variables = {**environment(), "GXRISK_URL": server.url, "GXRISK_KEY_FILE": str(key_file), "TERM": "dumb"}
    with subprocess.Popen(
        gxrisk(*args), stdin=far, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=variables
    ) as one:
        os.close(far)
        os.write(near, f"{typed}\n".encode())
        one.communicate(timeout=WITHIN_S)
    os.close(near)
    return one.returncode


def test_as_it_is_installed(server: Serving, files: dict[str, Path]) -> None:
    """In a process of its own: output on stdout alone, without colours where NO_COLOR says so."""
    variables = {**environment(), "GXRISK_URL": server.url, "GXRISK_KEY": server.keys["read"], "NO_COLOR": "1"}
    done = subprocess.run(
        gxrisk("vault", "list"), env=variables, capture_output=True, text=True, check=True, timeout=WITHIN_S
    )
    assert "ann" in done.stdout
    assert (done.stderr, "\x1b" in done.stdout) == ("", False)
    near, far = pty.openpty()
    narrow = {**variables, "COLUMNS": "80", "TERM": "xterm"}
    command = gxrisk("vault", "list")
    with subprocess.Popen(command, stdout=far, stderr=subprocess.PIPE, env=narrow) as one:
        os.close(far)
        seen = b""
        try:
            while part := os.read(near, 65_536):
                seen += part
        except OSError:
            pass  # Linux's way to say that nobody writes any more
    os.close(near)
    assert one.returncode == 0
    assert "ann" in seen.decode()
    assert max(map(len, seen.decode().splitlines())) <= 80
    assert b"\x1b[3" not in seen


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_it(shell: str) -> None:
    """As typer does it: the commands are offered."""
    variables = {**environment(), "_GXRISK_COMPLETE": f"complete_{shell}", "COMP_WORDS": "gxrisk va", "COMP_CWORD": "1"}
    variables |= {"_TYPER_COMPLETE_ARGS": "gxrisk va", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    script = Path(sys.executable).parent / "gxrisk"
    done = subprocess.run([script], env=variables, capture_output=True, text=True, check=False, timeout=WITHIN_S)
    assert "vault" in done.stdout
