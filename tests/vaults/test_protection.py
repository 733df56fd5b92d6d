"""Guards in a running vault: through a real fleet, on recorded minutes, over restarts, and when they break."""

import asyncio
import json
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from gxrisk import Gate, Limits, ManualClock, VaultError
from gxrisk.protection import ProtectionPipeline, ProtectionSettings
from gxrisk.protection.pipeline import Finding
from gxrisk.protection.pipeline_guards import pipeline_of
from gxrisk.protection.settings import AdaptiveSettings, HealthGuardSettings
from gxrisk.protection.standing import LocalStandings, Standing
from gxrisk.vaults import Fleet, Vault, VaultSettings
from gxrisk.vaults.notices import Notices
from gxrisk.vaults.protecting import ALL, IDLE, TOPIC, Protection
from gxrisk.venues import PaperVenue

from tests.protection.accounts import idea
from tests.protection.test_pipeline import view
from tests.vaults.fleets import Listener, decisions, events, fleet, minutes, play, settings

pytestmark = pytest.mark.usefixtures("data_dir")
D = Decimal
GUARDS = ProtectionSettings(asks_idle=True)


async def made(folder: Path, guards: ProtectionSettings, strategy: str = "Trader", **more: Any) -> tuple[Fleet, Vault]:
    """A fleet with one funded vault."""
    one = fleet(folder, PaperVenue(folder=folder / "accounts"), notify=more.pop("notify", Listener()), **more)
    vault = await one.create("ann", settings(strategy, protection=guards))
    await vault.fund("first", D(10_000))
    return one, vault


def notes(records: list[dict[str, Any]], topic: str) -> list[str]:
    """What was noted on a topic."""
    return [each["text"] for each in records if each["kind"] == "note" and each["topic"] == topic]


