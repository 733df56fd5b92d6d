"""The commands of `gxrisk`: demo, replay, version; and where the others hang on."""

import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final

import typer

from gxrisk._native import TIERS, Limits, __version__
from gxrisk.agent.loading import load_model
from gxrisk.cli.alerts import alerts
from gxrisk.cli.api_keys import api_keys
from gxrisk.cli.arguments import NoProgress, SeveralValues, decimal
from gxrisk.cli.audit import audit
from gxrisk.cli.config import config
from gxrisk.cli.dashboard import PORT, check_installed, dashboard
from gxrisk.cli.data import data as data_commands
from gxrisk.cli.drill import drill
from gxrisk.cli.explain import explain
from gxrisk.cli.export import export
from gxrisk.cli.failures import failures
from gxrisk.cli.history import history
from gxrisk.cli.keys import keys
from gxrisk.cli.kill import kill
from gxrisk.cli.life import tell_life
from gxrisk.cli.order import order
from gxrisk.cli.output import check_writable, write_json
from gxrisk.cli.plain import plain
from gxrisk.cli.progress import progress_bar
from gxrisk.cli.reactivate import reactivate
from gxrisk.cli.report import report
from gxrisk.cli.score import score
from gxrisk.cli.screen import show
from gxrisk.cli.serve import serve
from gxrisk.cli.sources import Source, demo_source, file_source
from gxrisk.cli.vault import vault
from gxrisk.cli.withdraw import withdraw
from gxrisk.replay.costs import Costs
from gxrisk.replay.engine import ReplaySettings, check_mark_age, replay
from gxrisk.replay.gated import VaultPlan

MOMENTUM: Final = "gxrisk.agent.momentum:Momentum"
MOMENTUM_SENTENCE: Final = "The model: momentum of 16 bars, a quarter of equity a trade, stop-loss at 2 ATR."
DEMO_BAR_MINUTES: Final = 15
ABOUT: Final = (
    "A pre-trade risk gate: replay a crash with and without it, read and verify its journals, sign as a vault's owner."
)

