"""The account's calls: approvals alone, everything repeatable, one account's failure its own."""

import resource
import sqlite3
import sys
from collections.abc import Callable
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from gxrisk import ApprovalError, order
from gxrisk.feeds import Moment, Trade
from gxrisk.venues import Accepted, Cancelled, Filled, PaperError, PaperVenue, VenueError

from tests.venues.vault import FREE, MINUTE_MS, Vault, bar, done, moments, play

WISH = {"confidence": 1, "reasoning": "a test", "stop_loss": 1}


@pytest.fixture(params=["memory", "file"])
def venue(request: pytest.FixtureRequest, tmp_path: Path) -> PaperVenue:
    """A venue of either kind: one code, the same behaviour."""
    return PaperVenue(costs=FREE, folder=tmp_path / "accounts" if request.param == "file" else None)


def test_an_order_reaches_the_venue_as_an_approval_only(venue: PaperVenue) -> None:
    """Neither an order, nor a token, nor a thing that looks like an approval is taken, and nothing of it is kept."""
    vault = Vault(venue)
    assert not venue.is_live
    vault.advance(Moment(0, opened=(bar(0, 100),)))
    wish = order("BTC", "buy", 1, **WISH)  # type: ignore[arg-type]
    approval = vault.gate.authorize(wish).approval
    assert approval is not None

    class Lookalike:
        order_id, order, vault_id = "gx-99", wish, "vault"

    for thing in (wish, approval.token, approval.order_id, Lookalike(), None):
        with pytest.raises(TypeError, match="approvals alone"):
            done(vault.account.submit(thing))  # type: ignore[arg-type]
    calls = {name for name in dir(vault.account) if not name.startswith("_")}
    assert calls == {
        *("submit", "cancel", "reports", "statement", "deposit", "withdraw", "close"),  # the protocol
        *("book", "failure", "resumed_ms", "resumed_count", "commit", "fail", "renew"),  # the venue's side
    }
    assert done(vault.account.statement()).open_orders == frozenset()
    done(vault.account.submit(approval))
    assert done(vault.account.statement()).open_orders == {approval.order_id}


def test_what_the_gate_refuses_to_redeem_is_not_sent(venue: PaperVenue) -> None:
    """Another vault's, an expired, a used approval: the gate's error, and no order."""
    vault, other = Vault(venue), Vault(venue, "other")
    for one in (vault, other):
        one.advance(Moment(0, opened=(bar(0, 100),))) if one is vault else one.look(Moment(0, opened=(bar(0, 100),)))
    foreign = other.gate.authorize(order("BTC", "buy", 1, **WISH)).approval  # type: ignore[arg-type]
    expired = vault.gate.authorize(order("BTC", "buy", 1, **WISH)).approval  # type: ignore[arg-type]
    assert foreign is not None
    assert expired is not None
    vault.clock.advance(6)
    used = vault.gate.authorize(order("BTC", "buy", 1, **WISH)).approval  # type: ignore[arg-type]
    assert used is not None
    vault.gate.redeem(used)
    for approval in (foreign, expired, used):
        with pytest.raises(ApprovalError):
            done(vault.account.submit(approval))
    assert done(vault.account.statement()).open_orders == frozenset()
    assert done(vault.account.reports(0)) == ()


def test_calls_may_be_repeated(venue: PaperVenue) -> None:
    """A second submit, deposit, withdrawal, cancel does nothing more."""
    vault = Vault(venue, deposit=0)
    for _ in range(2):
        done(vault.account.deposit("d1", D(1000)))
        done(vault.account.withdraw("w1", "bank", D(100)))
    assert done(vault.account.statement()).balance == 900
    vault.deposited = D(900)
    vault.advance(Moment(0, opened=(bar(0, 100),)))
    approval = vault.gate.authorize(order("BTC", "buy", 1, price=90, **WISH)).approval  # type: ignore[arg-type]
    assert approval is not None
    for _ in range(2):
        done(vault.account.submit(approval))
    vault.advance(Moment(1000))
    for _ in range(2):
        done(vault.account.cancel(approval.order_id))
    vault.advance(Moment(2000))
    done(vault.account.cancel(approval.order_id))
    done(vault.account.submit(approval))
    vault.look(Moment(2000))
    assert [type(one) for one in vault.reports] == [Accepted, Cancelled]
    assert [one.sequence for one in vault.reports] == [1, 2]
    vault.agrees()


