"""The long run: `python -m tests.differential --orders 1000000 --seed 7 --jobs 2`.

Progress goes to stderr; at the end, or when interrupted, the counts of what was met go to stdout. It ends with 1 after
a mismatch, which it prints with its seed and a short sequence, with 2 when something was not met at all, and with 130
when interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from .coverage import Counts
from .fuzz import CHUNK, Result, chunk, ignore_interrupts

ENOUGH = 20_000  # orders after which everything must have been met


def run_all(seed: int, orders: int, jobs: int, model_only: bool, counts: Counts) -> tuple[str | None, bool]:
    """Adds to the counts until done, mismatched or interrupted: the mismatch, and whether it was interrupted."""
    began = time.monotonic()
    sizes = [CHUNK] * (orders // CHUNK) + ([orders % CHUNK] if orders % CHUNK else [])
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=ignore_interrupts)
    try:
        futures: list[Future[Result]] = [
            pool.submit(chunk, seed, index, size, model_only) for index, size in enumerate(sizes)
        ]
        for future in as_completed(futures):
            more, mismatch = future.result()
            counts.merge(more)
            rate = counts.orders / (time.monotonic() - began)
            sys.stderr.write(f"\r{counts.orders} of {orders} orders, {rate:.0f} a second ")
            sys.stderr.flush()
            if mismatch is not None:
                return mismatch, False
    except KeyboardInterrupt:
        return None, True
    finally:
        sys.stderr.write("\n")
        pool.shutdown(cancel_futures=True)
    return None, False


def main() -> int:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--model-only", action="store_true", help="drive the model alone: what would be met?")
    given = parser.parse_args()
    counts = Counts()
    sys.stdout.write(f"seed {given.seed}\n")
    mismatch, interrupted = run_all(given.seed, given.orders, given.jobs, given.model_only, counts)
    sys.stdout.write("\n".join(counts.lines()) + "\n")
    missing = counts.missing()
    if mismatch is not None:
        sys.stdout.write(mismatch + "\n")
        return 1
    if missing:
        sys.stdout.write("not met: " + ", ".join(missing) + "\n")
    if interrupted:
        return 130
    return 2 if missing and counts.orders >= ENOUGH else 0


if __name__ == "__main__":
    sys.exit(main())
