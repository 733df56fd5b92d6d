"""The monitor: silent feeds, breakers about to end, the week's report; and vaults that are closed for good."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
from gxrisk import ManualClock, VaultError
from gxrisk.feeds import Candle, Moment
from gxrisk.vaults import Fleet, Schedule
from gxrisk.vaults.report import report_writer
from gxrisk.vaults.retiring import Retired
from gxrisk.venues import PaperVenue

from tests.vaults.fleets import Listener, Owner, fleet, minutes, play, settings

SUNDAY_MS = 1_513_555_200_000 - 3_600_000  # 2017-12-17 23:00 UTC
MINUTE_MS = 60_000


def quiet(count: int, from_ms: int = SUNDAY_MS) -> list[Moment]:
    """Minutes of a market that stands still."""
    price = Decimal(100)
    bars = [Candle("BTC", from_ms + n * MINUTE_MS, MINUTE_MS, price, price, price, price, 10.0) for n in range(count)]
    return [Moment(one.end_ms, closed=(one,)) for one in bars]


def made(folder: Path, listener: Listener, **more: object) -> Fleet:
    """A fleet on a Sunday evening."""
    clock = ManualClock(SUNDAY_MS * 1_000_000)
    return Fleet(folder / "vaults", PaperVenue(), clock=clock, notify=listener, **more)  # type: ignore[arg-type]


def test_a_silent_feed_is_told_once_and_its_return_too(tmp_path: Path) -> None:
    async def silence() -> list[str]:
        heard = Listener()
        one = made(tmp_path, heard, schedule=Schedule(silence_s=120))
        await one.create("ann", settings("Silent"))
        first, second = quiet(5), quiet(5, SUNDAY_MS + 30 * MINUTE_MS)
        await play(one, [*first, *second])
        await one.close()
        return heard.codes

    assert asyncio.run(silence()) == ["feed_silent", "feed_back"]


def test_what_nobody_took_of_the_fleets_own_is_told_again(tmp_path: Path) -> None:
    """At the next look, and after a restart; its numbers go on. A file that is damaged costs what it held, no vault."""

    async def tell() -> None:
        heard = Listener()
        heard.is_deaf = True
        one = made(tmp_path, heard)
        at_ms = SUNDAY_MS
        await one.monitor.tell(at_ms, "critical", "vault_failed", "ann was taken out", "ann")
        await one.monitor.look(at_ms)
        assert heard.heard == []
        heard.is_deaf = False
        await asyncio.gather(*(one.monitor.tell(at_ms, "info", f"n{number}", "at once") for number in range(5)))
        assert heard.codes == ["vault_failed", *(f"n{number}" for number in range(5))], "each once"
        heard.is_deaf = True
        await one.monitor.tell(at_ms, "critical", "feed_silent", "nothing for 121 s")
        await one.close()
        heard.is_deaf = False

        one = made(tmp_path, heard)
        await one.monitor.look(at_ms)
        await one.monitor.look(at_ms + 2 * MINUTE_MS)
        await one.monitor.tell(at_ms, "info", "feed_back", "the feed is back")
        assert [(each.number, each.code) for each in heard.heard[-2:]] == [(7, "feed_silent"), (8, "feed_back")]
        assert [each.subject for each in heard.heard if each.code == "vault_failed"] == ["ann"]
        await one.close()

        (tmp_path / "vaults" / "_fleet.json").write_text("{")
        one = made(tmp_path, heard)
        await one.monitor.tell(at_ms, "info", "feed_back", "the feed is back again")
        assert heard.heard[-1].number == 1
        assert (tmp_path / "vaults" / "_fleet.damaged").read_text() == "{"
        await one.close()

    asyncio.run(tell())


def test_the_end_of_a_timed_breaker_is_told_once_ahead(tmp_path: Path) -> None:
    async def pause() -> list[tuple[str, str]]:
        heard = Listener()
        one = made(tmp_path, heard)
        vault = await one.create("ann", settings("Silent"))
        await vault.fund("first", Decimal(1_000))
        moments = quiet(40)
        await play(one, moments[:2])
        high = Decimal(120)  # 20 % within a minute: price_move, for half an hour
        bar = moments[2].closed[0]
        jumped = Candle("BTC", bar.start_ms, MINUTE_MS, high, high, high, high, 10.0)
        await one.step(Moment(bar.end_ms, closed=(jumped,)))
        (trip,) = vault.gate.trips
        assert trip.until is not None
        await play(one, [Moment(at.at_ms, closed=()) for at in moments[3:]])
        await one.close()
        return [(notice.code, notice.text) for notice in heard.heard if notice.code == "breaker_ending"]

    told = asyncio.run(pause())
    assert len(told) == 1
    assert told[0][1].startswith("price_move ends at ")


def test_the_weeks_report_is_written_on_monday_once(tmp_path: Path) -> None:
    async def over_midnight() -> None:
        folder = tmp_path / "vaults"
        one = made(tmp_path, Listener(), write_report=report_writer(folder), schedule=Schedule(report_s=600))
        vault = await one.create("ann", settings("Silent"))
        await vault.fund("first", Decimal(1_000))
        moments = quiet(90)
        reports = folder / "ann" / "reports"
        await play(one, moments[:65])
        assert not reports.exists()
        await play(one, moments[65:75])
        page = reports / "2017-W50.html"
        written = page.stat().st_mtime_ns
        assert sorted(file.name for file in reports.iterdir()) == ["2017-W50.html", "2017-W50.json"]
        await play(one, moments[75:])
        assert page.stat().st_mtime_ns == written
        await one.close()

    asyncio.run(over_midnight())


def test_a_monday_that_was_missed_is_caught_up_with(tmp_path: Path) -> None:
    async def missed() -> list[str]:
        folder = tmp_path / "vaults"
        one = made(tmp_path, Listener())
        vault = await one.create("ann", settings("Silent"))
        await vault.fund("first", Decimal(1_000))
        await play(one, quiet(5))
        await one.close()
        tuesday_ms = SUNDAY_MS + 48 * 60 * MINUTE_MS
        clock = ManualClock(tuesday_ms * 1_000_000)
        again = Fleet(folder, PaperVenue(), clock=clock, notify=Listener(), write_report=report_writer(folder))
        await again.open_all()
        await play(again, quiet(2, tuesday_ms))
        await again.close()
        return sorted(file.name for file in (folder / "ann" / "reports").iterdir())

    assert asyncio.run(missed()) == ["2017-W50.html", "2017-W50.json"]


def test_one_vaults_trouble_in_a_look_is_not_anothers(tmp_path: Path) -> None:
    async def trouble() -> list[str]:
        seen: list[str] = []

        async def write(vault: object, until: object) -> None:
            seen.append(vault.vault_id)  # type: ignore[attr-defined]
            if vault.vault_id == "ann":  # type: ignore[attr-defined]
                raise OSError("no space left on device")

        one = made(tmp_path, Listener(), write_report=write)
        for name in ("ann", "bob"):
            await one.create(name, settings("Silent"))
        await play(one, quiet(75))
        assert set(one.vaults) == {"ann", "bob"}
        await one.close()
        return seen

    # At once, for the week before; ann again after an hour; both when Monday has come.
    assert asyncio.run(trouble()) == ["ann", "bob", "ann", "ann", "bob"]


def test_a_vault_is_retired_when_it_is_empty(tmp_path: Path, owner: Owner, data_dir: Path) -> None:
    async def retirement() -> None:
        one = fleet(tmp_path)
        vault = await one.create("ann", settings("Silent"), owner_key=owner.public)
        await vault.fund("first", Decimal(1_000))
        moments = minutes(20)
        await play(one, moments[:5])
        with pytest.raises(VaultError, match="1000 in money"):
            await one.retire("ann", "too early")
        vault.withdraw(owner.signs(1_000))
        await play(one, moments[5:10])
        await one.retire("ann", "the owner moved on")
        assert (dict(one.vaults), dict(one.failed)) == ({}, {})
        with pytest.raises(VaultError, match="does not run here"):
            await one.retire("ann", "again")
        with pytest.raises(Retired, match="the owner moved on"):
            await one.open("ann")
        await one.open_all()
        assert (dict(one.vaults), dict(one.failed)) == ({}, {})
        await one.close()

    asyncio.run(retirement())
