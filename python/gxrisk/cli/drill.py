"""`gxrisk drill`: an operator's own limits and models in crashes, outages, and beside broken models and venues."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gxrisk._native import GxriskError
from gxrisk.cli.arguments import NoProgress
from gxrisk.cli.failures import CommandError, failures
from gxrisk.cli.output import check_writable, replacing, write_json
from gxrisk.cli.plain import plain
from gxrisk.cli.progress import progress_bar
from gxrisk.cli.screen import WIDTH

if TYPE_CHECKING:
    from gxrisk.drills import Drilled, Plan, Scenario

ALL: Final = "all"
BROKEN: Final = 1
BAD_CONFIG: Final = 2


def drill(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO|all", help="What to run; --list names them.")] = ALL,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE.toml", help="Limits, deposit, models; --init writes one.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Keep the journals in this new folder, for gxrisk audit.")
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="OUT", help="Write the result as JSON.")] = None,
    init: Annotated[
        Path | None, typer.Option("--init", metavar="FILE.toml", help="Write a commented example here, and end.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the scenarios with their sources, and end.")] = False,
    no_progress: NoProgress = False,
) -> None:
    """Run your limits and models through crashes, outages, and beside a broken model or venue.

    Says of each what held, what tripped when, the worst loss, and which limit, tightened least, would have kept that
    within your own max_daily_loss and max_drawdown. Exit code 1 where an invariant broke, 2 for a bad configuration.

    Example: gxrisk drill --list

    Example: gxrisk drill black-monday --config drill.toml
    """
    if list_:
        _list()
        return
    with _bad_config():
        if init is not None:
            _write_example(init)
            return
        plan, chosen = _asked(scenario, config, out, json)
    with failures():
        found = _run(plan, chosen, out, shown=not no_progress)
        if json is not None:
            write_json({"seed": plan.seed, "drills": [one.to_dict() for one in found]}, json)
        _show(found)
    if not all(one.held for one in found):
        raise typer.Exit(BROKEN)


@contextmanager
def _bad_config() -> Iterator[None]:
    try:
        yield
    except (GxriskError, OSError) as error:
        typer.echo(f"gxrisk: {plain(' '.join(str(error).split()))}", err=True)
        raise typer.Exit(BAD_CONFIG) from None


def _asked(name: str, config: Path | None, out: Path | None, json: Path | None) -> "tuple[Plan, list[Scenario]]":
    from gxrisk.drills import SCENARIOS, read_config

    if name != ALL and name not in SCENARIOS:
        raise CommandError(f"scenario: {name!r} was given, {ALL} and {', '.join(SCENARIOS)} are allowed")
    if config is None:
        raise CommandError(
            "--config is missing: a FILE.toml of limits, deposit and models; --init FILE.toml writes one"
        )
    if json is not None:
        check_writable(json, "--json")
    if out is not None and out.exists():
        raise CommandError(f"--out: {out} exists already; a new folder is allowed")
    return read_config(config), list(SCENARIOS.values()) if name == ALL else [SCENARIOS[name]]


def _run(plan: "Plan", chosen: "Sequence[Scenario]", out: Path | None, *, shown: bool) -> "list[Drilled]":
    import asyncio

    from gxrisk.drills import drill as run_all

    quiet = logging.NullHandler()  # what goes wrong at the venue is what was asked for
    log = logging.getLogger("gxrisk.vaults")
    log.addHandler(quiet)
    try:
        total = len(chosen) * len(plan.models)
        with progress_bar(total, shown=shown, doing="Drilling", what="drills") as on_done:
            return asyncio.run(run_all(plan, chosen, out=out, on_done=on_done))
    finally:
        log.removeHandler(quiet)


def _write_example(file: Path) -> None:
    from gxrisk.drills.config import EXAMPLE

    check_writable(file, "--init")
    if file.exists():
        raise CommandError(f"--init: {file} exists already")
    with replacing(file) as stream:
        stream.write(EXAMPLE)
    typer.echo(f"An example is in {plain(str(file))}: gxrisk drill all --config {plain(str(file))} runs it.")


def _list() -> None:
    from gxrisk.drills import SCENARIOS

    console = Console(width=WIDTH, highlight=False)
    for one in SCENARIOS.values():
        console.print(Text(one.name, style="bold"))
        console.print(Text(f"{one.title}. {one.source}"))


def _show(found: "Sequence[Drilled]") -> None:
    from gxrisk.drills.words import sentences

    console = Console(width=WIDTH, highlight=False)
    console.print(_table(found))
    for one in found:
        console.print()
        console.print(Text(f"{one.scenario.name}: {one.scenario.title} ({plain(one.model)})", style="bold"))
        for sentence in sentences(one):
            console.print(Text(plain(sentence)))
    console.print()
    broken = sum(not one.held for one in found)
    verdict = f"{broken} of {len(found)} drills broke an invariant." if broken else f"All {len(found)} drills held."
    console.print(Text(verdict, style="bold"))


def _table(found: "Sequence[Drilled]") -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("scenario", "held", "trips", "worst loss", "worst day", "drawdown", "tighten"):
        table.add_column(name, no_wrap=True, justify="left" if name in ("scenario", "held", "tighten") else "right")
    for one in found:
        table.add_row(
            one.scenario.name,
            Text("yes") if one.held else Text("NO", style="red"),
            f"{len(one.trips):,}",
            f"{one.losses.amount:,.2f}",
            f"{one.losses.day_fraction:.2%}",
            f"{one.losses.drawdown:.2%}",
            _advice(one),
        )
    return table


def _advice(one: "Drilled") -> str:
    if one.tightening is None:
        return "-"
    change = one.tightening.change
    return "nothing in reach" if change is None else f"{change.field} {change.value.normalize():f}"
