"""kill -9 at any time: nothing that was reported is lost, nothing is done twice, and trading goes on."""

import random
import signal
import subprocess
import sys
from collections import defaultdict
from decimal import Decimal as D
from pathlib import Path

from gxrisk import Gate, ManualClock
from gxrisk.venues import Accepted, Cancelled, Failed, Filled, FundingPaid, PaperVenue
from gxrisk.venues.paper.codec import encode_report

from tests.venues.recompute import Recomputed
from tests.venues.trader import COSTS, DEPOSIT, FUNDING
from tests.venues.vault import done

ROOT = Path(__file__).parents[2]
KILLS = 8


def run(folder: Path, seed: str, lines_max: int | None) -> list[str]:
    """One life of the trader: killed after so many lines, or to its end. The whole lines that it printed."""
    command = [sys.executable, "-m", "tests.venues.trader", str(folder), seed]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        lines: list[str] = []
        for line in child.stdout:
            lines.append(line)
            if len(lines) == lines_max:
                child.kill()
        errors = child.stderr.read()
    if lines_max is None:
        assert child.returncode == 0, errors
        assert lines[-1] == "end\n"
    else:
        assert child.returncode == -signal.SIGKILL, errors
    return [line.strip() for line in lines if line.endswith("}\n")]


def test_killed_again_and_again(tmp_path: Path) -> None:
    """Every printed report is there with the same words; reports have no gap; money and positions follow from them."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201
    draw = random.Random(seed)
    printed: set[str] = set()
    for life in range(KILLS):
        known = len(printed)
        printed |= set(run(tmp_path, f"{seed}-{life}", known + draw.randint(1, 60)))
    printed |= set(run(tmp_path, f"{seed}-last", None))

    clock = ManualClock(0)
    with Gate.open(tmp_path / "gate.db", clock=clock) as gate:
        venue = PaperVenue(costs=COSTS, folder=tmp_path, funding=FUNDING)
        account = done(venue.account("vault", gate.redeem))
        reports = done(account.reports(0))
        statement = done(account.statement())
        snapshot = gate.snapshot()
        decisions = [one for one in gate.events() if one["kind"] == "decision" and one["outcome"] == "approved"]
    assert printed == {encode_report(one) for one in reports}
    assert [one.sequence for one in reports] == list(range(1, len(reports) + 1))
    Recomputed(DEPOSIT, reports).agrees(statement.balance, dict(statement.positions))
    funded = sum((one.amount for one in reports if isinstance(one, FundingPaid)), D(0))
    assert statement.balance == DEPOSIT + snapshot.realised - snapshot.fees + funded
    assert statement.positions == {asset: D(one) for asset, one in snapshot.positions.items()}
    assert statement.open_orders == {one.order_id for one in snapshot.working}

    fills = [one for one in reports if isinstance(one, Filled)]
    assert [one.fill_id for one in fills] == [f"fill-{number + 1}" for number in range(len(fills))]
    approved = {one["order_id"]: one["order"]["quantity"] for one in decisions}
    filled: dict[str, D] = defaultdict(D)
    legs: dict[str, D] = defaultdict(D)
    for one in fills:
        (filled if one.leg == "order" else legs)[one.order_id] += one.quantity
    assert filled
    assert legs
    assert all(quantity <= approved[order_id] for order_id, quantity in filled.items())
    assert all(quantity <= filled[order_id] for order_id, quantity in legs.items())
    for kind in (Accepted, Cancelled, Failed):
        ids = [one.order_id for one in reports if isinstance(one, kind)]
        assert len(ids) == len(set(ids))
