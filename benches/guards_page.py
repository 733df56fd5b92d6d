"""The page of the guards' table: what each guard cost and saved, summed up and for each data set."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from statistics import median

HEADER = (
    "| model | guards | end equity | beside the gate alone | max drawdown | trades | won | refused by the gate | by guards |\n"
    "|---|---|---|---|---|---|---|---|---|"
)
SUMMARY = (
    "| model | guards | median | worst | best | saved in | cost in | median drawdown | worst drawdown | trades |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One vault after one recording; money in the quote currency, `drawdown` a fraction of the peak before it."""

    data: str
    feed_s: int
    bar_s: int
    model: str
    variant: str
    deposit: Decimal
    equity: Decimal
    drawdown: Decimal
    trades: int
    won: int
    rejected: int
    held: int

    def beside(self, gate: "Outcome") -> Decimal:
        """What the guard saved against the gate alone, as a fraction of the deposit; below zero: what it cost."""
        return (self.equity - gate.equity) / self.deposit

    def row(self, gate: "Outcome") -> str:
        """The outcome as a line of its data set's table."""
        beside = "" if self.variant == "gate" else f"{self.beside(gate):+.2%}"
        cells = (
            self.model.replace("_", " "), self.variant, f"{self.equity:,.0f}", beside, f"{self.drawdown:.2%}",
            str(self.trades), str(self.won), str(self.rejected), str(self.held),
        )  # fmt: skip
        return "| " + " | ".join(cells) + " |"


def _gates(found: Sequence[Outcome]) -> dict[tuple[str, str], Outcome]:
    return {(one.data, one.model): one for one in found if one.variant == "gate"}


def summary(found: Sequence[Outcome]) -> str:
    """Over all data sets, each weighing the same."""
    gates = _gates(found)
    grouped: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for one in found:
        grouped[one.model, one.variant].append(one)
    lines = [SUMMARY]
    for (model, variant), ones in grouped.items():
        beside = [one.beside(gates[one.data, one.model]) for one in ones]
        falls = [one.drawdown for one in ones]
        figures = ["", "", "", "", ""]
        if variant != "gate":
            figures = [f"{each:+.2%}" for each in (median(beside), min(beside), max(beside))]
            figures += [str(sum(each > 0 for each in beside)), str(sum(each < 0 for each in beside))]
        figures += [f"{median(falls):.2%}", f"{max(falls):.2%}", str(sum(one.trades for one in ones))]
        lines.append("| " + " | ".join((model.replace("_", " "), variant, *figures)) + " |")
    return "\n".join(lines)


def section(ones: Sequence[Outcome]) -> str:
    """One data set."""
    gates, first = _gates(ones), ones[0]
    title = f"### {first.data}\n\nFeed in bars of {first.feed_s} s, strategies in bars of {first.bar_s} s.\n"
    rows = (one.row(gates[one.data, one.model]) for one in ones)
    return "\n".join((title, HEADER, *rows, ""))


def sections(found: Sequence[Outcome]) -> list[str]:
    """Each data set, in the order given."""
    return [section(list(ones)) for _, ones in groupby(found, key=lambda one: one.data)]


def page(found: Sequence[Outcome], run: str) -> str:
    """The whole page."""
    count, most = len({one.data for one in found}), max(one.won for one in found if one.variant == "gate")
    runs = f"{count} data sets, {len(found)} vaults{', ' + run if run else ''}"
    return INTRODUCTION.format(runs=runs, most=most, summary=summary(found)) + "\n".join(sections(found))


INTRODUCTION = """# What the guards cost and saved

<!-- Written by `python -m benches.guards --write docs/guards.md`; edit benches/guards_page.py instead. -->

Three models on every recorded market at hand ({runs}), each with and without each [guard](protection.md). Nothing was chosen
after a look at the results: all data sets, all settings at their defaults, one run. A test runs the shortest data set again and
compares it with this page.

- **The way.** Feed, fleet, vault, Growth gate, paper venue with its costs, 100,000 to begin with. Minutes are merged to bars of five minutes before the feed
  tells them; strategies think in bars of 15 minutes, or of the recording where these are longer. `mark_age_s_max` is the length of the feed's
  bars. Recorded funding is paid where there is any for the recording.
- **Models.** `momentum` is the package's; `mean reversion` bets against two deviations from the mean of 20 bars; `overconfident` bets all of its equity against
  each move with confidence 1. They are demonstrations, and none has an edge that anyone has shown.
- **Guards.** `gate` is the gate alone, with its breakers, and what the others are compared with. `size`, `stop` (which knows the regime), `adaptive`, `portfolio`, `health`, `consensus`
  (after losses, with two momentum models) and `data quality` are added to it one at a time; `all` is all of them. `ungated` is a gate with every limit as
  wide as it goes. Nobody reviews a model that its health took off the wheel; a suspended feed is reviewed after an hour.
- **Not in it:** the trade-failure predictor. It has to learn from 100 successful trades before the time in which it is judged; no model won more than {most}
  trades in a whole recording with the gate alone.

## Over all data sets

The first three columns are end equity beside the gate alone, in per cent of the deposit: above zero the guard saved that, below it cost that. The median and the extremes are over data
sets, whatever their length.

{summary}

## How to read it

READING
## Each data set

"""
