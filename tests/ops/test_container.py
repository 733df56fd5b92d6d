"""The container file as far as it can be tried without building it: sources, bases, user, settings, health check."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from gxrisk.config import load

from tests.api.test_serve import running

ROOT = Path(__file__).parents[2]
FILE = ROOT / "ops" / "Containerfile"


def instructions() -> list[tuple[str, str]]:
    """Each instruction with its arguments, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", FILE.read_text(encoding="utf-8"))
    lines = [one for one in text.splitlines() if one and not one.startswith("#")]
    return [(one.partition(" ")[0], one.partition(" ")[2]) for one in lines]


def last_stage() -> list[tuple[str, str]]:
    """What the image is made by."""
    every = instructions()
    return every[max(index for index, (name, _) in enumerate(every) if name == "FROM") :]


def settings() -> dict[str, str]:
    """The variables that the image sets."""
    given = " ".join(value for name, value in last_stage() if name == "ENV")
    return dict(one.split("=", 1) for one in given.split())


def test_every_source_is_there(tmp_path: Path) -> None:
    """And what is copied is a whole workspace: cargo finds every crate and the lock is right."""
    copied = [value.split() for name, value in instructions() if name == "COPY" and "--from" not in value]
    assert copied
    for *sources, target in copied:
        for source in sources:
            there = tmp_path / target / source if len(sources) > 1 or target == "./" else tmp_path / target
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, there, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
            else:
                shutil.copy(ROOT / source, there)
    command = ["cargo", "metadata", "--locked", "--no-deps", "--format-version=1"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120)
    assert "gxrisk-core" in {one["name"] for one in json.loads(found.stdout)["packages"]}


def test_nobody_special_runs_it_and_nothing_secret_is_in_it() -> None:
    """A number, so that an orchestrator can tell that it is not root; names of secrets are nowhere set."""
    users = [value for name, value in last_stage() if name == "USER"]
    assert users
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", users[-1])
    names = {name for name in settings() if re.search("PASS|SECRET|TOKEN|KEY|URL", name)}
    assert names == set()
    assert [name for name, _ in instructions() if name == "ADD"] == []
    assert [name for name, _ in last_stage() if name == "ARG"] == []


def test_every_base_is_a_version_and_can_be_another() -> None:
    """An argument with a default that names registry, version and distribution; nothing else is an argument."""
    bases = dict(value.split("=", 1) for name, value in instructions() if name == "ARG")
    asked = [value.split()[0] for name, value in instructions() if name == "FROM"]
    assert set(asked) == {f"${{{name}}}" for name in bases}
    for base in bases.values():
        assert re.fullmatch(r"[a-z.]+/[a-z]+/[a-z]+:\d+\.\d+-slim-[a-z]+", base)


def test_what_is_sent_to_be_built_is_what_is_copied() -> None:
    """No journal, key or library of another machine comes into an image by chance."""
    copied = {
        source
        for name, value in instructions()
        if name == "COPY" and "--from" not in value
        for source in value.split()[:-1]
    }
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [one for one in lines if one and not one.startswith("#")]
    assert rules[0] == "*"
    assert {one[1:] for one in rules if one.startswith("!")} == copied
    assert {"**/__pycache__", "**/*.so"} <= set(rules)


def test_its_settings_are_known_and_it_serves(tmp_path: Path) -> None:
    """`gxrisk serve` with them; the health check says yes while it runs, and no before and after."""
    given = {name: value for name, value in settings().items() if name.startswith("GXRISK_")}
    found = load(environ=given)
    assert (found.http.host, str(found.folder)) == ("0.0.0.0", "/var/lib/gxrisk")  # noqa: S104 (a container's own)
    [check] = [value for name, value in last_stage() if name == "HEALTHCHECK"]
    command = json.loads(check[check.index("CMD ") + 4 :])
    assert command[0] == "python"
    file = tmp_path / "gxrisk.toml"
    file.write_text(f'folder = "{tmp_path / "data"}"\n[http]\nport = 0\n')
    with running(file) as one:
        port = one.url.rpartition(":")[2]
        assert _check(command, port) == 0
        one.process.terminate()
        one.process.wait(60)
        assert _check(command, port) == 1


def _check(command: list[str], port: str) -> int:
    environment = {**os.environ, "GXRISK_HTTP__PORT": port}
    done = subprocess.run([sys.executable, *command[1:]], env=environment, capture_output=True, check=False, timeout=30)
    return done.returncode