def openings(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The agent's opening orders that came before the gate."""
    agent = [one for one in records if one["kind"] == "decision" and one["origin"] == "agent"]
    return [one for one in agent if not one["order"]["reduce_only"]]


# Through a fleet


def test_openings_come_before_the_guards_and_exits_do_not(tmp_path: Path) -> None:
    async def main() -> None:
        one, vault = await made(tmp_path, GUARDS)
        await play(one, minutes(300))
        records = events(one, "ann")
        refused = [each for each in records if each["kind"] == "hold" and each["reasoning"].startswith("not opened")]
        assert "adaptive: the market's volatility is not known yet. The model: bar" in refused[0]["reasoning"]
        assert refused[0]["asset"] == "BTCUSD"
        assert refused[0]["confidence"] == D("0.9")
        passed = openings(records)
        assert len(passed) == 20
        assert "; size: the edge is -0.00" in refused[-1]["reasoning"], "twenty trades later it is known"
        assert any("[size: size " in each["order"]["reasoning"] for each in passed)
        exits = [
            each
            for each in records
            if each["kind"] == "decision" and each["origin"] == "agent" and each["order"]["reduce_only"]
        ]
        assert exits
        assert all(each["outcome"] == "approved" for each in exits if each["evidence"]["state"] != "halted")
        assert all("[" not in each["order"]["reasoning"] for each in exits)
        assert vault.protection is not None
        assert len(vault.protection.record.returns) == 20
        await one.close()
        assert not one.failed

    asyncio.run(main())


def test_what_was_approved_is_no_larger_than_without_guards(tmp_path: Path) -> None:
    """The same strategy on the same minutes: at the same moment the guarded order is the smaller one."""

    async def main() -> None:
        sizes = []
        for name, guards in (("guarded", GUARDS), ("bare", None)):
            one, _ = await made(tmp_path / name, guards)  # type: ignore[arg-type]
            await play(one, minutes(180))
            found = {each["time"]: each["order"] for each in openings(events(one, "ann"))}
            sizes.append(found)
            await one.close()
        guarded, bare = sizes
        both = set(guarded) & set(bare)
        assert len(both) > 15
        assert all(guarded[at]["quantity"] < bare[at]["quantity"] for at in both)
        assert all(guarded[at]["stop_loss"] >= bare[at]["stop_loss"] for at in both), "buys: nearer is higher"

    asyncio.run(main())


def test_the_scale_is_steered_and_recorded_only_when_it_changes(tmp_path: Path) -> None:
    async def main() -> None:
        wild = ProtectionSettings(adaptive=AdaptiveSettings(volatility_normal="0.1"), asks_idle=True)
        one, vault = await made(tmp_path, wild, "Silent")
        await play(one, minutes(240))
        records = events(one, "ann")
        scales = [each["scale"] for each in records if each["kind"] == "risk_scale"]
        assert scales
        assert vault.gate.snapshot().risk_scale == scales[-1] < D("0.5")
        assert len(scales) < 5
        await one.close()

    asyncio.run(main())


QUICK = AdaptiveSettings(loosen_per_day=20, step="0.01")


@pytest.mark.parametrize(
    ("changes", "is_crash"),
    [({"adaptive": QUICK}, False), ({"adaptive": QUICK, "size": None}, False), ({"adaptive": None}, True)],
    ids=["all", "without sizes", "from the journal alone"],
)
def test_restarts_in_the_middle_change_no_decision(changes: dict[str, Any], is_crash: bool, tmp_path: Path) -> None:
    """Guards that remember (health, edge, scale) go on from their note; after a crash from an older one."""
    guards = GUARDS.model_copy(update=changes)

    async def life(folder: Path, restarts: tuple[int, ...]) -> tuple[list[tuple[Any, ...]], list[Any]]:
        one, vault = await made(folder, guards)
        moments = minutes(220)
        for start, end in zip((0, *restarts), (*restarts, len(moments)), strict=True):
            await play(one, moments[start:end])
            if end < len(moments):
                if is_crash and vault.protection is not None:
                    vault.protection.keep = lambda: None  # type: ignore[method-assign]
                await one.close()
                vault = await one.open("ann")
        records = events(one, "ann")
        assert not one.failed
        await one.close()
        return decisions(records), [each["scale"] for each in records if each["kind"] == "risk_scale"]

    whole = asyncio.run(life(tmp_path / "whole", ()))
    parts = asyncio.run(life(tmp_path / "parts", (100, 141, 180)))
    assert parts == whole
    assert len(whole[0]) > 100
    assert changes["adaptive"] is None or len(whole[1]) > 3


# A model that is taken off the wheel


def test_a_losing_model_is_not_asked_until_a_person_looked(tmp_path: Path) -> None:
    """Told once, noted at the beginning and at the end, and no hold for each bar in between."""

    async def main() -> None:
        listener = Listener()
        one, vault = await made(tmp_path, ProtectionSettings(), notify=listener)
        moments = minutes(600)
        await play(one, moments[:480])
        records = events(one, "ann")
        began = [json.loads(each) for each in notes(records, IDLE) if each]
        assert began, "fees make this one lose"
        assert began[-1]["reason"].startswith(("size: the last ", "health: "))
        assert vault.gate.notes[IDLE]
        assert listener.codes.count("model_idle") == 1
        since = vault.gate.sequence
        await play(one, moments[480:540])
        asked = [each for each in vault.gate.events(since) if each["kind"] in ("hold", "decision")]
        assert asked == []
        await one.close()
        vault = await one.open("ann")
        await play(one, moments[540:541])
        assert [each for each in vault.gate.events(since) if each["kind"] in ("hold", "decision")] == []
        vault.review_model("ann", "the fee schedule was wrong")
        await play(one, moments[541:560])
        assert openings(vault.gate.events(since))
        assert "" in notes(vault.gate.events(since), IDLE)
        assert listener.codes.count("model_reviewed") == 1
        assert listener.codes.count("model_idle") == 1
        await one.close()

    asyncio.run(main())


def test_a_vault_with_a_position_is_always_asked(tmp_path: Path) -> None:
    """Whatever the standing says: only flat vaults are left alone."""

    async def main() -> None:
        one, vault = await made(tmp_path, ProtectionSettings(), "Holder")
        moments = minutes(120)
        await play(one, moments[:90])
        assert vault.gate.snapshot().positions
        vault.pause()
        since = vault.gate.sequence
        await play(one, moments[90:100])
        assert len(decisions(vault.gate.events(since))) == 10
        assert not vault.gate.notes.get(IDLE)
        await one.close()

    asyncio.run(main())


def test_a_halted_flat_vault_is_left_alone_and_asked_when_it_ends(tmp_path: Path) -> None:
    async def main() -> None:
        listener = Listener()
        one, vault = await made(tmp_path, ProtectionSettings(), "Silent", notify=listener)
        moments = minutes(40)
        await play(one, moments[:10])
        vault.pause()
        since = vault.gate.sequence
        await play(one, moments[10:20])
        assert not [each for each in vault.gate.events(since) if each["kind"] == "hold"]
        vault.resume()
        await play(one, moments[20:30])
        assert sum(each["kind"] == "hold" for each in vault.gate.events(since)) == 10
        kept = notes(vault.gate.events(since), IDLE)
        assert [bool(each) for each in kept] == [True, False]
        assert json.loads(kept[0])["reason"] == "the vault is halted"
        assert "model_idle" not in listener.codes, "the owner paused it and need not be told"
        await one.close()

    asyncio.run(main())


def test_a_stale_or_missing_standing_falls_through_to_the_gate() -> None:
    async def main() -> None:
        gate, clock = gate_at_noon()
        store = LocalStandings()
        guards = Protection(gate, ProtectionSettings(standing_s=30), Notices(gate), store)
        gate.pause()
        assert not await guards.is_idle(), "nothing is known"
        await guards.look([0.02])
        assert await guards.is_idle()
        clock.advance(30)
        assert await guards.is_idle()
        clock.advance(1)
        assert not await guards.is_idle(), "too old to count"
        await guards.look([0.02])
        found = await store.get("ann")
        assert isinstance(found, Standing)
        assert await guards.is_idle()
        gate.resume()
        gate.apply_fill("elsewhere", 1, 1, 100, asset="BTC", side="buy")
        assert not await guards.is_idle(), "a position is the gate's word, not the standing's"

    asyncio.run(main())


def test_settings_come_back_from_the_note_and_from_one_without_guards() -> None:
    bare = settings("Trader")
    guarded = settings("Trader", protection=GUARDS)
    assert guarded != bare
    for each in (bare, guarded):
        assert VaultSettings.from_json(each.to_json()) == each
    old = json.loads(bare.to_json())
    del old["protection"]
    assert VaultSettings.from_json(json.dumps(old)) == bare, "written before there were guards"
    wrong = json.loads(guarded.to_json()) | {"protection": {"size": {"floor": "0.5"}}}
    with pytest.raises(VaultError, match=r"floor: 0\.5 was given, 0 to 0\.05 is allowed"):
        VaultSettings.from_json(json.dumps(wrong))


# Guards that break


def gate_at_noon() -> tuple[Gate, ManualClock]:
    """An empty vault of 10,000 with BTC at 100, and its clock."""
    clock = ManualClock("2020-03-12T12:00:00Z")
    gate = Gate("ann", Limits.for_tier("growth"), clock=clock)
    gate.deposit(10_000)
    gate.mark("BTC", 100, atr=1)
    return gate, clock


def told(notices: Notices) -> list[tuple[str, str]]:
    """What waits to be told."""
    return [(one.severity, one.code) for one in notices.waiting]


def test_a_raising_guard_opens_nothing_and_is_told_of_once_each_time_it_begins() -> None:
    async def main() -> None:
        gate, _ = gate_at_noon()
        notices, broken = Notices(gate), [True]

        def moody(case: Any) -> Finding:
            if broken[0]:
                raise RuntimeError("no such feature")
            return Finding("fine")

        pipeline = ProtectionPipeline([("moody", moody)])
        guards = Protection(gate, GUARDS, notices, pipeline=pipeline)
        for _ in range(3):
            found = await guards.assess(idea(quantity=1), view())
            assert (found.approved, found.refused_by) == (False, "moody")
        assert told(notices) == [("critical", "guard_failed")]
        assert "no such feature" in notices.waiting[0].text
        again = Protection(gate, GUARDS, notices, pipeline=pipeline)
        assert not (await again.assess(idea(quantity=1), view())).approved
        assert len(notices.waiting) == 1, "nor after a restart"
        broken[0] = False
        assert (await again.assess(idea(quantity=1), view())).approved
        assert told(notices)[1:] == [("info", "guard_back")]
        broken[0] = True
        await again.assess(idea(quantity=1), view())
        assert json.loads(gate.notes[TOPIC])["failed"] == ["moody"]

    asyncio.run(main())


def test_a_slow_guard_opens_nothing_and_holds_up_nobody() -> None:
    """Left behind in its thread, and asked nothing more until it came back."""

    async def main() -> None:
        gate, _ = gate_at_noon()
        notices, go_on, asked = Notices(gate), Event(), []

        def slow(case: Any) -> Finding:
            asked.append(case)
            go_on.wait(60)
            return Finding("at last")

        quick = ProtectionSettings(answer_s=0.05)
        guards = Protection(gate, quick, notices, pipeline=ProtectionPipeline([("slow", slow)]))
        first = await guards.assess(idea(quantity=1), view())
        assert (first.approved, first.refused_by) == (False, ALL)
        assert "no answer within 0.05 s" in first.reasons[0].text
        second = await guards.assess(idea(quantity=1), view())
        assert "still busy" in second.reasons[0].text
        assert len(asked) == 1
        assert told(notices) == [("critical", "guard_failed")]
        left = guards._left
        assert left is not None
        go_on.set()
        await left
        assert (await guards.assess(idea(quantity=1), view())).approved
        assert told(notices)[1:] == [("info", "guard_back")]

    asyncio.run(main())


def test_without_a_thread_to_spare_nothing_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        gate, _ = gate_at_noon()
        notices = Notices(gate)
        guards = Protection(gate, GUARDS, notices, pipeline=ProtectionPipeline([]))

        def none_left(self: Any) -> None:
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as patch:
            patch.setattr("gxrisk.vaults.protecting.Thread.start", none_left)
            found = await guards.assess(idea(quantity=1), view())
        assert (found.approved, found.refused_by) == (False, ALL)
        assert "no thread could be started" in found.reasons[0].text
        assert (await guards.assess(idea(quantity=1), view())).approved
        assert told(notices) == [("critical", "guard_failed"), ("info", "guard_back")]

    asyncio.run(main())


def test_a_guard_that_ends_its_thread_is_a_refusal() -> None:
    async def main() -> None:
        gate, _ = gate_at_noon()

        def leaves(case: Any) -> Finding:
            raise SystemExit(3)

        guards = Protection(gate, GUARDS, Notices(gate), pipeline=ProtectionPipeline([("leaves", leaves)]))
        found = await guards.assess(idea(quantity=1), view())
        assert (found.approved, found.refused_by) == (False, ALL)
        assert "they raised SystemExit" in found.reasons[0].text

    asyncio.run(main())


def test_in_a_fleet_a_broken_guard_lets_every_exit_through(tmp_path: Path) -> None:
    async def main() -> None:
        listener = Listener()
        one, vault = await made(tmp_path, GUARDS, notify=listener)
        moments = minutes(160)
        await play(one, moments[:101])
        while not vault.gate.snapshot().positions:
            await play(one, moments[101:102])
            moments = moments[1:]
        assert vault.protection is not None

        def broken(case: Any) -> Finding:
            raise KeyError("gone")

        vault.protection._pipeline = ProtectionPipeline([("broken", broken)])
        since = vault.gate.sequence
        await play(one, moments[102:140])
        after = vault.gate.events(since)
        assert not openings(after)
        assert not vault.gate.snapshot().positions, "it was closed as the strategy wished"
        assert any("broken: it raised KeyError" in each["reasoning"] for each in after if each["kind"] == "hold")
        assert listener.codes.count("guard_failed") == 1
        assert not one.failed
        await one.close()

    asyncio.run(main())


def test_a_scale_that_cannot_be_steered_opens_nothing_until_it_can() -> None:
    async def main() -> None:
        gate, _ = gate_at_noon()
        notices = Notices(gate)
        guards = Protection(gate, GUARDS, notices, pipeline=ProtectionPipeline([]))
        steer, guards._adaptive.steer = guards._adaptive.steer, lambda *_, **__: 1 / 0  # type: ignore[assignment,union-attr,method-assign]
        await guards.look([0.02])
        assert (await guards.assess(idea(quantity=1), view())).refused_by == "risk_scale"
        guards._adaptive.steer = steer  # type: ignore[method-assign,union-attr]
        await guards.look([0.02])
        assert (await guards.assess(idea(quantity=1), view())).approved
        assert told(notices) == [("critical", "guard_failed"), ("info", "guard_back")]

    asyncio.run(main())


def test_a_note_of_no_use_is_replaced_by_the_journal() -> None:
    gate, _ = gate_at_noon()
    gate.note(TOPIC, '{"record": 3}')
    guards = Protection(gate, GUARDS, Notices(gate), pipeline=pipeline_of(GUARDS))
    assert guards.record.returns == ()
    guards.keep()
    assert json.loads(gate.notes[TOPIC])["record"]["sequence"] > 0


def test_a_review_names_who_and_why_and_needs_protection(tmp_path: Path) -> None:
    async def main() -> None:
        one, vault = await made(tmp_path, None)  # type: ignore[arg-type]
        with pytest.raises(VaultError, match="has no protection"):
            vault.review_model("ann", "why not")
        await one.close()

    asyncio.run(main())
    gate, _ = gate_at_noon()
    with pytest.raises(VaultError, match="who looked"):
        Protection(gate, GUARDS, Notices(gate)).review(" ", "x")


def test_health_is_told_once_per_change(tmp_path: Path) -> None:
    async def main() -> None:
        listener = Listener()
        bounds = {"window": 50, "trades_min": 5, "calm_trades": 1, "sharpe": None}
        guards = ProtectionSettings(
            size=None, health=HealthGuardSettings.model_validate({"bounds": bounds}), asks_idle=True
        )
        one, vault = await made(tmp_path, guards, notify=listener)
        await play(one, minutes(300))
        assert vault.protection is not None
        health = vault.protection.record.health
        assert health is not None
        heard = [each.text for each in listener.heard if each.code == "model_health"]
        assert heard
        assert len(heard) == len(set(heard))
        for name, level in health.levels.items():
            last = [each for each in heard if each.startswith(f"{name}:")]
            assert (f" to {level}," in last[-1]) if last else level == "low"
        await one.close()

    asyncio.run(main())
