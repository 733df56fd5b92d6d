"""Passphrases and where they come from, keys that change, and what a thief of one key cannot do."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gxrisk import (
    ApprovalError,
    CustodyError,
    Gate,
    JournalReader,
    Limits,
    ManualClock,
    Order,
    WithdrawalError,
    order,
    verify_approval,
)
from gxrisk.custody import create_owner_key, owner_public_key, sign_owner_key, sign_withdrawal

from tests.vectors.canonical import Approval, Withdrawal, head_message
from tests.vectors.reading import read_approval
from tests.vectors.signing import Key, verify

from .conftest import PASSPHRASE, private
from .unsealing import unseal

GROWTH = Limits.for_tier("growth")
FILE, TEXT = "GXRISK_PASSPHRASE_FILE", "GXRISK_PASSPHRASE"


def proposal(**changes: Any) -> Order:
    """A sound order."""
    wanted = order("BTC", "buy", 1, confidence=1, reasoning="a key", stop_loss=98)
    return wanted.replace(**changes) if changes else wanted


def sealed(journal: Path, clock: ManualClock, passphrase: Path, **more: Any) -> Gate:
    """A vault with 10,000 and a mark, its keys sealed."""
    gate = Gate("vault-1", GROWTH, clock=clock, journal=journal, passphrase_file=passphrase, **more)
    gate.deposit(10_000)
    gate.mark("BTC", 100, atr=1)
    return gate


def key_files(journal: Path) -> set[str]:
    """The key files beside a journal."""
    return {file.name.removeprefix(journal.name) for file in journal.parent.glob(f"{journal.name}.key*")}


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


def test_a_sealed_vault_says_what_it_needs(journal: Path, clock: ManualClock, passphrase: Path) -> None:
    """Without a passphrase, with a wrong one, with a public key file; it can still be read, and nothing changes."""
    sealed(journal, clock, passphrase).close()
    key = Path(f"{journal}.key")
    before, records = key.read_bytes(), JournalReader(journal).events()
    wrong = private(journal.with_name("wrong"), "another sentence altogether")
    rows: list[tuple[dict[str, Path], str]] = [
        ({}, "passphrase_file, GXRISK_PASSPHRASE_FILE or GXRISK_PASSPHRASE"),
        ({"passphrase_file": wrong}, "passphrase is wrong or the file was altered"),
        ({"passphrase_file": journal.with_name("none")}, "no such file"),
        ({"passphrase_file": key}, "UTF-8|too|at most"),
    ]
    for given, says in rows:
        with pytest.raises(CustodyError, match=says) as caught:
            Gate.open(journal, clock=clock, **given)
        assert PASSPHRASE not in str(caught.value)
    key.chmod(0o640)
    with pytest.raises(CustodyError, match="chmod 600"):
        Gate.open(journal, clock=clock, passphrase_file=passphrase)
    key.chmod(0o600)
    assert (key.read_bytes(), JournalReader(journal).events()) == (before, records)
    with Gate.open(journal, clock=clock, passphrase_file=passphrase) as gate:
        assert gate.authorize(proposal()).approved


def test_a_changed_key_file_is_refused(owner: Path, passphrase: Path) -> None:
    """Whichever byte: the file is one piece, its costs and public halves included; changed back, it opens."""
    public, whole = owner_public_key(owner), owner.read_bytes()
    sign = lambda: sign_withdrawal(owner, "vault-1", 1, "0xabc", expires=2**62, passphrase_file=passphrase)  # noqa: E731
    ends = [whole[:-1], whole + b"\0", b"", whole[:14], b"x" + whole]
    for altered in [*ends, *(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(0, len(whole), 7))]:
        owner.write_bytes(altered)
        with pytest.raises(CustodyError):
            sign()
    owner.write_bytes(whole)
    assert sign()
    assert owner_public_key(owner) == public


def test_keys_rotate_and_what_the_old_ones_signed_stays_good(
    journal: Path, clock: ManualClock, passphrase: Path
) -> None:
    """The change is a record; both keys check what they signed; all of it outlives a restart; old heads are good."""
    with sealed(journal, clock, passphrase) as gate:
        first, head = gate.wallet_key, gate.head()
        old, spare = gate.authorize(proposal()).approval, gate.authorize(proposal()).approval
        for _ in range(2):
            gate.rotate_keys(passphrase_file=passphrase)
        second = gate.wallet_key
        new = gate.authorize(proposal()).approval
        assert old is not None
        assert spare is not None
        assert new is not None
        named = [event["wallet_key"] for event in gate.events() if event["kind"] == "keys"]
        assert (named[0], named[-1], len(set(named))) == (first.hex(), second.hex(), 3)
        for approval, right, wrong in ((old, first, second), (new, second, first)):
            assert verify_approval(approval.token, right, "vault-1")["sequence"] == approval.sequence
            with pytest.raises(ApprovalError, match="signature"):
                verify_approval(approval.token, wrong, "vault-1")
        assert gate.redeem(old.token) == proposal()
    assert key_files(journal) == {".key"}
    assert unseal(Path(f"{journal}.key"), PASSPHRASE).publics[0] == second
    with Gate.open(journal, clock=clock, passphrase_file=passphrase) as gate:
        assert gate.wallet_key == second
        assert [gate.redeem(approval.token) for approval in (spare, new)] == [proposal()] * 2
        for approval in (old, spare, new):
            with pytest.raises(ApprovalError, match="used"):
                gate.redeem(approval.token)
    verified = JournalReader(journal).verify(head)
    assert (verified["approvals"], verified["signatures"]) == (3, 3)


def test_keys_rotate_under_another_passphrase(journal: Path, clock: ManualClock, passphrase: Path) -> None:
    """From then on that one opens the vault, and the old one does not; without one nothing is rotated."""
    other = private(journal.with_name("other"), "another sentence altogether")
    with sealed(journal, clock, passphrase) as gate:
        before = gate.wallet_key
        with pytest.raises(CustodyError, match="passphrase"):
            gate.rotate_keys()
        assert gate.wallet_key == before
        gate.rotate_keys(passphrase_file=other)
        after = gate.wallet_key
    with pytest.raises(CustodyError, match="wrong"):
        Gate.open(journal, clock=clock, passphrase_file=passphrase)
    with Gate.open(journal, clock=clock, passphrase_file=other) as gate:
        assert gate.wallet_key == after != before


def test_the_owner_s_key_rotates(journal: Path, clock: ManualClock, passphrase: Path, owner: Path) -> None:
    """The old key's requests are refused, also after a restart, and an old successor cannot be named again."""
    public, later = owner_public_key(owner), journal.with_name("later.key")
    new = create_owner_key(later, "bea", passphrase_file=passphrase)

    def asked(file: Path) -> bytes:
        return sign_withdrawal(file, "vault-1", 5, "0xabc", expires=2**62, passphrase_file=passphrase)

    with sealed(journal, clock, passphrase, owner_key=public) as gate:
        to_new = sign_owner_key(owner, "vault-1", new, passphrase_file=passphrase)
        gate.rotate_owner_key(new, to_new)
        back = sign_owner_key(later, "vault-1", public, passphrase_file=passphrase)
        for key, signature in ((public, back), (new, to_new)):
            with pytest.raises(WithdrawalError):
                gate.rotate_owner_key(key, signature)
    for times in (1, 2):
        with Gate.open(journal, clock=clock, passphrase_file=passphrase) as gate:
            assert gate.owner_key == new
            with pytest.raises(WithdrawalError) as caught:
                gate.withdraw(asked(owner))
            assert caught.value.code == "signature"
            assert gate.withdraw(asked(later)) == ("0xabc", Decimal(5))
            assert gate.snapshot().equity == 10_000 - 5 * times


