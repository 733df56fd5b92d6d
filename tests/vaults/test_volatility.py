"""The breaker `volatility` on recorded markets: which crashes trip it, and that ordinary weeks stay far below it."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
from gxrisk import Gate, Limits, ManualClock
from gxrisk.feeds import Moment, read_candles
from gxrisk.vaults.market import Market
from gxrisk.vaults.volatility import Volatility
from gxrisk.venues import PaperVenue

from tests.vaults.fleets import Listener, fleet, minutes, play, settings

LIMIT = Decimal("0.30")
PERPS = "{}-1m-2025-05-25_2025-06-25-binance-perp"


def told(file: Path) -> list[tuple[Decimal, bool]]:
    """What a vault's gate is told over a recording in bars of its own length: the figure, whether that halts."""
    tape = read_candles(file)
    gate = Gate("ann", Limits.for_tier("growth"), clock=ManualClock(tape.candles[0].start_ms * 1_000_000))
    volatility, market = Volatility(gate), Market()
    bars = market.bars(tape.interval_ms // 1000)
    heard = []
    for candle in tape.candles:
        market.take(Moment(candle.end_ms, closed=(candle,)))
        before = gate.sequence
        volatility.look([bars.volatility(tape.asset)])
        if gate.sequence != before:
            heard.append((gate.snapshot().volatility, gate.state == "halted"))
    return heard


@pytest.mark.parametrize(
    ("recording", "highest", "trips"),
    [
        (PERPS.format("btcusdt"), "0.05", 0),
        (PERPS.format("ethusdt"), "0.10", 0),
        (PERPS.format("solusdt"), "0.10", 0),
        ("btcusd-1m-2019-06-22_2019-07-01-bitfinex", "0.20", 0),
        ("btcusdt-5m-2020-03-01_2020-03-13-binance", "0.25", 0),
        ("btcusdt-1h-2020-02-15_2020-04-15-binance", "0.40", 1),
        ("btcusdt-5m-2021-05-10_2021-05-26-binance", "0.30", 0),
        ("ethusdt-5m-2021-05-10_2021-05-26-binance", "0.45", 1),
        ("solusdt-5m-2021-05-10_2021-05-26-binance", "0.45", 2),
        ("ltcusd-1m-2017-12-18_2017-12-26-bitfinex", "0.45", 1),
        ("xrpusd-1m-2017-12-18_2017-12-26-bitfinex", "0.65", 1),
    ],
)
def test_recorded_markets(recording: str, highest: str, trips: int, data_dir: Path) -> None:
    heard = told(data_dir / f"{recording}.csv.gz")
    print([(float(round(each, 3)), is_over) for each, is_over in heard])  # noqa: T201
    assert max((each for each, _ in heard), default=Decimal(0)) < Decimal(highest)
    over = [is_over for _, is_over in heard]
    assert all(is_over == (each > LIMIT) for each, is_over in heard)
    assert sum(now and not before for before, now in zip([False, *over], over, strict=False)) == trips
    assert not over or not over[-1], "it ends by itself"
    assert len(heard) < 60, "a record is for what matters"


def test_a_vault_hears_of_its_own_assets_and_after_a_restart_keeps_what_it_heard(tmp_path: Path) -> None:
    """XRP's crash halts the vault that trades it, not the one that trades BTC alone."""

    async def crash() -> None:
        one = fleet(tmp_path, PaperVenue(), notify=Listener())
        whole = await one.create("ann", settings("Silent"))
        other = await one.create("bob", settings("Silent", assets=("BTCUSD",)))
        moments = minutes(9 * 60, "BTC", "XRP")
        await play(one, moments)
        trips = [each["breaker"] for each in whole.gate.events() if each["kind"] == "trip"]
        assert "volatility" in trips
        assert "volatility" in [trip.breaker for trip in whole.gate.trips]
        heard = whole.gate.snapshot().volatility
        assert heard > LIMIT > other.gate.snapshot().volatility > 0
        assert sum(each["kind"] == "volatility" for each in whole.gate.events()) < 40
        await one.close()
        one.market = Market()
        again = await one.open("ann")
        await play(one, minutes(10, "BTC", "XRP", from_ms=moments[-1].at_ms))
        assert again.gate.snapshot().volatility == heard, "nothing is known yet that could end it"
        assert again.gate.state == "halted"
        await one.close()

    asyncio.run(crash())
