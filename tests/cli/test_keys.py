"""`gxrisk keys` and `gxrisk withdraw`: what they print is what a gate takes."""

import os
import pty
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from gxrisk import Gate, Limits, ManualClock, SystemClock, WithdrawalError
from gxrisk.custody import owner_public_key

from .failing import Run, one_line, usage
from .journals import START

SIGN = ["--vault", "v-1", "--amount", "500.25", "--destination", "account-1"]


def vault(owner: Path, clock: ManualClock | SystemClock | None = None) -> Gate:
    gate = Gate("v-1", Limits.for_tier("growth"), clock=clock, owner_key=owner_public_key(owner))
    gate.deposit(10_000)
    return gate


def test_a_new_key_is_shown_and_never_overwritten(run: Run, tmp_path: Path, passphrase: Path) -> None:
    file = tmp_path / "owner.key"
    made = run("keys", "new", file, "--name", "ann", "--passphrase-file", passphrase)
    assert made.exit_code == 0, made.output
    assert made.stdout == f"{owner_public_key(file).hex()}\n"
    assert f"owner_key='{made.stdout.strip()}'" in made.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    assert run("keys", "show", file).stdout == made.stdout
    written = file.read_bytes()
    one_line(run("keys", "new", file, "--name", "bob", "--passphrase-file", passphrase), "never written over")
    assert file.read_bytes() == written