app = typer.Typer(
    name="gxrisk",
    help=ABOUT,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


Files = Annotated[
    list[Path] | None,
    typer.Option(
        "--data", metavar="FILE...", help="Candle files, one for each asset (CSV, plain or gzipped, or Parquet)."
    ),
]
Json = Annotated[Path | None, typer.Option("--json", metavar="OUT", help="Write the result as JSON.")]
MarkAge = Annotated[
    int | None,
    typer.Option(min=1, max=604_800, help="Let a mark be this old, in seconds; needed for candles over a minute."),
]


@app.command(cls=SeveralValues)
def demo(
    data: Files = None,
    seed: Annotated[int | None, typer.Option(help="Another random path of the reconstruction.")] = None,
    mark_age_s_max: MarkAge = None,
    json: Json = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Keep the journal and the report of the vault's life here.")
    ] = None,
    no_progress: NoProgress = False,
    wants_live: Annotated[
        bool | None,
        typer.Option("--serve/--no-serve", help="Open the dashboard on the crash, live; if none, in a terminal."),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Where the dashboard listens.")] = PORT,
) -> None:
    """Replay a crash for the three tiers side by side and once without a gate; then follow one vault's whole life.

    In the end three vaults are served on the crash as it comes, and the dashboard is open on them until Ctrl-C.

    The crash is the recorded one of December 2017 in the folder that GXRISK_DATA_DIR names; without it, a
    reconstruction of March 2020 that comes with the package.
    """
    with failures():
        is_live = sys.stdout.isatty() if wants_live is None else wants_live
        if wants_live:
            check_installed()
        source = demo_source(data or [], seed)
        plans = [VaultPlan(tier, Limits.for_tier(tier)) for tier in TIERS]
        coarsest_ms = max(one.interval_ms for one in source.series)
        bar_ms = max(DEMO_BAR_MINUTES * 60_000, coarsest_ms)
        _run(source, plans, MOMENTUM, ReplaySettings(bar_ms=bar_ms), mark_age_s_max, json, no_progress)
        tell_life(source, MOMENTUM, bar_ms // 1000, mark_age_s_max, out, shown=not no_progress)
        if is_live:
            check_installed()
            from gxrisk.cli.live import serve_live

            serve_live(source, MOMENTUM, port=port)


@app.command("replay", cls=SeveralValues)
def replay_command(
    data: Annotated[
        list[Path],
        typer.Option(
            "--data", metavar="FILE...", help="Candle files, one for each asset (CSV, plain or gzipped, or Parquet)."
        ),
    ],
    asset: Annotated[
        list[str] | None, typer.Option("--asset", metavar="NAME...", help="The assets, in the order of the files.")
    ] = None,
    interval: Annotated[
        str | None, typer.Option(metavar="LENGTH", help="The candles' interval, like 1m or 1h.")
    ] = None,
    tier: Annotated[
        str | None, typer.Option(metavar="TIER", help=f"One of {', '.join(TIERS)}; growth if none.")
    ] = None,
    limits: Annotated[Path | None, typer.Option(metavar="FILE.toml", help="Limits instead of a tier.")] = None,
    model: Annotated[
        str, typer.Option(metavar="MODULE:NAME", help="A class or function that makes the model.")
    ] = MOMENTUM,
    bar_minutes: Annotated[
        int | None, typer.Option(min=1, max=10_080, help="Ask at bars of this length; the candles' own if none.")
    ] = None,
    deposit: Annotated[
        Decimal, typer.Option(parser=decimal, metavar="NUMBER", help="What each account starts with.")
    ] = Decimal(100_000),
    slippage_bp: Annotated[
        Decimal, typer.Option(parser=decimal, metavar="NUMBER", help="Of each fill, in basis points.")
    ] = Decimal(5),
    fee_bp: Annotated[
        Decimal, typer.Option(parser=decimal, metavar="NUMBER", help="Of each fill, in basis points.")
    ] = Decimal(4),
    mark_age_s_max: MarkAge = None,
    journal: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep the vault's records in this new file, for gxrisk audit.")
    ] = None,
    json: Json = None,
    no_progress: NoProgress = False,
) -> None:
    """Replay your candles through your model behind a gate, and once without a gate.

    The model is asked once for each completed bar of each asset. Its order fills at the open of the next candle.
    """
    with failures():
        plan = replace(_plan(tier, limits), journal=journal)
        settings = ReplaySettings(
            deposit=deposit,
            costs=Costs(slippage_bp, fee_bp),
            bar_ms=None if bar_minutes is None else bar_minutes * 60_000,
        )
        source = file_source(data, asset or [], interval)
        _run(source, [plan], model, settings, mark_age_s_max, json, no_progress)
        if journal is not None:
            typer.echo(f"The records of {plan.name} are in {plain(str(journal))}: gxrisk audit show prints them.")


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(f"gxrisk {__version__}")


app.add_typer(alerts, name="alerts")
app.add_typer(api_keys, name="api-keys")
app.add_typer(audit, name="audit")
app.add_typer(config, name="config")
app.command()(dashboard)
app.add_typer(data_commands, name="data")
app.command()(drill)
app.command()(explain)
app.command()(export)
app.add_typer(history, name="history")
app.add_typer(keys, name="keys")
app.command()(kill)
app.add_typer(order, name="order")
app.command()(report)
app.command(cls=SeveralValues)(score)
app.command()(serve)
app.add_typer(vault, name="vault")
app.add_typer(withdraw, name="withdraw")
app.add_typer(reactivate, name="reactivate")


def _print_version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@app.callback(help=ABOUT)
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options of `gxrisk` itself."""


def _run(
    source: Source,
    plans: list[VaultPlan],
    model: str,
    settings: ReplaySettings,
    mark_age_s_max: int | None,
    json: Path | None,
    no_progress: bool,
) -> None:
    make_model = load_model(model)
    sentences = [source.sentence]
    if mark_age_s_max is not None:
        default = plans[0].limits.mark_age_s_max
        plans = [replace(plan, limits=plan.limits.replace(mark_age_s_max=mark_age_s_max)) for plan in plans]
        sentences.append(
            f"mark_age_s_max is set to {mark_age_s_max} s (it was {default} s): an outage is noticed that much later."
        )
    if model == MOMENTUM:
        sentences.append(MOMENTUM_SENTENCE)
    if json is not None:
        check_writable(json, "--json")
    for plan in plans:
        check_mark_age(source.series, plan.limits)
    interval_s = max(one.interval_ms for one in source.series) // 1000
    if interval_s > plans[0].limits.price_move_window_s:
        sentences.append(f"Candles of {interval_s} s are too coarse for price_move to see anything in its window.")
    total = sum(len(one.candles) for one in source.series)
    with progress_bar(total, shown=not no_progress) as on_progress:
        result = replay(
            source.series,
            make_model,
            plans,
            settings,
            model_name=model,
            reconstruction=source.reconstruction,
            on_progress=on_progress,
        )
    if json is not None:
        write_json(result.to_dict(), json)
    show(result, settings, sentences)


def _plan(tier: str | None, limits: Path | None) -> VaultPlan:
    if limits is not None:
        if tier is not None:
            raise typer.BadParameter("give --tier or --limits, not both")
        return VaultPlan(limits.stem, Limits.from_toml(limits))
    name = tier or "growth"
    if name not in TIERS:
        raise typer.BadParameter(f"--tier: {name!r} was given, {', '.join(TIERS)} are allowed")
    return VaultPlan(name, Limits.for_tier(name))
