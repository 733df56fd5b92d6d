"""Records decoded by Python alone, from docs/journal.md and the order of fields that the core's codec declares."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gxrisk import Gate, JournalReader, Limits, ManualClock, order
from gxrisk.custody import create_owner_key, sign_owner_key, sign_reactivation, sign_withdrawal

from tests.vectors.canonical import ORIGINS, SIDES, Approval
from tests.vectors.reading import Reader, read_approval, read_order
from tests.vectors.signing import verify

NOON = "2020-03-12T12:00:00Z"
Event = dict[str, Any]

# A process of its own: two SQLite libraries in one process break each other's locks.
READ = """
import json, sqlite3, sys
rows = sqlite3.connect(sys.argv[1]).execute("SELECT frame FROM records ORDER BY sequence")
print(json.dumps([frame.hex() for (frame,) in rows]))
"""


def nano(reader: Reader) -> Decimal:
    """A number with nine fractional digits."""
    return Decimal(reader.signed()).scaleb(-9)


def atto(reader: Reader) -> Decimal:
    """An amount of money with eighteen."""
    return Decimal(reader.signed()).scaleb(-18)


def when(reader: Reader, unit: int = 1) -> str:
    """A time, as events show it; in nanoseconds, or in another unit of them."""
    nanos = reader.signed(64) * unit
    moment = ManualClock(nanos // 10**9 * 10**9).now().strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}{f'.{nanos % 10**9:09}'.rstrip('0') if nanos % 10**9 else ''}Z"


def order_id(reader: Reader) -> str:
    """The decision that an order came of."""
    return f"gx-{reader.varint(64)}"


def maybe(reader: Reader, read: Callable[[Reader], Any]) -> Any:
    """A value that may be absent."""
    return read(reader) if reader.flag() else None


def many(reader: Reader, read: Callable[[Reader], Any]) -> list[Any]:
    """How many, then each."""
    return [read(reader) for _ in range(reader.varint(64))]


def tick(reader: Reader) -> Event:
    """One mark."""
    return {"asset": reader.short(), "price": nano(reader), "time": when(reader), "atr": maybe(reader, nano)}


def fill(reader: Reader) -> Event:
    """What the venue executed."""
    return {
        "approved": maybe(reader, lambda r: r.varint(64)) is not None,
        "order_id": reader.text(),
        "fill_id": reader.text(),
        "asset": reader.short(),
        "side": word(reader, SIDES),
        "quantity": nano(reader),
        "price": nano(reader),
        "fee": nano(reader),
    }


def word(reader: Reader, words: dict[str, int]) -> str:
    """A tag as its word."""
    tag = reader.tag(len(words))
    return next(name for name, number in words.items() if number == tag)


def signature(reader: Reader) -> str | None:
    """64 bytes that may be absent."""
    return maybe(reader, lambda r: r.take(64).hex())


BREAKERS = {
    "price_move": 1, "drawdown": 2, "daily_loss": 3, "oracle_failure": 4, "consecutive_losses": 5,
    "execution_failure": 6, "trade_limit": 7, "volatility": 8, "fill_mismatch": 9,
}  # fmt: skip
FIGURES: list[Callable[[Reader], Any]] = [nano, atto, lambda r: r.varint(64), lambda r: r.tag(11), lambda r: None]


def figure(reader: Reader) -> Any:
    """A limit or what was observed; a word is left as its number."""
    return FIGURES[reader.tag(5) - 1](reader)


def trip(reader: Reader) -> Event:
    """A breaker, its end, its cause."""
    told = {"breaker": word(reader, BREAKERS), "until": maybe(reader, when)}
    return {**told, "limit": figure(reader), "observed": figure(reader), "cause": reader.text()}


def rebase(reader: Reader) -> Event:
    """New anchors, if any."""
    if not reader.flag():
        return {"rebase": False}
    return {"rebase": True, **{name: atto(reader) for name in ("old_base", "old_peak", "new_base")}}


def consent(reader: Reader) -> Event:
    """The owner's word, if any."""
    if not reader.flag():
        return {}
    return {"ends": reader.varint(64), "expires": when(reader), "signature": reader.take(64).hex()}


def paired(reader: Reader, value: Callable[[Reader], Any], name: Callable[[Reader], str]) -> dict[str, Any]:
    """A map, its keys ascending."""
    pairs = many(reader, lambda r: (name(r), value(r)))
    assert [key for key, _ in pairs] == sorted({key for key, _ in pairs})
    return dict(pairs)


def decision(reader: Reader) -> Event:
    """A decision up to what it was computed from, which `skipped` lets pass."""
    sequence, order, origin, mask = reader.varint(64), read_order(reader), word(reader, ORIGINS), reader.varint(32)
    outcome = "approved" if mask == 0 else "held" if mask >> 29 & 1 else "rejected"
    approved = f"gx-{sequence}" if mask == 0 else None
    told = Approval(order=order).reads()["order"]
    reader.rest = b""
    return {"origin": origin, "outcome": outcome, "order_id": approved, "order": told}


