"""A result on screen: at most 100 columns, the same words when piped, no number ever wrapped."""

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from shutil import get_terminal_size
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gxrisk.replay.engine import ReplaySettings
from gxrisk.replay.result import BreakerTrip, ReplayResult, VaultResult

WIDTH: Final = 100
WIDTH_MIN: Final = 80
_NO_GATE: Final = "no gate"
_NOTES: Final = (
    "One rejected order can break several rules. The drawdown limit counts from the deposit.",
    "Smaller positions win and lose less by that alone. Nobody resets what waits for its owner.",
)
_NO_NUMBER: Final = "-"
_NAME_WIDTH: Final = 16
_SPANS_WIDTH: Final = 52
_LINES_MAX: Final = 6


def page_width() -> int:
    """The columns of a page: those of the terminal, from 80 to 100; 100 where nobody looks at it."""
    if not sys.stdout.isatty():
        return WIDTH
    return max(WIDTH_MIN, min(WIDTH, get_terminal_size().columns))


def show(result: ReplayResult, settings: ReplaySettings, sentences: Sequence[str]) -> None:
    """Print what was replayed, who earned more, the table of the vaults and the breaker trips."""
    console = Console(width=WIDTH, highlight=False)
    console.print()
    for sentence in (*sentences, *_about(result, settings)):
        console.print(Text(sentence))
    console.print()
    console.print(Text(verdict(result), style="bold"))
    console.print()
    console.print(vault_table(result))
    for note in _NOTES:
        console.print(Text(note, style="dim"))
    console.print()
    trips = [(vault.name, trip) for vault in result.vaults for trip in vault.trips]
    console.print(trip_table(result) if trips else Text("No breaker tripped."))


def verdict(result: ReplayResult) -> str:
    """Who earned more, in plain words: what the gate saved and what it cost."""
    alone = result.ungated
    lines = [f"Without a gate the model {_made(alone.earned)} ({_percent(alone.returned)})."]
    if alone.liquidated is not None:
        lines.append(f"It was liquidated on {alone.liquidated:%Y-%m-%d at %H:%M} UTC.")
    for vault in result.vaults:
        saved = result.saved(vault)
        if saved > 0:
            lines.append(f"In {vault.name} the gate saved {_money(saved)}.")
        elif saved < 0:
            lines.append(f"In {vault.name} the gate cost {_money(-saved)}: the model earned more without it.")
        else:
            lines.append(f"In {vault.name} the gate changed nothing.")
    return " ".join(lines)


def vault_table(result: ReplayResult) -> Table:
    """One column for each vault and one for the ungated run."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("", no_wrap=True)
    for vault in result.vaults:
        table.add_column(vault.name[:_NAME_WIDTH], justify="right", no_wrap=True)
    table.add_column(_NO_GATE, justify="right", no_wrap=True)

    def row(label: str, of: Callable[[VaultResult], str | Text], alone: str | Text | None = None) -> None:
        last = of(result.ungated) if alone is None else alone
        table.add_row(label, *(of(vault) for vault in result.vaults), last)

    row("return", lambda vault: _signed(vault.earned, _percent(vault.returned)))
    row("earned", lambda vault: _signed(vault.earned, _money(vault.earned)))
    row("saved (+) or cost (-) by the gate", lambda vault: _saved(result, vault), _NO_NUMBER)
    row("  of the deposit", lambda vault: _percent(result.saved(vault) / vault.deposit), _NO_NUMBER)
    row("max drawdown from the peak", lambda vault: f"{vault.max_drawdown:.2%}")
    row("fees paid", lambda vault: _money(vault.fees))
    row("fills (of them stops)", lambda vault: f"{vault.fills:,} ({vault.stops:,})")
    row("round trips (won)", lambda vault: f"{vault.round_trips:,} ({vault.winners:,})")
    row("holds by the model", lambda vault: f"{vault.holds:,}")
    row("orders proposed", lambda vault: f"{vault.proposals:,}")
    row("  approved (made smaller)", lambda vault: f"{vault.approved:,} ({vault.resized:,})")
    row("  held for low confidence", lambda vault: f"{vault.held:,}", _NO_NUMBER)
    row("  cancelled before a fill", lambda vault: f"{vault.cancelled:,}")
    row("  rejected", lambda vault: f"{vault.rejected:,}", _NO_NUMBER)
    for rule in sorted({rule for vault in result.vaults for rule in vault.rejections}):
        row(f"    {rule}", lambda vault, rule=rule: f"{vault.rejections.get(rule, 0):,}", _NO_NUMBER)  # type: ignore[misc]
    row("breaker trips", lambda vault: f"{len(vault.trips):,}", _NO_NUMBER)
    return table


def trip_table(result: ReplayResult) -> Table:
    """Which breakers tripped, how often, from when to when (UTC). Trips that touch are one span."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("vault", "breaker", "trips", "tripped from - to (UTC)"):
        table.add_column(name, no_wrap=True, justify="right" if name == "trips" else "left")
    rows: dict[tuple[str, int, tuple[str, ...]], list[str]] = {}
    for vault in result.vaults:
        for breaker in sorted({trip.breaker for trip in vault.trips}):
            trips = [trip for trip in vault.trips if trip.breaker == breaker]
            spans = tuple(_span(since, ended) for since, ended in joined(trips))
            rows.setdefault((breaker, len(trips), spans), []).append(vault.name[:_NAME_WIDTH])
    for (breaker, count, spans), vaults in rows.items():
        for whose in ["every vault"] if len(vaults) == len(result.vaults) > 1 else vaults:
            for number, line in enumerate(_packed(spans)):
                table.add_row(*(("", "", "") if number else (whose, breaker, f"{count}")), line)
    return table


