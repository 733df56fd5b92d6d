"""The owner's money on its way out: closed first, paid once, and nobody else's."""

import asyncio
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from gxrisk import GxriskError, VaultError, WithdrawalError, order
from gxrisk.custody import create_owner_key
from gxrisk.vaults import Fleet, Vault
from gxrisk.venues import PaperVenue

from tests.vaults.faults import Away, FaultyVenue, Refusing, Teller
from tests.vaults.fleets import NS_PER_MS, Listener, Owner, agrees, fleet, minutes, play, settings

pytestmark = pytest.mark.usefixtures("data_dir")

WARM = 17
D = Decimal


async def trading(
    folder: Path, owner: Owner, listener: Listener, venue: PaperVenue | None = None
) -> tuple[Fleet, Vault, list[Any]]:
    """A vault with a position and resting bids, and the moments that follow."""
    one = fleet(folder, venue or PaperVenue(), notify=listener)
    one.market.bars(60)
    moments = list(minutes(60))
    await play(one, moments[:WARM])
    vault = await one.create("ann", settings("Bidder"), owner_key=owner.public)
    await vault.fund("first", D(10_000))
    await play(one, moments[WARM : WARM + 6])
    assert vault.gate.snapshot().positions
    assert vault.gate.snapshot().working
    return one, vault, moments[WARM + 6 :]


async def until_paid(one: Fleet, vault: Vault, moments: list[Any]) -> int:
    """Play until the withdrawal is over; how many moments that took."""
    for count, moment in enumerate(moments, start=1):
        await one.step(moment)
        if vault.withdrawal is None:
            return count
    raise AssertionError("the withdrawal never ended")


@pytest.mark.parametrize("is_file", [False, True])
def test_a_part_closes_everything_is_paid_and_trading_goes_on(is_file: bool, tmp_path: Path, owner: Owner) -> None:
    """Orders are cancelled, positions sold, the money paid; meanwhile nothing opens and nothing is paid in."""

    async def part() -> None:
        listener = Listener()
        venue = PaperVenue(folder=tmp_path / "accounts" if is_file else None)
        one, vault, after = await trading(tmp_path, owner, listener, venue)
        request = owner.signs(2500)
        vault.withdraw(request)
        assert vault.withdraw(request) == vault.withdrawal, "the same request again is no second one"
        with pytest.raises(WithdrawalError) as busy:
            vault.withdraw(owner.signs(1))
        assert busy.value.code == "busy"
        with pytest.raises(VaultError, match="withdrawal is on its way"):
            vault.resume()
        with pytest.raises(VaultError, match="withdrawal is on its way"):
            await vault.fund("more", D(1))
        before = vault.gate.sequence
        taken = await until_paid(one, vault, after)
        records = vault.gate.events(before)
        kinds = [each["kind"] for each in records]
        assert kinds.count("withdrawal") == 1
        assert kinds.index("cancelled") < kinds.index("withdrawal")
        assert not [
            each
            for each in records
            if each["kind"] == "decision"
            and each["origin"] == "agent"
            and each["outcome"] == "approved"
            and not each["order"]["reduce_only"]
            and each["sequence"] < records[kinds.index("withdrawal")]["sequence"]
        ]
        assert vault.gate.snapshot().collateral == 7_500
        assert vault.gate.state == "active"
        assert listener.codes == ["withdrawal_paid"]
        with pytest.raises(WithdrawalError) as replayed:
            vault.withdraw(request)
        assert replayed.value.code == "replayed"
        await play(one, after[taken : taken + 6])
        assert vault.gate.snapshot().positions or vault.gate.snapshot().working, "it trades on"
        await agrees(vault)
        await one.close()

    asyncio.run(part())


