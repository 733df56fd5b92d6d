"""A vault with sealed keys in heavy use: `python -m tests.custody.usage FOLDER`.

It runs as a process of its own, which never sees a secret but in native memory, and writes down everything that Python
can see of it, in files under FOLDER/seen. Whoever started it knows the secrets and looks for them there. What it is
given on its standard input it leaks on purpose, as a fault would.
"""

from __future__ import annotations

import copy
import ctypes
import faulthandler
import gc
import io
import json
import logging
import pickle
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gxrisk
from gxrisk import Gate, JournalReader, Limits, ManualClock, order
from gxrisk.custody import owner_public_key, sign_owner_key, sign_reactivation, sign_withdrawal

START = "2020-03-12T12:00:00Z"
UNTIL = "2020-03-13T12:00:00Z"
Thunk = Callable[[], Any]


class Notes:
    """What was seen, by the way in which it was seen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts: dict[str, list[bytes]] = {}

    def add(self, way: str, data: bytes | str) -> None:
        """One thing more."""
        raw = data if isinstance(data, bytes) else data.encode("utf-8", "backslashreplace")
        self.parts.setdefault(way, []).append(raw)

    def tried(self, way: str, act: Thunk) -> None:
        """What an attempt gives: a value, or an exception with its frames and their variables."""
        try:
            value = act()
        except BaseException as error:
            captured = traceback.TracebackException.from_exception(error, capture_locals=True)
            self.add(way, "".join(captured.format()) + traceback.format_exc() + repr(vars(error)))
        else:
            raw = isinstance(value, bytes | bytearray | memoryview)
            self.add(way, bytes(value) if raw else f"{value!r} {value}")

    def write(self) -> None:
        """A file for each way."""
        for way, parts in self.parts.items():
            (self.folder / way).write_bytes(b"\n".join(parts))


class Leak(bytes):
    """An object that shows a secret in every way in which an object can."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret

    def __repr__(self) -> str:
        return f"Leak({self.secret.hex()})"

    def fail(self) -> None:
        """An error whose frame holds the secret."""
        secret = self.secret
        raise ValueError(len(secret))


def attempts(one: Any) -> Iterator[tuple[str, Thunk]]:
    """Every ordinary way of Python to look into an object."""
    for show in (repr, str, ascii, format, dir, vars, hash, bytes, bytearray, memoryview, list, dict, iter, len):
        yield show.__name__, lambda show=show: show(one)
    yield "sizeof", lambda: sys.getsizeof(one)
    for act in (copy.copy, copy.deepcopy):
        yield act.__name__, lambda act=act: act(one)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        yield "pickle", lambda protocol=protocol: pickle.dumps(one, protocol)
        yield "reduce", lambda protocol=protocol: one.__reduce_ex__(protocol)
    yield "getstate", lambda: one.__getstate__()
    yield "json", lambda: json.dumps(one, default=repr)
    yield "buffer", lambda: ctypes.c_char.from_buffer_copy(one)
    for name in dir(one):
        yield "attributes", lambda name=name: getattr(one, name)
    for name in (
        "wallet",
        "keys",
        "seed",
        "secret",
        "_secret",
        "__dict__",
        "__slots__",
        "gate",
        "private_key",
        "passphrase",
    ):
        yield "guesses", lambda name=name: getattr(one, name)


def texts_in(value: Any) -> Iterator[bytes]:
    """What an object of Python holds by itself."""
    if isinstance(value, str):
        yield value.encode("utf-8", "backslashreplace")
    elif isinstance(value, bytes | bytearray):
        yield bytes(value)
    elif isinstance(value, int) and value.bit_length() > 64:
        yield str(value).encode()
    elif isinstance(value, memoryview):
        yield value.tobytes()


def everything(starts: list[Any]) -> Iterator[bytes]:
    """All texts and bytes that the garbage collector leads to: from what it tracks, and from these objects."""
    waiting, seen = [*gc.get_objects(), *starts], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield from texts_in(one)
        waiting.extend(gc.get_referents(one))


