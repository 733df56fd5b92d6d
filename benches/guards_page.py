"""The page of the guards' table: what each guard cost and saved, summed up and for each data set."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from statistics import median

HEADER = (
    "| model | guards | end equity | beside the gate alone | max drawdown | trades | won "
    "| refused by the gate | by guards |\n"
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
    learned: int | None = None  # from so many won trades, or bars
    is_trained: bool = True

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
    told = f"Feed in bars of {first.feed_s} s, strategies in bars of {first.bar_s} s. {_learned(ones)}".rstrip()
    title = f"### {first.data}\n\n{told}\n"
    rows = (one.row(gates[one.data, one.model]) for one in ones)
    return "\n".join((title, HEADER, *rows, ""))


def _learned(ones: Sequence[Outcome]) -> str:
    """What the guards that learn had learnt from before this recording."""
    told = []
    for one in ones:
        if one.variant == "drift":
            told.append(f"{one.model}: {one.learned} bars for drift")
        elif one.variant == "predictor":
            known = "" if one.is_trained else ", too few: untrained"
            told[-1] += f", {one.learned} won trades for the predictor{known}"
    return f"Recorded before it, of {'; of '.join(told)}." if told else ""


def _trained(found: Sequence[Outcome]) -> str:
    """In how many data sets the guards that learn had enough to learn from."""
    told = []
    for model in dict.fromkeys(one.model for one in found):
        drifts, predictors = (
            sum(one.is_trained for one in found if (one.model, one.variant) == (model, variant))
            for variant in ("drift", "predictor")
        )
        told.append(
            f"for {model} drift had a reference in {drifts} data sets and the predictor was trained in {predictors}"
        )
    return f"{'; '.join(told).capitalize()}."


def sections(found: Sequence[Outcome]) -> list[str]:
    """Each data set, in the order given."""
    return [section(list(ones)) for _, ones in groupby(found, key=lambda one: one.data)]


def write(page: Path, found: Sequence[Outcome], run: str) -> None:
    """Replace what stands between the markers of a page, `<!-- name: begin -->` and `<!-- name: end -->`."""
    most = max(one.won for one in found if one.variant == "gate")
    vaults = sum(one.is_trained for one in found)
    told = f"{len({one.data for one in found})} data sets, {vaults} vaults. {run}"
    won = f"No model won more than {most} trades in a whole recording with the gate alone."
    text = page.read_text(encoding="utf-8")
    for name, body in (
        ("run", f"{told}\n\n{won} {_trained(found)}"),
        ("summary", summary(found)),
        ("sets", "\n".join(sections(found))),
    ):
        begin, end = f"<!-- {name}: begin -->\n", f"\n<!-- {name}: end -->"
        before, found_begin, rest = text.partition(begin)
        _, found_end, after = rest.partition(end)
        if not (found_begin and found_end):
            raise SystemExit(f"{page}: the markers of {name!r} are missing")
        text = f"{before}{begin}{body}{end}{after}"
    page.write_text(text, encoding="utf-8")
