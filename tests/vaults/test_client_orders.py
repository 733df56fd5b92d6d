"""A client's orders before guards and gate: sized, refused, repeated, one after the other; exits never wait."""

import asyncio
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from gxrisk import Gate, Limits, ManualClock, Order
from gxrisk.protection import ProtectionPipeline, ProtectionSettings
from gxrisk.protection.pipeline import Finding
from gxrisk.vaults import Fleet, Vault, VaultSettings
from gxrisk.vaults.client_orders import ClientOrders, first_use
from gxrisk.vaults.notices import Notices
from gxrisk.vaults.protecting import Protection

from .fleets import events, fleet, minutes, play
from .test_clients import DECLARED

pytestmark = pytest.mark.usefixtures("data_dir")


async def made(folder: Path, guards: ProtectionSettings | None) -> tuple[Fleet, Vault]:
    """A funded vault of a client, after two recorded hours."""
    one = fleet(folder)
    vault = await one.create("ann", VaultSettings("growth", DECLARED, bar_s=60, protection=guards))
    await vault.fund("first", Decimal(100_000))
    await play(one, minutes(120))
    return one, vault


def opening(vault: Vault, **terms: Any) -> Order:
    """A fifth of equity, with a stop that the guards draw in."""
    mark = vault.gate.snapshot().marks["BTCUSD"]
    given = {
        "quantity": (Decimal(20_000) / mark).quantize(Decimal("1e-6")),
        "stop_loss": (mark * Decimal("0.98")).quantize(Decimal("0.1")),
        "confidence": "0.9",
        "reasoning": "a breakout",
        **terms,
    }
    return Order("BTCUSD", "buy", given.pop("quantity"), **given)


def test_a_client_s_opening_is_sized_as_a_strategy_s_is(tmp_path: Path) -> None:
    async def main() -> None:
        one, vault = await made(tmp_path, ProtectionSettings())
        wanted = opening(vault)
        answer = await vault.propose(wanted)
        assert answer.decision.approved
        assert answer.order.quantity < wanted.quantity
        sizing = next(each for each in answer.guards if each.guard == "size")
        assert sizing.did == "changed"
        assert sizing.observed == f"quantity {wanted.quantity.normalize():f}"
        record = [each for each in events(one, "ann") if each["kind"] == "decision"][-1]
        assert record["order"]["quantity"] == answer.order.quantity
        assert record["order"]["reasoning"].startswith("a breakout [")
        assert "size: size " in record["order"]["reasoning"]
        await play(one, minutes(121)[120:])
        held = vault.gate.snapshot().positions["BTCUSD"]
        assert Decimal(held) == answer.order.quantity
        leave = Order("BTCUSD", "sell", answer.order.quantity, confidence=1, reasoning="out", reduce_only=True)
        assert vault.protection is not None
        vault.protection._pipeline = ProtectionPipeline([("odd", lambda case: 1 / 0)])  # type: ignore[list-item,arg-type,return-value]
        assert (await vault.propose(opening(vault))).guards[0].did == "failed"
        assert (await vault.propose(leave)).decision.approved, "exits are not guarded"
        await one.close()
        assert not one.failed

    asyncio.run(main())


def test_a_refusal_is_a_hold_on_record_that_names_the_guard(tmp_path: Path) -> None:
    async def main() -> None:
        one = fleet(tmp_path)
        settings = VaultSettings("growth", DECLARED, bar_s=60, protection=ProtectionSettings())
        vault = await one.create("ann", settings)
        await vault.fund("first", Decimal(10_000))
        vault.gate.mark("BTCUSD", 10_000, atr=50, at=vault.gate.snapshot().time)
        answer = await vault.propose(opening(vault))
        assert (answer.decision.outcome, answer.decision.approved) == ("held", False)
        (refusing,) = answer.guards
        assert (refusing.guard, refusing.did) == ("adaptive", "refused")
        assert refusing.message == "the market's volatility is not known yet"
        held = [each for each in events(one, "ann") if each["kind"] == "hold"]
        assert held[-1]["sequence"] == answer.decision.sequence
        assert "adaptive: the market's volatility is not known yet. The model: a breakout" in held[-1]["reasoning"]
        await one.close()

    asyncio.run(main())