# By tag: the kind, and how its fields are read. Limits are not taken apart.
KINDS: dict[int, tuple[str, Callable[[Reader], Event]]] = {
    2: ("market", lambda r: {"marks": many(r, tick), "peak": atto(r), "ignored_marks": r.varint(64)}),
    3: ("flow", lambda r: {"amount": nano(r)}),
    4: ("funding", lambda r: {"asset": r.short(), "amount": nano(r), "paid": maybe(r, when)}),
    5: ("volatility", lambda r: {"volatility": nano(r)}),
    6: ("lot_steps", lambda r: {"steps": paired(r, nano, Reader.short)}),
    7: ("correlation_groups", lambda r: {"groups": paired(r, lambda s: many(s, Reader.short), Reader.text)}),
    8: ("decision", decision),
    9: ("hold", lambda r: {"asset": maybe(r, Reader.short), "confidence": nano(r), "reasoning": r.text()}),
    10: ("redeemed", lambda r: {"order_id": order_id(r), "signature": signature(r)}),
    11: ("accepted", lambda r: {"order_id": order_id(r)}),
    12: ("fill", fill),
    13: ("cancelled", lambda r: {"order_id": order_id(r)}),
    14: ("failed", lambda r: {"order_id": order_id(r), "reason": r.text()}),
    15: ("expired", lambda r: {"order_id": order_id(r)}),
    16: ("day", lambda r: {"date": when(r, 86_400 * 10**9)[:10], "opening": atto(r)}),
    17: ("trip", trip),
    18: ("end", lambda r: {"breaker": word(r, BREAKERS)}),
    19: ("cancel_requested", lambda r: {"order_ids": many(r, order_id)}),
    20: ("paused", lambda r: {}),
    21: ("resumed", lambda r: {}),
    22: ("killed", lambda r: {"reason": r.text()}),
    23: ("reactivated", lambda r: {**rebase(r), **consent(r)}),
    25: ("risk_scale", lambda r: {"scale": nano(r)}),
    26: ("restarted", lambda r: {"begun_epoch": r.varint(64), "dropped_bytes": r.varint(64)}),
    27: ("keys", lambda r: {"wallet_key": r.take(32).hex(), "head_key": r.take(32).hex()}),
    28: ("owner_key", lambda r: {"key": r.take(32).hex(), "signature": signature(r)}),
    29: ("withdrawal", lambda r: {
        "amount": nano(r), "destination": r.text(), "nonce": r.take(16).hex(), "expires": when(r),
        "signature": r.take(64).hex(),
    }),
    30: ("checkpoint", lambda r: {"state": r.take(32).hex()}),
    31: ("note", lambda r: {"topic": r.text(), "text": r.text()}),
}  # fmt: skip
WHOLE = {1: "opened", 24: "limits"}


