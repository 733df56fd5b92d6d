"""Scores by hand, of journals and of tables, and on recorded candles."""

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gxrisk import Gate, Limits, ManualClock, cli, order
from gxrisk.agent import Action, Hold, HoldPolicy, Momentum, Open, Portfolio, Reward, View
from gxrisk.feeds import DataError, read_candles
from gxrisk.replay import ReplaySettings, VaultPlan, replay
from gxrisk.scoring import Score, read_journal, read_tables, score
from typer.testing import CliRunner, Result

START = "2020-03-12T00:00:00Z"
CRASH = "btcusdt-5m-2020-03-01_2020-03-13-binance.csv.gz"
HEADER = "sequence,time,outcome,origin,asset,side,quantity,stop_loss,reduce_only,confidence,rules,reasoning"
GOOD = f'7,{START},"held","agent","BTC","buy",10,98,false,0.2,"","a feeling"'


def run(*args: object) -> Result:
    return CliRunner().invoke(cli.app, [str(arg) for arg in args])


class Book:
    """A vault whose record is made by hand, a minute apart."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.clock = ManualClock(START)
        self.gate = Gate("demo", Limits.for_tier("growth"), clock=self.clock, journal=file)
        self.gate.deposit(100_000)
        self.fills = 0

    def mark(self, asset: str, price: object) -> None:
        self.clock.advance(20)
        self.gate.mark(asset, price, atr=1)  # type: ignore[arg-type]

    def ask(self, asset: str, side: Any, quantity: object, confidence: object, **more: Any) -> str:
        asked = order(asset, side, quantity, confidence=confidence, reasoning="x", **more)  # type: ignore[arg-type]
        decision = self.gate.authorize(asked)
        if decision.order_id is not None:
            self.fills += 1
            price = self.gate.snapshot().marks[asset]
            self.gate.apply_fill(decision.order_id, self.fills, asked.quantity, price, 1)
        return decision.outcome

    def policy_hold(self, asset: str, opening: Open) -> None:
        """What `HoldPolicy` puts on record in place of an opening."""

        class Says:
            def decide(self, view: View) -> Action:
                return opening

        held = HoldPolicy(Says()).decide(View(asset, self.clock.now(), (), None, Portfolio(Decimal(1))))
        assert isinstance(held, Hold)
        self.gate.hold(held.confidence, held.reasoning)

    def score(self) -> Score:
        self.gate.hold(1, "so that the marks are on record")
        self.gate.close()
        return score(read_journal(self.file))


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path / "demo.gxr")


def test_by_hand(book: Book) -> None:
    """Two assets: a trade won, one lost, an opening held by the gate, one by the policy, one rejected."""
    book.mark("BTC", 100)
    book.mark("ETH", 10)
    assert book.ask("BTC", "buy", 10, "0.9", stop_loss=98) == "approved"
    book.mark("BTC", 103)
    assert book.ask("BTC", "sell", 10, "1", reduce_only=True) == "approved"  # 30 - 2 of 20 risked
    assert book.ask("ETH", "sell", 10, "0.6", stop_loss=12) == "approved"
    book.mark("ETH", 11)
    assert book.ask("ETH", "buy", 10, "1", reduce_only=True) == "approved"  # -10 - 2 of 20 risked
    assert book.ask("BTC", "buy", 10, "0.2", stop_loss=101) == "held"
    book.policy_hold("ETH", Open("buy", 10, 0.1, "x", stop_loss=Decimal("10.5")))
    book.mark("BTC", 104)  # 10 missed of 20
    book.mark("ETH", "10.75")  # 2.5 avoided of 5
    assert book.ask("BTC", "buy", 1_000, "0.9", stop_loss=102) == "rejected"
    book.mark("BTC", 103)  # 1,000 avoided
    found = book.score()

    btc, eth = found.assets
    assert (btc.asset, eth.asset, found.total.asset) == ("BTC", "ETH", None)
    assert (btc.trades, btc.won, btc.made) == (1, 1, 28)
    assert (eth.trades, eth.won, eth.made) == (1, 0, -12)
    assert (found.total.trades, found.total.won, found.total.made) == (2, 1, 16)
    rows = {
        (one.asset, lost.outcome): (lost.orders, lost.known, lost.avoided, lost.missed, lost.net)
        for one in (btc, eth, found.total)
        for lost in one.forgone
    }
    assert rows == {
        ("BTC", "held"): (1, 1, 0, 10, -10),
        ("BTC", "rejected"): (1, 1, 1_000, 0, 1_000),
        ("ETH", "held"): (1, 1, Decimal("2.5"), 0, Decimal("2.5")),
        ("ETH", "rejected"): (0, 0, 0, 0, 0),
        (None, "held"): (2, 2, Decimal("2.5"), 10, Decimal("-7.5")),
        (None, "rejected"): (1, 1, 1_000, 0, 1_000),
    }
    won = 1.4 * (1 + 0.5 * (0.25 - 0.01))
    lost = -0.6 * (1 - 0.5 * (0.25 - 0.36))
    assert btc.reward == pytest.approx(won - 0.5 * 0.5)
    assert eth.reward == pytest.approx(lost + 0.5 * 0.5)
    assert found.total.reward == pytest.approx(btc.reward + eth.reward)
    assert (btc.rewarded, eth.rewarded, found.total.rewarded) == (2, 2, 4)
    assert (btc.brier, eth.brier) == (Decimal("0.01"), Decimal("0.36"))
    assert (found.total.brier, found.total.brier_base) == (Decimal("0.185"), Decimal("0.25"))


def test_what_a_rule_would_have_refused_anyway_earns_no_reward(book: Book) -> None:
    """It is told among what was avoided, but holding it was no merit."""
    book.mark("BTC", 100)
    assert book.ask("BTC", "buy", 100_000, "0.1", stop_loss=98) == "held"
    book.mark("BTC", 99)
    found = book.score()
    assert found.total.forgone[0].avoided == 100_000
    assert (found.total.reward, found.total.rewarded) == (0, 0)


def test_a_hold_of_its_own_counts_with_its_asset_and_without(book: Book) -> None:
    """What the price did after it is known where it names one: until the next answer on that asset."""
    book.mark("BTC", 100)
    book.gate.hold("0.9", "waits", asset="BTC")
    book.mark("BTC", 98)
    book.gate.hold("0.9", "waits", asset="BTC")
    book.mark("BTC", "98.98")
    book.gate.hold("0.9", "waits")
    found = book.score()
    assert (found.total.holds, found.total.trades, found.total.made, found.total.brier) == (4, 0, 0, None)
    assert [(one.asset, one.holds) for one in found.assets] == [("BTC", 2)]
    known, unnamed = found.watched
    assert (known.asset, known.known, known.falls, known.rises) == ("BTC", 2, Decimal("0.02"), Decimal("0.01"))
    assert (unnamed.asset, unnamed.holds, unnamed.known, unnamed.net) == (None, 2, 0, None)


def test_other_weights_are_used(book: Book) -> None:
    book.mark("BTC", 100)
    book.ask("BTC", "buy", 10, "0.1", stop_loss=98)
    book.mark("BTC", 99)
    book.score()
    assert score(read_journal(book.file), Reward(abstention=0.2)).total.reward == pytest.approx(0.1)


def replayed(data_dir: Path, folder: Path, model: Callable[[], Any], name: str = "growth") -> Path:
    """A journal kept by a replay of the crash of March 2020."""
    journal = folder / f"{name}.gxr"
    plan = VaultPlan(name, Limits.for_tier("growth").replace(mark_age_s_max=300), journal)
    replay([read_candles(data_dir / CRASH)], model, [plan], ReplaySettings(bar_ms=900_000))
    return journal


def test_the_policy_s_holds_are_judged_as_the_gate_s(data_dir: Path, tmp_path: Path) -> None:
    """A model that asks whenever it is not in position, with the policy and without: the same openings are held, with
    the same trades, prices and amounts. Only the gate knows which of them a rule would have refused anyway."""
    log = read_journal(replayed(data_dir, tmp_path, lambda: Momentum(confidence_min=0), "gate"))
    by_gate = score(log).total
    by_policy = score(
        read_journal(replayed(data_dir, tmp_path, lambda: HoldPolicy(Momentum(confidence_min=0)), "policy"))
    ).total
    assert by_gate.forgone[0].orders == by_gate.forgone[0].known > 50
    assert by_gate.trades > 20
    assert by_policy.forgone == by_gate.forgone
    refused = sum(one.outcome == "held" and bool(one.violations) for one in log.decisions)
    assert by_policy.rewarded == by_gate.rewarded + refused
    assert replace(by_policy, reward=0, rewarded=0) == replace(by_gate, reward=0, rewarded=0)


def test_a_journal_and_its_export_have_the_same_score(data_dir: Path, tmp_path: Path) -> None:
    """`gxrisk replay --journal`, `gxrisk export`, `gxrisk score` of both, on recorded candles."""
    candles, journal = data_dir / CRASH, tmp_path / "vault.gxr"
    asked = ("replay", "--data", candles, "--mark-age-s-max", 300, "--bar-minutes", 15, "--journal", journal)
    assert run(*asked, "--no-progress").exit_code == 0
    for what in ("decisions", "trades"):
        assert run("export", journal, "--what", what, "--out", tmp_path / f"{what}.csv").exit_code == 0
    of_journal = json.loads(run("score", journal, "--json").stdout)
    tables = (tmp_path / "decisions.csv", "--trades", tmp_path / "trades.csv", "--data", candles)
    of_tables = json.loads(run("score", *tables, "--json").stdout)
    assert of_journal["name"] == "growth"
    assert of_tables["name"] == "decisions.csv"
    assert of_tables["total"] == of_journal["total"]
    assert of_tables["assets"] == of_journal["assets"]
    (watched,), (as_table,) = of_journal["watched"], of_tables["watched"]
    assert as_table["holds"] == watched["holds"] > 500
    assert as_table["known"] == watched["known"] - 1  # a table ends with its last decision, a journal goes on
    assert as_table["falls"] == watched["falls"]
    assert of_journal["total"]["trades"] > 20
    assert of_journal["total"]["forgone"][1]["known"] > 0

    shown = run("score", journal)
    assert shown.exit_code == 0, shown.output
    assert "against doing nothing" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 100
    assert "\x1b" not in shown.stdout
    words = " ".join(shown.stdout.split())
    made = Decimal(of_journal["total"]["made"])
    assert f"Trading {'earned' if made > 0 else 'lost'} {abs(made):,.2f}" in words


def test_a_table_alone_says_what_it_does_not_know(tmp_path: Path) -> None:
    file = tmp_path / "decisions.csv"
    file.write_text(f"{HEADER}\n{GOOD}\n")
    total = score(read_tables(file)).total
    assert (total.made, total.brier, total.rewarded) == (None, None, 0)
    assert (total.forgone[0].orders, total.forgone[0].known) == (1, 0)
    shown = run("score", file)
    assert shown.exit_code == 0, shown.output
    assert "What trading made is not known." in shown.stdout


def test_a_text_of_a_spreadsheet_reads_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "decisions.csv"
    row = GOOD.replace('"BTC"', '"\'-BTC"')
    file.write_text(f"{HEADER}\n{row}\n")
    assert read_tables(file).decisions[0].asset == "-BTC"


# what is wrong, with the row or header that has it, and a part of the message
BAD = [
    (HEADER.replace("rules,", ""), GOOD, "line 1, column rules: no such column"),
    (HEADER, GOOD.replace("0.2", "1.2"), "line 2, column confidence: '1.2' was seen, 0 to 1 is allowed"),
    (HEADER, GOOD.replace("0.2", "nan"), "column confidence: 'nan' was seen, a number"),
    (HEADER, GOOD.replace(",10,", ",ten,"), "column quantity: 'ten'"),
    (HEADER, GOOD.replace(",10,", ",1e999999999,"), "column quantity: '1e999999999' was seen, a number of at most 40"),
    (HEADER, GOOD.replace(START, "yesterday"), "column time: 'yesterday' was seen, a time in UTC"),
    (HEADER, GOOD.replace('"held"', '"maybe"'), "column outcome: 'maybe' was seen, approved or rejected or held"),
    (HEADER, GOOD.replace('"buy"', '"up"'), "column side: 'up'"),
    (HEADER, GOOD.replace("7,", "seven,", 1), "column sequence: 'seven' was seen, a whole number"),
    (HEADER, GOOD + ",more", "a row of 13 fields"),
    (HEADER, GOOD.replace('"a feeling"', '"a feeling'), "unexpected end of data"),
]


@pytest.mark.parametrize(("header", "row", "part"), BAD, ids=[row[2][:40] for row in BAD])
def test_a_bad_table_is_refused_with_its_place(tmp_path: Path, header: str, row: str, part: str) -> None:
    file = tmp_path / "decisions.csv"
    file.write_text(f"{header}\n{row}\n")
    with pytest.raises(DataError) as caught:
        read_tables(file)
    assert part in str(caught.value)
    result = run("score", file)
    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1


def test_the_command_refuses_what_does_not_fit(tmp_path: Path, book: Book) -> None:
    book.score()
    result = run("score", book.file, "--trades", tmp_path / "trades.csv")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "is a journal, which has its own trades" in result.stderr
    missing = run("score", tmp_path / "nothing.gxr")
    assert (missing.exit_code, len(missing.stderr.splitlines())) == (1, 1)