def test_the_passphrase_comes_from_a_file_or_the_environment(
    run: Run, tmp_path: Path, passphrase: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_line(run("keys", "new", tmp_path / "a", "--name", "ann"), "GXRISK_PASSPHRASE_FILE")
    monkeypatch.setenv("GXRISK_PASSPHRASE", "short")
    one_line(run("keys", "new", tmp_path / "a", "--name", "ann"), "at least 12")
    assert not (tmp_path / "a").exists()
    monkeypatch.setenv("GXRISK_PASSPHRASE", "long enough to be one")
    assert run("keys", "new", tmp_path / "a", "--name", "ann").exit_code == 0
    monkeypatch.setenv("GXRISK_PASSPHRASE_FILE", str(passphrase))
    assert run("keys", "new", tmp_path / "b", "--name", "ann").exit_code == 0
    open_to_all = tmp_path / "open"
    open_to_all.write_text("everyone can read this")
    open_to_all.chmod(0o644)
    one_line(run("keys", "new", tmp_path / "c", "--name", "ann", "--passphrase-file", open_to_all), "chmod 600")


def test_what_is_no_key(run: Run, tmp_path: Path, passphrase: Path) -> None:
    one_line(run("keys", "show", tmp_path / "nowhere"), "nowhere", "no such file")
    text = tmp_path / "text"
    text.touch(mode=0o600)
    text.write_text("no key")
    one_line(run("keys", "show", text), str(text))
    one_line(run("withdraw", "sign", text, *SIGN, "--yes", "--passphrase-file", passphrase), str(text))
    one_line(run("keys", "new", tmp_path / "k", "--name", "a b", "--passphrase-file", passphrase), "name")
    usage(run("keys", "new", tmp_path / "k"), "--name")


def test_a_signed_withdrawal_is_paid_once(run: Run, owner: Path, passphrase: Path) -> None:
    signed = run("withdraw", "sign", owner, *SIGN, "--yes", "--passphrase-file", passphrase)
    assert signed.exit_code == 0, signed.output
    shown = " ".join(signed.stderr.split())
    assert f"({owner_public_key(owner).hex()})" in shown
    assert "vault v-1 amount 500.25 destination account-1 expires 20" in shown
    request = signed.stdout.strip()
    assert signed.stdout == f"{request}\n"
    gate = vault(owner)
    assert gate.withdraw(request) == ("account-1", Decimal("500.25"))
    with pytest.raises(WithdrawalError) as again:
        gate.withdraw(request)
    assert again.value.code == "replayed"
    altered = request[:60] + ("0" if request[60] != "0" else "1") + request[61:]
    with pytest.raises(WithdrawalError):
        gate.withdraw(altered)


def test_when_it_expires(run: Run, owner: Path, passphrase: Path) -> None:
    options = [*SIGN, "--yes", "--passphrase-file", passphrase]
    for length, seconds in (("90s", 90), ("30m", 1_800), ("2d", 172_800), (None, 3_600)):
        clock = ManualClock(SystemClock().now())
        signed = run("withdraw", "sign", owner, *options, *(["--expires-in", length] if length else []))
        gate = vault(owner, clock)
        clock.advance(seconds + 60)
        with pytest.raises(WithdrawalError) as late:
            gate.withdraw(signed.stdout.strip())
        assert late.value.code == "expired"
        assert vault(owner, ManualClock(START)).withdraw(signed.stdout.strip())[0] == "account-1"
    until = run("withdraw", "sign", owner, *options, "--expires", "2100-01-01T01:00:00+01:00")
    assert "2100-01-01 00:00:00 UTC" in until.stderr
    for clock, is_paid in ((ManualClock("2099-12-31T23:59:59Z"), True), (ManualClock("2100-01-01T00:00:00Z"), False)):
        gate = vault(owner, clock)
        if is_paid:
            gate.withdraw(until.stdout.strip())
        else:
            with pytest.raises(WithdrawalError):
                gate.withdraw(until.stdout.strip())


# (what is wrong, the options, exit code, part of the message)
REFUSED = [
    ("no amount", ["--amount", "much"], 2, "a number is allowed"),
    ("not finite", ["--amount", "nan"], 2, "a finite number"),
    ("zero", ["--amount", "0"], 2, "above 0"),
    ("negative", ["--amount", "-5"], 2, "above 0"),
    ("ten digits", ["--amount", "0.0000000001"], 1, "amount"),
    ("too much", ["--amount", "1e30"], 1, "amount"),
    ("destination with a space", ["--destination", "to me"], 1, "destination"),
    ("no destination", ["--destination", ""], 1, "destination"),
    ("destination too long", ["--destination", "d" * 129], 1, "destination"),
    ("vault with a space", ["--vault", "v 1"], 1, "vault_id"),
    ("passed already", ["--expires", "2020-03-12T00:00:00Z"], 2, "has passed already"),
    ("no zone", ["--expires", "2100-03-12T00:00:00"], 2, "a time with its zone"),
    ("both", ["--expires", "2100-03-12T00:00:00Z", "--expires-in", "1h"], 2, "not both"),
    ("no length", ["--expires-in", "soon"], 2, "90s, 30m, 1h or 2d"),
    ("length zero", ["--expires-in", "0s"], 2, "90s, 30m, 1h or 2d"),
    ("beyond time", ["--expires-in", "999999d"], 1, "expires"),
    ("passphrase as an argument", ["--passphrase", "x"], 2, "No such option"),
]


@pytest.mark.parametrize(("options", "code", "part"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_not_signed(run: Run, owner: Path, passphrase: Path, options: list[str], code: int, part: str) -> None:
    result = run("withdraw", "sign", owner, *SIGN, "--yes", "--passphrase-file", passphrase, *options)
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert part in " ".join(result.stderr.replace("│", " ").split())


def test_nothing_is_signed_without_a_yes(run: Run, owner: Path, passphrase: Path) -> None:
    for command in (
        ["withdraw", "sign", owner, *SIGN],
        ["keys", "successor", owner, "--vault", "v", "--new-key", "00"],
    ):
        result = run(*command, "--passphrase-file", passphrase)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "--yes signs without asking" in result.stderr


def test_what_is_shown_cannot_forge_the_question(run: Run, owner: Path, passphrase: Path) -> None:
    options = ["--vault", "v-1", "--amount", "5", "--destination", "me\x1b[2K\n  amount  1", "--yes"]
    result = run("withdraw", "sign", owner, *options, "--passphrase-file", passphrase)
    assert result.exit_code == 1
    assert "\x1b" not in result.stderr
    assert r"me\x1b[2K\n  amount  1" in result.stderr


# (what is typed, exit code, part of what is said)
ANSWERS = [
    ("y\n", 0, "Next:"),
    ("YES\n", 0, "Next:"),
    ("n\n", 1, "nothing was signed"),
    ("\n", 1, "nothing was signed"),
    ("\x04", 1, "nothing was signed"),
    ("\x03", 130, "interrupted"),
]


@pytest.mark.parametrize(("typed", "code", "part"), ANSWERS, ids=["y", "yes", "n", "enter", "ctrl-d", "ctrl-c"])
def test_on_a_terminal_it_asks(owner: Path, passphrase: Path, typed: str, code: int, part: str) -> None:
    args = ["withdraw", "sign", str(owner), *SIGN, "--passphrase-file", str(passphrase)]
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", ON_A_TERMINAL, *args],
        stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    os.close(terminal)
    with process:
        assert process.stderr is not None
        said = b""
        while not said.endswith(b"[y/N] ") and (more := process.stderr.read(1)):
            said += more
        os.write(controller, typed.encode())
        signed, rest = process.communicate(timeout=60)
    os.close(controller)
    assert process.returncode == code, said + rest
    assert part in rest.decode()
    assert "Traceback" not in rest.decode()
    assert bool(signed) is (code == 0)
    if signed:
        assert vault(owner).withdraw(signed.decode().strip())[1] == Decimal("500.25")


# a process of a session of its own takes its stdin as the terminal that Ctrl-C comes from
ON_A_TERMINAL = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from gxrisk.cli import app
app(sys.argv[1:])
"""


def test_a_successor_takes_the_vault_over(run: Run, tmp_path: Path, owner: Path, passphrase: Path) -> None:
    later = tmp_path / "later.key"
    public = run("keys", "new", later, "--name", "ann-2", "--passphrase-file", passphrase).stdout.strip()
    options = ["--vault", "v-1", "--new-key", public, "--yes", "--passphrase-file", passphrase]
    signed = run("keys", "successor", owner, *options)
    assert signed.exit_code == 0, signed.output
    assert f"new key {public}" in " ".join(signed.stderr.split())
    gate = vault(owner)
    gate.rotate_owner_key(public, signed.stdout.strip())
    assert gate.owner_key == owner_public_key(later)
    for file, is_paid in ((later, True), (owner, False)):
        request = run("withdraw", "sign", file, *SIGN, "--yes", "--passphrase-file", passphrase).stdout.strip()
        if is_paid:
            gate.withdraw(request)
        else:
            with pytest.raises(WithdrawalError):
                gate.withdraw(request)
    for new_key, part in (("00", "key"), ("zz" * 32, "key"), ("01" + "00" * 31, "can sign")):
        refused = run("keys", "successor", owner, *options[:2], "--new-key", new_key, *options[4:])
        assert refused.exit_code == 1
        assert part in refused.stderr
        assert refused.stdout == ""