def passphrase_in(folder: Path) -> Path:
    """A file with a passphrase."""
    file = folder / "passphrase"
    file.touch(mode=0o600)
    file.write_text("a passphrase of the records\n")
    return file


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes]]:
    """The journal of a vault to which everything happened, and the tokens of its approvals."""
    folder = tmp_path_factory.mktemp("records")
    file, clock, passphrase = folder / "vault.gxr", ManualClock(NOON), passphrase_in(folder)
    keys = [create_owner_key(folder / name, name, passphrase_file=passphrase) for name in ("ann", "bea")]
    wanted = order("BTC", "buy", 1, confidence="0.9", reasoning="каждый 🐻", stop_loss=98, take_profit=130)
    tokens = []

    def reactivate(gate: Gate, *, rebase: bool) -> None:
        until, stop = "2020-03-14T00:00:00.000000001Z", gate.stopped_by
        assert stop is not None
        signed = sign_reactivation(
            folder / "ann", "records", stop, rebase=rebase, expires=until, passphrase_file=passphrase
        )
        gate.reactivate(rebase, signed=signed)

    with Gate("records", Limits.for_tier("growth"), clock=clock, journal=file, owner_key=keys[0]) as gate:
        gate.set_lot_steps({"ETH": "0.01", "BTC": "0.001"})
        gate.set_correlation_groups({"z": ["BTC"], "a": ["SOL", "ETH"]})
        gate.deposit("10000.000000001")
        gate.mark("BTC", 100, atr="1.5")
        gate.mark("ETH", "10.25", at="2020-03-12T11:59:59.123456789Z")
        gate.mark("ETH", "10.5", at="2020-03-12T11:59:58Z")
        for fate in ("fill", "cancel", "fail", "expire"):
            decided = gate.authorize(wanted.replace(client_order_id=fate))
            assert decided.approval is not None
            assert decided.order_id is not None
            tokens.append(decided.approval.token)
            if fate == "expire":
                clock.advance(5)
                continue
            gate.redeem(decided.approval)
            gate.order_accepted(decided.order_id)
            if fate == "fill":
                gate.apply_fill(decided.order_id, "f-1", "0.4", "99.9", "-0.001")
                gate.apply_fill(decided.order_id, "f-2", "0.6", "100.1", "0.3")
            elif fate == "cancel":
                gate.order_cancelled(decided.order_id)
            else:
                gate.order_failed(decided.order_id, "no\x00 answer")
        gate.authorize(wanted.replace(quantity=1000, leverage="5.5", price="101.5"))
        gate.authorize(wanted.replace(confidence="0.1", side="sell", stop_loss=102, take_profit=None))
        gate.authorize(order("BTC", "sell", 1, confidence=1, reasoning="out", reduce_only=True), origin="protection")
        gate.hold("0.123456789", "waits")
        gate.hold("0.5", "out of reach", asset="ETH")
        gate.funding("BTC", "-12.5")
        gate.funding("BTC", "0.25", at="2020-03-12T08:00:00Z")
        gate.note("strategy", "momentum 🐻")
        gate.note("strategy", "")
        gate.set_volatility("0.5")
        gate.set_volatility("0.25")
        gate.set_risk_scale("0.75")
        gate.apply_fill("theirs", "x", 1, 100, asset="BTC", side="sell")
        gate.set_limits(gate.limits.replace(max_order_notional=5000))
        gate.pause()
        gate.resume()
        gate.kill("enough")
        reactivate(gate, rebase=False)
    with Gate.open(file, clock=clock) as gate:
        gate.rotate_keys()
        gate.funding("BTC", -3000)
        reactivate(gate, rebase=True)
        gate.rotate_owner_key(keys[1], sign_owner_key(folder / "ann", "records", keys[1], passphrase_file=passphrase))
        clock.advance(86_400)
        gate.mark("BTC", "100.000000001", atr=1)
        until = "2020-03-14T00:00:00.000000001Z"
        gate.withdraw(
            sign_withdrawal(folder / "bea", "records", "12.5", "0xabc", expires=until, passphrase_file=passphrase)
        )
    return file, tokens


@pytest.fixture(scope="module")
def frames(written: tuple[Path, list[bytes]]) -> list[bytes]:
    """Every frame of that journal."""
    done = subprocess.run([sys.executable, "-c", READ, str(written[0])], capture_output=True, text=True, check=True)
    return [bytes.fromhex(frame) for frame in json.loads(done.stdout)]


def test_every_record_says_what_the_reader_says(written: tuple[Path, list[bytes]], frames: list[bytes]) -> None:
    """Sequence, time and all fields of every kind, to the last byte; limits and evidence apart."""
    events = JournalReader(written[0]).events()
    assert len(frames) == len(events)
    met = set()
    for number, (frame, event) in enumerate(zip(frames, events, strict=True), 1):
        reader = Reader(frame[13:])
        assert (reader.varint(64), reader.signed(64)) == (number, event["time_ns"])
        tag = reader.tag(31)
        met.add(tag)
        if tag in WHOLE:
            assert event["kind"] == WHOLE[tag]
            assert tag != 1 or reader.text() == event["vault_id"] == "records"
            continue
        kind, read = KINDS[tag]
        told = read(reader)
        reader.end()
        assert kind == event["kind"]
        if kind == "decision":
            told["order"] = {name: shown(name, value) for name, value in told["order"].items()}
        assert told == {name: event[name] for name in told}, event
        others = {"sequence", "time", "time_ns", "kind", "epoch", "hash"} | {"violations", "expires", "evidence"}
        assert set(event) - set(told) <= others, event
    assert met == set(range(1, 32))


def shown(name: str, value: Any) -> Any:
    """A field of an order as events show it."""
    numbers = ("quantity", "price", "leverage", "stop_loss", "take_profit", "confidence")
    return Decimal(value).scaleb(-9) if name in numbers and value is not None else value


def test_an_approval_follows_from_its_record(written: tuple[Path, list[bytes]]) -> None:
    """Its sequence, epoch, nonce and expiry are those of the record, its key is the one that the journal names."""
    reader = JournalReader(written[0])
    events = {event["sequence"]: event for event in reader.events()}
    wallet = next(event["wallet_key"] for event in events.values() if event["kind"] == "keys")
    signatures = {event["signature"] for event in events.values() if event["kind"] == "redeemed"}
    for token in written[1]:
        approval = read_approval(token)
        record = events[approval.sequence]
        assert record["kind"] == "decision"
        assert approval.epoch == record["epoch"]
        assert approval.nonce.hex() == record["hash"][:32]
        assert approval.vault_id == "records"
        assert approval.expires == record["time_ns"] + 5 * 10**9
        assert approval.order.client_order_id == record["order"]["client_order_id"]
        assert verify(bytes.fromhex(wallet), token[:-64], token[-64:])
    assert signatures == {token[-64:].hex() for token in written[1][:3]}