def test_a_transfer_id_names_one_transfer(venue: PaperVenue) -> None:
    """The same id with another amount or destination is an error, and so is an amount that is no amount."""
    vault = Vault(venue, deposit=0)
    done(vault.account.deposit("d1", D(1000)))
    done(vault.account.withdraw("w1", "bank", D(100)))
    for call in (
        vault.account.deposit("d1", D(999)),
        vault.account.deposit("w1", D(100)),
        vault.account.withdraw("w1", "thief", D(100)),
        *(vault.account.deposit("d2", D(text)) for text in ("0", "-1", "nan", "inf", "1e-10")),
        vault.account.deposit("d2", 1.5),  # type: ignore[arg-type]
    ):
        with pytest.raises(PaperError):
            done(call)
    assert done(vault.account.statement()).balance == 900


def test_a_cancel_is_always_answered(venue: PaperVenue) -> None:
    """Of an order that never came, and of one that is filled: `Cancelled`, once; and the former can come no more."""
    vault = Vault(venue)
    vault.advance(Moment(0, opened=(bar(0, 100),)))
    approval = vault.gate.authorize(order("BTC", "buy", 1, **WISH)).approval  # type: ignore[arg-type]
    assert approval is not None
    for _ in range(2):
        done(vault.account.cancel(approval.order_id))
    done(vault.account.submit(approval))
    assert done(vault.account.statement()).open_orders == frozenset()
    filled = vault.buy(1)
    for one in moments([bar(0, 100), bar(1, 100)])[1:]:
        vault.advance(one)
    for _ in range(2):
        done(vault.account.cancel(filled))
    kinds = [(type(one), getattr(one, "order_id", None)) for one in done(vault.account.reports(0))]
    assert kinds == [(Cancelled, approval.order_id), (Accepted, filled), (Filled, filled), (Cancelled, filled)]


def test_an_order_that_was_redeemed_and_never_stored(tmp_path: Path) -> None:
    """The process died between the two: the gate refuses a second use, a cancel settles it."""
    vault = Vault(PaperVenue(costs=FREE, folder=tmp_path))
    vault.advance(Moment(0, opened=(bar(0, 100),)))
    approval = vault.gate.authorize(order("BTC", "buy", 1, **WISH)).approval  # type: ignore[arg-type]
    assert approval is not None
    vault.gate.redeem(approval)
    vault.account = done(PaperVenue(costs=FREE, folder=tmp_path).account("vault", vault.gate.redeem))
    with pytest.raises(ApprovalError):
        done(vault.account.submit(approval))
    assert done(vault.account.statement()).open_orders == frozenset()
    done(vault.account.cancel(approval.order_id))
    vault.look(Moment(0))
    assert [type(one) for one in vault.reports] == [Cancelled]
    vault.agrees()


def test_an_order_that_was_stored_and_never_confirmed(tmp_path: Path) -> None:
    """The process died before `submit` returned: the order is there, and to submit it again changes nothing."""
    vault = Vault(PaperVenue(costs=FREE, folder=tmp_path))
    vault.advance(Moment(0, opened=(bar(0, 100),)))
    approval = vault.gate.authorize(order("BTC", "buy", 1, **WISH)).approval  # type: ignore[arg-type]
    assert approval is not None
    done(vault.account.submit(approval))
    vault.venue = PaperVenue(costs=FREE, folder=tmp_path)
    vault.account = done(vault.venue.account("vault", vault.gate.redeem))
    assert done(vault.account.statement()).open_orders == {approval.order_id}
    done(vault.account.submit(approval))
    vault.advance(Moment(0, opened=(bar(0, 100),)))
    told = vault.advance(moments([bar(0, 100), bar(1, 100)])[1])
    assert [type(one) for one in told] == [Accepted, Filled]
    vault.agrees()


def test_a_cancel_that_comes_too_late_is_confirmed_by_the_fill(venue: PaperVenue) -> None:
    """The order fills while its cancel is on the way: one report, and no legs go."""
    vault = Vault(venue)
    lines = play(vault, [bar(0, 100), bar(1, 100, 100, 89, 95)], {0: lambda v: v.buy(1, 90), 1: lambda v: v.cancel(1)})
    assert lines[1:] == ["2 #1 order buy 1 @ 90"]