def test_a_stolen_wallet_key_opens_no_door(journal: Path, clock: ManualClock, passphrase: Path, owner: Path) -> None:
    """Approvals must be in the journal as well, withdrawals are the owner's, and heads the head key's."""
    with sealed(journal, clock, passphrase, owner_key=owner_public_key(owner)) as gate:
        wallet, head_key = (Key(seed) for seed in unseal(Path(f"{journal}.key"), PASSPHRASE).seeds)
        assert wallet.public == gate.wallet_key
        refused = gate.authorize(proposal(quantity=1000))
        approved = gate.authorize(proposal()).approval
        assert approved is not None
        told = read_approval(approved.token)
        nanos = told.expires
        # What is forged, the fields that differ, and the code.
        forged: list[tuple[str, dict[str, Any], str]] = [
            ("more of it", {"order": told.order.__class__(**{**vars(told.order), "quantity": 2 * 10**9})}, "altered"),
            ("later", {"expires": nanos + 10**9}, "altered"),
            ("another nonce", {"nonce": bytes(16)}, "altered"),
            ("another epoch", {"epoch": 9}, "altered"),
            ("other limits", {"limits_hash": bytes(32)}, "altered"),
            ("another origin", {"origin": 2}, "altered"),
            ("of a refused order", {"sequence": refused.sequence}, "altered"),
            ("of a record that is no decision", {"sequence": 3}, "unknown"),
            ("of another vault", {"vault_id": "vault-2"}, "vault"),
        ]
        for case, changes, code in forged:
            token = wallet.token(Approval(**{**vars(told), **changes}).parts())
            with pytest.raises(ApprovalError) as caught:
                gate.redeem(token)
            assert caught.value.code == code, case
        for key in (wallet, head_key):
            with pytest.raises(WithdrawalError) as owned:
                gate.withdraw(key.token(Withdrawal(expires=2**62).parts()))
            assert owned.value.code == "signature"
        head = gate.head()
        message = head_message(head.vault_id, head.sequence, head.epoch, head.hash)
        assert head.key == head_key.public
        assert head.signature is not None
        assert verify(head_key.public, message, head.signature)
        assert not verify(wallet.public, message, head.signature)
        assert verify(wallet.public, approved.token[:-64], approved.token[-64:])
        assert gate.redeem(approved.token) == proposal()
        assert gate.snapshot().equity == 10_000


def test_an_approval_of_a_record_that_was_lost_is_unknown(journal: Path, clock: ManualClock, passphrase: Path) -> None:
    """A journal that was put back from a copy knows nothing of what came after it, and says so at once."""
    sealed(journal, clock, passphrase).close()
    copies = {file: file.read_bytes() for file in journal.parent.glob("vault.gxr*") if not file.name.endswith("-shm")}
    with Gate.open(journal, clock=clock, passphrase_file=passphrase) as gate:
        tokens = [decision.approval.token for decision in (gate.authorize(proposal()) for _ in range(4))]
        head = gate.head()
    del gate
    for file in journal.parent.glob("vault.gxr-*"):
        file.unlink()
    for file, data in copies.items():
        file.write_bytes(data)
    with Gate.open(journal, clock=clock, passphrase_file=passphrase) as gate:
        for token in tokens:
            with pytest.raises(ApprovalError) as caught:
                gate.redeem(token)
            assert caught.value.code == "unknown"
        assert gate.snapshot().working == ()
    with pytest.raises(Exception, match="signed head"):
        JournalReader(journal).verify(head)