def test_everything_can_be_taken(tmp_path: Path, owner: Owner) -> None:
    """With nothing held, to the last unit; with something held, the costs of closing come first."""

    async def everything() -> None:
        listener = Listener()
        one, vault, after = await trading(tmp_path, owner, listener)
        worth = round(vault.gate.snapshot().equity - D("1e-9"), 9)
        vault.withdraw(owner.signs(worth))
        taken = await until_paid(one, vault, after)
        assert listener.codes == ["withdrawal_refused"], "closing cost something: that much is not there any more"
        assert "no more than that" in listener.heard[0].text
        assert vault.gate.state == "active"
        vault.pause()
        await play(one, after[taken : taken + 3])
        vault.withdraw(owner.signs(1))
        taken += 3 + await until_paid(one, vault, after[taken + 3 :])
        rest = vault.gate.snapshot().equity
        vault.withdraw(owner.signs(rest.quantize(D("1e-9"), rounding="ROUND_DOWN")))
        await until_paid(one, vault, after[taken:])
        assert vault.gate.snapshot().equity < D("1e-9")
        assert vault.gate.state == "halted", "it was paused before and is now"
        await agrees(vault)
        await one.close()

    asyncio.run(everything())


def test_only_the_owner_s_word_counts(tmp_path: Path, owner: Owner, passphrase: Path) -> None:
    """Another's signature, another vault's, an altered, an expired request, and more than there is."""

    async def refuse() -> None:
        one, vault, after = await trading(tmp_path, owner, Listener())
        stranger = tmp_path / "stranger.key"
        other = Owner(stranger, create_owner_key(stranger, "eve", passphrase_file=passphrase), passphrase)
        altered = bytearray(owner.signs(5))
        altered[40] ^= 1
        wrong: list[Any] = [
            other.signs(5),
            owner.signs(5, vault_id="bob"),
            bytes(altered),
            owner.signs(5, expires="2017-12-22T00:00:01Z"),
            owner.signs(10_001),
            b"",
            "00",
        ]
        before = vault.gate.sequence
        for request in wrong:
            with pytest.raises(GxriskError):
                vault.withdraw(request)
        assert vault.withdrawal is None
        assert vault.gate.sequence == before
        await play(one, after[:2])
        assert vault.gate.state == "active"
        await one.close()

    asyncio.run(refuse())


def test_a_request_that_expires_on_its_way_ends_unpaid(tmp_path: Path, owner: Owner) -> None:
    """The venue was away for too long: the vault is flat, the money there, the owner told."""

    async def expire() -> None:
        listener = Listener()
        venue = FaultyVenue({"ann": Refusing})
        one, vault, after = await trading(tmp_path, owner, listener, venue)
        vault.withdraw(owner.signs(100, expires="2017-12-22T00:28:00Z"))
        venue.wrapped["ann"].refuse = 5
        await until_paid(one, vault, after)
        assert listener.codes == ["withdrawal_refused"]
        assert "expired" in listener.heard[0].text
        snapshot = vault.gate.snapshot()
        assert (snapshot.collateral, snapshot.positions) == (10_000, {})
        await agrees(vault)
        await one.close()

    asyncio.run(expire())


def test_a_venue_that_does_not_take_the_exits_is_asked_again(tmp_path: Path, owner: Owner) -> None:
    """What never arrived is ended and sent anew, until the vault is flat."""

    async def insist() -> None:
        venue = FaultyVenue({"ann": Refusing})
        listener = Listener()
        one, vault, after = await trading(tmp_path, owner, listener, venue)
        venue.wrapped["ann"].refuse = 3
        vault.withdraw(owner.signs(100))
        await until_paid(one, vault, after)
        exits = [each for each in vault.gate.events() if each["kind"] == "decision" and each["origin"] == "owner"]
        assert len(exits) == 4
        assert listener.codes == ["withdrawal_paid"]
        await agrees(vault)
        await one.close()

    asyncio.run(insist())


@pytest.mark.parametrize("is_late", [False, True])
def test_a_payment_without_an_answer_is_made_once(is_late: bool, tmp_path: Path, owner: Owner) -> None:
    """Asked again until the venue answers, also after a restart."""

    async def pay() -> None:
        listener = Listener()
        venue = FaultyVenue({"ann": Teller}, folder=tmp_path / "accounts")
        one, vault, after = await trading(tmp_path, owner, listener, venue)
        teller = venue.wrapped["ann"]
        vault.withdraw(owner.signs(100))
        teller.fail, teller.is_late = 4, is_late
        while after:
            await one.step(after.pop(0))
            if vault.withdrawal is not None and vault.withdrawal.stage == "paying" and teller.fail == 3:
                await one.close()
                vault = await one.open("ann")
            if vault.withdrawal is None:
                break
        assert teller.fail == 0
        assert vault.withdrawal is None
        assert vault.gate.snapshot().collateral == 9_900
        assert listener.codes == ["withdrawal_paid"]
        await play(one, after[:2])
        await agrees(vault)
        await one.close()

    asyncio.run(pay())