def test_reports_are_kept_for_ever_and_read_from_anywhere(venue: PaperVenue) -> None:
    """Sequences 1, 2, 3, ...; any tail can be read again."""
    vault = Vault(venue)
    play(vault, [bar(minute, 100) for minute in range(12)], {minute: lambda v: v.buy(1) for minute in range(10)})
    whole = list(done(vault.account.reports(0)))
    assert [one.sequence for one in whole] == list(range(1, 21))
    for after in range(22):
        assert list(done(vault.account.reports(after))) == whole[after:]


def test_one_file_an_account(tmp_path: Path) -> None:
    """Any vault id is a file of its own inside the folder."""
    venue = PaperVenue(costs=FREE, folder=tmp_path / "accounts")
    names = ["a/b", "..", "A", "a", "x" * 64, "~", "%2F"]
    for name in names:
        Vault(venue, name)
    files = sorted(tmp_path.rglob("*.sqlite"))
    assert len(files) == len(names)
    assert {file.parent for file in files} == {tmp_path / "accounts"}


def test_a_failing_account_is_alone(tmp_path: Path) -> None:
    """A full disk: the one account says so from then on, the other trades; opened again it goes on from its file."""
    venue = PaperVenue(costs=FREE, folder=tmp_path)
    sick, sound = Vault(venue, "sick"), Vault(venue, "sound")
    first = Moment(0, opened=(bar(0, 100),))
    venue.advance(first)
    for one in (sick, sound):
        one.look(first)
        one.buy(1)
    size = venue._connections.of("sick").execute("PRAGMA page_count").fetchone()[0]
    venue._connections.of("sick").execute(f"PRAGMA max_page_count = {size}")
    fill_up(venue, "sick")
    second = moments([bar(0, 100), bar(1, 100)])[1]
    failed = venue.advance(second)
    assert list(failed) == ["sick"]
    assert "full" in str(failed["sick"])
    calls: list[Callable[[], Any]] = [
        lambda: sick.account.reports(0),
        lambda: sick.account.statement(),
        lambda: sick.account.cancel("gx-1"),
        lambda: sick.account.deposit("d2", D(1)),
    ]
    for call in calls:
        with pytest.raises(VenueError, match="full"):
            done(call())
    assert [sound.line(one) for one in sound.look(second)] == ["#1 accepted", "#1 order buy 1 @ 100"]
    sound.agrees()
    # The disk has room again: the account opens with what was committed, the order still on its way.
    sick.account = done(venue.account("sick", sick.gate.redeem))
    assert sick.look(second) == []
    assert [sick.line(one) for one in sick.advance(moments([bar(1, 100), bar(2, 105)])[1])] == [
        "#1 accepted",
        "#1 order buy 1 @ 105",
    ]
    sick.agrees()


def fill_up(venue: PaperVenue, vault_id: str) -> None:
    """Use up the free space within the account's last pages, so that the next commit needs a page."""
    connection = venue._connections.of(vault_id)
    rows = ((-number - 1, "x" * 50) for number in range(10_000))
    with pytest.raises(sqlite3.OperationalError, match="full"):
        connection.executemany("INSERT INTO reports VALUES (?, ?)", rows)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    """Neither a torn page nor another account's file is opened; other accounts are."""
    venue = PaperVenue(costs=FREE, folder=tmp_path)
    vault = Vault(venue, "torn")
    done(vault.account.close())
    file = tmp_path / "torn.paper.sqlite"
    whole = file.read_bytes()
    (tmp_path / "stolen.paper.sqlite").write_bytes(whole)
    file.write_bytes(whole[:4096] + b"\xff" * 4096 + whole[8192:])
    again = PaperVenue(costs=FREE, folder=tmp_path)
    for name in ("torn", "stolen"):
        with pytest.raises(VenueError, match=name):
            Vault(again, name)
    Vault(again, "sound")


