"""The bytes that are signed, written and read by Python alone: from docs/journal.md, without anything of gxrisk.

Numbers are raw integers: quantities, prices and money in units of 1e-9, times in nanoseconds since 1970.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

APPROVAL = b"gxrisk approval v1\n"
HEAD = b"gxrisk head v1\n"
WITHDRAWAL = b"gxrisk withdrawal v1\n"
SUCCESSOR = b"gxrisk owner key v1\n"
SIDES = {"buy": 1, "sell": 2}
ORIGINS = {"agent": 1, "owner": 2, "protection": 3}
LARGEST = 10**27  # 1e18 in units of 1e-9

Parts = dict[str, bytes]


class Malformed(Exception):
    """Bytes that are not what they should be."""


def varint(value: int) -> bytes:
    """LEB128, in as few bytes as it needs."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def signed(value: int) -> bytes:
    """Zigzag, then LEB128."""
    return varint(value << 1 if value >= 0 else (-value << 1) - 1)


def text(value: str) -> bytes:
    """The length in bytes, then UTF-8."""
    raw = value.encode()
    return varint(len(raw)) + raw


def option(value: bytes | None) -> bytes:
    """0, or 1 and the value."""
    return b"\0" if value is None else b"\1" + value


def named(value: str) -> bytes:
    """One byte of length, then the characters: names in signed messages."""
    return bytes([len(value)]) + value.encode()


@dataclass(frozen=True)
class Order:
    """An order as it is encoded."""

    asset: str = "BTC"
    side: int = 1
    quantity: int = 10**9
    price: int | None = None
    leverage: int = 10**9
    stop_loss: int | None = 98 * 10**9
    take_profit: int | None = None
    reduce_only: int = 0
    confidence: int = 9 * 10**8
    reasoning: str = "a vector"
    client_order_id: str | None = None

    def parts(self) -> Parts:
        """Its fields in their order, by name."""
        maybe = {name: getattr(self, name) for name in ("price", "stop_loss", "take_profit")}
        prices = {name: option(None if value is None else signed(value)) for name, value in maybe.items()}
        return {
            "asset_length": varint(len(self.asset.encode())),
            "asset": self.asset.encode(),
            "side": bytes([self.side]),
            "quantity": signed(self.quantity),
            "price": prices["price"],
            "leverage": signed(self.leverage),
            "stop_loss": prices["stop_loss"],
            "take_profit": prices["take_profit"],
            "reduce_only": bytes([self.reduce_only]),
            "confidence": signed(self.confidence),
            "reasoning_length": varint(len(self.reasoning.encode())),
            "reasoning": self.reasoning.encode(),
            "client_order_id": option(None if self.client_order_id is None else text(self.client_order_id)),
        }

    def check(self) -> None:
        """Raise for what no order can hold."""
        amounts = [self.quantity, self.price, self.stop_loss, self.take_profit]
        names = [self.asset] if self.client_order_id is None else [self.asset, self.client_order_id]
        for is_right in (
            all(0 < amount <= LARGEST for amount in amounts if amount is not None),
            0 < self.leverage <= 1000 * 10**9,
            0 <= self.confidence <= 10**9,
            1 <= len(self.reasoning) <= 4000,
            all(is_name(name) for name in names),
        ):
            if not is_right:
                raise Malformed


def is_name(name: str, longest: int = 64) -> bool:
    """Whether a text is printable ASCII without a space, and neither empty nor too long."""
    return 0 < len(name) <= longest and all("!" <= letter <= "~" for letter in name)


@dataclass(frozen=True)
class Approval:
    """An approval's message."""

    vault_id: str = "vault-1"
    sequence: int = 7
    epoch: int = 3
    nonce: bytes = bytes(range(16))
    expires: int = 1_584_014_405_000_000_000
    limits_hash: bytes = bytes(range(32, 64))
    origin: int = 1
    order: Order = field(default_factory=Order)

    def parts(self, domain: bytes = APPROVAL) -> Parts:
        """Its fields in their order, by name."""
        return {
            "domain": domain,
            "vault_length": bytes([len(self.vault_id.encode())]),
            "vault": self.vault_id.encode(),
            "sequence": self.sequence.to_bytes(8, "big"),
            "epoch": self.epoch.to_bytes(8, "big"),
            "nonce": self.nonce,
            "expires": self.expires.to_bytes(8, "big", signed=True),
            "limits_hash": self.limits_hash,
            "origin": bytes([self.origin]),
            **self.order.parts(),
        }

    def reads(self) -> dict[str, Any]:
        """What a reader finds in it, as in JSON."""
        order = {name: getattr(self.order, name) for name in Order.__dataclass_fields__}
        order["side"] = {tag: word for word, tag in SIDES.items()}[self.order.side]
        for name in ("quantity", "price", "leverage", "stop_loss", "take_profit", "confidence"):
            order[name] = None if order[name] is None else str(order[name])
        return {
            "vault_id": self.vault_id,
            "sequence": str(self.sequence),
            "epoch": str(self.epoch),
            "nonce": self.nonce.hex(),
            "expires": str(self.expires),
            "limits_hash": self.limits_hash.hex(),
            "origin": {tag: word for word, tag in ORIGINS.items()}[self.origin],
            "order": {**order, "reduce_only": bool(self.order.reduce_only)},
        }


