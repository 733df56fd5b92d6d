"""A copy of the project to plant bugs in, with a target directory of its own: the project itself is never touched."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from .bugs import ROOT, Bug, NamedTest

HANGS_S = 600
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "target", "dist", "site", "__pycache__", ".*_cache", ".hypothesis")
# What is built for `make test` is built already; ours alone is built otherwise, again and again.
BUILT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"
PROFILE = [
    argument
    for crate in ("gxrisk-core", "gxrisk-gate")
    for setting in ("opt-level=0", "debug=0")
    for argument in ("--config", f"profile.test.package.{crate}.{setting}")
]


class Stopped(Exception):
    """The run was ended."""


@dataclass(frozen=True)
class Ran:
    """What running tests came to."""

    code: int
    text: str
    hung: bool = False

    @property
    def did_not_compile(self) -> bool:
        """The compiler refused."""
        return "error: could not compile" in self.text


def judged(bug: Bug, ran: Ran) -> str:
    """`caught`, `SURVIVED`, or what kept the test from saying either."""
    if ran.hung:
        return f"ERROR: no end within {HANGS_S} s"
    if ran.did_not_compile:
        if bug.compiler is not None and f"error[{bug.compiler}]" in ran.text:
            return "caught"
        found = re.findall(r"^error.*$", ran.text, re.MULTILINE)
        return f"ERROR: it does not compile: {found[0]}"
    if bug.compiler is not None:
        return "SURVIVED"
    if not has_run(bug.test, ran):
        return "ERROR: its test did not run"
    return "SURVIVED" if ran.code == 0 else "caught"


def has_run(test: NamedTest, ran: Ran) -> bool:
    """Whether the test itself came to run, whatever came of it."""
    if test.suite:
        return re.search(rf"^test {re.escape(test.name)} ", ran.text, re.MULTILINE) is not None
    return ran.code in (0, 1) and re.search(r"\b\d+ (passed|failed)", ran.text) is not None


@dataclass
class Tree:
    """A copy in which one bug at a time is planted."""

    root: Path
    stopped: threading.Event
    _running: set[subprocess.Popen[str]] = field(default_factory=set)

    @classmethod
    def copy(cls, root: Path, stopped: threading.Event, of: Path = ROOT) -> Tree:
        """A copy of the project, or of a tree that is built already."""
        shutil.copytree(of, root, symlinks=True, ignore=LEFT_OUT if of == ROOT else None)
        if of == ROOT and BUILT.is_dir():
            shutil.copytree(BUILT, root / "target" / "debug", ignore=shutil.ignore_patterns("incremental", "*gxrisk*"))
        return cls(root, stopped)

    def run(self, *command: str) -> Ran:
        """Runs a command in it."""
        if self.stopped.is_set():
            raise Stopped
        paths = {"CARGO_TARGET_DIR": str(self.root / "target"), "PYTHONPATH": str(self.root / "python")}
        # A group of its own, so that what it starts ends with it.
        process = subprocess.Popen(
            command,
            cwd=self.root,
            env=os.environ | paths | {"CARGO_TERM_COLOR": "never", "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._running.add(process)
        if self.stopped.is_set():
            end(process)
        try:
            text, _ = process.communicate(timeout=HANGS_S)
        except subprocess.TimeoutExpired:
            end(process)
            return Ran(-1, process.communicate()[0], hung=True)
        except BaseException:
            end(process)
            raise
        finally:
            self._running.discard(process)
        if self.stopped.is_set():
            raise Stopped
        return Ran(process.returncode, text)

    def test(self, tests: Iterable[NamedTest], *, only_build: bool = False) -> Ran:
        """Runs tests of one suite, exactly those."""
        tests = list(tests)
        names = [test.name for test in tests]
        if not tests[0].suite:
            return self.run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *names)
        cargo = ["cargo", "test", "--locked", *PROFILE, *tests[0].cargo]
        return self.run(*cargo, "--no-run") if only_build else self.run(*cargo, "--", "--exact", *names)

    def check_unplanted(self, tests: Iterable[NamedTest]) -> None:
        """Builds what the tests need, and asserts that each of them runs and passes while there is no bug."""
        for suite, group in groupby(sorted(set(tests)), key=lambda test: test.suite):
            members = list(group)
            ran = self.test(members)
            missing = [str(test) for test in members if not has_run(test, ran)]
            if ran.code != 0 or missing:
                raise SystemExit(f"without a bug, of {suite or 'pytest'}: {missing or 'a failure'}\n{ran.text[-4000:]}")

    def plant(self, bug: Bug) -> str:
        """What becomes of a bug; the tree is as it was afterwards."""
        file = self.root / bug.file
        before = file.read_text(encoding="utf-8")
        file.write_text(bug.planted(self.root), encoding="utf-8")
        try:
            return judged(bug, self.test([bug.test], only_build=bug.compiler is not None))
        finally:
            # The new time of the file is what tells cargo to build it again.
            file.write_text(before, encoding="utf-8")

    def stop(self) -> None:
        """Ends whatever runs."""
        for process in list(self._running):
            end(process)


def end(process: subprocess.Popen[str]) -> None:
    """Ends a process and what it started."""
    with suppress(ProcessLookupError):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
