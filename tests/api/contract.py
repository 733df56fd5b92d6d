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
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx
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
PREFERRED: Final[tuple[Scope, ...]] = ("operate", "own", "propose", "feed", "read", "admin")
_OPEN_ENDED: Final = "text/event-stream"


def explore(folder: Path, *, examples: int, seed: int) -> subprocess.CompletedProcess[str]:
    """Put `examples` cases for each operation, and the sequences between them, before a server with two vaults."""
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
    lines = ["[parameters]", '"path.vault_id" = ["ann", "bob", "nobody"]', '"query.vault_id" = ["ann", "bob"]']
    for methods in document["paths"].values():
        for operation in methods.values():
            answers = [kind for one in operation["responses"].values() for kind in one.get("content", {})]
            scopes = operation.get("x-scopes")
            if _OPEN_ENDED in answers:
                setting = "enabled = false  # it never ends"
            elif scopes:
                scope = next(one for one in PREFERRED if one in scopes)
                setting = f'headers = {{ Authorization = "Bearer {keys[scope]}" }}'
            else:
                continue
            lines += ["", "[[operations]]", f"include-operation-id = {json.dumps(operation['operationId'])}", setting]
    return "\n".join(lines) + "\n"


def main() -> int:
    """As a command, for as long as wanted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    chosen = parser.parse_args()
    sys.stdout.write(f"seed {chosen.seed}\n")
    with TemporaryDirectory(prefix="gxrisk-contract-") as folder:
        done = explore(Path(folder), examples=chosen.examples, seed=chosen.seed)
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