def test_what_a_person_stopped_stays_stopped(tmp_path: Path, owner: Owner) -> None:
    """A pause while the money is on its way, and a mismatch that nobody looked at: neither ends with the payment."""

    async def stay() -> None:
        listener = Listener()
        one, vault, after = await trading(tmp_path, owner, listener)
        vault.withdraw(owner.signs(10))
        vault.pause()
        taken = await until_paid(one, vault, after)
        assert vault.gate.snapshot().paused
        vault.resume()
        vault.gate.report_mismatch("something to look at")
        vault.withdraw(owner.signs(10))
        await until_paid(one, vault, after[taken:])
        assert [trip.breaker for trip in vault.gate.trips] == ["fill_mismatch"]
        assert "fill_mismatch" in listener.heard[-1].text
        vault.resume()
        assert vault.gate.state == "active"
        await one.close()

    asyncio.run(stay())


def test_killed_meanwhile_it_is_paid_all_the_same(tmp_path: Path, owner: Owner) -> None:
    """The kill cancels the exits too; they are sent anew, and the vault stays killed."""

    async def kill() -> None:
        listener = Listener()
        one, vault, after = await trading(tmp_path, owner, listener)
        vault.withdraw(owner.signs(10))
        await play(one, after[:1])
        vault.kill("enough")
        await until_paid(one, vault, after[1:])
        assert vault.gate.snapshot().killed
        assert listener.codes == ["withdrawal_paid"]
        wish = order("BTCUSD", "buy", "0.001", confidence=1, reasoning="more", stop_loss=1)
        assert not vault.gate.agent().authorize(wish)
        await agrees(vault)
        await one.close()

    asyncio.run(kill())


def test_a_crash_right_after_the_release_is_no_difference(tmp_path: Path, owner: Owner) -> None:
    """The gate has let the money go, its note of that is lost: paid once, and reconciliation finds nothing."""

    async def crash() -> None:
        listener = Listener()
        one, vault, after = await trading(tmp_path, owner, listener)
        request = owner.signs(100)
        vault.withdraw(request)
        while True:
            moment = after.pop(0)
            one.clock.set(moment.at_ms * NS_PER_MS)  # type: ignore[union-attr]
            assert one.venue.advance(moment) == {}  # type: ignore[attr-defined]
            await vault.catch_up()
            if not vault.gate.snapshot().positions and not vault.gate.snapshot().working:
                break
            await one.step(moment)
        assert vault.withdrawal is not None
        assert vault.withdrawal.stage == "closing"
        vault.gate.withdraw(request)
        await one.close()
        vault = await one.open("ann")
        await play(one, after[:2])
        assert vault.withdrawal is None
        assert vault.gate.trips == ()
        assert listener.codes == ["withdrawal_paid"]
        await agrees(vault)
        await one.close()

    asyncio.run(crash())


def test_nothing_is_paid_before_the_venue_was_heard(tmp_path: Path, owner: Owner) -> None:
    """After a restart the account may have changed: it is reconciled before money leaves, flat as the vault seems."""

    async def wait() -> None:
        listener = Listener()
        venue = FaultyVenue({"ann": partial(Away, calls=range(0))}, folder=tmp_path / "accounts")
        one = fleet(tmp_path, venue, notify=listener)
        vault = await one.create("ann", settings("Silent"), owner_key=owner.public)
        await vault.fund("first", D(1000))
        vault.withdraw(owner.signs(100))
        await one.close()
        away = venue.wrapped["ann"]
        away.calls = range(10**9)
        vault = await one.open("ann")
        moments = minutes(10)
        await play(one, moments[:5])
        assert vault.withdrawal is not None
        assert not [each for each in vault.gate.events() if each["kind"] == "withdrawal"]
        assert (await away.account.statement()).balance == 1000
        away.calls = range(0)
        await play(one, moments[5:])
        assert vault.withdrawal is None
        assert listener.codes == ["withdrawal_paid"]
        await agrees(vault)
        await one.close()

    asyncio.run(wait())
