"""A strategy moves from a process to a server by one line: the same strategy both ways, and the same decisions.

python examples/remote_agent.py
"""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from gxrisk import Client, Gate, Limits, order
from gxrisk.client import Agent, Operator
from rich.console import Console

say = Console(highlight=False, soft_wrap=True).print


def trade(agent: Agent) -> list[str]:
    """The strategy. It knows its handle and nothing of where the gate is."""
    said = []
    for quantity in ("0.3", "3"):
        idea = order("BTC", "buy", quantity, confidence=0.8, reasoning="breakout above the range", stop_loss=7_800)
        decision = agent.authorize(idea)
        rules = ", ".join(one.rule for one in decision.violations)
        said.append(f"buy {quantity} BTC: {decision.outcome} {rules}".strip())
        if not decision:
            said.append(f"  the most that would pass: {agent.max_quantity(idea)} BTC")
    agent.hold(0.6, "the range is narrow again", asset="BTC")
    return [*said, f"equity {agent.snapshot().equity}, state {agent.state}"]


def main() -> None:
    """The strategy in this process, then on a server."""
    gate = Gate("growth-1", Limits.for_tier("growth"))
    gate.deposit(10_000)
    gate.mark("BTC", "7900", atr="60")
    agent: Agent = gate.agent()
    here = trade(agent)

    with TemporaryDirectory() as folder, serving(Path(folder)) as (url, key):
        agent = Client("growth-1", url, key)  # the one line
        there = trade(agent)

    say("\n".join(here))
    if there != here:
        raise SystemExit(f"on a server it was different: {there}")
    say("The same on a server.")


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, str]]:
    """A server with the same vault and market, as its operator sets it up; gives its address and the agent's key."""
    file = folder / "gxrisk.toml"
    file.write_text(f'folder = "{folder / "data"}"\n[http]\nport = 0\n[feed]\nbar_s = 1\n')
    gxrisk = [sys.executable, "-m", "gxrisk.cli"]
    keys = {}
    for scope in ("operate", "feed", "propose"):
        vault = ["--vault", "growth-1"] if scope == "propose" else []
        create = [*gxrisk, "api-keys", "create", scope, "--scope", scope, *vault, "--config", str(file)]
        keys[scope] = subprocess.run(create, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603

    server = subprocess.Popen([*gxrisk, "serve", str(file)], stderr=subprocess.PIPE, text=True)  # noqa: S603
    try:
        url = listening(server)
        with Operator(url, keys["operate"]) as operator, Operator(url, keys["feed"]) as feed:
            strategy = {"name": "breakout", "version": "1", "content_hash": sha256(b"its code").hexdigest()}
            operator.create("growth-1", "growth", strategy, bar_s=1)
            operator.fund("growth-1", "first", 10_000)
            feed.push_marks(market())
        yield url, keys["propose"]
    finally:
        server.terminate()
        server.communicate()


def listening(server: "subprocess.Popen[str]") -> str:
    """Where it listens, as it says itself."""
    for line in server.stderr or ():
        if found := re.match(r"gxrisk: listening on (http://\S+)", line):
            return found[1]
    raise SystemExit("the server did not start")


def market() -> list[dict[str, str]]:
    """Thirty candles of a second, the last one just completed: a range of 60 around 7,900, which is the ATR."""
    now = int(time.time())
    prices = {"open": "7900", "high": "7930", "low": "7870", "close": "7900", "volume": "10"}
    starts = (datetime.fromtimestamp(at, UTC) for at in range(now - 30, now))
    return [{"asset": "BTC", "start": f"{start:%Y-%m-%dT%H:%M:%SZ}", **prices} for start in starts]


if __name__ == "__main__":
    main()
