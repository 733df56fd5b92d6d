"""What a model asked for, from its vault's journal: each wish once, with its side, over restarts, and drift of them."""

import asyncio
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gxrisk import Gate, ManualClock, order
from gxrisk.agent import HoldPolicy, Open, PredictionLog
from gxrisk.agent.predictions_entry import PREDICTION_NAMES, PREDICTIONS_VERSION, TIME_MS_MAX
from gxrisk.feeds import Replay, reconstruct
from gxrisk.protection import DriftReference, ProtectionSettings, write_reference
from gxrisk.protection.pipeline import Assessment, Reason
from gxrisk.protection.pipeline_reasoning import refusal
from gxrisk.protection.settings import DriftGuardSettings
from gxrisk.vaults import Fleet, StrategyVersion, signed_predictions
from gxrisk.vaults.admission import model_id
from gxrisk.vaults.notices import Notices
from gxrisk.vaults.protecting import TOPIC, Protection
from gxrisk.vaults.settings import VaultSettings
from gxrisk.vaults.track_record import REVIEW, TrackRecord
from gxrisk.venues import PaperVenue
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.protection.accounts import idea
from tests.protection.test_drift_guard import reference, walk
from tests.protection.test_pipeline import ALONE, view

from .paper import GROWTH, SETTINGS, START_MS, VERSION


class Said:
    """Says the same opening each time."""

    def decide(self, _: Any) -> Open:
        """Without much confidence."""
        return Open("sell", 1, 0.2, "a feeling", stop_loss=102)


def gate() -> Gate:
    """A vault of 10,000 that knows BTC at 100."""
    made = Gate("ann", GROWTH, clock=ManualClock(START_MS * 1_000_000))
    made.note("vault", SETTINGS.to_json())
    made.deposit(10_000)
    made.mark("BTC", 100, atr=1)
    made.mark("ETH", 100, atr=1)
    return made


def wish(side: str, confidence: float, asset: str = "BTC", **more: Any) -> Any:
    """An opening, or an exit."""
    stop = None if more.get("reduce_only") else 98 if side == "buy" else 102
    return order(asset, side, 1, confidence=confidence, reasoning="x", stop_loss=stop, **more)  # type: ignore[arg-type]


def carry_out(one: Gate, step: tuple[Any, ...]) -> None:
    """One step of a vault's life."""
    match step:
        case ("asks", side, confidence, asset):
            one.authorize(wish(side, confidence, asset))
        case ("holds", asset):
            one.hold(0.9, "waits", asset=asset)
        case ("closes", asset):
            one.authorize(wish("sell", 1, asset, reduce_only=True))
        case ("protection",):
            one.authorize(wish("sell", 1, reduce_only=True), origin="protection")
        case ("policy",):
            held: Any = HoldPolicy(Said()).decide(view())
            one.hold(held.confidence, held.reasoning, asset="BTC")
        case ("refused", side, confidence):
            wanted = wish(side, confidence)
            no = Assessment(False, wanted, "high", (Reason("drift", "refused", "high", "no"),), "drift")
            one.hold(confidence, refusal(wanted, no), asset="BTC")
        case ("review",):
            one.note(REVIEW, json.dumps({"by": "ann", "reason": "x"}))
        case ("version", number):
            one.note(
                "vault", VaultSettings("growth", type(VERSION)(VERSION.name, number, VERSION.content_hash)).to_json()
            )


@pytest.mark.parametrize(
    ("steps", "predictions"),
    [
        ([("asks", "buy", 0.7, "BTC")], [0.7]),
        ([("asks", "sell", 0.7, "BTC")], [-0.7]),
        ([("asks", "buy", 0.2, "BTC")], [0.2]),  # the gate holds it
        ([("policy",)], [-0.2]),
        ([("refused", "sell", 0.6)], [-0.6]),
        ([("holds", "BTC"), ("closes", "BTC"), ("protection",)], []),
        ([("asks", "buy", 0.7, "BTC"), ("refused", "buy", 0.9), ("asks", "buy", 0.8, "BTC")], [0.7]),
        ([("asks", "buy", 0.7, "BTC"), ("holds", "BTC"), ("asks", "buy", 0.8, "BTC")], [0.7, 0.8]),
        ([("asks", "buy", 0.7, "BTC"), ("holds", "ETH"), ("asks", "buy", 0.8, "BTC")], [0.7]),
        ([("asks", "buy", 0.7, "BTC"), ("asks", "sell", 0.8, "BTC")], [0.7, -0.8]),
        ([("asks", "buy", 0.7, "BTC"), ("asks", "buy", 0.8, "ETH")], [0.7, 0.8]),
        ([("asks", "buy", 0.7, "BTC"), ("protection",), ("asks", "buy", 0.8, "BTC")], [0.7]),
    ],
)
def test_each_wish_counts_once_with_its_side(steps: list[tuple[Any, ...]], predictions: list[float]) -> None:
    one = gate()
    for step in steps:
        carry_out(one, step)
    assert signed_predictions(one.events()) == predictions


sides = st.sampled_from(["buy", "sell"])
confidences = st.sampled_from([0.2, 0.5, 0.9])
lives = st.lists(
    st.one_of(
        st.tuples(st.just("asks"), sides, confidences, st.sampled_from(["BTC", "ETH"])),
        st.tuples(st.just("refused"), sides, confidences),
        st.tuples(st.just("holds"), st.sampled_from(["BTC", "ETH"])),
        st.sampled_from([("policy",), ("review",), ("version", "1"), ("version", "2")]),
    ),
    max_size=40,
)


