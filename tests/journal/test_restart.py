"""A vault that is closed and opened again is the vault that it was."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gxrisk import (
    ApprovalError,
    CustodyError,
    Decision,
    Gate,
    GxriskError,
    JournalError,
    JournalReader,
    Limits,
    ManualClock,
    Order,
    WithdrawalError,
    order,
)
from gxrisk.custody import create_owner_key, sign_withdrawal

NOON = "2020-03-12T12:00:00Z"
EVENING = "2020-03-12T20:00:00Z"
GROWTH = Limits.for_tier("growth")


@pytest.fixture(autouse=True)
def _no_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GXRISK_PASSPHRASE", "GXRISK_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def passphrase(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a passphrase, for its owner alone."""
    file = tmp_path_factory.mktemp("passphrase") / "passphrase"
    file.touch(mode=0o600)
    file.write_text("correct horse battery staple\n")
    return file


@pytest.fixture
def clock() -> ManualClock:
    """Noon."""
    return ManualClock(NOON)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the journal goes."""
    return tmp_path / "vault.gxr"


def proposal(quantity: Decimal | str = "1", **changes: Any) -> Order:
    """A sound order, with some fields changed."""
    fields = {"confidence": "0.9", "reasoning": "a restart", "stop_loss": 98, **changes}
    return order(fields.pop("asset", "BTC"), fields.pop("side", "buy"), quantity, **fields)


def vault(file: Path, clock: ManualClock, limits: Limits = GROWTH, **custody: Any) -> Gate:
    """A durable vault with 10,000 and two marks."""
    gate = Gate("restart", limits, clock=clock, journal=file, **custody)
    gate.deposit(10_000)
    gate.mark("BTC", 100, atr=1)
    gate.mark("ETH", 10, atr="0.1")
    return gate


def redeemed(gate: Gate, wanted: Order) -> str:
    """The id of an order that went to the venue."""
    decision = gate.authorize(wanted)
    assert decision.approval is not None, decision
    gate.redeem(decision.approval)
    return decision.approval.order_id


def trade(gate: Gate, clock: ManualClock) -> None:
    """Orders of every fate."""
    bought = redeemed(gate, proposal("2", client_order_id="first"))
    assert gate.order_accepted(bought)
    assert gate.apply_fill(bought, "f-1", "0.5", "100.5", "0.01")
    assert gate.apply_fill(bought, "f-2", "1.5", "100.25", "0.03")
    working = redeemed(gate, proposal("3", price=100))
    assert gate.order_accepted(working)
    assert gate.apply_fill(working, "f-3", "1", 100)
    assert gate.order_cancelled(redeemed(gate, proposal("0.25")))
    assert gate.order_failed(redeemed(gate, proposal("0.75")), "refused by the venue")
    assert not gate.authorize(proposal("1000"))
    redeemed(gate, proposal("20", asset="ETH", side="sell", stop_loss="10.2"))
    gate.authorize(proposal("0.5", asset="ETH", stop_loss="9.8"))  # never used: it runs out
    gate.hold("0.4", "waits for the range")
    clock.advance(6)
    assert gate.authorize(proposal("0.125", client_order_id="open")).approved


def operate(gate: Gate, clock: ManualClock) -> None:
    """Every other operation."""
    gate.set_lot_steps({"BTC": "0.001", "ETH": "0.01"})
    gate.set_correlation_groups({"majors": ["BTC", "ETH"]})
    trade(gate, clock)
    gate.funding("BTC", "-1.5")
    gate.set_volatility("0.125")
    gate.set_risk_scale("0.5")
    gate.set_limits(gate.limits.replace(max_leverage=4, orders_per_minute=50))
    assert gate.mark("BTC", "100.75", atr="1.25")


def price_move(gate: Gate, clock: ManualClock) -> None:
    """Trips `price_move`, which ends by itself."""
    clock.advance(1)
    gate.mark("ETH", "11.5")


def drawdown(gate: Gate, clock: ManualClock) -> None:
    """Trips `drawdown` and `daily_loss`."""
    clock.advance(1)
    gate.funding("BTC", -2_000)


def pause(gate: Gate, _clock: ManualClock) -> None:
    """The operator pauses."""
    gate.pause()


def kill(gate: Gate, _clock: ManualClock) -> None:
    """The owner ends it."""
    gate.kill("enough")


def nothing(_gate: Gate, _clock: ManualClock) -> None:
    """Nothing more."""


def next_day(gate: Gate, clock: ManualClock) -> None:
    """A day that opens anew."""
    clock.advance(86_400)
    gate.mark("BTC", 101)
    gate.mark("ETH", 10)


ENDS: list[tuple[Callable[[Gate, ManualClock], None], str, set[str]]] = [
    (nothing, "active", set()),
    (price_move, "halted", {"price_move"}),
    (drawdown, "reduce_only", {"drawdown", "daily_loss"}),
    (pause, "halted", set()),
    (kill, "halted", set()),
    (next_day, "active", set()),
]


def seen(gate: Gate) -> dict[str, Any]:
    """All that a vault tells of itself, without the number of its last record."""
    snapshot = gate.snapshot()
    told = snapshot.to_dict()
    del told["sequence"]
    trips = [(t.breaker, t.since, t.until, t.cause, t.limit, t.observed) for t in gate.trips]
    details = {name: (p.cost, p.mark, p.unrealised) for name, p in snapshot.positions.items()}
    orders = [(item.order_id, item.order.to_dict()) for item in snapshot.working]
    room = {(asset, side): gate.headroom(asset, side) for asset in ("BTC", "ETH") for side in ("buy", "sell")}
    return {
        **told,
        "trips": trips,
        "details": details,
        "orders": orders,
        "limits": gate.limits.to_dict(),
        "gate_state": gate.state,
        "vault_id": gate.vault_id,
        "owner_key": gate.owner_key,
        "headroom": room,
    }


@pytest.mark.parametrize(("end", "state", "trips"), ENDS, ids=[end.__name__ for end, _, _ in ENDS])
def test_an_opened_vault_is_the_one_that_was_closed(
    file: Path, clock: ManualClock, end: Callable[[Gate, ManualClock], None], state: str, trips: set[str]
) -> None:
    """Twice in a row, and so is what it does next."""
    with vault(file, clock) as gate:
        operate(gate, clock)
        end(gate, clock)
        before, records = seen(gate), gate.events()
        assert before["positions"]
        assert before["working"]
        assert trips <= {trip.breaker for trip in gate.trips}
        assert gate.state == state
    for epoch in (1, 2):
        with Gate.open(file, clock=clock) as gate:
            assert seen(gate) == before
            assert gate.events()[: len(records)] == records
            assert gate.recovery is not None
            assert (gate.recovery["epoch"], gate.recovery["dropped"]) == (epoch, 0)
    assert JournalReader(file).verify()["decisions"] == sum(record["kind"] == "decision" for record in records)


def test_what_follows_does_not_tell_a_restart(tmp_path: Path) -> None:
    """A vault that was opened again goes on as one that never stopped: timed ends, windows, the day, ids of fills."""
    told = []
    for stops in (False, True):
        clock, file = ManualClock(NOON), tmp_path / f"{stops}.gxr"
        gate = vault(file, clock)
        operate(gate, clock)
        price_move(gate, clock)
        bought = next(event["order_id"] for event in gate.events() if event["kind"] == "decision")
        rows = []
        for seconds, price in ((1, "11"), (898, "11.25"), (1, "11.5"), (600, "11.25"), (86_400, "11")):
            if stops:
                gate.close()
                gate = Gate.open(file, clock=clock)
            clock.advance(seconds)
            gate.mark("ETH", price)
            gate.mark("BTC", 100)
            assert not gate.apply_fill(bought, "f-1", "0.5", "100.5", "0.01")
            decision = gate.authorize(proposal("0.01", reduce_only=True, side="sell", stop_loss=None))
            rows.append((decision.outcome, [violation.rule for violation in decision.violations], states(gate)))
        told.append(rows)
        gate.close()
    assert told[0] == told[1]


def states(gate: Gate) -> dict[str, Any]:
    """What a vault tells, without what names records."""
    told = seen(gate)
    for name in ("working", "orders"):
        del told[name]
    return told


def test_an_approval_before_a_restart_is_not_used_twice(file: Path, clock: ManualClock) -> None:
    """A token that was used stays used; one that was not is good until it runs out."""
    with vault(file, clock) as gate:
        used, kept, late = (gate.authorize(proposal("1", client_order_id=name)) for name in ("used", "kept", "late"))
        tokens = [decision.approval.token for decision in (used, kept, late) if decision.approval is not None]
        gate.redeem(tokens[0])
    with Gate.open(file, clock=clock) as gate:
        for _ in range(2):
            with pytest.raises(ApprovalError) as caught:
                gate.redeem(tokens[0])
            assert caught.value.code == "used"
        assert used.approval is not None
        with pytest.raises(ApprovalError):
            gate.redeem(used.approval)
        clock.advance(5)
        with pytest.raises(ApprovalError) as caught:
            gate.redeem(tokens[2])
        assert caught.value.code == "expired"


def test_the_same_client_order_id_gives_the_same_order(file: Path, clock: ManualClock) -> None:
    """Also after a restart; another order under that id is a duplicate, and the position stays one."""
    wanted = proposal("1", client_order_id="lost-answer")
    with vault(file, clock) as gate:
        first = gate.authorize(wanted)
    with Gate.open(file, clock=clock) as gate:
        again = gate.authorize(wanted)
        assert again.order_id == first.order_id is not None
        assert again.sequence == first.sequence
        assert len(gate.snapshot().working) == 1
        assert not gate.authorize(wanted.replace(quantity=2))
        assert len(gate.snapshot().working) == 1


def test_a_vault_has_one_writer(file: Path, clock: ManualClock) -> None:
    """A second one is refused, and the first goes on."""
    with vault(file, clock) as gate:
        with pytest.raises(JournalError, match="one writer"):
            Gate.open(file, clock=clock)
        with pytest.raises(JournalError, match="one writer"):
            Gate("other", GROWTH, clock=clock, journal=file)
        assert gate.authorize(proposal()).approved
        assert JournalReader(file).vault_id == "restart"
    Gate.open(file, clock=clock).close()


def test_a_journal_is_not_made_over(file: Path, clock: ManualClock) -> None:
    """Not over a journal, not over anything else."""
    vault(file, clock).close()
    with pytest.raises(JournalError, match="exists already"):
        Gate("restart", GROWTH, clock=clock, journal=file)
    other = file.with_name("notes.txt")
    other.write_text("these are my notes, and they are long enough to be looked at as a database\n" * 20)
    before = other.read_bytes()
    for act in (lambda: Gate("restart", GROWTH, journal=other), lambda: Gate.open(other), lambda: JournalReader(other)):
        with pytest.raises(JournalError):
            act()
    assert other.read_bytes() == before
    assert Gate.open(file, clock=clock).snapshot().equity == 10_000


def test_a_missing_file_is_not_made(file: Path) -> None:
    """Neither to write nor to read, nor where the folder is missing."""
    for act in (lambda: Gate.open(file), lambda: JournalReader(file)):
        with pytest.raises(JournalError, match="does not exist"):
            act()
    with pytest.raises(JournalError):
        Gate("restart", GROWTH, journal=file / "below" / "vault.gxr")
    assert list(file.parent.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["with space", "\u00fcml\u00e4ut \U0001f680", "what?", "a#b", "100%25", "file:x?mode=memory", "'q\"", "-x"]
)
def test_a_path_is_a_path(tmp_path: Path, clock: ManualClock, name: str) -> None:
    """Whatever its letters: nothing in it is a URI, an option or an escape."""
    folder = tmp_path / name
    folder.mkdir()
    file = folder / name
    vault(file, clock).close()
    assert file.stat().st_size > 0
    assert {path.name.removeprefix(name) for path in folder.iterdir()} <= {"", "-wal", "-shm", ".lock"}
    for path in (file, str(file)):
        with Gate.open(path, clock=clock) as gate:
            assert gate.snapshot().equity == 10_000
        assert JournalReader(path).vault_id == "restart"
    assert [path.name for path in tmp_path.iterdir()] == [name]


CALLS: list[tuple[str, Callable[[Gate], object]]] = [
    ("snapshot", lambda gate: gate.snapshot()),
    ("trips", lambda gate: gate.trips),
    ("head", lambda gate: gate.head()),
    ("deposit", lambda gate: gate.deposit(1)),
    ("mark", lambda gate: gate.mark("BTC", 101)),
    ("funding", lambda gate: gate.funding("BTC", 1)),
    ("hold", lambda gate: gate.hold(1, "waits")),
    ("order_accepted", lambda gate: gate.order_accepted("gx-5")),
    ("apply_fill", lambda gate: gate.apply_fill("gx-5", "f", 1, 100)),
    ("order_cancelled", lambda gate: gate.order_cancelled("gx-5")),
    ("order_failed", lambda gate: gate.order_failed("gx-5", "why")),
    ("pause", lambda gate: gate.pause()),
    ("resume", lambda gate: gate.resume()),
    ("kill", lambda gate: gate.kill("why")),
    ("reactivate", lambda gate: gate.reactivate()),
    ("set_limits", lambda gate: gate.set_limits(GROWTH)),
    ("set_risk_scale", lambda gate: gate.set_risk_scale(1)),
    ("set_volatility", lambda gate: gate.set_volatility(0)),
    ("rotate_keys", lambda gate: gate.rotate_keys()),
    ("max_quantity", lambda gate: gate.max_quantity(proposal())),
    ("headroom", lambda gate: gate.headroom("BTC", "buy")),
    ("agent.hold", lambda gate: gate.agent().hold(1, "waits")),
]


def is_refused(ask: Callable[[Order], Decision], wanted: Order) -> bool:
    """Whether a closed gate raises, or refuses an order for being closed."""
    try:
        decision = ask(wanted)
    except GxriskError:
        return True
    return (
        not decision.approved
        and decision.approval is None
        and [violation.rule for violation in decision.violations] == ["engine_halted"]
    )


def test_a_closed_gate_does_nothing(file: Path, clock: ManualClock) -> None:
    """Orders are refused, all else raises, and the file stays as it is."""
    gate = vault(file, clock)
    left = gate.authorize(proposal()).approval
    assert left is not None
    gate.close()
    gate.close()
    records = JournalReader(file).events()
    wanted = proposal(client_order_id="after")
    asks = [gate.validate_order, gate.authorize, gate.agent().validate_order, gate.agent().authorize]
    assert all(is_refused(ask, wanted) for ask in asks)
    for name, call in CALLS:
        with pytest.raises(GxriskError):
            pytest.fail(f"{name} gave {call(gate)!r}")
    for approval in (left, left.token):
        with pytest.raises(GxriskError):
            gate.redeem(approval)
    assert gate.state == "halted"
    assert JournalReader(file).events() == records


def test_a_withdrawal_pays_once(file: Path, clock: ManualClock, tmp_path: Path, passphrase: Path) -> None:
    """A signed request is spent by its use, also when the vault was opened again since."""
    owner = tmp_path / "owner.key"
    public = create_owner_key(owner, "ann", passphrase_file=passphrase)
    signed = sign_withdrawal(owner, "restart", 2_500, "account-1", expires=EVENING, passphrase_file=passphrase)
    with vault(file, clock, owner_key=public, passphrase_file=passphrase) as gate:
        wallet = gate.wallet_key
        assert gate.withdraw(signed) == ("account-1", Decimal(2_500))
        refused(gate, signed)
    for _ in range(2):
        with Gate.open(file, clock=clock, passphrase_file=passphrase) as gate:
            assert (gate.owner_key, gate.wallet_key) == (public, wallet)
            refused(gate, signed)
    assert [event["kind"] for event in JournalReader(file).events()].count("withdrawal") == 1


def refused(gate: Gate, signed: bytes) -> None:
    """The request was used before, and nothing is paid."""
    with pytest.raises(WithdrawalError) as caught:
        gate.withdraw(signed)
    assert caught.value.code == "replayed"
    assert gate.snapshot().equity == 7_500


def test_a_sealed_vault_needs_its_passphrase(file: Path, clock: ManualClock, passphrase: Path) -> None:
    """Without it, or with another one, nothing opens; with it, it opens as before."""
    vault(file, clock, passphrase_file=passphrase).close()
    records = JournalReader(file).events()
    wrong = file.with_name("wrong")
    wrong.touch(mode=0o600)
    wrong.write_text("not the right words at all\n")
    for given in (None, wrong):
        with pytest.raises(CustodyError):
            Gate.open(file, clock=clock, passphrase_file=given)
    assert JournalReader(file).events() == records
    with Gate.open(file, clock=clock, passphrase_file=passphrase) as gate:
        assert gate.authorize(proposal()).approved


def test_many_threads_share_a_durable_gate(file: Path, clock: ManualClock) -> None:
    """Every answer has a record of its own, and it is in the file when the answer is there."""
    limits = GROWTH.replace(order_burst=1000, max_open_orders=1000, max_daily_trades=1000)
    threads, each = 16, 12
    with vault(file, clock, limits) as gate:
        reader = JournalReader(file)

        def run(thread: int) -> list[tuple[int, str]]:
            answers = []
            for number in range(each):
                name = f"t-{thread}-{number}"
                decision = gate.authorize(proposal("0.01", client_order_id=name))
                assert decision.approved, decision
                assert decision.sequence is not None
                kept = reader.events(decision.sequence - 1, 1)[0]
                assert kept["order"]["client_order_id"] == name
                answers.append((decision.sequence, name))
            return answers

        with ThreadPoolExecutor(threads) as pool:
            answers = [answer for found in pool.map(run, range(threads)) for answer in found]
    assert len({sequence for sequence, _ in answers}) == len(answers) == threads * each
    decided = {event["sequence"]: event for event in JournalReader(file).events() if event["kind"] == "decision"}
    assert {sequence: event["order"]["client_order_id"] for sequence, event in decided.items()} == dict(answers)
    assert JournalReader(file).verify()["approvals"] == len(answers)
    with Gate.open(file, clock=clock) as gate:
        assert len(gate.snapshot().working) == len(answers)
