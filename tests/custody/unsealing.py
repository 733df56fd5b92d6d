"""Opens a key file by Python alone, from docs/journal.md; and the shapes in which a secret could show itself."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

MAGIC = b"gxrisk key v1\n"
KEYS = {1: 2, 2: 1}  # by kind: a vault has a wallet and a head key, an owner one


@dataclass(frozen=True)
class Unsealed:
    """What a key file holds."""

    kind: int
    label: str
    cost: tuple[int, int, int]
    salt: bytes
    nonce: bytes
    publics: list[bytes]
    seeds: list[bytes]
    derived: bytes


def unseal(file: Path, passphrase: str) -> Unsealed:
    """Open a key file; every field must be where the page says it is, and nothing may follow."""
    data = file.read_bytes()
    rest = data

    def take(count: int) -> bytes:
        nonlocal rest
        assert len(rest) >= count
        taken, rest = rest[:count], rest[count:]
        return taken

    assert take(len(MAGIC)) == MAGIC
    kind = take(1)[0]
    label = take(take(1)[0]).decode("ascii")
    memory, passes, lanes = (int.from_bytes(take(4), "big") for _ in range(3))
    salt, nonce = take(16), take(12)
    publics = [take(32) for _ in range(KEYS[kind])]
    header = data[: len(data) - len(rest)]
    derived = hash_secret_raw(
        passphrase.encode(), salt, time_cost=passes, memory_cost=memory, parallelism=lanes, hash_len=32, type=Type.ID
    )
    opened = ChaCha20Poly1305(derived).decrypt(nonce, rest, header)
    seeds = [opened[at : at + 32] for at in range(0, len(opened), 32)]
    assert [public_of(seed) for seed in seeds] == publics
    return Unsealed(kind, label, (memory, passes, lanes), salt, nonce, publics, seeds, derived)


def public_of(seed: bytes) -> bytes:
    """The public half of a seed."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def expanded(seed: bytes) -> list[bytes]:
    """What signing makes of a seed: the scalar, clamped and not, and the prefix of the nonces."""
    digest = hashlib.sha512(seed).digest()
    clamped = bytes([digest[0] & 248]) + digest[1:31] + bytes([digest[31] & 63 | 64])
    return [digest[:32], clamped, digest[32:]]


def shapes(secret: bytes) -> Iterator[tuple[str, bytes]]:
    """The ways in which bytes are written down."""
    for order, raw in (("", secret), ("reversed ", secret[::-1])):
        yield f"{order}raw", raw
        yield f"{order}hex", raw.hex().encode()
        yield f"{order}HEX", raw.hex().upper().encode()
        yield f"{order}spaced hex", raw.hex(" ").encode()
        yield f"{order}decimal", str(int.from_bytes(raw, "big")).encode()
        yield f"{order}repr", repr(raw)[2:-1].encode()
        for separator in (", ", ",", " "):
            yield f"{order}list {separator!r}", separator.join(map(str, raw)).encode()
        # The same bytes look different at each of three places of a longer text; what is next to them is cut off.
        for skipped in range(3):
            middle = raw[(3 - skipped) % 3 :]
            middle = middle[: len(middle) // 3 * 3]
            yield f"{order}base64 at {skipped}", base64.b64encode(middle)
            yield f"{order}url-safe base64 at {skipped}", base64.urlsafe_b64encode(middle)


def sightings(secret: bytes, places: dict[str, bytes]) -> list[str]:
    """Where, and in which shape, a secret is found."""
    wanted = [*shapes(secret), *((f"half {shape}", half) for shape, half in shapes(secret[:16]))]
    return [f"{shape} in {name}" for name, data in places.items() for shape, form in wanted if form in data]