def joined(trips: Sequence[BreakerTrip]) -> list[tuple[datetime, datetime | None]]:
    """The spans in which one breaker was tripped: a trip that restarts it lengthens the span."""
    spans: list[tuple[datetime, datetime | None]] = []
    for trip in trips:
        if spans and (last := spans[-1][1]) is not None and trip.since <= last:
            spans[-1] = (spans[-1][0], trip.ended)
        else:
            spans.append((trip.since, trip.ended))
    return spans


def _packed(spans: Sequence[str]) -> list[str]:
    """Whole spans on lines of at most `_SPANS_WIDTH`; after `_LINES_MAX` lines, how many are left."""
    lines: list[str] = []
    for number, span in enumerate(spans):
        if lines and len(lines[-1]) + len(span) + 2 <= _SPANS_WIDTH:
            lines[-1] += f", {span}"
        elif len(lines) == _LINES_MAX:
            return [*lines, f"and {len(spans) - number} more, all in the file of --json"]
        else:
            lines.append(span)
    return lines


def _about(result: ReplayResult, settings: ReplaySettings) -> list[str]:
    assets = ", ".join(result.assets)
    about = [
        f"{assets}: {result.candles:,} candles of {_length(result.interval_s)}, "
        f"{result.start:%Y-%m-%d %H:%M} to {result.end:%Y-%m-%d %H:%M} UTC.",
        f"Model {result.model}, asked once for each completed bar of {_length(result.bar_s)}; "
        "the same code in every vault and without a gate.",
        f"Fills at the open of the next candle with {result.slippage_bp} bp slippage and {result.fee_bp} bp fee; "
        f"funding left out; {_money(settings.deposit)} deposited in each.",
    ]
    if result.correlated:
        about.append("All assets are set as one correlation group.")
    return about


def _span(since: datetime, ended: datetime | None) -> str:
    start = f"{since:%m-%d %H:%M}"
    if ended is None:
        return f"{start} to the end"
    return f"{start} - {ended:%H:%M}" if ended.date() == since.date() else f"{start} - {ended:%m-%d %H:%M}"


def _saved(result: ReplayResult, vault: VaultResult) -> Text:
    saved = result.saved(vault)
    return _signed(saved, f"{'+' if saved > 0 else ''}{_money(saved)}")


def _signed(value: Decimal, text: str) -> Text:
    return Text(text, style="green" if value > 0 else "red" if value < 0 else "")


def _made(earned: Decimal) -> str:
    return f"lost {_money(-earned)}" if earned < 0 else f"earned {_money(earned)}"


def _money(value: Decimal) -> str:
    return f"{value:,.2f}"


def _percent(value: Decimal) -> str:
    return f"{value:+.2%}"


def _length(seconds: int) -> str:
    for size, word in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds % size == 0:
            return f"{seconds // size} {word}"
    return f"{seconds} s"