def test_a_second_process_on_the_same_file_is_fenced(tmp_path: Path) -> None:
    """Whoever writes second finds that another has written, writes nothing, and fails."""
    first, second = (Vault(PaperVenue(costs=FREE, folder=tmp_path), deposit=0) for _ in range(2))
    done(first.account.deposit("d1", D(1)))
    with pytest.raises(VenueError, match="another process"):
        done(second.account.deposit("d2", D(2)))
    assert done(first.account.statement()).balance == 1
    done(first.account.deposit("d3", D(3)))
    assert done(first.account.statement()).balance == 4


def test_closing_lets_go_of_the_file_and_orders_go_on(tmp_path: Path) -> None:
    """`close` may come at any time; the next commit opens the file again."""
    vault = Vault(PaperVenue(costs=FREE, folder=tmp_path))
    vault.advance(Moment(0, opened=(bar(0, 100),)))
    vault.buy(1)
    done(vault.account.close())
    assert not list(tmp_path.glob("*-wal"))
    vault.advance(moments([bar(0, 100), bar(1, 100)])[1])
    assert done(vault.account.statement()).positions == {"BTC": 1}


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_moment_of_the_same_millisecond_is_not_lost_to_a_restart(after: int, tmp_path: Path) -> None:
    """Four moments in one millisecond, told again: those that the account had change nothing, the others do."""
    trades = [Trade("BTC", MINUTE_MS, D(100), D(1)) for _ in range(4)]
    tape = [Moment(0, opened=(bar(0, 100),)), *(Moment(MINUTE_MS, trades=(one,)) for one in trades)]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    expected = Vault(PaperVenue(costs=FREE, folder=whole))
    for number, moment in enumerate(tape):
        expected.advance(moment)
        if number == 0:
            expected.buy(10)
    vault = Vault(PaperVenue(costs=FREE, folder=cut))
    vault.advance(tape[0])
    vault.buy(10)
    for moment in tape[1 : after + 1]:
        vault.advance(moment)
    again = PaperVenue(costs=FREE, folder=cut)
    account = done(again.account("vault", vault.gate.redeem))
    for moment in tape:
        assert again.advance(moment) == {}
    assert done(account.statement()) == done(expected.account.statement())
    assert done(account.reports(0)) == done(expected.account.reports(0))
    assert done(account.statement()).positions == {"BTC": D("0.4")}


def test_more_accounts_than_open_files(tmp_path: Path) -> None:
    """Where the limit of open files is low, a quarter of it serves all accounts, opened in turn."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (9 * 3 * 4, limits[1]))
    try:
        venue = PaperVenue(costs=FREE, folder=tmp_path)
        vaults = [Vault(venue, f"vault-{number}", deposit=1000) for number in range(12)]
        assert len(list(tmp_path.glob("*-wal"))) == 9
        first, second = moments([bar(0, 100), bar(1, 100)])[:2]
        assert venue.advance(first) == {}
        for vault in vaults:
            vault.look(first)
            vault.buy(1)
        assert venue.advance(second) == {}
        for vault in vaults:
            vault.look(second)
            vault.agrees()
        assert len(list(tmp_path.glob("*-wal"))) == 9
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def calls_of(work: Callable[[], object]) -> int:
    """How many Python functions `work` calls: a measure of time that is the same on every machine."""
    count = 0

    def note(_frame: object, event: str, _arg: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def test_idle_accounts_cost_nothing() -> None:
    """A moment calls as many functions with 300 accounts as with one: idle, with a resting order, with a position."""

    def settled(count: int) -> PaperVenue:
        venue = PaperVenue(costs=FREE)
        vaults = [Vault(venue, f"vault-{number}") for number in range(count)]
        for number, moment in enumerate(moments([bar(0, 100), bar(1, 100), bar(2, 100)])[:3]):
            assert venue.advance(moment) == {}
            for index, vault in enumerate(vaults):
                vault.look(moment)
                if number == 0 and index % 3:
                    vault.buy(1, 90 if index % 3 == 1 else None, stop=50)
        return venue

    quiet = moments([bar(2, 100), bar(3, 100, 101, 99, 100, volume=5.0)])[1:]
    one, many = settled(1), settled(300)
    assert calls_of(lambda: [many.advance(moment) for moment in quiet]) == calls_of(
        lambda: [one.advance(moment) for moment in quiet]
    )