@dataclass(frozen=True)
class Withdrawal:
    """A withdrawal's message."""

    vault_id: str = "vault-1"
    amount: int = 1000 * 10**9
    destination: str = "0xabc"
    nonce: bytes = bytes(range(16))
    expires: int = 1_584_014_460_000_000_000

    def parts(self, domain: bytes = WITHDRAWAL) -> Parts:
        """Its fields in their order, by name."""
        return {
            "domain": domain,
            "vault_length": bytes([len(self.vault_id.encode())]),
            "vault": self.vault_id.encode(),
            "amount": self.amount.to_bytes(16, "big", signed=True),
            "destination_length": bytes([len(self.destination.encode())]),
            "destination": self.destination.encode(),
            "nonce": self.nonce,
            "expires": self.expires.to_bytes(8, "big", signed=True),
        }


def head_message(vault_id: str, sequence: int, epoch: int, digest: bytes) -> bytes:
    """What the head key signs."""
    return HEAD + named(vault_id) + sequence.to_bytes(8, "big") + epoch.to_bytes(8, "big") + digest


def successor_message(vault_id: str, key: bytes) -> bytes:
    """What an owner signs for the key that comes next."""
    return SUCCESSOR + named(vault_id) + key


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


def check_withdrawal(token: bytes, owner_key: bytes, vault_id: str) -> str:
    """`ok`, or why not: malformed, then signature, then vault."""
    try:
        withdrawal = read_withdrawal(token)
    except Malformed:
        return "malformed"
    if not verify(owner_key, token[:-64], token[-64:]):
        return "signature"
    return "ok" if withdrawal.vault_id == vault_id else "vault"


# Ed25519 (RFC 8032). `cryptography` does the equation; the points of low order are refused here, as it takes them.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int]


def _point(raw: bytes) -> Point | None:
    """The point of an encoding, or None where there is none."""
    number = int.from_bytes(raw, "little")
    y, sign = number % 2**255 % P, number >> 255
    squared = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(squared, (P + 3) // 8, P)
    if x * x % P != squared:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != squared:
        return None
    return (x if x % 2 == sign else -x % P, y)


def _double(point: Point) -> Point:
    (x, y), product = point, D * point[0] ** 2 * point[1] ** 2
    return (2 * x * y * pow(1 + product, -1, P) % P, (y * y + x * x) * pow(1 - product, -1, P) % P)


def is_sound(raw: bytes) -> bool:
    """Whether an encoding is of a point, and of one whose order is more than eight."""
    point = _point(raw)
    return point is not None and _double(_double(_double(point))) != (0, 1)


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature is that of a message by a key, strictly."""
    if not is_sound(public) or not is_sound(signature[:32]) or int.from_bytes(signature[32:], "little") >= L:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@dataclass(frozen=True)
class Key:
    """A key pair of a fixed seed."""

    seed: bytes

    @classmethod
    def of(cls, byte: int) -> Key:
        """The key of the seed that is one byte 32 times."""
        return cls(bytes([byte]) * 32)

    @property
    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    @property
    def public(self) -> bytes:
        """The public half."""
        return self._private.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._private.sign(message)

    def token(self, parts: Parts) -> bytes:
        """The message of these fields, and its signature."""
        message = b"".join(parts.values())
        return message + self.sign(message)


def spans(parts: Parts) -> dict[str, tuple[int, int]]:
    """Where each field of a token lies, the two halves of its signature included."""
    found, at = {}, 0
    for name, value in [*parts.items(), ("signature_r", bytes(32)), ("signature_s", bytes(32))]:
        found[name] = (at, at + len(value))
        at += len(value)
    return found


def flipped(token: bytes, span: tuple[int, int], bit: int) -> bytes:
    """The token with one bit of a field turned: bit 0 is the lowest of the field's last byte."""
    at, end = span
    place = end - 1 - bit // 8
    assert at <= place < end
    return token[:place] + bytes([token[place] ^ 1 << bit % 8]) + token[place + 1 :]


__all__ = [
    "Approval", "Key", "Malformed", "Order", "Reader", "Withdrawal", "check_approval", "check_withdrawal", "flipped",
    "head_message", "read_approval", "read_withdrawal", "replace", "spans", "successor_message", "verify",
]  # fmt: skip
