"""The end of `gxrisk demo`: three vaults behind a real server, the crash coming in, and the dashboard open on it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import typer

from gxrisk._native import TIERS
from gxrisk.cli.dashboard import PORT, dashboard_beside
from gxrisk.cli.failures import CommandError
from gxrisk.cli.live_market import LiveMarket
from gxrisk.cli.plain import plain
from gxrisk.cli.sources import Source

LISTENING: Final = "gxrisk: listening on "
DEPOSIT: Final = "100000"
_STRATEGY: Final = {"name": "momentum", "version": "demo", "content_hash": "00" * 32}
_START_S: Final = 60
_STRETCH: Final = Decimal("7.745966692")  # the root of 60: so much more volatile is a minute that is told in a second


def serve_live(source: Source, model: str, *, port: int = PORT, seconds: float | None = None) -> None:
    """Serve until Ctrl-C, or for so many seconds: one recorded candle each second, from before the crash on.

    The server, its vaults, its gates and its clock are real ones; only the market is an old one, told faster.
    """
    from gxrisk.cli.live_agent import Agent, Caller

    market = LiveMarket(source.series)
    with TemporaryDirectory(prefix="gxrisk-live-") as folder, ExitStack() as around:
        file = _configuration(Path(folder), market.assets)
        keys = _keys(file)
        url = around.enter_context(_server(file))
        feed, operator, owner = (around.enter_context(Caller(url, keys[name])) for name in ("feed", "operate", "own"))
        for tier in TIERS:
            vault = {"vault_id": tier, "tier": tier, "strategy": _STRATEGY, "bar_s": 1}
            operator.post("/v1/vaults", vault)
            operator.post(f"/v1/vaults/{tier}/fund", {"transfer_id": "first", "amount": DEPOSIT})
            owner.loosen(tier, "volatility_max", _STRETCH)
        agents = [Agent(around.enter_context(Caller(url, keys[tier])), tier, model) for tier in TIERS]
        around.enter_context(dashboard_beside(url, port))
        typer.echo(_told(port, keys["operate"], market), err=True)
        end = None if seconds is None else time.monotonic() + seconds
        with suppress(KeyboardInterrupt):
            for candles in market.seconds(until=end):
                feed.post("/v1/marks", {"candles": candles})
                for agent in agents:
                    agent.follow(market)
            typer.echo("The recording is over; the vaults stay as they are until Ctrl-C.", err=True)
            while end is None:
                time.sleep(1)


def _told(port: int, key: str, market: LiveMarket) -> str:
    return (
        f"\nThe crash again, live, behind a real server: one recorded candle each second, {market.sentence}.\n"
        f"  the dashboard   {f'http://127.0.0.1:{port}' if port else 'where it says itself'}\n"
        f"  sign in with    {key}\n"
        "The key is an operator's, and good until Ctrl-C ends all of this."
    )


def _configuration(folder: Path, assets: list[str]) -> Path:
    file = folder / "gxrisk.toml"
    file.write_text(f'folder = "{folder / "data"}"\n[http]\nport = 0\n[feed]\nbar_s = 1\n')
    return file


def _keys(file: Path) -> dict[str, str]:
    """A feed's, an operator's, and one for each vault's agent."""
    from gxrisk.config import load
    from gxrisk.server.database import open_database
    from gxrisk.server.desk import keyring

    settings = load(file, environ={})
    settings.folder.mkdir(mode=0o700)
    engine = open_database(settings.database)
    try:
        ring = keyring(settings, engine)
        keys = {"feed": ring.create("the recording", "feed")[1], "operate": ring.create("you", "operate")[1]}
        keys["own"] = ring.create("the owner", "own", TIERS)[1]
        return keys | {tier: ring.create(f"momentum in {tier}", "propose", [tier])[1] for tier in TIERS}
    finally:
        engine.dispose()


@contextmanager
def _server(file: Path) -> Iterator[str]:
    """A server in a process of its own; where it listens. What it logs is in a file beside its data."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GXRISK_")}
    log = file.with_name("server.log")
    with log.open("wb") as written:
        command = [sys.executable, "-m", "gxrisk.cli", "serve", str(file)]
        process = subprocess.Popen(command, env=environment, stderr=written)  # noqa: S603 (our own words)
    try:
        yield _listening(process, log)
    finally:
        process.terminate()
        process.wait()


def _listening(process: "subprocess.Popen[bytes]", log: Path) -> str:
    end = time.monotonic() + _START_S
    while time.monotonic() < end and process.poll() is None:
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(LISTENING):
                return line.removeprefix(LISTENING)
        time.sleep(0.1)
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise CommandError(f"the server did not start: {plain(said[-1]) if said else 'it said nothing'}")
