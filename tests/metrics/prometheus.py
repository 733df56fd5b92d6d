"""A Prometheus of the tests' own: Debian's program, a temporary folder, a free port, nothing left."""

import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

OPS = Path(__file__).parents[2] / "ops"
WAIT_S = 120  # for what comes within a second on a machine at rest


def program(name: str) -> str | None:
    """Where `prometheus` or `promtool` lies: on the path, or where `make servers` unpacked it."""
    return shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


@dataclass(frozen=True)
class Server:
    """A running Prometheus."""

    url: str

    def get(self, path: str, **params: str) -> Any:
        """What its API answers."""
        with urlopen(f"{self.url}/api/v1/{path}?{urlencode(params)}", timeout=10) as answer:  # noqa: S310 (our own)
            found = json.load(answer)
        assert found["status"] == "success", found
        return found["data"]

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """The series of an instant query, without those that are not a number."""
        found = [(one["metric"], float(one["value"][1])) for one in self.get("query", query=expression)["result"]]
        return [(labels, value) for labels, value in found if not math.isnan(value)]

    def value(self, expression: str) -> float | None:
        """The one value of an instant query; None where there is none."""
        found = self.query(expression)
        assert len(found) <= 1, found
        return found[0][1] if found else None

    def until(self, is_reached: Callable[["Server"], bool], what: str) -> None:
        """Ask until it is so."""
        end = monotonic() + WAIT_S
        while not is_reached(self):
            assert monotonic() < end, f"not within {WAIT_S} s: {what}"

    def scraped(self, times: int = 2) -> None:
        """Wait for scrapes that began after this call, one after the other."""
        for _ in range(times):
            now = self.get("query", query="time()")["result"][0]
            self.until(lambda one, now=now: (one.value("timestamp(up)") or 0) > now, "a scrape")  # type: ignore[misc]


@contextmanager
def running(binary: str, targets: str, interval: str = "200ms") -> Iterator[Server]:
    """A new server that scrapes `targets` as the job `gxrisk` with the rules of `ops`, ended with the block."""
    with tempfile.TemporaryDirectory(prefix="gxrisk-prometheus-") as name:
        folder = Path(name)
        config = (OPS / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
        config = config.replace("127.0.0.1:9464", targets).replace("15s", interval)
        (folder / "prometheus.yml").write_text(config, encoding="utf-8")
        shutil.copy(OPS / "prometheus" / "rules.yml", folder)
        options = {"config.file": folder / "prometheus.yml", "storage.tsdb.path": folder, "log.format": "json"}
        arguments = [f"--{option}={value}" for option, value in options.items()]
        process = subprocess.Popen(
            [binary, "--web.listen-address=127.0.0.1:0", *arguments], stderr=subprocess.PIPE, text=True
        )
        try:
            yield Server(f"http://{_address(process)}")
        finally:
            process.kill()
            process.communicate()


def _address(process: subprocess.Popen[str]) -> str:
    """Where it listens, once it is ready."""
    assert process.stderr is not None
    address, told = "", []
    for line in process.stderr:
        told.append(line)
        said = json.loads(line)
        if said.get("msg") == "Listening on":
            address = said["address"]
        if address and "ready to receive web requests" in said.get("msg", ""):
            return address
    raise AssertionError("".join(told))
