"""A vault's life on screen: what happened to it, in order, and where its papers are."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import fill
from typing import Final

from rich.console import Console
from rich.text import Text

from gxrisk.cli.failures import CommandError
from gxrisk.cli.plain import plain
from gxrisk.cli.progress import progress_bar
from gxrisk.cli.screen import WIDTH
from gxrisk.cli.sources import Source
from gxrisk.vaults.life import Life, live
from gxrisk.vaults.version import StrategyVersion

TIER: Final = "growth"
DEPOSIT: Final = Decimal(100_000)
_EVENTS_MAX: Final = 24
_INDENT: Final = " " * len("12-31 23:59  ")
_NS_PER_S: Final = 1_000_000_000


def tell_life(
    source: Source, model: str, bar_s: int, mark_age_s_max: int | None, out: Path | None, *, shown: bool
) -> None:
    """Let one vault live through the candles, in `out` or in a folder that is gone afterwards, and print its story."""
    total = sum(len(one.candles) for one in source.series)
    with _folder(out) as folder, progress_bar(total, shown=shown, doing="Living") as on_progress:
        life = asyncio.run(
            live(
                folder,
                source.series,
                StrategyVersion.of(model, "demo"),
                tier=TIER,
                bar_s=bar_s,
                deposit=DEPOSIT,
                mark_age_s_max=mark_age_s_max,
                on_progress=on_progress,
            )
        )
    show_life(life, is_kept=out is not None)


def show_life(life: Life, *, is_kept: bool) -> None:
    """Print the timeline of the vault's report, its way to graduation, and where its papers are."""
    console = Console(width=WIDTH, highlight=False)
    console.print()
    console.print(Text(f"The life of one {TIER} vault, on paper, with journal, venue and owner:", style="bold"))
    events = life.report.events
    for event in events[:_EVENTS_MAX]:
        at = datetime.fromtimestamp(event.at_ns // _NS_PER_S, UTC)
        console.print(Text(fill(f"{at:%m-%d %H:%M}  {plain(event.text)}", WIDTH, subsequent_indent=_INDENT)))
    if len(events) > _EVENTS_MAX:
        console.print(Text(f"... and {len(events) - _EVENTS_MAX} more", style="dim"))
    console.print()
    graduated = "has graduated" if life.graduation.has_graduated else "has not graduated"
    console.print(Text(f"After {life.report.figures.round_trips} round trips it {graduated}:", style="bold"))
    for one in life.graduation.requirements:
        console.print(Text(f"{'met ' if one.passed else 'open'}  {one.sentence}"))
    console.print()
    if is_kept:
        console.print(Text(f"Its report: {life.page}\nIts journal: {life.journal}"), soft_wrap=True)
    else:
        console.print(Text("gxrisk demo --out FOLDER keeps its journal and its report.", style="dim"))


@contextmanager
def _folder(out: Path | None) -> Iterator[Path]:
    if out is None:
        with TemporaryDirectory(prefix="gxrisk-demo-") as folder:
            yield Path(folder)
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CommandError(f"--out: {out} exists and is not an empty folder")
    out.mkdir(parents=True, exist_ok=True)
    yield out
