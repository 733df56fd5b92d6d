"""The whole interface against its own document, by schemathesis: `python -m tests.api.contract --examples 10000`.

A real server, a key of the right scope for each operation, and everything that the document allows and forbids: every
answer must be one that the document names, in the shape that it names, and never a 5xx.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx
from gxrisk.config import Config
from gxrisk.server.app import create_app
from gxrisk.server.keys import Scope

from .desk import STRATEGY, market
from .processes import Running, keys_of, running

CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "ignored_auth",
)
# Whoever asks for as much as this may do it: that a limit of requests holds is another test.
MANY: Final = "\n[keys]\nrequests_per_minute = 10000000\nfailures_max = 1000\naddress_failures_max = 100000\n"
# What may be said of a request that is wrong; one that is wrong and too large is refused before it is read.
REFUSALS: Final = ("400", "401", "403", "404", "405", "409", "413", "415", "422", "428", "429")
PREFERRED: Final[tuple[Scope, ...]] = ("operate", "own", "propose", "feed", "read", "admin")
PHASES: Final = "examples,coverage,fuzzing,stateful"
_SEQUENCES: Final = "sequences"
_OPEN_ENDED: Final = "text/event-stream"
_HOOKS: Final = Path(__file__).with_name("contract_hooks.py")


def explore(
    folder: Path, *, examples: int, seed: int, operations: Sequence[str] = (), phases: str = PHASES
) -> subprocess.CompletedProcess[str]:
    """Put `examples` cases for each operation, and the sequences between them, before a server with two vaults.

    `operations` are the ids of those that are meant, all by default.
    """
    file = folder / "gxrisk.toml"
    file.write_text(f'folder = "{folder / "data"}"\n[http]\nport = 0\n[feed]\nbar_s = 1\n{MANY}', encoding="utf-8")
    keys = keys_of(file)
    with running(file) as server:
        document = server.get("/openapi.json")
        prepare(server, keys)
        config = folder / "schemathesis.toml"
        config.write_text(settings(document, keys), encoding="utf-8")
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "--no-color"]
        options = [
            "--checks",
            ",".join(CHECKS),
            "--max-examples",
            str(examples),
            "--seed",
            str(seed),
            "--warnings",
            "off",
            "--phases",
            phases,
            *(word for one in operations for word in ("--include-operation-id", one)),
        ]
        done = subprocess.run(
            [*command, "run", f"{server.url}/openapi.json", *options],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
        )
        assert httpx.get(f"{server.url}/livez", timeout=60).status_code == 200, "it is not there any more"
    return done


def prepare(server: Running, keys: dict[str, str]) -> None:
    """Two vaults with money, and a market."""
    for vault_id in ("ann", "bob"):
        vault = {"vault_id": vault_id, "tier": "growth", "strategy": STRATEGY, "bar_s": 1}
        server.call("POST", "/v1/vaults", keys["operate"], vault).raise_for_status()
        paid = {"transfer_id": "first", "amount": "10000"}
        server.call("POST", f"/v1/vaults/{vault_id}/fund", keys["operate"], paid).raise_for_status()
    server.call("POST", "/v1/marks", keys["feed"], market(int(time.time()))).raise_for_status()


def settings(document: dict[str, Any], keys: dict[str, str]) -> str:
    """Each operation with a key that may call it, mostly on vaults that there are."""
    lines = [
        f"hooks = {json.dumps(str(_HOOKS))}",
        "[checks.negative_data_rejection]",
        f"expected-statuses = {json.dumps(REFUSALS)}",
        "[parameters]",
        '"path.vault_id" = ["ann", "bob", "nobody"]',
        '"query.vault_id" = ["ann", "bob"]',
    ]
    for methods in document["paths"].values():
        for operation in methods.values():
            scopes = operation.get("x-scopes")
            if not _ends(operation):
                setting = "enabled = false  # it never ends"
            elif scopes:
                scope = next(one for one in PREFERRED if one in scopes)
                setting = f'headers = {{ Authorization = "Bearer {keys[scope]}" }}'
            else:
                continue
            lines += ["", "[[operations]]", f"include-operation-id = {json.dumps(operation['operationId'])}", setting]
    return "\n".join(lines) + "\n"


def _ends(operation: dict[str, Any]) -> bool:
    return all(_OPEN_ENDED not in one.get("content", {}) for one in operation["responses"].values())


def explore_apart(examples: int, seed: int, jobs: int, only: Sequence[str] = ()) -> bool:
    """Each operation before a server of its own, sequences of them before another, `jobs` at a time; all went well.

    `only` these operations, where it names any.
    """
    document = create_app(Config(folder=Path("unused"))).openapi()
    names = [one["operationId"] for methods in document["paths"].values() for one in methods.values() if _ends(one)]
    went_well, began = True, time.monotonic()
    with ProcessPoolExecutor(jobs) as pool:
        waiting = {pool.submit(_part, name, examples, seed): name for name in only or (_SEQUENCES, *names)}
        for number, one in enumerate(as_completed(waiting), 1):
            done = one.result()
            cases = next((line.strip() for line in done.stdout.splitlines() if " generated" in line), "no case")
            took_s = time.monotonic() - began
            sys.stdout.write(f"{number} of {len(waiting)}, {took_s:.0f} s: {waiting[one]}: {cases}\n")
            sys.stdout.flush()
            if done.returncode:
                went_well = False
                sys.stdout.write(done.stdout + done.stderr)
    return went_well


def _part(name: str, examples: int, seed: int) -> subprocess.CompletedProcess[str]:
    operations, phases = ([], "stateful") if name == _SEQUENCES else ([name], "examples,coverage,fuzzing")
    with TemporaryDirectory(prefix="gxrisk-contract-") as folder:
        return explore(Path(folder), examples=examples, seed=seed, operations=operations, phases=phases)


def main() -> int:
    """As a command, for as long as wanted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("operations", nargs="*", help="ids of those that are meant; without any: all, and sequences")
    chosen = parser.parse_args()
    sys.stdout.write(f"seed {chosen.seed}\n")
    return 0 if explore_apart(chosen.examples, chosen.seed, chosen.jobs, chosen.operations) else 1


if __name__ == "__main__":
    sys.exit(main())