def test_the_same_order_once_more_is_the_first_decision_over_a_restart(tmp_path: Path) -> None:
    """Guards would judge otherwise by now; the repeat takes nothing more, however often it comes."""

    async def main() -> None:
        one, vault = await made(tmp_path, ProtectionSettings())
        wanted = opening(vault, client_order_id="mine")
        first = await vault.propose(wanted)
        assert first.order.quantity < wanted.quantity
        again = await vault.propose(wanted)
        assert (again.decision.order_id, again.decision.sequence) == (first.decision.order_id, first.decision.sequence)
        await one.close()
        vault = await one.open("ann")
        later = await vault.propose(wanted)
        assert later.decision.sequence == first.decision.sequence
        assert later.order == first.order
        other = await vault.propose(wanted.replace(reasoning="another one", leverage=2))
        assert other.decision.violations[0].rule == "duplicate_order"
        assert not other.decision.approved
        once_more = await vault.propose(wanted)
        assert once_more.decision.sequence == first.decision.sequence, "a use that was refused is not the first"
        decided = [each for each in events(one, "ann") if each["kind"] == "decision" and each["outcome"] == "approved"]
        assert len(decided) == 1
        await one.close()

    asyncio.run(main())


def gate_at_noon() -> Gate:
    """An empty vault of 10,000 with BTC at 100."""
    gate = Gate("ann", Limits.for_tier("growth"), clock=ManualClock("2020-03-12T12:00:00Z"))
    gate.deposit(10_000)
    gate.mark("BTC", 100, atr=1)
    return gate


def order(**terms: Any) -> Order:
    """Two of it."""
    given = {"quantity": 2, "stop_loss": 98, "confidence": 1, "reasoning": "a [test]", **terms}
    return Order("BTC", "buy", given.pop("quantity"), **given)


@pytest.mark.parametrize(
    ("left", "asked", "is_first"),
    [
        ({}, {}, True),
        ({"quantity": 1}, {}, True),
        ({"stop_loss": 99, "reasoning": "a [test] [stop: stop 98 to 99]"}, {}, True),
        ({"quantity": 3}, {}, False),
        ({}, {"leverage": 2}, False),
        ({}, {"price": 100}, False),
        ({}, {"reasoning": "other"}, False),
    ],
)
def test_what_repeats_what(left: dict[str, Any], asked: dict[str, Any], is_first: bool) -> None:
    gate = gate_at_noon()
    recorded = order(client_order_id="x", **left)
    again = order(client_order_id="x", **asked)
    assert first_use(gate, again) is None, "never used"
    gate.authorize(recorded)
    gate.authorize(recorded.replace(confidence="0.5"))
    assert first_use(gate, again) == (recorded if is_first else again)
    assert first_use(gate, order()) is None


def test_two_openings_are_never_given_the_same_room() -> None:
    """They wait in line, up to the reservation; an exit goes past them."""

    async def main() -> None:
        gate = gate_at_noon()
        seen, entered, go_on = [], Event(), Event()

        def room(case: Any) -> Finding:
            seen.append(len(case.snapshot.working))
            entered.set()
            go_on.wait(60)
            return Finding("two at the most", quantity_max=Decimal(2), refuses=bool(case.snapshot.working))

        protection = Protection(
            gate,
            ProtectionSettings(answer_s=30),
            Notices(gate),
            pipeline=ProtectionPipeline([("room", room)]),
        )
        orders = ClientOrders(gate, protection, lambda: None)  # type: ignore[arg-type,return-value]
        openings = [asyncio.create_task(orders.decide(order(quantity=each))) for each in (3, 4)]
        await asyncio.to_thread(entered.wait, 60)
        leave = Order("BTC", "sell", 1, confidence=1, reasoning="out", reduce_only=True)
        exit_answer = await orders.decide(leave)
        assert exit_answer.guards == (), "decided while the guards were asked"
        assert not any(one.done() for one in openings)
        go_on.set()
        answers = await asyncio.gather(*openings)
        assert [one.decision.outcome for one in answers] == ["approved", "held"]
        assert seen == [0, 1]
        assert answers[1].guards[0].guard == "room"

    asyncio.run(main())


def test_marks_and_controls_do_not_wait_for_a_client_s_guards(tmp_path: Path) -> None:
    """The guards hang; the feed goes on, and a crash trips the breaker before they answer."""

    async def main() -> None:
        one, vault = await made(tmp_path, ProtectionSettings(answer_s=30))
        entered, go_on = Event(), Event()

        def slow(case: Any) -> Finding:
            entered.set()
            go_on.wait(60)
            return Finding("at last")

        assert vault.protection is not None
        vault.protection._pipeline = ProtectionPipeline([("slow", slow)])
        proposing = asyncio.create_task(vault.propose(opening(vault)))
        await asyncio.to_thread(entered.wait, 60)
        before = vault.gate.snapshot().marks["BTCUSD"]
        await play(one, minutes(130)[120:])
        assert vault.gate.snapshot().marks["BTCUSD"] != before
        vault.pause()
        assert not proposing.done()
        go_on.set()
        answer = await proposing
        assert not answer.decision.approved, "the gate has the last word, on the vault as it is by then"
        await one.close()

    asyncio.run(main())
