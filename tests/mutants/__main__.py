"""Plants one bug after the other and asks the test that must catch it: `python -m tests.mutants [NAME...] --jobs 2`.

The project is copied to a temporary directory and only the copy is changed. First every named test must pass without a
bug. Then each bug must make its test fail: that the test ran and failed, or, where the list says so, that the compiler
refused with the error named there. Progress goes to stderr, the table to stdout. It ends with 1 when a bug survived or
could not be judged, and with 130 when interrupted.
"""

from __future__ import annotations

import argparse
import queue
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

from .bugs import Bug, listed
from .trees import Stopped, Tree


class Result(NamedTuple):
    """What became of a bug."""

    verdict: str
    seconds: float


def say(text: str) -> None:
    """Progress."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def run_all(bugs: list[Bug], jobs: int) -> tuple[dict[str, Result], bool]:
    """What became of each bug, and whether the run was interrupted."""
    results: dict[str, Result] = {}
    stopped = threading.Event()
    # Neighbours share a crate, so that the least is built anew between them.
    waiting: queue.SimpleQueue[Bug] = queue.SimpleQueue()
    for bug in sorted(bugs, key=lambda bug: (bug.file, bug.test)):
        waiting.put(bug)

    def work(tree: Tree) -> None:
        while not stopped.is_set():
            try:
                bug = waiting.get_nowait()
                began = time.monotonic()
                results[bug.name] = Result(tree.plant(bug), time.monotonic() - began)
            except (queue.Empty, Stopped):
                return
            say(f"{len(results):>3} of {len(bugs)}  {results[bug.name].verdict:<9} {bug.name}")

    with tempfile.TemporaryDirectory(prefix="gxrisk-mutants-", ignore_cleanup_errors=True) as folder:
        trees: list[Tree] = []
        workers: list[threading.Thread] = []
        try:
            trees.append(Tree.copy(Path(folder) / "0", stopped))
            say(f"building {len({bug.test for bug in bugs})} tests, which must pass without a bug ...")
            trees[0].check_unplanted(bug.test for bug in bugs)
            for job in range(1, min(jobs, len(bugs))):
                trees.append(Tree.copy(Path(folder) / str(job), stopped, of=trees[0].root))
            workers += [threading.Thread(target=work, args=(tree,)) for tree in trees]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
        except KeyboardInterrupt:
            return results, True
        finally:
            stopped.set()
            for tree in trees:
                tree.stop()
            for worker in workers:
                worker.join()
    return results, False


def table(bugs: list[Bug], results: dict[str, Result]) -> str:
    """One line a bug, in the order of the list."""
    width = max(len(bug.name) for bug in bugs)
    lines = []
    for bug in bugs:
        verdict, seconds = results.get(bug.name, Result("not asked", 0))
        lines.append(f"{bug.name:<{width}}  {verdict:<9} {seconds:6.1f} s  {bug.test}")
    return "\n".join(lines)


def main() -> int:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these bugs")
    parser.add_argument("--jobs", type=int, default=1, help="copies of the tree that are worked on at once")
    parser.add_argument("--list", action="store_true", help="print the list and plant nothing")
    given = parser.parse_args()
    bugs = listed()
    if unknown := set(given.names) - {bug.name for bug in bugs}:
        parser.error(f"no such bug: {', '.join(sorted(unknown))}")
    if given.names:
        bugs = [bug for bug in bugs if bug.name in given.names]
    if given.list:
        for bug in bugs:
            sys.stdout.write(f"{bug.name}\n    {bug.field}\n    {bug.test}\n")
        return 0
    began = time.monotonic()
    results, interrupted = run_all(bugs, max(1, given.jobs))
    caught = sum(result.verdict == "caught" for result in results.values())
    sys.stdout.write(f"{table(bugs, results)}\n{caught} of {len(bugs)} caught in {time.monotonic() - began:.0f} s\n")
    return 130 if interrupted else int(caught < len(bugs))


if __name__ == "__main__":
    sys.exit(main())
