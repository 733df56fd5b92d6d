"""The ratio table: one run, one process, baselines and subjects alternating.

`python -m benches.ratios [--quick] [--json OUT] [--write docs/performance.md] [--nautilus JSON]` prints Markdown.
"""

import argparse
import json
import os
import platform
import threading
import timeit
from collections.abc import Callable
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from gxrisk import Gate, Order, SystemClock, order

from benches import comparators, nautilus, vaults
from benches.rounds import Ratio, Rounds, Subject
from benches.tables import Criterion, Growth, Report, Row

CALL, MADE = "call(order)", "'A3', 'buy', 1.5, confidence=0.8, reasoning='momentum', price=100.25, stop_loss=98.5"
POSITIONS, GROUPS = (1, 10, 100, 1_000), (1, 10, 100)
ROWS = 1_000_000
VAULTS = (1, 1_024, 32_768, 1_048_576)
IN_RUST = "see The journal"
IN_SERVER = "see The server"


def call(function: Callable[..., Any], argument: object, calls: int = 50_000) -> Subject:
    """A call with one argument."""
    return Subject(CALL, {"call": function, "order": argument}, calls)


def live() -> Subject:
    """A gate on the machine's clock, marked anew in every round."""
    gate = vaults.held(clock=SystemClock())

    def prepare() -> dict[str, Any]:
        vaults.freshen(gate)
        return {}

    good = vaults.small()
    assert gate.validate_order(good)
    return Subject(CALL, {"call": gate.validate_order, "order": good}, 50_000, prepare=prepare)


def authorising(judged: Order, outstanding: int, repeats: int) -> Subject:
    """`authorize` on a new gate a repeat, with so many approvals outstanding at the start."""

    def prepare() -> dict[str, Any]:
        gate = vaults.held()
        for _ in range(outstanding):
            gate.authorize(judged)
        return {"call": gate.authorize, "order": judged}

    return Subject(CALL, {}, 50, repeats, prepare)


def calls(rounds: int) -> Rounds:
    """Everything that is counted in empty calls."""
    gate, good, bad = vaults.held(), vaults.small(), vaults.hopeless()
    assert gate.validate_order(good)
    assert len(gate.validate_order(bad).violations) >= 5
    plain, exact = comparators.PlainVault.held(float), comparators.PlainVault.held(Decimal)
    plain_order, exact_order = comparators.plain_order(float), comparators.plain_order(Decimal)
    assert plain.validate(plain_order) == exact.validate(exact_order) == []
    subjects = {
        "loop": Subject("pass"),
        "empty": call(comparators.empty, good),
        "approved": call(gate.validate_order, good),
        "approved, agent": call(gate.agent().validate_order, good),
        "approved, live": live(),
        "refused": call(gate.validate_order, bad),
        "refused, read": Subject("call(order).violations", {"call": gate.validate_order, "order": bad}, 5_000),
        "order": Subject(f"make({MADE})", {"make": order}, 25_000),
        "Order": Subject(f"make({MADE})", {"make": Order}, 25_000),
        "empty with fields": Subject(f"make({MADE})", {"make": comparators.empty_with_fields}, 25_000),
        "order and validate": Subject(f"call(make({MADE}))", {"make": order, "call": gate.validate_order}, 25_000),
        "plain": call(plain.validate, plain_order, 25_000),
        "decimal": call(exact.validate, exact_order, 10_000),
        "authorize": authorising(good, 0, 20),
        "authorize, refused": authorising(bad, 0, 20),
    }
    for outstanding in (1_000, 10_000):
        subjects[f"authorize, {outstanding}"] = authorising(good, outstanding, 1)
    return Rounds(subjects, rounds)


def sizes(rounds: int) -> Rounds:
    """One judgement in vaults of all sizes."""
    good = vaults.small(0)
    subjects = {f"positions {count}": call(vaults.held(count, 1).validate_order, good) for count in POSITIONS}
    subjects |= {f"groups {count}": call(vaults.held(100, count).validate_order, good) for count in GROUPS}
    return Rounds(subjects, rounds)


def batches(rounds: int) -> Rounds:
    """A million rows: the gate and every numpy version, on the same columns, after they have agreed on every row."""
    gate, columns = vaults.held(), vaults.columns(ROWS)
    versions = comparators.numpy_versions(comparators.Caps.of(comparators.PlainVault.held(float)))
    masks = gate.validate_batch(columns)
    for name, judge in versions.items():
        assert np.array_equal(judge(columns) == 0, masks == 0), name
    subjects = {
        name: Subject("judge(columns)", {"judge": judge, "columns": columns}, 1) for name, judge in versions.items()
    }
    names = {"gate": gate, "columns": columns}
    subjects["gate"] = Subject("gate.validate_batch(columns)", names, 1)
    subjects["gate, two threads"] = Subject("gate.validate_batch(columns, threads=2)", names, 1)
    return Rounds(subjects, rounds)


