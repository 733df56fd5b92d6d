"""The bytes that are signed, written by Python alone: from docs/journal.md, without anything of gxrisk.

Numbers are raw integers: quantities, prices and money in units of 1e-9, times in nanoseconds since 1970.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

APPROVAL = b"gxrisk approval v1\n"
HEAD = b"gxrisk head v1\n"
WITHDRAWAL = b"gxrisk withdrawal v1\n"
REACTIVATION = b"gxrisk reactivation v1\n"
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


@dataclass(frozen=True)
class Reactivation:
    """A reactivation's message."""

    vault_id: str = "vault-1"
    ends: int = 4
    rebase: int = 0
    expires: int = 1_584_014_460_000_000_000

    def parts(self, domain: bytes = REACTIVATION) -> Parts:
        """Its fields in their order, by name."""
        return {
            "domain": domain,
            "vault_length": bytes([len(self.vault_id.encode())]),
            "vault": self.vault_id.encode(),
            "ends": self.ends.to_bytes(8, "big"),
            "rebase": bytes([self.rebase]),
            "expires": self.expires.to_bytes(8, "big", signed=True),
        }


def head_message(vault_id: str, sequence: int, epoch: int, digest: bytes) -> bytes:
    """What the head key signs."""
    return HEAD + named(vault_id) + sequence.to_bytes(8, "big") + epoch.to_bytes(8, "big") + digest


def successor_message(vault_id: str, key: bytes) -> bytes:
    """What an owner signs for the key that comes next."""
    return SUCCESSOR + named(vault_id) + key


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
