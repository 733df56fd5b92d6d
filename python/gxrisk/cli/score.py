"""`gxrisk score`: a decision log against doing nothing."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gxrisk.cli.arguments import AsJson
from gxrisk.cli.failures import CommandError, failures
from gxrisk.cli.output import as_json
from gxrisk.cli.plain import plain
from gxrisk.cli.screen import WIDTH

if TYPE_CHECKING:
    from gxrisk.scoring import AssetScore, Log, Score
    from gxrisk.vaults.report.watched import Watched

_SQLITE: Final = b"SQLite format 3\0"
_TOTAL: Final = "total"
_UNKNOWN: Final = "-"
_UNNAMED: Final = "not named"
_NOTES: Final = (
    "Made: finished trades, net of fees; doing nothing makes 0. Openings that were held or rejected are",
    "followed from their mark to the next order in their asset or to their stop-loss, without fees.",
    "Reward: in units of what was risked, of trades and of openings that were held for low confidence.",
    "Brier: 0 is best; in brackets what always saying the win rate would have scored.",
    "Own holds name no side: buying at each would have lost the falls, selling the rises, summed.",
)


def score(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A journal, or a CSV of decisions.", show_default=False)],
    trades: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="With a CSV: what gxrisk export --what trades wrote.")
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", metavar="FILE...", help="With a CSV: candles, whose closes are the prices."),
    ] = None,
    asset: Annotated[
        list[str] | None, typer.Option("--asset", metavar="NAME...", help="The assets, in the order of the files.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Score a model's decisions against doing nothing: what trades made, what holds and refusals avoided and missed.

    A journal has all that is needed. A CSV has the columns of gxrisk export --what decisions, of which these are
    used: sequence, time, outcome, origin, asset, side, quantity, stop_loss, reduce_only, confidence, rules, reasoning.
    Without --trades it is not known what was made, without --data not what was avoided and missed.

    Example: gxrisk score vault.gxr

    Example: gxrisk score decisions.csv --trades trades.csv --data btcusd-1m.csv
    """
    # Loading the database's libraries takes longer than most commands do, so only the commands that need them do it.
    from gxrisk.scoring import score as scored

    with failures():
        found = scored(_log(file, trades, data or [], asset or []))
        if json:
            typer.echo(as_json(found.to_dict()))
        else:
            _show(found)


def _log(file: Path, trades: Path | None, data: list[Path], assets: list[str]) -> "Log":
    from gxrisk.cli.sources import file_source
    from gxrisk.scoring import read_journal, read_tables

    with file.open("rb") as stream:
        is_journal = stream.read(len(_SQLITE)) == _SQLITE
    if not is_journal:
        return read_tables(file, trades, file_source(data, assets, None).series)
    if trades is not None or data:
        raise CommandError(
            f"{file} is a journal, which has its own trades and prices; --trades and --data go with a CSV"
        )
    return read_journal(file)


def _show(found: "Score") -> None:
    console = Console(width=WIDTH, highlight=False)
    console.print(Text(plain(found.name)))
    console.print(Text(verdict(found.total), style="bold"))
    console.print()
    rows = [*found.assets, found.total]
    console.print(_made_table(rows))
    console.print()
    console.print(_forgone_table(rows))
    if any(one.known for one in found.watched):
        console.print()
        console.print(_watched_table(found.watched))
    for note in _NOTES:
        console.print(Text(note, style="dim"))


def verdict(total: "AssetScore") -> str:
    """The total in two sentences: against doing nothing, and what doing nothing was worth."""
    if total.made is None:
        made = "What trading made is not known."
    elif total.made:
        word = "earned" if total.made > 0 else "lost"
        made = f"Trading {word} {abs(total.made):,.2f} against doing nothing."
    else:
        made = "Trading made as much as doing nothing."
    parts = [
        f"{word} avoided {one.avoided:,.2f} and missed {one.missed:,.2f}"
        for word, one in zip(("openings held", "openings rejected"), total.forgone, strict=True)
        if one.known
    ]
    return f"{made} {'; '.join(parts).capitalize()}." if parts else made


def _made_table(rows: list["AssetScore"]) -> Table:
    table = _table("asset", "trades (won)", "made", "reward", "rewarded", "Brier (base)", "own holds")
    for row in rows:
        table.add_row(
            plain(row.asset or _TOTAL),
            _UNKNOWN if row.made is None else f"{row.trades:,} ({row.won:,})",
            _amount(row.made),
            f"{row.reward:+,.2f}" if row.rewarded else _UNKNOWN,
            f"{row.rewarded:,}",
            _UNKNOWN if row.brier is None else f"{row.brier:.3f} ({row.brier_base:.3f})",
            f"{row.holds:,}",
        )
    return table


def _forgone_table(rows: list["AssetScore"]) -> Table:
    table = _table("asset", "openings", "number (known)", "avoided", "missed", "net")
    for row in rows:
        for one in row.forgone:
            known = bool(one.known)
            amounts = (one.avoided, one.missed, one.net)
            table.add_row(
                plain(row.asset or _TOTAL),
                one.outcome,
                f"{one.orders:,} ({one.known:,})",
                *(_amount(amount if known else None) for amount in amounts),
            )
    return table


def _watched_table(rows: Sequence["Watched"]) -> Table:
    table = _table("asset", "holds of its own (known)", "falls", "rises", "net")
    for row in rows:
        moves = (row.falls, row.rises, row.net)
        table.add_row(
            plain(row.asset or _UNNAMED),
            f"{row.holds:,} ({row.known:,})",
            *(_UNKNOWN if move is None else f"{move:+.2%}" for move in moves),
        )
    return table


def _table(*names: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in names:
        table.add_column(name, no_wrap=True, justify="left" if name in ("asset", "openings") else "right")
    return table


def _amount(value: Decimal | None) -> str:
    return _UNKNOWN if value is None else f"{value:,.2f}"
