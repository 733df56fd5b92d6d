"""Passphrases: where they come from, and which are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gxrisk import CustodyError, Gate, Limits
from gxrisk.custody import create_owner_key

from .conftest import key_files, private
from .unsealing import unseal

GROWTH = Limits.for_tier("growth")
FILE, TEXT = "GXRISK_PASSPHRASE_FILE", "GXRISK_PASSPHRASE"

# What the passphrase's file holds, its mode, and what the error says.
BAD_FILES: list[tuple[str, bytes, int, str]] = [
    ("others may read it", b"long enough a passphrase", 0o644, "chmod 600"),
    ("the group may read it", b"long enough a passphrase", 0o640, "640"),
    ("others may write it", b"long enough a passphrase", 0o602, "602"),
    ("too short", b"eleven char\n", 0o600, "at least 12"),
    ("empty", b"", 0o600, "empty"),
    ("a line break alone", b"\n", 0o600, "empty"),
    ("too long", b"x" * 1025, 0o600, "1024"),
    ("not text", b"long enough \xff\xfe", 0o600, "UTF-8"),
]
SOURCES: list[Callable[[Path, pytest.MonkeyPatch], dict[str, Path]]] = [
    lambda file, patch: {"passphrase_file": file},
    lambda file, patch: patch.setenv(FILE, str(file)) or {},  # type: ignore[func-returns-value]
]


@pytest.mark.parametrize("source", SOURCES, ids=["argument", "variable"])
@pytest.mark.parametrize(("case", "text", "mode", "says"), BAD_FILES, ids=[row[0] for row in BAD_FILES])
def test_a_bad_passphrase_file_is_refused(
    case: str, text: bytes, mode: int, says: str, source: Any, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its path and what to do, wherever it is named; neither journal nor key is left, nor its content shown."""
    file = private(journal.with_name("bad"), "")
    file.write_bytes(text)
    file.chmod(mode)
    given = source(file, monkeypatch)
    owner = journal.with_name("owner.key")
    for act in (
        lambda: Gate("vault-1", GROWTH, journal=journal, **given),
        lambda: create_owner_key(owner, "ann", **given),
    ):
        with pytest.raises(CustodyError, match=says) as caught:
            act()
        assert str(file) in str(caught.value), case
        assert not text.strip() or text.decode("latin-1").strip() not in str(caught.value)
    assert {path.name for path in journal.parent.iterdir()} == {"bad"}


# Which of the three sources are set (each with a passphrase of its own), and which one is taken.
GOOD, BAD = "of the {} and long enough", "short"
PRECEDENCE: list[tuple[str, dict[str, str], str]] = [
    ("the argument first", {"argument": GOOD, "file": GOOD, "text": GOOD}, "argument"),
    ("then the named file", {"file": GOOD, "text": GOOD}, "file"),
    ("then the variable", {"text": GOOD}, "text"),
    ("the argument over bad variables", {"argument": GOOD, "file": BAD, "text": BAD}, "argument"),
    ("a bad argument is not passed over", {"argument": BAD, "file": GOOD, "text": GOOD}, "refused"),
    ("a bad file is not passed over", {"file": BAD, "text": GOOD}, "refused"),
    ("a bad variable is not passed over", {"text": BAD}, "refused"),
    ("an empty variable is not passed over", {"text": ""}, "refused"),
    ("none", {}, "none"),
]


@pytest.mark.parametrize(("case", "given", "taken"), PRECEDENCE, ids=[row[0] for row in PRECEDENCE])
def test_the_first_source_that_is_set_is_taken(
    case: str, given: dict[str, str], taken: str, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shown by opening the key file with Python alone."""
    words = {name: text.format(name) for name, text in given.items()}
    files = {name: private(journal.with_name(name), text) for name, text in words.items() if name != "text"}
    if "file" in files:
        monkeypatch.setenv(FILE, str(files["file"]))
    if "text" in words:
        monkeypatch.setenv(TEXT, words["text"])
    make = lambda: Gate("vault-1", GROWTH, journal=journal, passphrase_file=files.get("argument"))  # noqa: E731
    if taken == "refused":
        with pytest.raises(CustodyError):
            make()
        return
    with make() as gate:
        public = gate.wallet_key
    if taken == "none":
        assert key_files(journal) == set(), case
    else:
        assert unseal(Path(f"{journal}.key"), words[taken]).publics[0] == public, case


def test_a_passphrase_is_taken_byte_for_byte(journal: Path) -> None:
    """Spaces, letters beyond ASCII and all; one line break at the end does not count."""
    words = "  fünf Bären, 熊熊熊 🐻  "
    passphrase = private(journal.with_name("passphrase"), f"{words}\n")
    with Gate("vault-1", GROWTH, journal=journal, passphrase_file=passphrase) as gate:
        assert unseal(Path(f"{journal}.key"), words).publics[0] == gate.wallet_key
