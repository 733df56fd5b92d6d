"""The table of the guards is what the bench says: the quickest data set, run again, to the last digit."""

from pathlib import Path

from benches.guards import files, measure
from benches.guards_page import section

PAGE = Path(__file__).parents[2] / "docs" / "guards.md"
QUICKEST = "btcusd-1m-2013-04-08_2013-04-15-bitfinex"


def test_a_data_set_run_again_gives_the_committed_rows(data_dir: Path) -> None:
    assert section(measure(data_dir / f"{QUICKEST}.csv.gz")) in PAGE.read_text(encoding="utf-8")


def test_no_data_set_is_left_out(data_dir: Path) -> None:
    named = {line.removeprefix("### ") for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:4] == "### "}
    assert named == {file.name.removesuffix(".csv.gz") for file in files(data_dir)}
    assert len(named) == 20
