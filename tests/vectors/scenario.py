"""Plays the scenarios of the files here with gxrisk's public names; README.md has the steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from threading import Barrier
from typing import Any

from gxrisk import Approval, Gate, GxriskError, Limits, ManualClock, order

from .canonical import Parts, Reactivation, Withdrawal, flipped, spans, successor_message
from .reading import read_approval
from .signing import Key

Step = dict[str, Any]
START = "2020-03-12T12:00:00Z"
SEEDS = {"owner-1": 0x31, "owner-2": 0x32, "agent": 0x41}
OPENING = {
    "asset": "BTC", "side": "buy", "quantity": "1", "stop_loss": "98", "confidence": "0.9", "reasoning": "a vector",
}  # fmt: skip


def code_of(act: Callable[[], Any]) -> str:
    """`ok`, or the code of the refusal."""
    try:
        act()
    except GxriskError as error:
        return str(getattr(error, "code", type(error).__name__))
    return "ok"


def tally(act: Callable[[], Any], count: int) -> dict[str, int]:
    """What so many threads were told who did the same at once."""
    barrier = Barrier(count)

    def one(_: int) -> str:
        barrier.wait()
        return code_of(act)

    with ThreadPoolExecutor(count) as pool:
        return dict(Counter(pool.map(one, range(count))))


@dataclass
class World:
    """The gates of one scenario, their clock, and what was handed out."""

    folder: Path
    durable: bool
    as_object: bool
    exits: ExitStack
    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    gates: dict[str, Gate] = field(default_factory=dict)
    approvals: dict[str, Approval] = field(default_factory=dict)
    tokens: dict[str, bytes] = field(default_factory=dict)

    def run(self, steps: list[Step]) -> None:
        """All steps; each must come to what it expects."""
        for number, step in enumerate(steps):
            seen = getattr(self, step["op"])(step)
            if seen is not None:
                assert seen == step.get("expect", "ok"), f"step {number} gave {seen}: {step}"

    def gate(self, step: Step) -> Gate:
        return self.gates[step.get("gate", "a")]

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.gxr"

    # the vault

    def make(self, step: Step) -> None:
        name, owner = step.get("gate", "a"), step.get("owner")
        limits = Limits.for_tier("growth").replace(**step.get("limits", {}))
        gate = Gate(
            step.get("vault_id", "vault-1"),
            limits,
            clock=self.clock,
            journal=self.path(name) if step.get("durable", self.durable) else None,
            owner_key=Key.of(SEEDS[owner]).public if owner else None,
        )
        self.exits.callback(gate.close)
        self.gates[name] = gate
        if step.get("deposit", True):
            gate.deposit(10_000)
            gate.mark("BTC", 100, atr=1)

    def restart(self, step: Step) -> None:
        name = step.get("gate", "a")
        self.gates.pop(name).close()
        self.gates[name] = Gate.open(self.path(name), clock=self.clock)
        self.exits.callback(self.gates[name].close)

    def advance(self, step: Step) -> None:
        self.clock.advance(step["seconds"])

    def look(self, step: Step) -> None:
        self.gate(step).snapshot()

    def deposit(self, step: Step) -> None:
        self.gate(step).deposit(step["amount"])

    def mark(self, step: Step) -> None:
        self.gate(step).mark(step["asset"], step["price"], atr=1)

    def volatility(self, step: Step) -> None:
        self.gate(step).set_volatility(step["value"])

    def funding(self, step: Step) -> None:
        self.gate(step).funding("BTC", step["amount"])

    def control(self, step: Step) -> None:
        arguments = {"kill": ("a vector",), "reactivate": (step.get("rebase", False),)}
        getattr(self.gate(step), step["do"])(*arguments.get(step["do"], ()))

    def limits(self, step: Step) -> None:
        gate = self.gate(step)
        gate.set_limits(gate.limits.replace(**step["changes"]))

    def rotate_keys(self, step: Step) -> None:
        self.gate(step).rotate_keys()

    # orders

    def authorize(self, step: Step) -> str:
        fields = {**OPENING, **step.get("order", {})}
        wanted = order(fields.pop("asset"), fields.pop("side"), fields.pop("quantity"), **fields)
        decision = self.gate(step).authorize(wanted, origin=step.get("origin", "agent"))
        if decision.approval is not None and "as" in step:
            self.approvals[step["as"]] = decision.approval
            self.tokens[step["as"]] = decision.approval.token
        return "ok" if decision.approved else decision.outcome

    def venue(self, step: Step) -> None:
        gate, order_id = self.gate(step), self.approvals[step["token"]].order_id
        match step["do"]:
            case "accept":
                gate.order_accepted(order_id)
            case "cancel":
                gate.order_cancelled(order_id)
            case "fail":
                gate.order_failed(order_id, "a vector")
            case "fill":
                gate.apply_fill(order_id, f"f-{gate.snapshot().sequence}", step["quantity"], step.get("price", 100))

    def foreign_fill(self, step: Step) -> None:
        self.gate(step).apply_fill("foreign", "f", "0.1", 100, asset="BTC", side="buy")

    # approvals

    def alter(self, step: Step) -> None:
        token = self.tokens[step["token"]]
        parts = read_approval(token).parts()
        if "from" in step:
            parts[step["field"]] = read_approval(self.tokens[step["from"]]).parts()[step["field"]]
            altered = b"".join(parts.values()) + token[-64:]
        else:
            altered = flipped(token, spans(parts)[step["field"]], step["bit"])
        if "signer" in step:
            altered = altered[:-64] + Key.of(SEEDS[step["signer"]]).sign(altered[:-64])
        self.tokens[step["as"]] = altered

    def redemption(self, step: Step) -> Callable[[], Any]:
        gate, label = self.gate(step), step["token"]
        known = self.approvals.get(label) if self.as_object else None
        approval = self.tokens[label] if known is None else known
        return lambda: gate.redeem(approval)

    def redeem(self, step: Step) -> str:
        return code_of(self.redemption(step))

    def redeem_at_once(self, step: Step) -> dict[str, int]:
        return tally(self.redemption(step), step["threads"])

    # withdrawals

    def request(self, step: Step) -> Callable[[], Any]:
        gate = self.gate(step)
        if "request" in step:
            token = bytes.fromhex(step["request"])
            return lambda: gate.withdraw(token)
        message = Withdrawal(
            step.get("vault_id", "vault-1"),
            int(Decimal(step.get("amount", "1000")) * 10**9),
            step.get("destination", "0xabc"),
            bytes([step.get("nonce", 1)]) * 16,
            self.clock.now_ns + int(Decimal(step.get("expires_in", "60")) * 10**9),
        )
        parts: Parts = message.parts()
        token = Key.of(SEEDS[step.get("signer", "owner-1")]).token(parts)
        if "field" in step:
            token = flipped(token, spans(parts)[step["field"]], step["bit"])
        return lambda: gate.withdraw(token)

    def withdraw(self, step: Step) -> str:
        return code_of(self.request(step))

    def withdraw_at_once(self, step: Step) -> dict[str, int]:
        return tally(self.request(step), step["threads"])

    # reactivations

    def sign_reactivation(self, step: Step) -> None:
        gate = self.gate(step)
        parts = Reactivation(
            step.get("vault_id", gate.vault_id),
            step.get("ends", gate.stopped_by),
            int(step.get("rebase", False)),
            self.clock.now_ns + int(Decimal(step.get("expires_in", "60")) * 10**9),
        ).parts()
        if "domain" in step:
            parts["domain"] = step["domain"].encode()
        token = Key.of(SEEDS[step.get("signer", "owner-1")]).token(parts)
        if "field" in step:
            token = flipped(token, spans(parts)[step["field"]], step["bit"])
        self.tokens[step["as"]] = token

    def reactivation(self, step: Step) -> Callable[[], Any]:
        gate, rebase = self.gate(step), step.get("rebase", False)
        if "request" in step:
            token: bytes | None = bytes.fromhex(step["request"])
        else:
            token = self.tokens[step["token"]] if "token" in step else None
        return lambda: gate.reactivate(rebase, signed=token)

    def reactivate(self, step: Step) -> str:
        return code_of(self.reactivation(step))

    def reactivate_at_once(self, step: Step) -> dict[str, int]:
        return tally(self.reactivation(step), step["threads"])

    def rotate_owner(self, step: Step) -> str:
        gate, key = self.gate(step), Key.of(SEEDS[step["to"]]).public
        signer = Key.of(SEEDS[step.get("signer", "owner-1")])
        signature = signer.sign(successor_message(step.get("vault_id", "vault-1"), key))
        return code_of(lambda: gate.rotate_owner_key(key, signature))

    def equity(self, step: Step) -> str:
        return str(self.gate(step).snapshot().equity)


def play(steps: list[Step], folder: Path, *, durable: bool, as_object: bool = False) -> None:
    """Carry out a scenario in a folder of its own."""
    with ExitStack() as exits:
        World(folder, durable, as_object, exits).run(steps)