@settings(deadline=None, database=None, print_blob=True, max_examples=100)
@given(lives, st.integers(1, 5), st.data())
def test_going_on_from_a_note_knows_the_same_predictions(life: list[Any], most: int, data: st.DataObject) -> None:
    one, parts = gate(), TrackRecord(answers=most)
    for step in life:
        carry_out(one, step)
        if data.draw(st.booleans()):
            parts.catch_up(one)
            parts = TrackRecord.of_dict(json.loads(json.dumps(parts.to_dict())), answers=most)
    parts.catch_up(one)
    whole = TrackRecord(answers=most)
    whole.catch_up(one)
    assert parts.to_dict() == whole.to_dict()
    begun = max((number for number, step in enumerate(life) if step == ("review",)), default=-1)
    if not any(step[0] == "version" for step in life):
        events = one.events()
        first = [event["sequence"] for event in events if event.get("topic") == REVIEW][-1:] if begun >= 0 else [0]
        after = [event for event in events if event["sequence"] > first[0]]
        assert list(whole.record.predictions) == signed_predictions(after)[-most:]


def test_a_note_from_before_predictions_were_kept_still_counts() -> None:
    one, before = gate(), TrackRecord()
    carry_out(one, ("asks", "buy", 0.7, "BTC"))
    before.catch_up(one)
    kept = before.to_dict()
    assert "answers" not in kept, "what needs none keeps none"
    record = TrackRecord.of_dict(kept, answers=5)
    assert (record.sequence, record.record.predictions) == (one.sequence, ())


def test_a_vault_whose_model_turns_overconfident_opens_nothing_more_and_remembers_it(tmp_path: Path) -> None:
    """The market stays as in the training; what the model says does not."""
    file = tmp_path / "predictions.json"
    usual = np.random.default_rng(1).uniform(0.4, 0.7, (1_000, 1))
    sha256 = write_reference(DriftReference(PREDICTION_NAMES, usual, version=PREDICTIONS_VERSION), file)
    given = reference(tmp_path, walk(1_000, 6_000)) | {
        "every": 9,
        "bounds": {"elevated": 1.0, "high": 2.0},
        "predictions": {"file": str(file), "sha256": sha256},
    }
    drift = DriftGuardSettings.model_validate(given)
    guards_settings = ProtectionSettings(**{**ALONE, "breakers": False, "drift": drift})

    async def main() -> None:
        one, market, random = gate(), view(walk(2, 1_000)), np.random.default_rng(2)

        async def says(guards: Protection, confidence: float) -> Assessment:
            found = await guards.assess(idea(quantity=1), market)
            one.hold(0, "nothing new", asset="BTC")
            carry_out(one, ("refused", "buy", confidence))
            return found

        guards = Protection(one, guards_settings, Notices(one))
        for confidence in random.uniform(0.4, 0.7, 120):
            assert (await says(guards, float(confidence))).refused_by is None
        passed = 0
        while (found := await says(guards, 0.95)).refused_by is None:
            passed += 1
            assert passed < 40
        assert found.refused_by == "drift"
        assert found.objections[0].message.startswith("prediction: psi ")
        guards.keep()
        assert len(json.loads(one.notes[TOPIC])["record"]["answers"]["values"]) == 100
        again = Protection(one, guards_settings, Notices(one))
        assert (await says(again, 0.95)).objections[0].message.startswith("prediction: psi "), "over a restart too"
        again.review("ann", "its new calibration is meant")
        found = await says(again, 0.95)
        assert found.approved
        assert "prediction unknown: 0 of 100 rows that are needed" in str(found.reasons[0])

    asyncio.run(main())


def test_a_fleet_s_log_has_every_answer_that_the_journal_has(tmp_path: Path) -> None:
    version = StrategyVersion.of("gxrisk.agent.momentum:Momentum", "1")

    async def answered(log: PredictionLog) -> list[dict[str, Any]]:
        clock = ManualClock("2020-03-12T00:00:00Z")
        fleet = Fleet(tmp_path / "vaults", PaperVenue(), clock=clock, predictions=log)
        vault = await fleet.create("ann", VaultSettings("growth", version, bar_s=900))
        await vault.fund("first", Decimal(10_000))
        await fleet.run(Replay([reconstruct()]))
        events = vault.gate.events()
        await fleet.close()
        assert not fleet.failed
        return events

    with PredictionLog.open(tmp_path / "predictions.db") as log:
        events = asyncio.run(answered(log))
        assert log.flush(30)
        said = log.predictions(model_id(version), 0, TIME_MS_MAX, limit=10_000)
    recorded = []
    for event in events:
        if event["kind"] == "hold":
            recorded.append(("hold", float(event["confidence"])))
        elif event["kind"] == "decision" and event["origin"] == "agent":
            asked = event["order"]
            recorded.append(("close" if asked["reduce_only"] else asked["side"], float(asked["confidence"])))
    assert len(said) == len(recorded) > 100
    for one, (word, confidence) in zip(said, recorded, strict=True):
        assert (one.prediction, one.confidence) == (word, pytest.approx(confidence, abs=1e-9))
        assert one.feature_hash is None or len(one.feature_hash) == 64
    assert {one.prediction for one in said} > {"hold", "sell"}
    signed = {round(one.signed, 9) for one in said}
    assert {round(one, 9) for one in signed_predictions(events)} <= signed, "the same quantity"
