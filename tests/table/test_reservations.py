"""Reservations, fills and what the venue reports (section 5)."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import pytest
from gxrisk import InvalidOrder, VaultError

from .rows import number
from .vaults import Side, Vault, exit_of, proposal

# position, working buys, working sells; the exposure quantity: the larger of max(0, p + B) and max(0, -p + S)
EXPOSURE: list[tuple[str, str, str, str]] = [
    ("0", "0", "0", "0"),
    ("0", "3", "0", "3"),
    ("0", "3", "2", "3"),
    ("0", "2", "3", "3"),
    ("5", "0", "0", "5"),
    ("5", "3", "0", "8"),
    ("5", "0", "2", "5"),
    ("5", "0", "10", "5"),
    ("5", "0", "10.000000001", "5.000000001"),
    ("5", "3", "12", "8"),
    ("5", "3", "14", "9"),
    ("-5", "2", "0", "5"),
    ("-5", "12", "0", "7"),
    ("-5", "0", "3", "8"),
    ("-5", "14", "3", "9"),
]


@pytest.mark.parametrize(("position", "buys", "sells", "quantity"), EXPOSURE)
def test_exposure(position: str, buys: str, sells: str, quantity: str) -> None:
    """At the mark, whatever the limit price; opposite orders never net; reductions add nothing."""
    vault = Vault()
    if position != "0":
        vault.holding(position)
        vault.accepted(exit_of("sell" if number(position) > 0 else "buy", 2))
    for side, size in (("buy", buys), ("sell", sells)):
        if size != "0":
            vault.accepted(proposal(side, size, price=90))  # type: ignore[arg-type]
    vault.marked("BTC", 110)
    assert vault.now.exposures.get("BTC", 0) == number(quantity) * 110
    assert vault.now.gross_exposure == number(quantity) * 110


class Story(NamedTuple):
    """What happens to an approved buy of 3; the last answer, position, exposure quantity and the order that works."""

    deeds: str
    answer: bool | None
    position: str
    exposed: str
    working: tuple[str, str] | None  # status, remaining
    mismatch: bool = False


STORIES = [
    Story("wait 0", None, "0", "3", ("approved", "3")),
    Story("wait 4.999999999", None, "0", "3", ("approved", "3")),
    Story("wait 5", None, "0", "0", None),
    Story("redeem; wait 3600", None, "0", "3", ("redeemed", "3")),
    Story("accept; wait 3600", None, "0", "3", ("accepted", "3")),
    Story("fill 1; wait 3600", None, "1", "3", ("accepted", "2")),
    Story("redeem; accept", True, "0", "3", ("accepted", "3")),
    Story("redeem; accept; accept", False, "0", "3", ("accepted", "3")),
    Story("redeem; fill 1", True, "1", "3", ("accepted", "2")),
    Story("redeem; accept; fill 1; fill 2", True, "3", "3", None),
    Story("redeem; fill 2.999999999", True, "2.999999999", "3", ("accepted", "0.000000001")),
    Story("redeem; cancel", True, "0", "0", None),
    Story("cancel", True, "0", "0", None),
    Story("accept; cancel; cancel", False, "0", "0", None),
    Story("accept; fill 1; cancel", True, "1", "1", None),
    Story("accept; fill 3; cancel", False, "3", "3", None),
    Story("redeem; fail", True, "0", "0", None),
    Story("redeem; fail; fail", False, "0", "0", None),
    Story("redeem; fail; cancel", False, "0", "0", None),
    # late: booked, within what was approved no mismatch, and nothing works again
    Story("accept; cancel; fill 1", True, "1", "1", None),
    Story("accept; cancel; fill 1; fill 2", True, "3", "3", None),
    Story("accept; cancel; fill 1; fill 2.000000001", True, "3.000000001", "3.000000001", None, True),
    Story("redeem; fail; fill 3", True, "3", "3", None),
    Story("accept; cancel; accept", False, "0", "0", None),
    # more than was approved: booked whole
    Story("accept; fill 4", True, "4", "4", None, True),
    Story("accept; fill 3; fill 0.000000001", True, "3.000000001", "3.000000001", None, True),
    # expired, and it reached the venue after all
    Story("wait 5; accept", True, "0", "3", ("accepted", "3")),
    Story("wait 5; fill 1", True, "1", "3", ("accepted", "2")),
    Story("wait 5; fill 3", True, "3", "3", None),
    Story("wait 5; fill 3.000000001", True, "3.000000001", "3.000000001", None, True),
    Story("wait 5; accept; cancel", True, "0", "0", None),
    Story("wait 5; cancel", False, "0", "0", None),
    Story("wait 5; accept; wait 3600", None, "0", "3", ("accepted", "3")),
    Story("wait 3600; accept; fill 1; cancel", True, "1", "1", None),
]


def told(vault: Vault, deeds: str) -> bool | None:
    """Does one after the other; gives the last answer."""
    decision = vault.approved(proposal("buy", 3))
    assert decision.order_id is not None
    assert decision.approval is not None
    answer: bool | None = None
    for index, deed in enumerate(deeds.split("; ")):
        match deed.split():
            case ["wait", seconds]:
                vault.after(seconds)
                answer = None
            case ["redeem"]:
                vault.gate.redeem(decision.approval)
            case ["accept"]:
                answer = vault.gate.order_accepted(decision.order_id)
            case ["cancel"]:
                answer = vault.gate.order_cancelled(decision.order_id)
            case ["fail"]:
                answer = vault.gate.order_failed(decision.order_id, "refused")
            case ["fill", quantity]:
                answer = vault.gate.apply_fill(decision.order_id, f"f{index}", quantity, 100)
            case _:
                raise AssertionError(deed)
    return answer


@pytest.mark.parametrize("row", STORIES, ids=[row.deeds for row in STORIES])
def test_only_the_venue_or_the_expiry_releases(row: Story) -> None:
    """A reservation goes by fill, cancel, failure or unredeemed expiry after exactly 5 s, and by nothing else."""
    vault = Vault(approval_ttl_s=5)
    assert told(vault, row.deeds) is row.answer
    snap = vault.now
    assert snap.positions.get("BTC", 0) == number(row.position)
    assert snap.exposures.get("BTC", 0) == 100 * number(row.exposed)
    seen = [(order.status, order.remaining) for order in snap.working]
    assert seen == ([(row.working[0], number(row.working[1]))] if row.working else [])
    assert vault.tripped() == (("fill_mismatch",) if row.mismatch else ())


def test_a_reservation_counts_against_every_later_order() -> None:
    """60 % of 10,000: 40 reserved leave 20; when the approval expires, or the venue cancels, 60 again."""
    vault = Vault(max_concentration="0.6", approval_ttl_s=5)
    order_id = vault.order_id(proposal("buy", 40))
    assert vault.gate.max_quantity(proposal()) == 20
    assert vault.after(5).gate.max_quantity(proposal()) == 60
    vault.gate.order_accepted(order_id)
    assert vault.gate.max_quantity(proposal()) == 20
    vault.gate.order_cancelled(order_id)
    assert vault.gate.max_quantity(proposal()) == 60


def test_what_works_is_not_released_by_pause_kill_or_drawdown() -> None:
    """A request to cancel is not a cancel."""
    vault = Vault(max_drawdown="0.15")
    vault.accepted(proposal("buy", 3))
    vault.gate.pause()
    vault.gate.kill("stop")
    vault.lost(1500)
    vault.gate.reactivate(rebase=True)
    vault.gate.resume()
    assert vault.now.exposures["BTC"] == 300
    assert [order.cancel_requested for order in vault.now.working] == [True]


# fill ids of two orders, in turn: order, fill id, whether it counts
FILL_IDS: list[tuple[str, str | int, bool]] = [
    ("first", "f1", True),
    ("first", "f1", False),
    ("second", "f1", True),  # the two sides of one trade may share an id
    ("second", "f1", False),
    ("first", "F1", True),
    ("first", 7, True),
    ("first", "7", False),  # a number is its digits
    ("foreign", "f1", True),
    ("foreign", "f1", False),
]


def test_the_same_fill_id_of_an_order_counts_once() -> None:
    """Whatever else the repeat says, and after a cancel too."""
    vault = Vault()
    ids = {"first": vault.accepted(proposal("buy", 9)), "second": vault.accepted(proposal("buy", 9)), "foreign": "x"}
    expected = 0
    for order, fill_id, counts in FILL_IDS:
        what: dict[str, str] = {"asset": "BTC", "side": "buy"} if order == "foreign" else {}
        quantity = 1 if counts else 5
        assert vault.gate.apply_fill(ids[order], fill_id, quantity, 100, 1, **what) is counts  # type: ignore[arg-type]
        expected += int(counts)
        assert (vault.now.positions["BTC"], vault.now.fees) == (expected, expected)
    vault.gate.order_cancelled(ids["first"])
    assert not vault.gate.apply_fill(ids["first"], "f1", 1, 100)


# the order's id, asset and side as told; whether it can be booked
UNKNOWN: list[tuple[str, str | None, Side | None, bool]] = [
    ("gx-999", None, None, False),
    ("gx-999", "BTC", None, False),
    ("gx-999", None, "buy", False),
    ("gx-999", "BTC", "buy", True),
    ("the venue's own", "BTC", "sell", True),
    ("12345", "DOGE", "buy", True),
]


@pytest.mark.parametrize(("order_id", "asset", "side", "booked"), UNKNOWN)
def test_a_fill_nobody_approved_is_booked_when_it_says_of_what(
    order_id: str, asset: str | None, side: Side | None, booked: bool
) -> None:
    """Otherwise it is refused and changes nothing; booked, it trips fill_mismatch."""
    vault = Vault()
    order_id = order_id.replace(" ", "-")
    before = vault.now
    if not booked:
        with pytest.raises(VaultError, match="asset and side"):
            vault.gate.apply_fill(order_id, "f", 2, 100, asset=asset, side=side)
        assert vault.now == before
        return
    assert vault.gate.apply_fill(order_id, "f", 2, 100, "0.5", asset=asset, side=side)
    assert vault.now.positions[asset or ""] == (2 if side == "buy" else -2)
    assert vault.now.fees == Decimal("0.5")
    assert "fill_mismatch" in vault.tripped()
    (record,) = vault.journal("fill")
    assert (record["approved"], record["order_id"], record["asset"], record["side"]) == (False, order_id, asset, side)


@pytest.mark.parametrize("report", ["order_accepted", "order_cancelled", "order_failed"])
def test_reports_on_an_order_the_gate_does_not_know(report: str) -> None:
    """An error, and nothing changes; a malformed id is malformed input."""
    vault = Vault()
    before, more = vault.now, (["why"] if report == "order_failed" else [])
    for order_id in ("gx-999", "gx-2", "gx-0", "gx-", "gx-1e3", "other", 3, 0):
        with pytest.raises(VaultError):
            getattr(vault.gate, report)(order_id, *more)
    for malformed in ("", "a b", "a\n", "x" * 65, "é", -1, True, None, 1.0):
        with pytest.raises(InvalidOrder):
            getattr(vault.gate, report)(malformed, *more)
    assert vault.now == before


def test_a_refused_orders_sequence_is_no_order_id() -> None:
    """Only an approved order has one; different orders have different ones."""
    vault = Vault()
    refused = vault.gate.authorize(proposal(stop=None))
    assert (refused.order_id, refused.approval) == (None, None)
    with pytest.raises(VaultError):
        vault.gate.order_accepted(f"gx-{refused.sequence}")
    ids = [vault.order_id(proposal()) for _ in range(20)]
    assert len(set(ids)) == 20
    assert [order.order_id for order in vault.now.working] == ids
