"""The progress bar: on stderr, and only where someone looks at it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def progress_bar(
    total: int | None, *, shown: bool, doing: str = "Replaying", what: str = "candles"
) -> Iterator[Callable[[int], None]]:
    """A bar over `total` of `what` (None: nobody knows); yields what takes the number done.

    Nothing is drawn when stderr is no terminal.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn(doing),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn(what),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not (shown and console.is_terminal)) as progress:
        task = progress.add_task(doing, total=total)
        yield lambda done: progress.update(task, completed=done)
