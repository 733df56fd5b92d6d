"""How fast journals become history, in units of plain bulk inserts of the same rows in the same run.

    python -m benches.history [--records N] [--rounds N] [--postgresql URL]

A journal of a busy day is told to a new history. Then all its rows are read back, and put into another new history with
nothing but `INSERT` in batches of the same size: what the database itself costs. Both sides commit as often. The median
of the rounds' ratios is shown with the least and the most; load on the machine moves both sides of a round alike.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from gxrisk import Gate, JournalReader, Limits, ManualClock, order
from gxrisk.history import History, Projector, following, store, tables
from gxrisk.history.database import reading, writing
from gxrisk.history.projection import Row
from sqlalchemy import Table, insert, select

BATCH = following.RECORDS_MAX
START = "2020-03-12T00:00:00Z"


def busy(file: Path, records: int) -> int:
    """A day of round trips, refusals and holds; gives the number of records."""
    clock = ManualClock(START)
    limits = Limits.for_tier("high_octane").replace(order_burst=10**6, max_daily_trades=10**6)
    with Gate("bench", limits, clock=clock, journal=file) as gate:
        gate.deposit(100_000)
        gate.mark("BTC", 8_000, atr=50)
        buy = order("BTC", "buy", "0.1", confidence=0.8, reasoning="a breakout " * 20, stop_loss=7_900)
        sell = order("BTC", "sell", "0.1", confidence=0.8, reasoning="out", reduce_only=True)
        done = 0
        while done < records:
            clock.advance(1)
            gate.mark("BTC", 8_000 + done % 7, atr=50)
            for proposal, price in ((buy, 8_000), (sell, 8_010)):
                decision = gate.authorize(proposal)
                assert decision.approval is not None, decision
                gate.redeem(decision.approval)
                gate.order_accepted(decision.approval.order_id)
                gate.apply_fill(decision.approval.order_id, "f", "0.1", price, "0.4")
            gate.authorize(buy.replace(quantity=100))
            gate.hold("0.5", "waits for the range")
            done = gate.snapshot().sequence
        return done


def timed(work: Callable[[], object]) -> float:
    """Seconds that it took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def projected(history: History, journal: Path) -> float:
    """Tell the journal."""
    projector = Projector(history, [journal])
    seconds = timed(projector.catch_up)
    projector.raise_failures()
    return seconds


def rows_of(history: History) -> list[tuple[Table, list[Row]]]:
    """All rows, by table, without the vault's number."""
    with reading(history.engine) as connection:
        return [
            (table, [dict(row) for row in connection.execute(select(table)).mappings()]) for table in tables.OF_A_VAULT
        ]


def cut(listed: list[Row], part: int, parts: int) -> list[Row]:
    """One of so many equal parts."""
    return listed[len(listed) * part // parts : len(listed) * (part + 1) // parts]


def inserted(history: History, rows: list[tuple[Table, list[Row]]], transactions: int) -> float:
    """Put the same rows with plain inserts, in as many transactions."""
    with writing(history.engine) as connection:
        number = store.lock_vault(connection, "bench")["id"]
    parts = [[(table, [row | {"vault": number} for row in cut(listed, part, transactions)]) for table, listed in rows]
             for part in range(transactions)]  # fmt: skip

    def put() -> None:
        for part in parts:
            with writing(history.engine) as connection:
                for table, some in part:
                    if some:
                        connection.execute(insert(table), some)

    return timed(put)


@contextmanager
def new(url: str) -> Iterator[History]:
    """A history without the bench's vault."""
    with History.open(url) as history:
        store.forget(history.engine, "bench")
        yield history
        store.forget(history.engine, "bench")


def measure(name: str, urls: Callable[[int], str], journal: Path, records: int, rounds: int) -> None:
    """Print the rates of one database."""
    ratios, rates, plain_rates = [], [], []
    count = 0
    for round_ in range(rounds):
        with new(urls(2 * round_)) as history:
            seconds = projected(history, journal)
            rows = rows_of(history)
        count = sum(len(listed) for _, listed in rows)
        with new(urls(2 * round_ + 1)) as history:
            plain = inserted(history, rows, -(-records // BATCH))
        ratios.append(plain / seconds)
        rates.append(records / seconds)
        plain_rates.append(count / plain)
    print(
        f"{name}: {records:,} records to {count:,} rows; "
        f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) of the rate of plain inserts; "
        f"{median(rates):,.0f} records a second, plain {median(plain_rates):,.0f} rows a second"
    )


def main() -> None:
    """Prints one line for reading alone, and one a database."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--postgresql", metavar="URL", help="a migrated database that may be written to")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "bench.gxr"
        records = busy(journal, options.records)
        reader = JournalReader(journal)

        def read() -> None:
            since = 0
            while page := reader.events(since, BATCH):
                since = page[-1]["sequence"]

        print(f"reading the journal alone: {records / timed(read):,.0f} records a second")
        measure("SQLite", lambda number: f"{folder}/{number}.db", journal, records, options.rounds)
        if options.postgresql:
            measure("PostgreSQL", lambda _: options.postgresql, journal, records, options.rounds)


if __name__ == "__main__":
    main()
