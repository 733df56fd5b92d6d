"""The table of the guards is what the bench says: a part of it, run again, to the last digit."""

from pathlib import Path

from benches.guards import MODELS, VARIANTS, files, learn, measure
from benches.guards_page import section
from benches.guards_training import before

PAGE = Path(__file__).parents[2] / "docs" / "guards.md"
QUICKEST = "btcusd-1m-2013-04-08_2013-04-15-bitfinex"
LEARNED = "ethusd-1m-2019-06-22_2019-07-01-bitfinex"
EARLIER = (
    QUICKEST,
    "btcusd-1m-2017-03-06_2017-03-14-bitfinex",
    *(f"{asset}usd-1m-2017-12-18_2017-12-26-bitfinex" for asset in ("btc", "eth", "ltc", "xrp")),
)


def rows(text: str, name: str) -> dict[tuple[str, str], str]:
    """The rows of a data set's table, by model and guards."""
    lines = text.partition(f"### {name}\n")[2].partition("\n### ")[0].splitlines()
    split = {line: [cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")}
    return {(cells[0], cells[1]): line for line, cells in split.items() if cells[0] in MODELS}


def test_a_data_set_run_again_gives_the_committed_rows(data_dir: Path) -> None:
    assert section(measure(data_dir / f"{QUICKEST}.csv.gz")) in PAGE.read_text(encoding="utf-8")


def test_guards_that_learn_run_again_from_what_was_recorded_before_give_the_committed_rows(data_dir: Path) -> None:
    lessons = [one for name in EARLIER for one in learn(data_dir / f"{name}.csv.gz")]
    gate = [one for one in VARIANTS if one.name == "gate"]
    again = section(measure(data_dir / f"{LEARNED}.csv.gz", lessons, gate))
    page = PAGE.read_text(encoding="utf-8")
    (told,) = [line for line in again.splitlines() if "Recorded before it" in line]
    assert told in page.partition(f"### {LEARNED}\n")[2].partition("\n### ")[0]
    found, committed = rows(again, LEARNED), rows(page, LEARNED)
    assert {guards for _, guards in found} == {"gate", "drift", "drift fitted", "predictor"}
    assert found.items() <= committed.items()
    assert found["overconfident", "predictor"] != found["overconfident", "gate"], "it was trained"


def test_nothing_is_learnt_from_what_had_not_ended_before(data_dir: Path) -> None:
    (of_2013, _), (of_2017, _) = (learn(data_dir / f"{name}.csv.gz") for name in EARLIER[:2])
    assert before([of_2017, of_2013], "momentum", 900, of_2017.until_ms) == [of_2013, of_2017], "the oldest first"
    assert before([of_2017, of_2013], "momentum", 900, of_2017.until_ms - 1) == [of_2013]
    assert before([of_2013], "overconfident", 900, of_2017.until_ms) == []
    assert before([of_2013], "momentum", 3600, of_2017.until_ms) == []


def test_no_data_set_is_left_out(data_dir: Path) -> None:
    named = {line.removeprefix("### ") for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:4] == "### "}
    assert named == {file.name.removesuffix(".csv.gz") for file in files(data_dir)}
    assert len(named) == 20
