"""A decision over HTTP and over a stream, beside an empty endpoint: `python -m benches.serving [SECONDS [ROUNDS]]`.

The server is `gxrisk serve` as it runs, with one vault whose journal is on this machine's disk. The empty endpoint is
the same framework and the same server with the same models, and nothing else. All subjects take turns in one run;
ratios are medians of the rounds' own.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx
import uvloop
from gxrisk.config import load
from gxrisk.server.database import open_database
from gxrisk.server.desk import keyring

from benches.load import Asking, HttpAsking, Measured, SocketAsking, measure

CONNECTIONS: Final = 8
IN_FLIGHT: Final = 16
ORDER: Final = {
    "asset": "BTC",
    "side": "buy",
    "quantity": "0.1",
    "confidence": "0.8",
    "reasoning": "breakout above the range",
    "stop_loss": "98",
}
CONFIG: Final = """
folder = "{folder}"
[http]
port = 0
[keys]
requests_per_minute = 10000000
[streams]
orders_per_minute = 100000000
[feed]
bar_s = 1
"""


def empty() -> None:
    """The empty endpoint, served as `gxrisk serve` is."""
    import uvicorn
    from fastapi import FastAPI
    from gxrisk.server.orders import DecisionShown, OrderBody, held

    app = FastAPI()
    answer = held(1)

    @app.post("/empty")
    async def nothing(body: OrderBody) -> DecisionShown:
        return answer

    settings = uvicorn.Config(app, loop="uvloop", http="httptools", port=0, access_log=False, server_header=False)
    uvicorn.Server(settings).run()


@contextmanager
def started(*arguments: str, listening: str) -> Iterator[str]:
    """A server in a process of its own, and where it listens."""
    process = subprocess.Popen([sys.executable, *arguments], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if listening in line:
                yield next(word for word in line.split() if word.startswith("http"))
                break
        else:
            raise RuntimeError(f"{arguments}: it did not start")
    finally:
        process.terminate()
        process.communicate()


def vault(url: str, keys: dict[str, str]) -> None:
    """One with money."""
    body = {"vault_id": "ann", "tier": "growth", "bar_s": 1}
    strategy = {"name": "load", "version": "1", "content_hash": "ab" * 32}
    called(url, "/v1/vaults", keys["operate"], {**body, "strategy": strategy})
    called(url, "/v1/vaults/ann/fund", keys["operate"], {"transfer_id": "first", "amount": "10000"})


def market(url: str, keys: dict[str, str]) -> None:
    """Thirty seconds of it, up to now."""
    now_s = int(time.time())
    candles = [
        {
            "asset": "BTC",
            "start": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)),
            "open": str(100 + at % 2),
            "high": "101",
            "low": "100",
            "close": str(100 + (at + 1) % 2),
            "volume": "1000",
        }
        for at in range(now_s - 30, now_s)
    ]
    called(url, "/v1/marks", keys["feed"], {"candles": candles})


def called(url: str, path: str, key: str, body: dict[str, Any]) -> None:
    """A change."""
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": f"{path} {time.time_ns()}"}
    httpx.post(url + path, json=body, headers=headers, timeout=60).raise_for_status()


def subjects(url: str, other: str, key: str) -> dict[str, tuple[str, Callable[[], Asking]]]:
    """What is measured: where, and how one connection of it asks."""
    bearer, numbers = {"Authorization": f"Bearer {key}"}, count(time.time_ns())
    plain = json.dumps(ORDER).encode()
    orders = f"{url}/v1/vaults/ann/orders"

    def named() -> dict[str, str]:
        return {**bearer, "Idempotency-Key": str(next(numbers))}

    def validated() -> bytes:
        return json.dumps({"id": "1", "op": "validate", "order": ORDER}).encode()

    def proposed() -> bytes:
        name = str(next(numbers))
        return json.dumps({"id": name, "op": "propose", "order": {**ORDER, "client_order_id": name}}).encode()

    streamed = f"{orders}/stream"
    return {
        "empty": (other, partial(HttpAsking, f"{other}/empty", dict, lambda: plain)),
        "validate": (url, partial(HttpAsking, f"{orders}/validate", lambda: bearer, lambda: plain)),
        "propose": (url, partial(HttpAsking, orders, named, lambda: plain)),
        "stream, validate": (url, partial(SocketAsking, streamed, key, validated, IN_FLIGHT)),
        "stream, propose": (url, partial(SocketAsking, streamed, key, proposed, IN_FLIGHT)),
    }


def run(seconds: float, turns: int) -> dict[str, list[Measured]]:
    """All subjects in turns."""
    found: dict[str, list[Measured]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        file = folder / "gxrisk.toml"
        file.write_text(CONFIG.format(folder=folder / "data"))
        settings = load(file, environ={})
        settings.folder.mkdir()
        engine = open_database(settings.database)
        ring = keyring(settings, engine)
        keys = {scope: ring.create(scope, scope)[1] for scope in ("operate", "feed")}  # type: ignore[arg-type]
        keys["propose"] = ring.create("the agent", "propose", ["ann"])[1]
        engine.dispose()
        url = stack.enter_context(started("-m", "gxrisk.cli", "serve", str(file), listening="gxrisk: listening"))
        code = "from benches.serving import empty; empty()"
        other = stack.enter_context(started("-c", code, listening="Uvicorn running"))
        vault(url, keys)
        for _ in range(turns):
            for name, (place, make) in subjects(url, other, keys["propose"]).items():
                market(url, keys)
                found.setdefault(name, []).append(uvloop.run(measure(place, make, CONNECTIONS, seconds)))
    return found


def main() -> None:
    """Print the table."""
    seconds, turns = [*sys.argv[1:], *("2", "7")[len(sys.argv) - 1 :]]
    found = run(float(seconds), int(turns))
    print(
        "| work | rate, in units of the empty endpoint's | p99, in units of the empty endpoint's | answers a second |"
    )
    print("|---|---|---|---|")
    for name, rounds in found.items():
        rates = sorted(one.rate / base.rate for one, base in zip(rounds, found["empty"], strict=True))
        slow = median(one.p99 / base.p99 for one, base in zip(rounds, found["empty"], strict=True))
        rate = median(one.rate for one in rounds)
        print(f"| {name} | {median(rates):.2f} ({rates[0]:.2f} to {rates[-1]:.2f}) | {slow:.2f} | {rate:,.0f} |")
    for op in ("validate", "propose"):
        pairs = zip(found[f"stream, {op}"], found[op], strict=True)
        print(f"\nstream, {op}: {median(one.rate / other.rate for one, other in pairs):.1f} times HTTP's rate")


if __name__ == "__main__":
    main()
