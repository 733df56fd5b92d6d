"""The cases of approvals.json: tokens, and what is told of them without a gate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from .canonical import HEAD, LARGEST, WITHDRAWAL, Approval, Order, Parts, Withdrawal, flipped, option, spans
from .signing import Key, L

Case = dict[str, Any]
ONE = 10**9
WALLET, OTHER = Key.of(0x11), Key.of(0x22)
NAMED = Approval(order=Order(price=100 * ONE, take_profit=120 * ONE, client_order_id="mine-1"))
LONGEST = Order(
    asset="A" * 64, quantity=LARGEST, price=LARGEST, stop_loss=LARGEST, take_profit=LARGEST, leverage=1000 * ONE,
    confidence=ONE, reasoning="𝛑ü€x" * 1000, client_order_id="~" * 64,
)  # fmt: skip

ORDERS: dict[str, Order] = {
    "a market buy with a stop": Order(),
    "a market sell with a stop": Order(side=2, stop_loss=102 * ONE),
    "with a limit price": Order(price=101 * ONE),
    "with a limit price and a take profit": Order(price=101 * ONE, take_profit=130 * ONE),
    "without a stop": Order(stop_loss=None),
    "reduce only": Order(side=2, stop_loss=None, reduce_only=1),
    "reduce only at a price": Order(side=2, price=99 * ONE, stop_loss=None, reduce_only=1),
    "with a client order id": Order(client_order_id="a-1"),
    "with everything": replace(NAMED.order, reduce_only=1),
    "the least of everything": Order("!", 1, 1, 1, 1, 1, 1, 0, 0, "?", "!"),
    "the most of everything": LONGEST,
    "numbers at the edges of a varint": Order(quantity=63, price=64, stop_loss=8191, take_profit=8192),
    "a reasoning of control characters": Order(reasoning="\0\n\x1b[2J\u202e"),
}
APPROVALS: dict[str, Approval] = {
    "by the owner": Approval(origin=2),
    "by protection": Approval(origin=3),
    "the longest vault id": Approval(vault_id="v" * 64),
    "the largest numbers": Approval(sequence=2**64 - 1, epoch=2**64 - 1, expires=2**63 - 1),
    "the smallest numbers": Approval(sequence=0, epoch=0, expires=-(2**63), nonce=bytes(16), limits_hash=bytes(32)),
}

# One bit of each field turned: which bit (0 is the lowest of the field's last byte), and what is told.
BITS: list[tuple[str, int, str]] = [
    ("domain", 0, "malformed"),
    ("domain", 8, "malformed"),
    ("vault_length", 0, "malformed"),
    ("vault_length", 7, "malformed"),
    ("vault", 0, "vault"),
    ("vault", 7, "malformed"),
    ("sequence", 0, "signature"),
    ("sequence", 63, "signature"),
    ("epoch", 0, "signature"),
    ("epoch", 63, "signature"),
    ("nonce", 0, "signature"),
    ("nonce", 127, "signature"),
    ("expires", 0, "signature"),
    ("expires", 62, "signature"),
    ("expires", 63, "signature"),
    ("limits_hash", 0, "signature"),
    ("limits_hash", 255, "signature"),
    ("origin", 1, "signature"),
    ("origin", 0, "malformed"),
    ("origin", 2, "malformed"),
    ("asset_length", 0, "malformed"),
    ("asset", 0, "signature"),
    ("asset", 7, "malformed"),
    ("side", 0, "malformed"),
    ("side", 2, "malformed"),
    ("quantity", 0, "signature"),
    ("quantity", 32, "malformed"),
    ("price", 1, "signature"),
    ("leverage", 1, "signature"),
    ("stop_loss", 2, "signature"),
    ("take_profit", 1, "signature"),
    ("reduce_only", 0, "signature"),
    ("reduce_only", 1, "malformed"),
    ("confidence", 10, "signature"),
    ("reasoning_length", 0, "malformed"),
    ("reasoning", 0, "signature"),
    ("reasoning", 7, "malformed"),
    ("client_order_id", 0, "signature"),
    ("client_order_id", 7, "malformed"),
    ("signature_r", 0, "signature"),
    ("signature_r", 255, "signature"),
    ("signature_s", 0, "signature"),
    ("signature_s", 255, "signature"),
]

# What the wallet's key would never sign, signed by it: no order can hold these values.
IMPOSSIBLE: dict[str, Order] = {
    "a quantity of nothing": Order(quantity=0),
    "a quantity below nothing": Order(quantity=-1),
    "a quantity beyond the largest": Order(quantity=LARGEST + 1),
    "the least of 128 bits as quantity": Order(quantity=-(2**127)),
    "a price of nothing": Order(price=0),
    "a stop below nothing": Order(stop_loss=-1),
    "a take profit of nothing": Order(take_profit=0),
    "a leverage of nothing": Order(leverage=0),
    "a leverage beyond a thousand": Order(leverage=1000 * ONE + 1),
    "a confidence above one": Order(confidence=ONE + 1),
    "a confidence below nothing": Order(confidence=-1),
    "no reasoning": Order(reasoning=""),
    "a reasoning of 4,001 characters": Order(reasoning="x" * 4001),
    "an asset with a space": Order(asset="B C"),
    "an asset beyond ASCII": Order(asset="BÜC"),
    "an asset without a name": Order(asset=""),
    "an asset of 65 characters": Order(asset="A" * 65),
    "a client order id without a character": Order(client_order_id=""),
    "a client order id with a space": Order(client_order_id="a b"),
    "a client order id of 65 characters": Order(client_order_id="a" * 65),
    "a side that is neither": Order(side=3),
    "a side of nothing": Order(side=0),
    "a reduce-only of two": Order(reduce_only=2),
}

# Other forms of the same values, signed by the wallet's key: there is one form only.
FORMS: dict[str, Parts] = {
    "a quantity with an empty last group": {"quantity": bytes([0x80, 0xA8, 0xD6, 0xB9, 0x87, 0x00])},
    "a leverage of nineteen groups and more": {"leverage": b"\x80" * 19 + b"\x01"},
    "a confidence beyond 128 bits": {"confidence": b"\xff" * 18 + b"\x04"},
    "a length with an empty last group": {"asset_length": b"\x83\x00"},
    "a length beyond the end": {"reasoning_length": b"\xff\x7f"},
    "a length of 2^64": {"reasoning_length": b"\x80" * 9 + b"\x02"},
    "an option of two": {"price": b"\x02"},
    "an option that says no and has a value": {"price": b"\x00" + option(b"\x02")},
    "a reasoning that is not UTF-8": {"reasoning_length": b"\x02", "reasoning": b"\xc3\x28"},
    "a surrogate in the reasoning": {"reasoning_length": b"\x03", "reasoning": b"\xed\xa0\x80"},
    "a vault id without a character": {"vault_length": b"\0", "vault": b""},
    "a vault id of 65 characters": {"vault_length": b"\x41", "vault": b"v" * 65},
    "a vault id with a line break": {"vault": b"vault-\n"},
    "an origin of nothing": {"origin": b"\0"},
    "an origin that is none": {"origin": b"\x04"},
}


def case(name: str, token: bytes, expect: str, key: bytes = WALLET.public, vault_id: str = "vault-1") -> Case:
    """One case as in the file."""
    return {"name": name, "token": token.hex(), "wallet_key": key.hex(), "vault_id": vault_id, "expect": expect}


def low_order() -> Iterator[tuple[str, bytes]]:
    """Encodings of points of low order, as keys that would take any message."""
    yield "one", b"\x01" + bytes(31)
    yield "minus one", ((1 << 255) - 20).to_bytes(32, "little")
    yield "zero", bytes(32)
    yield "of order eight", bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")


def valid() -> Iterator[Case]:
    """Tokens that are good."""
    named = {**{name: Approval(order=order) for name, order in ORDERS.items()}, **APPROVALS}
    for name, approval in named.items():
        token = WALLET.token(approval.parts())
        yield {**case(name, token, "ok", vault_id=approval.vault_id), "reads": approval.reads()}


def altered() -> Iterator[Case]:
    """A good token with one bit turned, cut, or with something after it."""
    token, where = WALLET.token(NAMED.parts()), spans(NAMED.parts())
    for name, bit, expect in BITS:
        yield case(f"bit {bit} of {name} turned", flipped(token, where[name], bit), expect)
    for name, (start, _) in where.items():
        yield case(f"cut before {name}", token[:start], "malformed")
    yield case("cut before the last byte", token[:-1], "malformed")
    yield case("a byte after it", token + b"\0", "malformed")
    yield case("a byte before it", b"\0" + token, "malformed")
    yield case("a byte between message and signature", token[:-64] + b"\0" + token[-64:], "malformed")
    yield case("twice", token * 2, "malformed")
    yield case("the signature alone", token[-64:], "malformed")


def missigned() -> Iterator[Case]:
    """Good messages, and signatures that are not the wallet key's of them."""
    token, parts = WALLET.token(NAMED.parts()), NAMED.parts()
    message, scalar = token[:-64], int.from_bytes(token[-32:], "little")
    yield case("by another key", OTHER.token(parts), "signature")
    yield case("held against another key", token, "signature", key=OTHER.public)
    yield case("of another vault", WALLET.token(replace(NAMED, vault_id="vault-2").parts()), "vault")
    yield case("held against another vault", token, "vault", vault_id="vault-2")
    yield case("of another vault and by another key", OTHER.token(replace(NAMED, vault_id="v").parts()), "vault")
    yield case("of a vault whose id begins alike", token, "vault", vault_id="vault-10")
    yield case("a signature of zeros", message + bytes(64), "signature")
    yield case("the signature of another approval", message + WALLET.token(Approval().parts())[-64:], "signature")
    yield case("a scalar that is not reduced", token[:-32] + (scalar + L).to_bytes(32, "little"), "signature")
    yield case("the halves of the signature swapped", message + token[-32:] + token[-64:-32], "signature")
    in_withdrawals = WALLET.sign(message.replace(b"approval", b"withdrawal", 1))
    yield case("signed in the domain of withdrawals", message + in_withdrawals, "signature")
    yield case("signed in the domain of heads", message + WALLET.sign(HEAD + message[19:]), "signature")
    yield case("signed without a domain", message + WALLET.sign(message[19:]), "signature")
    yield case("in the domain of heads", WALLET.token(NAMED.parts(HEAD)), "malformed")
    yield case("in the domain of withdrawals", WALLET.token(NAMED.parts(WITHDRAWAL)), "malformed")
    yield case("in a later version's domain", WALLET.token(NAMED.parts(b"gxrisk approval v2\n")), "malformed")
    yield case("a withdrawal by the same key", WALLET.token(Withdrawal().parts()), "malformed")
    for name, key in low_order():
        yield case(f"a key of low order: {name}", message + b"\x01" + bytes(63), "signature", key=key)
        yield case(f"a commitment of low order: {name}", message + key + token[-32:], "signature")
    yield case("a key that is no point", token, "signature", key=b"\x02" + bytes(31))


def misshapen() -> Iterator[Case]:
    """Signed by the right key, and yet no approvals."""
    for name, order in IMPOSSIBLE.items():
        yield case(name, WALLET.token(Approval(order=order).parts()), "malformed")
    for name, parts in FORMS.items():
        yield case(name, WALLET.token({**Approval().parts(), **parts}), "malformed")
    yield case("nothing", b"", "malformed")
    yield case("a domain alone", b"gxrisk approval v1\n", "malformed")
    yield case("1,024 zeros", bytes(2**10), "malformed")
    yield case("text", b"gx-7", "malformed")


def cases() -> list[Case]:
    """All of them."""
    return [*valid(), *altered(), *missigned(), *misshapen()]
