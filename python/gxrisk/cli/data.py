"""`gxrisk data`: fetch candles from an exchange, say what is in data files."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from gxrisk.cli.arguments import AsJson, NoProgress, moment, nanoseconds
from gxrisk.cli.failures import CommandError, failures
from gxrisk.cli.output import as_json, check_writable
from gxrisk.cli.plain import plain
from gxrisk.cli.progress import progress_bar
from gxrisk.feeds.contents import Contents, Extreme, Gap, read_contents
from gxrisk.feeds.exchange import Patience, open_market
from gxrisk.feeds.fetch import fetch_candles
from gxrisk.feeds.fields import DataError

_UNITS: Final = ((604_800_000, "w"), (86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"))

data = typer.Typer(help="Fetch candles from an exchange, say what is in data files.", no_args_is_help=True)


def day_or_time(text: str) -> datetime:
    """A date (its midnight, UTC) or a time with its zone.

    >>> day_or_time("2020-03-12").isoformat()
    '2020-03-12T00:00:00+00:00'
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return moment(text)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


@data.command()
def fetch(
    exchange: Annotated[str, typer.Option(metavar="NAME", help="As ccxt spells it, like binance.")],
    symbol: Annotated[str, typer.Option(metavar="SYMBOL", help="As ccxt spells it: BTC/USDT, BTC/USDT:USDT (perp).")],
    interval: Annotated[str, typer.Option(metavar="LENGTH", help="One that the exchange has, like 1m or 1h.")],
    since: Annotated[
        datetime, typer.Option(parser=day_or_time, metavar="DATE|TIME", help="The first bar's open, UTC.")
    ],
    until: Annotated[
        datetime, typer.Option(parser=day_or_time, metavar="DATE|TIME", help="Where it ends; not included.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write to.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Fetch anew what is there.")] = False,
    no_progress: NoProgress = False,
) -> None:
    """Fetch candles into a file, and print its name and what is in it. Needs the extra `venues`.

    Interrupted, killed or cut off, it goes on where it was when the same command is given again. A bar that is not
    complete yet is left out.

    Example: gxrisk data fetch --exchange binance --symbol BTC/USDT --interval 1m --since 2020-03-12 --until 2020-03-14
    """
    with failures():
        since_ms, until_ms = (nanoseconds(time) // 1_000_000 for time in (since, until))
        if since_ms >= until_ms:
            raise CommandError(f"--until: {until:%Y-%m-%d %H:%M:%S} was given, a time after --since is allowed")
        if not out.is_dir():
            raise CommandError(f"--out: there is no folder {out}")
        check_writable(out / "candles", "--out")
        patience = Patience(on_wait=_say_wait)
        market = open_market(exchange, symbol, interval, patience)
        total = -(-(until_ms - since_ms) // market.interval_ms)
        try:
            with progress_bar(total, shown=not no_progress, doing="Fetching") as on_progress:
                fetched = fetch_candles(
                    market, since_ms, until_ms, out, force=force, patience=patience, on_progress=on_progress
                )
        except KeyboardInterrupt:
            typer.echo("gxrisk: what was fetched is kept; the same command goes on after it", err=True)
            raise
        finally:
            market.exchange.session.close()
        if not fetched.rows:
            typer.echo(f"{fetched.file} is there already (--force fetches it anew)")
            return
        typer.echo("\n".join(_lines(fetched.file, read_contents(fetched.file))))
        if fetched.resumed:
            typer.echo(f"  {fetched.resumed:,} of the rows are from an earlier run")


@data.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Candles, trades or funding.")],
    json: AsJson = False,
) -> None:
    """Say what is in files: rows, span, gaps, largest moves; and where one is wrong, its line and column.

    All files are looked at; the exit code is 1 when one of them is wrong.

    Example: gxrisk data check btcusd-1m-2019-06-22_2019-07-01-bitfinex.csv.gz
    """
    with failures():
        found: list[dict[str, object]] = []
        wrong = 0
        for file in files:
            try:
                contents = read_contents(file)
            except DataError as error:
                wrong += 1
                typer.echo(f"gxrisk: {plain(' '.join(str(error).split()))}", err=True)
                continue
            if json:
                found.append(_dict(file, contents))
            else:
                typer.echo("\n".join(_lines(file, contents)))
        if json:
            typer.echo(as_json(found))
        if wrong:
            raise typer.Exit(1)


def _say_wait(reason: str, seconds: float) -> None:
    typer.echo(f"gxrisk: {plain(reason)}; trying again in {seconds:.0f} s", err=True)


def _lines(file: Path, contents: Contents) -> list[str]:
    what = f"{contents.kind} of {contents.asset}"
    if contents.interval_ms is not None:
        what += f", every {_length(contents.interval_ms)}"
    lines = [plain(str(file)), f"  {what}: {contents.rows:,} rows"]
    lines.append(f"  {_time(contents.from_ms)} to {_time(contents.until_ms)} UTC")
    if contents.kind == "trades":
        lines.append(f"  late: {contents.late:,}; the longest silence{_gap(contents.longest) or ': none'}")
    else:
        longest = f" ({contents.missing:,} rows missing), the longest{_gap(contents.longest)}" if contents.gaps else ""
        lines.append(f"  gaps: {contents.gaps or 'none'}{longest}")
    digits = 4 if contents.kind == "funding" else 2
    extremes = [_extreme(one, digits) for one in (contents.down, contents.up) if one is not None]
    words = "rates from the lowest to the highest" if contents.kind == "funding" else "largest moves"
    return [*lines, f"  {words}: {', '.join(extremes) or 'none'}"]


def _dict(file: Path, contents: Contents) -> dict[str, object]:
    def extreme(one: Extreme | None) -> dict[str, object] | None:
        return None if one is None else {"fraction": one.fraction, "at_ms": one.at_ms}

    longest = contents.longest
    return {
        "file": str(file),
        "kind": contents.kind,
        "asset": contents.asset,
        "interval_ms": contents.interval_ms,
        "rows": contents.rows,
        "from_ms": contents.from_ms,
        "until_ms": contents.until_ms,
        "gaps": contents.gaps,
        "missing": contents.missing,
        "longest": None if longest is None else {"from_ms": longest.from_ms, "until_ms": longest.until_ms},
        "late": contents.late,
        "down": extreme(contents.down),
        "up": extreme(contents.up),
    }


def _gap(gap: Gap | None) -> str:
    if gap is None:
        return ""
    return f" {_length(gap.until_ms - gap.from_ms)} from {_time(gap.from_ms)} to {_time(gap.until_ms)}"


def _extreme(one: Extreme, digits: int) -> str:
    return f"{one.fraction * 100:+.{digits}f} % at {_time(one.at_ms)}"


def _length(ms: int) -> str:
    """A length in the largest unit that divides it, in milliseconds if none does.

    >>> _length(900_000), _length(11_280_000), _length(1_500)
    ('15m', '188m', '1500ms')
    """
    return next((f"{ms // unit}{name}" for unit, name in _UNITS if ms and ms % unit == 0), f"{ms}ms")


def _time(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"