def use(folder: Path, notes: Notes) -> list[Any]:
    """Everything that a vault does; gives the objects that came up."""
    clock, passphrase, journal = ManualClock(START), folder / "passphrase", folder / "vault.gxr"
    owner = owner_public_key(folder / "owner.key")
    sealed: dict[str, Any] = {"passphrase_file": passphrase}
    gate = Gate("canary", Limits.for_tier("growth"), clock=clock, journal=journal, owner_key=owner, **sealed)
    kept: list[Any] = [gate, gate.agent(), clock, gate.wallet_key]

    def trade() -> None:
        gate.mark("BTC", 100, atr=1)
        wanted = order("BTC", "buy", 1, confidence=1, reasoning="a canary", stop_loss=98)
        asked = [gate.authorize(wanted.replace(client_order_id=f"c-{len(kept)}-{number}")) for number in range(3)]
        kept.extend([*asked, *(decision.approval for decision in asked), asked[0].approval.token])
        kept.extend([gate.redeem(asked[0].approval), gate.redeem(asked[1].approval.token)])
        for way, act in (
            ("refusals", lambda: gate.redeem(asked[0].approval)),
            ("refusals", lambda: gate.redeem(b"nonsense")),
            ("refusals", lambda: gate.redeem(bytes(asked[2].approval.token[:-1]) + b"\0")),
            ("refusals", lambda: gate.withdraw(b"nonsense")),
            ("refusals", lambda: gate.rotate_keys(passphrase_file=folder / "owner.key")),
            ("refusals", lambda: Gate.open(journal, clock=clock, **sealed)),
            ("refusals", lambda: Gate.open(journal, clock=clock, passphrase_file=folder / "none")),
        ):
            notes.tried(way, act)
        for decision in asked:
            gate.order_cancelled(decision.order_id)
        kept.extend([gate.head(), gate.snapshot(), gate.events(), gate.trips, gate.limits])
        notes.add("json", json.dumps(gate.events(), default=str))

    gate.deposit(10_000)
    trade()
    shutil.copyfile(f"{journal}.key", folder / "before.key")
    gate.rotate_keys(**sealed)
    trade()
    token = sign_withdrawal(folder / "owner.key", "canary", 5, "0xabc", expires=UNTIL, **sealed)
    kept.extend([token, gate.withdraw(token)])
    gate.kill("a canary")
    stop = gate.stopped_by
    assert stop is not None
    notes.tried("refusals", gate.reactivate)
    token = sign_reactivation(folder / "owner.key", "canary", stop, expires=UNTIL, **sealed)
    kept.extend([token, gate.reactivate(signed=token)])
    later = owner_public_key(folder / "later.key")
    gate.rotate_owner_key(later, sign_owner_key(folder / "owner.key", "canary", later, **sealed))
    shutil.copyfile(f"{journal}-wal", folder / "seen" / "running.wal")
    gate.close()
    notes.tried("refusals", lambda: gate.deposit(1))
    notes.tried("refusals", lambda: Gate.open(journal, clock=clock, passphrase_file=folder / "wrong"))
    gate = Gate.open(journal, clock=clock, **sealed)
    kept.append(gate)
    trade()
    reader = JournalReader(journal)
    kept.extend([reader, reader.head(**sealed), reader.events(), reader.verify()["head"]])
    return kept


def look(folder: Path, planted: bytes) -> None:
    """Use the vault, then look at everything in every way."""
    notes = Notes(folder / "seen")
    kept = use(folder, notes)
    if planted:
        leak = Leak(planted)
        kept.append(leak)
        notes.tried("refusals", leak.fail)
        vars(gxrisk)["leak"] = leak
    stream = io.StringIO()
    logger = logging.getLogger("canary")
    logger.addHandler(logging.StreamHandler(stream))
    logger.setLevel(logging.DEBUG)
    for one in kept:
        for way, act in attempts(one):
            notes.tried(way, act)
        logger.debug("%s %r", one, one)
        logger.error("with its stack", stack_info=True, extra={"one": one})
    notes.add("logging", stream.getvalue())
    for one in everything(kept):
        notes.add("collector", one)
    for name, value in vars(gxrisk).items():
        notes.add("module", f"{name} {value!r}")
    with (folder / "seen" / "faulthandler").open("wb") as file:
        faulthandler.dump_traceback(file)
    notes.write()


if __name__ == "__main__":
    look(Path(sys.argv[1]), sys.stdin.buffer.read())