def lengths(rounds: int, longest: int) -> Growth:
    """A row's cost in batches of all lengths."""
    gate = vaults.held()
    counts = [count for count in (1, 1_000, 100_000, ROWS, 10 * ROWS) if count <= longest]
    subjects = {
        f"{count:,}": Subject(
            "judge(columns)",
            {"judge": gate.validate_batch, "columns": vaults.columns(count)},
            max(1, min(2_000, 100_000 // count)),
        )
        for count in counts
    }
    times = Rounds(subjects, rounds)
    points = {}
    for count in counts:
        whole = times.ratio(f"{count:,}", f"{ROWS:,}")
        scale = ROWS / count
        points[f"{count:,}"] = Ratio(whole.median * scale, whole.least * scale, whole.most * scale)
    return Growth("Rows in a batch", "a row's cost, in units of a row's in a batch of 1,000,000", points)


def together(gates: list[Gate], count: int) -> float:
    """Calls a second of one thread a gate, all at once."""
    good, start, spans = vaults.small(), threading.Barrier(len(gates)), []

    def work(gate: Gate) -> None:
        timer = timeit.Timer(
            CALL, "call, order = _call, _order", globals={"_call": gate.validate_order, "_order": good}
        )
        start.wait()
        begin = timeit.default_timer()
        timer.timeit(count)
        spans.append((begin, timeit.default_timer()))

    threads = [threading.Thread(target=work, args=(gate,)) for gate in gates]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(gates) * count / (max(end for _, end in spans) - min(begin for begin, _ in spans))


def threads(rounds: int, count: int = 200_000) -> Growth:
    """Decisions a second of two Python threads, in units of one thread's."""
    one, other = vaults.held(), vaults.held()
    quotients: dict[str, list[float]] = {"two threads, one gate": [], "two threads, a gate each": []}
    for _ in range(rounds):
        alone = together([one], count)
        for (_, found), gates in zip(quotients.items(), ([one, one], [one, other]), strict=True):
            found.append(together(gates, count) / alone)
    points = {name: Ratio.of(found) for name, found in quotients.items()}
    return Growth("Python threads calling validate_order", "decisions a second, in units of one thread's", points)


def growth(times: Rounds, grown: Rounds, batch: Rounds, criterion: Criterion, quick: bool) -> list[Growth]:
    """How every cost grows."""
    by_position = {f"{count:,}": grown.ratio(f"positions {count}", "positions 1") for count in POSITIONS}
    by_group = {f"{count:,}": grown.ratio(f"groups {count}", "groups 1") for count in GROUPS}
    waiting = {f"{count:,}": times.ratio(f"authorize, {count}", "authorize") for count in (1_000, 10_000)}
    parts = [
        Growth("Positions", "validate_order, in units of its cost with one position", by_position),
        Growth("Correlation groups, 100 positions", "validate_order, in units of its cost with one group", by_group),
        Growth("Approvals outstanding", "authorize, in units of its cost with none", waiting),
        lengths(3 if quick else 9, ROWS if quick else 10 * ROWS),
        Growth(
            "Threads in validate_batch",
            "rows a second, in units of one thread's",
            {"2": batch.ratio("gate", "gate, two threads")},
        ),
        threads(5 if quick else 15),
    ]
    for name in ("judge at random", "touch at random"):
        found = {f"{n:,}": criterion.quotient("vaults", (name, n), ("touch at random", 1)) for n in VAULTS}
        points = {size: ratio for size, ratio in found.items() if ratio is not None}
        if points:
            parts.append(Growth(f"Vaults in Rust: {name}", "in units of touching one vault's state", points))
    return parts


def aims(times: Rounds, grown: Rounds, batch: Rounds, criterion: Criterion) -> list[Row]:
    """The rows that have an aim."""

    def counted(work: str, subject: str, aim: float) -> Row:
        return Row(work, aim, times.ratio(subject, "empty"), times.ratio(subject, "empty", less="loop"))

    fastest = batch.fastest([name for name in batch.times if name.startswith("numpy")])
    largest = VAULTS[-1]
    fleet = criterion.quotient("vaults", ("judge at random", largest), ("touch at random", largest))
    return [
        counted("`validate_order`, approved, ManualClock", "approved", 2.5),
        counted("`validate_order`, approved, SystemClock", "approved, live", 3.5),
        counted("`validate_order`, five rules violated, unread", "refused", 4.0),
        counted("`order(...)` then `validate_order`", "order and validate", 6.0),
        Row(
            "1 to 1,000 positions",
            1.3,
            grown.flatness([f"positions {n}" for n in POSITIONS]),
            unit="the cheapest of them",
        ),
        Row(
            "1 to 100 correlation groups",
            1.3,
            grown.flatness([f"groups {n}" for n in GROUPS]),
            unit="the cheapest of them",
        ),
        Row(
            "`validate_batch` of 1,000,000 rows",
            1.0,
            batch.ratio("gate", fastest),
            unit=f"the fastest numpy: {fastest}",
        ),
        Row(
            "`validate_batch`, two threads",
            1.8,
            batch.ratio("gate", "gate, two threads"),
            at_least=True,
            unit="one thread's rate",
        ),
        Row(
            "a million vaults at random, in Rust",
            1.5,
            fleet,
            unit="touching their state",
            note="not run: `cargo bench`",
        ),
        counted("`authorize` in memory, approved", "authorize", 15.0),
        Row("`authorize`, durable, one at a time and 64 at once", 0.9, at_least=True, note=IN_RUST),
        Row("HTTP decision endpoint", 0.9, at_least=True, note=IN_SERVER),
        Row("streamed decisions (WebSocket)", 4.0, at_least=True, note=IN_SERVER),
    ]


def beside(times: Rounds, batch: Rounds, other: Path | None, quick: bool) -> list[Row]:
    """What has no aim: the comparators, and the parts that the aims are made of."""
    named = {
        "empty with fields": "an empty Python function with the arguments of `order(...)`",
        "order": "`order(...)` alone",
        "Order": "`Order(...)` alone",
        "approved, agent": "`agent().validate_order`, approved",
        "refused, read": "`validate_order`, five rules violated, and every violation read",
        "authorize, refused": "`authorize`, refused",
        "plain": "plain Python, floats, eight checks, approved",
        "decimal": "plain Python, `Decimal`, eight checks, approved",
    }
    rows = [
        Row(work, None, times.ratio(name, "empty"), times.ratio(name, "empty", less="loop"))
        for name, work in named.items()
    ]
    versions = [name for name in batch.times if name.startswith("numpy")]
    fastest = batch.fastest(versions)
    rows += [
        Row(f"{name}, eight checks, 1,000,000 rows", None, batch.ratio(name, fastest), unit="the fastest numpy")
        for name in versions
    ]
    rival, release = None, ""
    if other is not None:
        data = json.loads(other.read_text(encoding="utf-8"))
        release, rival = data["version"], {name: Ratio(*data[name]) for name in ("approve", "refuse")}
    elif nautilus.is_installed():
        release, rival = version("nautilus_trader"), nautilus.measure(5 if quick else 15)
    for name, ratio in (rival or {}).items():
        note = "its checks differ from the gate's; empty calls of its own run"
        rows.append(Row(f"NautilusTrader {release}, RiskEngine, {name}", None, ratio, note=note))
    return rows


def machine() -> dict[str, str]:
    """What the run was made on."""
    info = Path("/proc/cpuinfo")
    models = (
        [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.is_file()
        else []
    )
    kind = f"{platform.machine()}, {models[0] if models else platform.processor()}, {os.cpu_count()} cores"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return {
        "machine": kind,
        "system": platform.system(),
        "Python": python,
        "numpy": np.__version__,
        "gxrisk": version("gxrisk"),
    }


def report(quick: bool, target: Path, other: Path | None) -> Report:
    """The whole run."""
    rounds, before = 5 if quick else 21, os.getloadavg()[0]
    criterion = Criterion(target)
    times, grown, batch = calls(rounds), sizes(rounds), batches(3 if quick else 11)
    about = machine() | {
        "rounds": f"{rounds}, of batches {3 if quick else 11}",
        "load average before and after": f"{before:.2f}, {os.getloadavg()[0]:.2f}",
    }
    return Report(
        about,
        aims(times, grown, batch, criterion),
        beside(times, batch, other, quick),
        growth(times, grown, batch, criterion, quick),
    )


def main() -> None:
    """Prints the tables, and writes them where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, no batch of ten million rows")
    parser.add_argument("--json", type=Path, metavar="OUT")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="replace the tables of a page between its markers")
    parser.add_argument("--nautilus", type=Path, metavar="JSON", help="what `benches.nautilus --json` wrote elsewhere")
    options = parser.parse_args()
    target = Path(os.environ.get("CARGO_TARGET_DIR") or Path(__file__).parent.parent / "target")
    done = report(options.quick, target, options.nautilus)
    for name, text in done.sections().items():
        print(f"\n## {name}\n\n{text}")
    if options.json:
        options.json.write_text(done.json(), encoding="utf-8")
    if options.write:
        done.write(options.write)


if __name__ == "__main__":
    main()
