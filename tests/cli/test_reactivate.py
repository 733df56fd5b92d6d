"""`gxrisk reactivate sign`: what it prints ends the stop that it names, and no other."""

from pathlib import Path

import pytest
from gxrisk import Gate, Limits, ManualClock, ReactivationError, SystemClock
from gxrisk.custody import owner_public_key

from .failing import Run, usage


def stopped(owner: Path, clock: ManualClock | None = None) -> tuple[Gate, str]:
    """A vault that was killed, and by which record."""
    gate = Gate("v-1", Limits.for_tier("growth"), clock=clock, owner_key=owner_public_key(owner))
    gate.deposit(10_000)
    gate.kill("a drill")
    return gate, str(gate.stopped_by)


def test_a_signed_reactivation_ends_one_stop(run: Run, owner: Path, passphrase: Path) -> None:
    gate, stop = stopped(owner)
    options = ["--vault", "v-1", "--ends", stop, "--yes", "--passphrase-file", passphrase]
    signed = run("reactivate", "sign", owner, *options)
    assert signed.exit_code == 0, signed.output
    shown = " ".join(signed.stderr.split())
    assert f"({owner_public_key(owner).hex()})" in shown
    assert f"vault v-1 ends the stop of record {stop} new base unchanged expires 20" in shown
    assert "gate.reactivate(signed=request)" in shown
    request = signed.stdout.strip()
    assert signed.stdout == f"{request}\n"
    with pytest.raises(ReactivationError) as flipped:
        gate.reactivate(rebase=True, signed=request)
    assert (flipped.value.code, gate.state) == ("rebase", "halted")
    gate.reactivate(signed=request)
    assert gate.state == "active"
    gate.kill("another drill")
    with pytest.raises(ReactivationError) as again:
        gate.reactivate(signed=request)
    assert (again.value.code, gate.state) == ("other_stop", "halted")


def test_a_new_base_is_signed_too(run: Run, owner: Path, passphrase: Path) -> None:
    gate, stop = stopped(owner)
    options = ["--vault", "v-1", "--ends", stop, "--rebase", "--yes", "--passphrase-file", passphrase]
    signed = run("reactivate", "sign", owner, *options)
    assert "new base the equity of then" in " ".join(signed.stderr.split())
    assert "gate.reactivate(rebase=True, signed=request)" in signed.stderr
    with pytest.raises(ReactivationError) as flipped:
        gate.reactivate(signed=signed.stdout.strip())
    assert flipped.value.code == "rebase"
    gate.reactivate(rebase=True, signed=signed.stdout.strip())
    assert gate.state == "active"


def test_it_expires(run: Run, owner: Path, passphrase: Path) -> None:
    clock = ManualClock(SystemClock().now())
    gate, stop = stopped(owner, clock)
    options = ["--vault", "v-1", "--ends", stop, "--yes", "--passphrase-file", passphrase]
    signed = run("reactivate", "sign", owner, *options, "--expires-in", "90s")
    clock.advance(150)
    with pytest.raises(ReactivationError) as late:
        gate.reactivate(signed=signed.stdout.strip())
    assert late.value.code == "expired"


# (what is wrong, the options, exit code, part of the message)
REFUSED = [
    ("record 0", ["--ends", "0"], 2, "greater than or equal to 1"),
    ("no record", ["--ends", "last"], 2, "unable to parse"),
    ("a record beyond all", ["--ends", str(2**64)], 1, "ends"),
    ("vault with a space", ["--vault", "v 1"], 1, "vault_id"),
    ("passed already", ["--expires", "2020-03-12T00:00:00Z"], 2, "has passed already"),
    ("both", ["--expires", "2100-03-12T00:00:00Z", "--expires-in", "1h"], 2, "not both"),
]


@pytest.mark.parametrize(("options", "code", "part"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_not_signed(run: Run, owner: Path, passphrase: Path, options: list[str], code: int, part: str) -> None:
    given = ["--vault", "v-1", "--ends", "3", "--yes", "--passphrase-file", passphrase, *options]
    result = run("reactivate", "sign", owner, *given)
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert part in " ".join(result.stderr.replace("│", " ").split())


def test_nothing_is_signed_without_a_yes(run: Run, owner: Path, passphrase: Path) -> None:
    result = run("reactivate", "sign", owner, "--vault", "v", "--ends", "3", "--passphrase-file", passphrase)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "--yes signs without asking" in result.stderr
    usage(run("reactivate", "sign", owner, "--vault", "v"), "--ends")
