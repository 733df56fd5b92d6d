"""Signed bytes read by Python alone, and held against a key and a vault."""

from __future__ import annotations

from collections.abc import Callable

from .canonical import (
    APPROVAL,
    REACTIVATION,
    WITHDRAWAL,
    Approval,
    Malformed,
    Order,
    Reactivation,
    Withdrawal,
    is_name,
)
from .signing import verify


class Reader:
    """Takes fields off the front of bytes; whatever is not in its one form is malformed."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def take(self, count: int) -> bytes:
        """So many bytes."""
        if count > len(self.rest):
            raise Malformed
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def domain(self, domain: bytes) -> None:
        """The first line."""
        if self.take(len(domain)) != domain:
            raise Malformed

    def number(self, size: int, *, signed: bool = False) -> int:
        """A big-endian integer of a fixed size."""
        return int.from_bytes(self.take(size), "big", signed=signed)

    def name(self, longest: int = 64) -> str:
        """One byte of length, then printable ASCII."""
        return self._name(self.take(self.number(1)), longest)

    def varint(self, bits: int) -> int:
        """LEB128: no empty last group, and not beyond so many bits."""
        value, shift = 0, 0
        while True:
            (byte,) = self.take(1)
            value |= (byte & 0x7F) << shift
            shift += 7
            if value >> bits or shift > 140:
                raise Malformed
            if byte < 0x80:
                if byte == 0 and shift > 7:
                    raise Malformed
                return value

    def signed(self, bits: int = 128) -> int:
        """Zigzag."""
        raw = self.varint(bits)
        return (raw >> 1) ^ -(raw & 1)

    def flag(self) -> bool:
        """0 or 1."""
        return self.tag(2, first=0) == 1

    def tag(self, count: int, *, first: int = 1) -> int:
        """One of so many."""
        (tag,) = self.take(1)
        if not first <= tag < first + count:
            raise Malformed
        return tag

    def text(self) -> str:
        """A length, then UTF-8."""
        try:
            return self.take(self.varint(64)).decode()
        except UnicodeDecodeError:
            raise Malformed from None

    def short(self) -> str:
        """A text that is a name."""
        return self._name(self.text().encode(), 64)

    def maybe(self) -> int | None:
        """A number, or none."""
        return self.signed() if self.flag() else None

    def end(self) -> None:
        """Nothing follows."""
        if self.rest:
            raise Malformed

    @staticmethod
    def _name(raw: bytes, longest: int) -> str:
        try:
            name = raw.decode("ascii")
        except UnicodeDecodeError:
            raise Malformed from None
        if not is_name(name, longest):
            raise Malformed
        return name


def read_order(reader: Reader) -> Order:
    """An order, in range."""
    order = Order(
        asset=reader.short(),
        side=reader.tag(2),
        quantity=reader.signed(),
        price=reader.maybe(),
        leverage=reader.signed(),
        stop_loss=reader.maybe(),
        take_profit=reader.maybe(),
        reduce_only=int(reader.flag()),
        confidence=reader.signed(),
        reasoning=reader.text(),
        client_order_id=reader.text() if reader.flag() else None,
    )
    order.check()
    return order


def read_approval(token: bytes) -> Approval:
    """The message of a token."""
    reader = Reader(token[:-64])
    if len(token) < 64:
        raise Malformed
    reader.domain(APPROVAL)
    approval = Approval(
        vault_id=reader.name(),
        sequence=reader.number(8),
        epoch=reader.number(8),
        nonce=reader.take(16),
        expires=reader.number(8, signed=True),
        limits_hash=reader.take(32),
        origin=reader.tag(3),
        order=read_order(reader),
    )
    reader.end()
    return approval


def check_approval(token: bytes, wallet_key: bytes, vault_id: str) -> str:
    """`ok`, or why not: malformed, then vault, then signature."""
    try:
        approval = read_approval(token)
    except Malformed:
        return "malformed"
    if approval.vault_id != vault_id:
        return "vault"
    return "ok" if verify(wallet_key, token[:-64], token[-64:]) else "signature"


def read_withdrawal(token: bytes) -> Withdrawal:
    """The message of a withdrawal's token."""
    reader = Reader(token)
    reader.domain(WITHDRAWAL)
    withdrawal = Withdrawal(
        vault_id=reader.name(),
        amount=reader.number(16, signed=True),
        destination=reader.name(128),
        nonce=reader.take(16),
        expires=reader.number(8, signed=True),
    )
    reader.take(64)
    reader.end()
    if withdrawal.amount <= 0:
        raise Malformed
    return withdrawal


def read_reactivation(token: bytes) -> Reactivation:
    """The message of a reactivation's token."""
    reader = Reader(token)
    reader.domain(REACTIVATION)
    reactivation = Reactivation(
        vault_id=reader.name(),
        ends=reader.number(8),
        rebase=int(reader.flag()),
        expires=reader.number(8, signed=True),
    )
    reader.take(64)
    reader.end()
    if reactivation.ends == 0:
        raise Malformed
    return reactivation


def check_withdrawal(token: bytes, owner_key: bytes, vault_id: str) -> str:
    """`ok`, or why not: malformed, then signature, then vault."""
    return _check_request(read_withdrawal, token, owner_key, vault_id)


def check_reactivation(token: bytes, owner_key: bytes, vault_id: str) -> str:
    """`ok`, or why not: malformed, then signature, then vault."""
    return _check_request(read_reactivation, token, owner_key, vault_id)


def _check_request(
    read: Callable[[bytes], Withdrawal | Reactivation], token: bytes, owner_key: bytes, vault_id: str
) -> str:
    try:
        request = read(token)
    except Malformed:
        return "malformed"
    if not verify(owner_key, token[:-64], token[-64:]):
        return "signature"
    return "ok" if request.vault_id == vault_id else "vault"
