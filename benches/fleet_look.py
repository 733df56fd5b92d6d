"""What a look at a fleet costs over HTTP, and a restart: `python -m benches.fleet_look` for 10, 100, 1,000 vaults.

The server is `gxrisk serve` as it runs. `GET /v1/fleet` anew, more than a second after the last look, and once more at
once, which has the same lines; both beside `GET /livez` of the same server, which does nothing. A restart is the
time from the process's beginning until it listens, less that of a server without vaults. `--folder` keeps what is made.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import httpx
from gxrisk.config import load
from gxrisk.server.database import open_database
from gxrisk.server.desk import keyring

from benches.serving import CONFIG, called, started

ROUNDS = 9
STARTS = 3
STRATEGY = {"name": "bench", "version": "1", "content_hash": "00" * 32}


def spent_ms(ask: Callable[[], httpx.Response]) -> float:
    """Of one answer."""
    began = time.perf_counter()
    ask().raise_for_status()
    return (time.perf_counter() - began) * 1e3


def restart(file: Path) -> float:
    """Seconds until a server with what lies there listens."""
    began = time.perf_counter()
    with started("-m", "gxrisk.cli", "serve", str(file), listening="gxrisk: listening"):
        return time.perf_counter() - began


def measure(folder: Path, size: int) -> tuple[float, float, float, float]:
    """Milliseconds of nothing, a look anew, a look again; seconds of a restart."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "gxrisk.toml"
    file.write_text(CONFIG.format(folder=folder / "data").replace("bar_s = 1", "bar_s = 60"))
    settings = load(file, environ={})
    settings.folder.mkdir(exist_ok=True)
    engine = open_database(settings.database)
    key = keyring(settings, engine).create("bench", "operate")[1]
    engine.dispose()
    empty = folder / "empty.toml"
    empty.write_text(CONFIG.format(folder=folder / "none"))
    with started("-m", "gxrisk.cli", "serve", str(file), listening="gxrisk: listening") as url:
        have = {one.parent.name for one in (settings.folder / "vaults").glob("*/journal.gxr")}
        for name in {f"v{number:04}" for number in range(size)} - have:
            body = {"vault_id": name, "tier": "growth", "bar_s": 60, "strategy": STRATEGY}
            called(url, "/v1/vaults", key, body)
            called(url, f"/v1/vaults/{name}/fund", key, {"transfer_id": "first", "amount": "10000"})
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
            spent_ms(lambda: client.get("/v1/fleet"))  # the first look reads the ends of all journals
            rounds = []
            for _ in range(ROUNDS):
                time.sleep(1.1)  # what was looked at is kept for a second
                asked = [spent_ms(lambda path=path: client.get(path)) for path in ("/livez", "/v1/fleet", "/v1/fleet")]  # type: ignore[misc]
                rounds.append(asked)
    nothing, anew, again = (median(one) for one in zip(*rounds, strict=True))
    starts = [restart(file) - restart(empty) for _ in range(STARTS)]
    return nothing, anew, again, median(starts)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=(10, 100, 1_000))
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    print(
        "| vaults | a look, ms | a vault, us | again, ms | again, in units of `/livez` | a restart, s | a vault, ms |"
    )
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        for size in asked.sizes:
            nothing, anew, again, start_s = measure((asked.folder or Path(temporary)) / str(size), size)
            print(
                f"| {size:,} | {anew:.1f} | {(anew - nothing) / size * 1e3:.0f} | {again:.1f} | {again / nothing:.1f} "
                f"| {start_s:.2f} | {start_s / size * 1e3:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
