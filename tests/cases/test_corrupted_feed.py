"""A corrupted feed on recorded minutes: a phantom print looks like an arbitrage; nothing is approved on it."""

import asyncio
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from gxrisk import ManualClock, order
from gxrisk.feeds import Moment
from gxrisk.protection import DataQuality, QualitySettings
from gxrisk.vaults import Fleet
from gxrisk.venues import PaperVenue

from tests.cases.market import JUNE_2025, NS_PER_MS, Listener, documented, journal, ms, play, tape, vault_of

pytestmark = pytest.mark.usefixtures("data_dir")
MODEL = "tests.cases.models:Arbitrage"
PHANTOM = Decimal(
    "0.4"
)  # of the true price, as the four phantoms that were recorded in April 2013 had 0.01 to 0.2 of it
PHANTOM_AT, REVIEWED_AT = "2025-06-07T15:00", "2025-06-07T16:00"
ASSET, BAR_S = "BTCUSDT", 900


def corrupted(moment: Moment) -> Moment:
    """The minute with its low and close at a price that nobody paid."""
    (bar,) = moment.closed
    wrong = round(bar.close * PHANTOM, 2)
    return replace(moment, closed=(replace(bar, low=wrong, close=wrong),))


class OwnMarket:
    """The paper venue as a venue is: its orders meet the market that was recorded, whatever a feed makes of it."""

    is_live = False

    def __init__(self, paper: PaperVenue) -> None:
        self.name = paper.name
        self.account = paper.account


async def heard(one: Fleet, paper: PaperVenue, quality: DataQuality, moments: list[Moment]) -> None:
    """Play the recording with one phantom in the feed; venue and second source have what was recorded."""
    wrong_ms, review_ms = ms(PHANTOM_AT), ms(REVIEWED_AT)
    for moment in moments:
        for bar in moment.closed:
            quality.hear(ASSET, "the other venue", bar.end_ms, float(bar.close))
        paper.advance(moment)
        await play(one, [corrupted(moment) if moment.at_ms == wrong_ms else moment])
        if moment.at_ms == wrong_ms + 10 * 60_000:
            refuses_everything(one)
        if moment.at_ms == review_ms:
            quality.review(ASSET, "ann", "the venue confirmed a bad print; the other one never had it")


def refuses_everything(one: Fleet) -> None:
    """No opening passes at the last sound price, nor at the phantom; the owner's exit does."""
    gate = one.vaults["case"].gate
    (held,) = gate.snapshot().positions.values()
    close = held.mark
    assert close is not None
    for price, stop in ((None, close * Decimal("0.99")), (round(close * PHANTOM, 2), round(close * PHANTOM / 2, 2))):
        found = gate.validate_order(order(ASSET, "buy", 1, confidence=1, reasoning="x", price=price, stop_loss=stop))
        assert not found
        assert "stale_price" in {one.rule for one in found.violations}
    leave = order(ASSET, "sell", Decimal(held), confidence=1, reasoning="out", reduce_only=True)
    assert gate.validate_order(leave, origin="owner").approved


@pytest.mark.parametrize("marks_unconfirmed", [False, True])
def test_a_phantom_arbitrage(marks_unconfirmed: bool, tmp_path: Path) -> None:
    listener = Listener()

    async def run() -> tuple[Decimal, Decimal]:
        quality = DataQuality(QualitySettings(marks_unconfirmed=marks_unconfirmed))
        moments = tape(JUNE_2025, ("btc",), "2025-06-07T00:00", "2025-06-08T00:00")
        paper = PaperVenue(folder=tmp_path / "accounts")
        clock = ManualClock(moments[0].at_ms * NS_PER_MS)
        one = Fleet(tmp_path / "vaults", OwnMarket(paper), clock=clock, notify=listener, data_quality=quality)
        vault = await vault_of(one, MODEL, BAR_S)
        before = [each for each in moments if each.at_ms < ms(PHANTOM_AT)]
        await heard(one, paper, quality, before)
        held = vault.gate.snapshot()
        await heard(one, paper, quality, moments[len(before) :])
        assert await vault.reconcile() == (), "nothing lost: gate and venue agree to the last digit"
        assert not quality.suspended
        end = vault.gate.snapshot()
        await one.close()
        return held.equity, end.equity

    before, after = asyncio.run(run())
    records = journal(tmp_path)
    later = [each for each in records if each["time_ns"] >= ms(PHANTOM_AT) * NS_PER_MS]
    asked = [each for each in later if each["kind"] == "decision"]
    assert not [each for each in asked if each["outcome"] == "approved"], "nothing is approved on the bad price"
    trips = [each["breaker"] for each in later if each["kind"] == "trip"]
    if marks_unconfirmed:  # the model sees the phantom, and proposes
        (tried,) = asked
        assert tried["order"]["reasoning"] == "58% under its mean"
        assert [one["rule"] for one in tried["violations"]] == ["trading_state"]
        assert trips == ["price_move", "price_move", "oracle_failure", "volatility"]
        documented(f"{tried['order']['quantity']} BTC", "58 % under its mean")
    else:
        assert not asked, "held back, it is shown to nobody"
        assert trips == ["oracle_failure", "oracle_failure"]
        after_review = [each for each in later if each["time_ns"] > ms(REVIEWED_AT) * NS_PER_MS]
        assert sum(each["kind"] == "hold" and "from its mean" in each["reasoning"] for each in after_review) == 33
    assert listener.codes.count("feed_suspended") == listener.codes.count("feed_returned") == 1
    notes = [json.loads(each["text"]) for each in later if each.get("topic") == "data_quality"]
    assert [list(note["suspended"]) for note in notes] == [[ASSET], []]
    documented(notes[0]["suspended"][ASSET]["reason"], f"{before:,.2f}", f"{after:,.2f}")
