"""Recorded crashes through the paper venue: the money adds up, fills are honest, stops are worse than they stand."""

from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import pytest
from gxrisk.feeds import CandleSeries, Moment, read_candles, timeline
from gxrisk.venues import Filled, FundingPaid, PaperCosts, PaperVenue, read_funding

from tests.venues.recompute import Recomputed
from tests.venues.vault import Vault, done

LTC_2017 = "ltcusd-1m-2017-12-18_2017-12-26-bitfinex.csv.gz"  # -19 % in five minutes on 22 December
BTC_2013 = "btcusd-1m-2013-04-08_2013-04-15-bitfinex.csv.gz"  # thin: prints of -99 % and gaps of an hour
ETH_2021 = "ethusdt-5m-2021-05-10_2021-05-26-binance.csv.gz"  # -15 % in a bar
BTC_PERP = "btcusdt-1m-2025-05-25_2025-06-25-binance-perp.csv.gz"
BTC_FUNDING = "btcusdt-funding8h-2021-06_2026-02-binance-perp.csv.gz"


def trade(vault: Vault, series: CandleSeries, every: int, notional: D, bars: slice) -> list[D]:
    """Open with the last bar's direction every so many bars, with a stop and a target of two bar ranges.

    By how much each fill of an order was worse than the open at which it filled, as a fraction.
    """
    slipped = []
    closed = 0
    for moment in timeline([replace(series, candles=series.candles[bars])]):
        # An instant's fills at the open of the bar that ends come apart from those at the open of the bar that begins.
        for half in (Moment(moment.at_ms, closed=moment.closed), Moment(moment.at_ms, opened=moment.opened)):
            for report in vault.advance(half):
                if isinstance(report, Filled) and report.leg == "order":
                    (met,) = half.closed or half.opened
                    slipped.append((report.price - met.open) / met.open * (1 if report.side == "buy" else -1))
            for bar in half.closed:
                closed += 1
                if closed % every == 0:
                    sign = 1 if bar.close >= bar.open else -1
                    width = 2 * (bar.high - bar.low) + bar.close / 500
                    stop, target = (round(bar.close - sign * way * width, 9) for way in (1, -1))
                    quantity = round(notional / bar.close, 6)
                    if min(stop, target) > 0:
                        side = "buy" if sign > 0 else "sell"
                        vault.submit(side, quantity, stop=stop, target=target, asset=series.asset)
    assert min(slipped) > 0
    return slipped


@pytest.mark.parametrize(
    ("name", "bars"),
    [(LTC_2017, slice(5500, 7500)), (BTC_2013, slice(2000, 4204)), (ETH_2021, slice(2000, 3200))],
    ids=["ltc-2017", "btc-2013", "eth-2021"],
)
def test_a_crash(data_dir: Path, tmp_path: Path, name: str, bars: slice) -> None:
    """Over a crash, on disk: gate, venue and an independent account agree, and every kind of exit took place."""
    vault = Vault(PaperVenue(folder=tmp_path), deposit=100_000, atr=10_000)
    series = read_candles(data_dir / name)
    small = trade(vault, series, 15, D(500), bars)
    vault.agrees()
    statement = done(vault.account.statement())
    Recomputed(D(100_000), vault.reports).agrees(statement.balance, dict(statement.positions))
    legs = {one.leg for one in vault.reports if isinstance(one, Filled)}
    assert {"order", "stop_loss", "take_profit"} <= legs

    large = Vault(PaperVenue(), deposit=100_000_000, atr=10_000)
    paid = trade(large, series, 15, D(50_000), bars)
    large.agrees()
    assert sum(paid) / len(paid) > sum(small) / len(small)  # a hundred times the size costs more


def test_a_week_with_funding(data_dir: Path) -> None:
    """On perpetuals funding is paid three times a day for what is held then, and the gate books the same."""
    funding = {"BTCUSDT": read_funding(data_dir / BTC_FUNDING)}
    vault = Vault(PaperVenue(funding=funding, costs=PaperCosts(reject_probability=D("0.02"))), deposit=1_000_000)
    series = read_candles(data_dir / BTC_PERP)
    played = list(timeline([replace(series, candles=series.candles[:3000])]))
    for number, moment in enumerate(played):
        vault.advance(moment)
        if number == 30:
            vault.buy("0.5", asset="BTCUSDT")
    paid = [one for one in vault.reports if isinstance(one, FundingPaid)]
    due = [one for one in funding["BTCUSDT"] if played[31].at_ms < one.at_ms <= played[-1].at_ms]
    assert [one.at.timestamp() for one in paid] == [one.at_ms / 1000 for one in due]
    assert len(due) == 6
    vault.agrees()
