"""A key that nobody may see is looked for wherever Python, its files and its errors could show it."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from gxrisk.custody import create_owner_key, owner_public_key

from .conftest import PASSPHRASE, private
from .unsealing import Unsealed, expanded, public_of, shapes, sightings, unseal

ROOT = Path(__file__).parents[2]
# The ways of looking that show what an object holds; the others show what it can do, or what lies in memory's files.
SHOWING = {
    "repr", "str", "ascii", "format", "vars", "bytes", "bytearray", "memoryview", "list", "copy", "deepcopy", "pickle",
    "reduce", "getstate", "json", "attributes", "guesses", "refusals", "logging", "collector", "module",
}  # fmt: skip
WAYS = SHOWING | {"dir", "buffer", "faulthandler", "running.wal"}


@dataclass(frozen=True)
class Used:
    """The folder of a vault that was used, what was seen of it, and its keys before and after their rotation."""

    folder: Path
    places: dict[str, bytes]
    keys: dict[str, Unsealed]

    @property
    def secrets(self) -> dict[str, bytes]:
        """All that must not be found."""
        found = {"the passphrase": PASSPHRASE.encode()}
        for name, unsealed in self.keys.items():
            found[f"{name}'s derived key"] = unsealed.derived
            for number, seed in enumerate(unsealed.seeds):
                found[f"{name}'s seed {number}"] = seed
                for part, secret in zip(("digest", "scalar", "prefix"), expanded(seed), strict=True):
                    found[f"{name}'s {part} {number}"] = secret
        return found


def use(folder: Path, leak: str | None = None) -> Used:
    """A vault after heavy use in a process of its own, which leaks the seed of one of its key files, or none."""
    (folder / "seen").mkdir()
    passphrase = private(folder / "passphrase", f"{PASSPHRASE}\n")
    private(folder / "wrong", "something else entirely\n")
    for name in ("owner", "later"):
        create_owner_key(folder / f"{name}.key", name, passphrase_file=passphrase)
    planted = unseal(folder / leak, PASSPHRASE).seeds[0] if leak else b""
    command = [sys.executable, "-m", "tests.custody.usage", str(folder)]
    done = subprocess.run(command, cwd=ROOT, input=planted, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    keys = {"before": "before.key", "after": "vault.gxr.key", "owner": "owner.key", "later": "later.key"}
    files = [*(folder / "seen").iterdir(), *folder.glob("*.key*"), *folder.glob("vault.gxr*")]
    places = {str(file.relative_to(folder)): file.read_bytes() for file in files}
    places |= {"stdout": done.stdout, "stderr": done.stderr}
    return Used(folder, places, {name: unseal(folder / file, PASSPHRASE) for name, file in keys.items()})


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Used:
    """A vault that leaks nothing."""
    return use(tmp_path_factory.mktemp("canary"))


def test_no_secret_is_found(used: Used) -> None:
    """Not in what Python shows, journal, log (`seen/running.wal`) or key files, in no shape, whole or by half."""
    assert {f"seen/{way}" for way in WAYS} <= set(used.places)
    assert {"vault.gxr", "vault.gxr.key"} <= set(used.places)
    assert all(used.places[f"seen/{way}"] for way in WAYS)
    found = {name: sightings(secret, used.places) for name, secret in used.secrets.items()}
    assert {name: where for name, where in found.items() if where} == {}


def test_a_planted_secret_is_found(tmp_path: Path) -> None:
    """A copy of one seed in an object of Python's shows in every way of looking."""
    leaky = use(tmp_path, leak="owner.key")
    seen = {found.rpartition(" in ")[2] for found in sightings(leaky.keys["owner"].seeds[0], leaky.places)}
    assert {f"seen/{way}" for way in SHOWING} <= seen


def test_what_may_be_seen_is_found(used: Used) -> None:
    """The search finds the public halves where they belong, in the files, too."""
    before, after, owner = (used.keys[name].publics for name in ("before", "after", "owner"))
    everywhere = ("seen/collector", "seen/json", "seen/running.wal")
    for public, places in ((before[0], everywhere), (after[0], (*everywhere, "seen/attributes"))):
        where = sightings(public, used.places)
        assert [place for place in places if not any(seen.endswith(f" in {place}") for seen in where)] == []
    assert "raw in vault.gxr.key" in sightings(after[0], used.places)
    assert "raw in owner.key" in sightings(owner[0], used.places)
    assert any(
        "in seen/collector" in seen for seen in sightings(owner_public_key(used.folder / "later.key"), used.places)
    )
    chained = used.places["vault.gxr"] + used.places.get("vault.gxr-wal", b"")  # none after a close
    assert sightings(after[1], {"the journal": chained})[0] == "raw in the journal"


def test_the_search_finds_every_shape() -> None:
    """Planted among other bytes, at any place."""
    secret = hashlib.sha256(b"planted").digest()
    for name, form in shapes(secret):
        for before in range(3):
            assert sightings(secret, {"there": b"x" * before + form + b"y"}), name
    for before in range(3):
        for after in range(3):
            text = base64.b64encode(b"\xff" * before + secret + b"\xfe" * after)
            assert sightings(secret, {"there": text}), (before, after)
    assert sightings(secret, {"there": secret[:16].hex().encode()})
    assert not sightings(secret, {"there": hashlib.sha256(b"another").digest() * 9})


def test_each_key_is_another_one(used: Used) -> None:
    """Two vault keys, two after the rotation, the owners': all different, and sealed under salts of their own."""
    unsealed = list(used.keys.values())
    seeds = [seed for one in unsealed for seed in one.seeds]
    assert len(set(seeds)) == len(seeds) == 6
    assert len({one.salt for one in unsealed}) == len({one.nonce for one in unsealed}) == len(unsealed)
    assert [public_of(seed) for seed in seeds] == [public for one in unsealed for public in one.publics]
    assert [(one.kind, one.label) for one in unsealed] == [(1, "canary"), (1, "canary"), (2, "owner"), (2, "later")]
    assert {one.cost for one in unsealed} == {(32 * 1024, 3, 4)}
    for file in used.folder.glob("*.key"):
        if file.name != "before.key":  # a copy of ours
            assert file.stat().st_mode & 0o777 == 0o600
