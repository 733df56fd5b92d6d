"""Rows of the ratio table, and where they are written."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benches.rounds import Ratio


@dataclass(frozen=True, slots=True)
class Row:
    """One line: the work, the aim, what was measured."""

    work: str
    aim: float | None = None
    ratio: Ratio | None = None
    net: Ratio | None = None
    """The same with the empty loop taken off both sides."""
    at_least: bool = False
    unit: str = "empty calls"
    note: str = ""

    @property
    def verdict(self) -> str:
        """Met, or by how much it is missed."""
        if self.ratio is None or self.aim is None:
            return self.note
        short = self.aim / self.ratio.median if self.at_least else self.ratio.median / self.aim
        return "met" if short <= 1 else f"missed: {short:.2f} x the aim"

    @property
    def bound(self) -> str:
        """The aim with its direction."""
        return "" if self.aim is None else f"{'>=' if self.at_least else '<='} {self.aim:.1f}"

    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        ratio, net = ("" if value is None else str(value) for value in (self.ratio, self.net))
        return (self.work, self.bound, ratio, net, self.unit if self.ratio else "", self.verdict)


@dataclass(frozen=True, slots=True)
class Growth:
    """How one cost grows: sizes and the cost at each in units of the first or the largest."""

    title: str
    unit: str
    points: dict[str, Ratio]


def lines(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """A Markdown table, aligned so that it also reads as text."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]

    def line(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    return [line(header), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(line, rows)]


HEADER = ("work", "aim", "ratio (least to most)", "loop taken off", "unit", "verdict")


@dataclass(frozen=True, slots=True)
class Report:
    """One run."""

    machine: dict[str, str]
    aims: list[Row]
    comparators: list[Row]
    growth: list[Growth]

    def sections(self) -> dict[str, str]:
        """What stands between the markers of the page, by the markers' name."""
        growth = []
        for part in self.growth:
            rows = [(size, str(ratio)) for size, ratio in part.points.items()]
            growth += [f"**{part.title}**", "", *lines(("", part.unit), rows), ""]
        machine = [f"- {name}: {value}" for name, value in self.machine.items()]
        return {
            "machine": "\n".join(machine),
            "ratios": "\n".join(lines(HEADER, [row.cells() for row in self.aims])),
            "comparators": "\n".join(lines(("work", *HEADER[2:5], "note"), self._comparators())),
            "growth": "\n".join(growth).rstrip(),
        }

    def _comparators(self) -> list[tuple[str, ...]]:
        return [(*row.cells()[:1], *row.cells()[2:]) for row in self.comparators]

    def json(self) -> str:
        """Everything, for machines."""
        data: dict[str, Any] = asdict(self)
        for row, source in zip(data["aims"], self.aims, strict=True):
            row["verdict"] = source.verdict
        return json.dumps(data, indent=1) + "\n"

    def write(self, page: Path) -> None:
        """Replaces the sections of a page between `<!-- name: begin -->` and `<!-- name: end -->`."""
        text = page.read_text(encoding="utf-8")
        for name, body in self.sections().items():
            begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
            before, found, rest = text.partition(begin)
            _, closed, after = rest.partition(end)
            if not (found and closed):
                raise SystemExit(f"{page}: the markers of {name!r} are missing")
            text = f"{before}{begin}{body}\n{end}{after}"
        page.write_text(text, encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Criterion:
    """What `cargo bench` left behind."""

    target: Path

    def nanoseconds(self, group: str, name: str, size: int) -> Ratio | None:
        """The median of a benchmark and the ends of its confidence interval; None where it was not run."""
        found = self.target / "criterion" / group / name / str(size) / "new" / "estimates.json"
        if not found.is_file():
            return None
        median = json.loads(found.read_text(encoding="utf-8"))["median"]
        interval = median["confidence_interval"]
        return Ratio(median["point_estimate"], interval["lower_bound"], interval["upper_bound"])

    def quotient(self, group: str, subject: tuple[str, int], base: tuple[str, int]) -> Ratio | None:
        """One benchmark in units of another of the same run."""
        one, unit = self.nanoseconds(group, *subject), self.nanoseconds(group, *base)
        if one is None or unit is None:
            return None
        return Ratio(one.median / unit.median, one.least / unit.most, one.most / unit.least)
