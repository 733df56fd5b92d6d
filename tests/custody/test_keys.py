"""Key files and their damage, keys that change, and what a thief of one key cannot do."""

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
    ReactivationError,
    WithdrawalError,
    order,
    verify_approval,
)
from gxrisk.custody import create_owner_key, owner_public_key, sign_owner_key, sign_withdrawal

from tests.vectors.canonical import Approval, Reactivation, Withdrawal, head_message, successor_message
from tests.vectors.reading import read_approval
from tests.vectors.signing import Key, verify

from .conftest import PASSPHRASE, key_files, private
from .unsealing import unseal

GROWTH = Limits.for_tier("growth")


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
    assert (key.read_bytes(), JournalReader(journal).events()) == (before, records)
    with Gate.open(journal, clock=clock, passphrase_file=passphrase) as gate:
        assert gate.authorize(proposal()).approved


# How a key file was changed (given where its fields begin), and what a vault and an owner are told.
Change = Callable[[bytes, int], bytes]
CHANGED: list[tuple[str, Change, str, str]] = [
    ("empty", lambda file, at: b"", "it was cut", "it was cut"),
    ("cut in its magic", lambda file, at: file[:9], "it was cut", "it was cut"),
    ("another file", lambda file, at: b"x" + file, "not a gxrisk key file", "not a gxrisk key file"),
    ("cut in its salt", lambda file, at: file[: at + 20], "it was cut", "it was cut"),
    ("cut by a byte", lambda file, at: file[:-1], "it was cut", "it was cut"),
    ("longer", lambda file, at: file + b"\0", "1 bytes after its end", "1 bytes after its end"),
    ("of a newer version", lambda file, at: file.replace(b"v1", b"v2", 1), "newer gxrisk", "newer gxrisk"),
    ("of the other kind", lambda file, at: turned(file, 14, 3), "of kind 2", "of kind 1"),
    ("too dear", lambda file, at: turned(file, at, 0x40), "Argon2id", "Argon2id"),
    ("other passes", lambda file, at: turned(file, at + 7, 1), "was altered", "was altered"),
    ("another salt", lambda file, at: turned(file, at + 12, 1), "was altered", "was altered"),
    ("another nonce", lambda file, at: turned(file, at + 28, 1), "was altered", "was altered"),
    (
        "another public half",
        lambda file, at: turned(file, at + 40, 1),
        "the journal names the wallet key",
        "was altered",
    ),
    ("another secret", lambda file, at: turned(file, -20, 1), "was altered", "was altered"),
    ("another tag", lambda file, at: turned(file, -1, 1), "was altered", "was altered"),
]


def turned(data: bytes, at: int, bits: int) -> bytes:
    """With some bits of one byte turned."""
    changed = bytearray(data)
    changed[at] ^= bits
    return bytes(changed)


def test_a_changed_key_file_is_refused(journal: Path, clock: ManualClock, passphrase: Path, owner: Path) -> None:
    """A vault's or an owner's: the error names the file and what is wrong with it; put back, the file opens."""
    sealed(journal, clock, passphrase).close()
    vault = Path(f"{journal}.key")

    def use(file: Path) -> None:
        if file == owner:
            sign_withdrawal(owner, "vault-1", 1, "0xabc", expires=2**62, passphrase_file=passphrase)
        else:
            Gate.open(journal, clock=clock, passphrase_file=passphrase).close()

    for file, label in ((vault, "vault-1"), (owner, "ann")):
        whole = file.read_bytes()
        for case, change, to_vault, to_owner in CHANGED:
            file.write_bytes(change(whole, 16 + len(label)))
            with pytest.raises(CustodyError) as caught:
                use(file)
            assert str(caught.value).startswith(f"{file}: "), case
            assert (to_vault if file == vault else to_owner) in str(caught.value), case
        for mode in (0o640, 0o604, 0o620, 0o602):
            file.chmod(mode)
            with pytest.raises(CustodyError, match=f"{mode:o}.*chmod 600"):
                use(file)
        file.chmod(0o600)
        file.write_bytes(whole)
        use(file)
    assert key_files(journal) == {".key"}


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
    """Approvals must be in the journal as well, withdrawals and reactivations are the owner's, heads the head key's."""
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
            request = key.token(Withdrawal(expires=2**62).parts())
            successor = key.sign(successor_message("vault-1", key.public))
            acts = (lambda: gate.withdraw(request), lambda: gate.rotate_owner_key(key.public, successor))  # noqa: B023
            for act in acts:
                with pytest.raises(WithdrawalError) as owned:
                    act()
                assert owned.value.code == "signature"
            ended = key.token(Reactivation(expires=2**62).parts())
            with pytest.raises(ReactivationError) as stopped:
                gate.reactivate(signed=ended)
            assert stopped.value.code == "signature"
            # Whatever else it signs is no approval.
            with pytest.raises(ApprovalError) as other:
                gate.redeem(request)
            assert other.value.code == "malformed"
        head = gate.head()
        message = head_message(head.vault_id, head.sequence, head.epoch, head.hash)
        assert head.key == head_key.public
        assert head.signature is not None
        assert verify(head_key.public, message, head.signature)
        assert not verify(wallet.public, message, head.signature)
        assert verify(wallet.public, approved.token[:-64], approved.token[-64:])
        assert gate.redeem(approved.token) == proposal()
        assert (gate.snapshot().equity, gate.owner_key) == (10_000, owner_public_key(owner))


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
