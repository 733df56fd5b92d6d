"""Strict Ed25519: `cryptography` does the equation; points of low order, which it takes, are refused here."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from .canonical import Parts

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
