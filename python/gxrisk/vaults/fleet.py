"""Many vaults on one feed, one venue and one clock; what happens to one never touches another."""

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Final

from gxrisk._native import Gate, GxriskError, Limits, ManualClock, SystemClock, VaultError
from gxrisk.agent.predictions import PredictionLog
from gxrisk.context import on_behalf_of
from gxrisk.feeds.protocol import Feed
from gxrisk.feeds.timeline import Moment
from gxrisk.protection.data_quality import DataQuality
from gxrisk.protection.standing import standings
from gxrisk.vaults.admission import LACKS, Admission, Admitted
from gxrisk.vaults.fleet_notes import FleetNotes
from gxrisk.vaults.founding import found
from gxrisk.vaults.market import Market
from gxrisk.vaults.monitor import Monitor, Schedule, WriteReport
from gxrisk.vaults.notices import Notify, log_notice
from gxrisk.vaults.open_files import allow_many_files
from gxrisk.vaults.opening import closing_on_failure, opened_ahead
from gxrisk.vaults.quality import FeedQualityKeeper
from gxrisk.vaults.retiring import RETIRED, Retired, retire
from gxrisk.vaults.settings import TOPIC, VaultSettings
from gxrisk.vaults.tier import finish_change
from gxrisk.vaults.timings import Timings
from gxrisk.vaults.vault import Vault
from gxrisk.vaults.watchdog import OnHang, Watchdog, log_hang
from gxrisk.venues.paper import PaperVenue
from gxrisk.venues.protocol import Venue, VenueError

JOURNAL: Final = "journal.gxr"
TICK_MS: Final = 60_000
LIVE_TICK_S: Final = 1.0
LAST_ANSWERS_S: Final = 5.0
_NS_PER_MS: Final = 1_000_000
_SAFE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_log = logging.getLogger("gxrisk.vaults")


class Fleet:
    """The vaults under one folder, each with its own folder, journal, keys and account at `venue`.

    With a `ManualClock` the feed's time is the time: for replays. With a `SystemClock` (the default) feeds are live. A
    vault whose journal, venue account or code fails is taken out and listed in `failed`, with the reason; the others go
    on. `passphrase_file` seals the keys of all vaults. With `data_quality` a bad price reaches no vault. `redis_url` is
    where standings of protected vaults are kept, else in this process; `predictions` is told what strategies answer.

    >>> import asyncio, tempfile
    >>> from decimal import Decimal
    >>> from gxrisk.feeds import Replay, reconstruct
    >>> from gxrisk.vaults.version import StrategyVersion
    >>> async def a_day_in_march(folder):
    ...     fleet = Fleet(folder, PaperVenue(), clock=ManualClock("2020-03-12T00:00:00Z"))
    ...     version = StrategyVersion.of("gxrisk.agent.momentum:Momentum", "1")
    ...     vault = await fleet.create("ann", VaultSettings("growth", version, bar_s=900))
    ...     await vault.fund("first", Decimal(10_000))
    ...     await fleet.run(Replay([reconstruct()]))
    ...     trips = [event["breaker"] for event in vault.gate.events() if event["kind"] == "trip"]
    ...     await fleet.close()
    ...     return len(trips) > 0, dict(fleet.failed)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     asyncio.run(a_day_in_march(folder))
    (True, {})
    """

    def __init__(
        self,
        folder: str | PathLike[str],
        venue: Venue,
        *,
        clock: ManualClock | SystemClock | None = None,
        notify: Notify = log_notice,
        passphrase_file: str | PathLike[str] | None = None,
        schedule: Schedule | None = None,
        write_report: WriteReport | None = None,
        on_hang: OnHang = log_hang,
        data_quality: DataQuality | None = None,
        redis_url: str | None = None,
        predictions: PredictionLog | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        allow_many_files()
        self.venue = venue
        self._admission = Admission(venue, predictions)
        self.clock = clock or SystemClock()
        if isinstance(venue, PaperVenue):
            venue.follow(self.clock)
        self.market = Market(self.folder)
        self.data_quality = data_quality
        self.timings = Timings()
        self._quality = FeedQualityKeeper(data_quality)
        self._standings = standings(redis_url)
        self._notify = notify
        self._on_hang = on_hang
        self._passphrase_file = None if passphrase_file is None else Path(passphrase_file)
        self._vaults: dict[str, Vault] = {}
        self._failed: dict[str, str] = {}
        self._opening: set[str] = set()
        self._schedule = schedule or Schedule()
        self.monitor = Monitor(
            self._vaults, notify, schedule=self._schedule, write_report=write_report, notes=FleetNotes(self.folder)
        )
        self._stopping = asyncio.Event()
        self._turn = asyncio.Lock()
        self._last_ms: int | None = None

    @property
    def vaults(self) -> Mapping[str, Vault]:
        """The vaults that run, by id."""
        return MappingProxyType(self._vaults)

    @property
    def failed(self) -> Mapping[str, str]:
        """The vaults that were taken out, each with the reason; `open` takes them in again."""
        return MappingProxyType(self._failed)

    async def create(
        self,
        vault_id: str,
        settings: VaultSettings,
        *,
        limits: Limits | None = None,
        owner_key: bytes | str | None = None,
    ) -> Vault:
        """Make a vault. `limits` are those of its tier unless given; `owner_key` is who may withdraw.

        The id names a folder: letters, digits, dot, dash and underscore. Raises `VaultError` for another one,
        `JournalError` where the vault exists, `ModelError` where its strategy is not what its version says,
        `GraduationError` for a live vault that did not graduate so. The same call finishes what a crash cut short.
        """
        if not _SAFE_ID.fullmatch(vault_id):
            raise VaultError(f"vault id {vault_id!r}: it names a folder: letters, digits, '.', '-' and '_' are allowed")
        limits = limits or Limits.for_tier(settings.tier)
        strategy = self._admission.check(vault_id, settings, limits)
        (self.folder / vault_id).mkdir(exist_ok=True)
        gate = found(
            vault_id,
            limits,
            clock=self.clock,
            journal=self.folder / vault_id / JOURNAL,
            owner_key=owner_key,
            passphrase_file=self._passphrase_file,
        )
        with closing_on_failure(gate):
            gate.note(TOPIC, settings.to_json())
            vault = self._vault(gate, settings, Admitted(await self._admission.account(gate), strategy))
        self._vaults[vault_id] = vault
        return vault

    async def open(self, vault_id: str) -> Vault:
        """Open a vault as its journal leaves it; what a crash left open is settled before its first step.

        Where its strategy or licence is not what it was, it is opened for exits only (`Vault.exits_only`), and whole by
        another `open` when that is mended. Raises `Retired` for one closed for good, `VaultError` while it is opened.
        """
        vault = self._vaults.get(vault_id)
        if vault is None:
            return await self._open_beside(vault_id)
        if vault.exits_only is not None:
            try:
                self._admission.check(vault_id, vault.settings)
            except LACKS as lack:
                vault.leave_only(str(lack))
            else:
                return await self._reopen(vault)
        return vault

    def _gate(self, vault_id: str) -> Gate:
        return Gate.open(self.folder / vault_id / JOURNAL, clock=self.clock, passphrase_file=self._passphrase_file)

    async def _open_beside(self, vault_id: str) -> Vault:
        if vault_id in self._opening:
            raise VaultError(f"{vault_id} is being opened already; ask again in a moment")
        self._opening.add(vault_id)
        try:
            return await self._open(vault_id, await asyncio.to_thread(self._gate, vault_id))
        finally:
            self._opening.discard(vault_id)

    async def _open(self, vault_id: str, gate: Gate) -> Vault:
        with closing_on_failure(gate):
            if RETIRED in gate.notes:
                raise Retired(f"{vault_id} was retired: {gate.notes[RETIRED]}")
            settings = finish_change(gate, VaultSettings.from_json(gate.notes.get(TOPIC)))
            self._quality.restore(gate)
            self.market.bars(settings.bar_s)  # from the first candle on, which may follow those that were kept
            vault = self._vault(gate, settings, await self._admission.admitted(gate, settings))
        self._failed.pop(vault_id, None)
        self._vaults[vault_id] = vault
        return vault

    async def open_all(self) -> None:
        """Open every vault under the folder but the retired ones; those that cannot be opened are in `failed`."""
        names = sorted(journal.parent.name for journal in self.folder.glob(f"*/{JOURNAL}"))
        with opened_ahead((one for one in names if one not in self._vaults), self._gate) as gates:
            for vault_id, gate in gates:
                try:
                    await self._open(vault_id, gate())
                except Retired:
                    continue
                except Exception as error:
                    self._failed[vault_id] = str(error) if isinstance(error, GxriskError) else _reason(error)
                    _log.error("%s: could not be opened: %s", vault_id, self._failed[vault_id])

    async def retire(self, vault_id: str, reason: str) -> None:
        """Close a vault for good. Raises `VaultError` while it holds anything: positions, orders, or money."""
        vault = self._vaults.get(vault_id)
        if vault is None:
            raise VaultError(f"{vault_id} does not run here; open it first")
        async with self._turn:
            await vault.catch_up()
            retire(vault.gate, vault.withdrawal, reason)
            del self._vaults[vault_id]
            await vault.close()

    async def run(self, feed: Feed) -> None:
        """Take the feed's moments through all vaults until it ends or `stop` is called; a moment is always finished."""
        moments = feed.moments()
        stopping = asyncio.ensure_future(self._stopping.wait())
        over = asyncio.Event()
        watching = None if isinstance(self.clock, ManualClock) else asyncio.ensure_future(self._watch(over))
        coming: asyncio.Future[Moment | None] | None = None
        try:
            while not self._stopping.is_set():
                coming = asyncio.ensure_future(anext(moments, None))
                await asyncio.wait({coming, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if not coming.done() or (moment := coming.result()) is None:
                    return
                await self.step(moment)
        finally:
            stopping.cancel()
            over.set()
            if coming is not None and coming.cancel():
                await asyncio.wait({coming})
            if watching is not None:
                await watching

    async def step(self, moment: Moment) -> None:
        """Take one moment of the feed through venue and vaults, after the silence before it."""
        async with self._turn:
            await self._step(moment)

    async def _step(self, moment: Moment) -> None:
        await self._be_silent_until(moment.at_ms)
        self._set_clock(moment.at_ms)
        if isinstance(self.venue, PaperVenue):
            self.venue.advance(moment)
        self.market.take(await self._quality.judged(moment, self._vaults.values(), self._attempt))
        self.market.scores = self._quality.scores()
        await self._each(lambda vault: vault.step(self.market))
        await self._ask()
        self._last_ms = moment.at_ms
        self.monitor.heard(moment.at_ms)
        await self.monitor.look(moment.at_ms)

    def _vault(self, gate: Gate, settings: VaultSettings, admitted: Admitted) -> Vault:
        return Vault(gate, *admitted, settings, self._notify, self._standings, self.timings)

    async def _each(self, step: Callable[[Vault], Coroutine[None, None, None]]) -> None:
        """One vault after the other where the venue answers at once, else all together: none waits for another's."""
        attempts = [self._attempt(vault, step(vault)) for vault in self._vaults.values()]
        if self._admission.answers_at_once:
            for attempt in attempts:
                await attempt
        else:
            await asyncio.gather(*attempts)

    async def _ask(self) -> None:
        """All at once, so that a strategy takes its time from no other vault; live, it takes none from the feed."""
        asking = [vault for vault in self._vaults.values() if vault.has_questions]
        if isinstance(self.clock, ManualClock):
            await asyncio.gather(*(self._attempt(vault, vault.ask(self.market)) for vault in asking))
        else:
            for vault in asking:
                vault.ask_beside(self.market, partial(self._attempt, vault))

    async def tick(self, now_ms: int) -> None:
        """What follows from time alone: nothing came from the feed."""
        async with self._turn:
            await self._tick(now_ms)

    async def _tick(self, now_ms: int) -> None:
        self._set_clock(now_ms)
        await self._each(lambda vault: vault.tick(now_ms))
        await self.monitor.look(now_ms)

    def stop(self) -> None:
        """Let `run` return when the moment in hand is done. Safe to call from a signal handler of the event loop."""
        self._stopping.set()

    async def close(self) -> None:
        """Close every journal and account. Orders go on working at the venue; the next opening settles them.

        Strategies that are being asked have five seconds more; what is not answered then is a hold on record.
        """
        async with self._turn:
            await asyncio.gather(*(vault.finish_answers(LAST_ANSWERS_S) for vault in self._vaults.values()))
            vaults = tuple(self._vaults.values())
            self._vaults.clear()
            await asyncio.gather(*map(self._close, vaults))
            self.market.close()
            await self._standings.close()

    async def _close(self, vault: Vault) -> None:
        try:
            await vault.close()
        except Exception as error:
            self._failed[vault.vault_id] = _reason(error)
            _log.exception("%s: could not be closed", vault.vault_id)

    async def _watch(self, over: asyncio.Event) -> None:
        """Live, time goes on without the feed; a look that fails is logged, and the next one comes."""
        with Watchdog(self._on_hang, hang_s=self._schedule.hang_s) as watchdog:
            while not over.is_set():
                try:
                    await self.tick(self.clock.now_ns // _NS_PER_MS)
                    watchdog.beat()
                except Exception:
                    _log.exception("a look at the vaults failed")
                with suppress(TimeoutError):
                    await asyncio.wait_for(over.wait(), LIVE_TICK_S)

    async def _be_silent_until(self, at_ms: int) -> None:
        """In a replay the clock goes on when nothing comes, so that an outage is noticed while it lasts."""
        if self._last_ms is not None and isinstance(self.clock, ManualClock):
            for now_ms in range(self._last_ms + TICK_MS, at_ms, TICK_MS):
                await self._tick(now_ms)

    def _set_clock(self, at_ms: int) -> None:
        if isinstance(self.clock, ManualClock):
            self.clock.set(at_ms * _NS_PER_MS)

    async def _attempt(self, vault: Vault, step: Coroutine[None, None, None]) -> None:
        if self._vaults.get(vault.vault_id) is not vault:
            step.close()  # it was taken out meanwhile
            return
        with on_behalf_of(vault_id=vault.vault_id):
            try:
                await step
            except VenueError as error:
                # Nothing is known of what was asked: the account is opened anew and reconciled at the next moment.
                _log.warning("%s: %s", vault.vault_id, error)
                await self._reconnect(vault)
            except Exception as error:
                await self._take_out(vault, error)

    async def _reconnect(self, vault: Vault) -> None:
        if self._vaults.get(vault.vault_id) is not vault:
            return
        try:
            opening = self._admission.account if vault.exits_only is None else self._admission.account_for_exits
            await vault.connect(await opening(vault.gate))
        except VenueError as error:
            _log.warning("%s: %s", vault.vault_id, error)
        except LACKS:
            with suppress(Exception):  # it is told of
                await self._reopen(vault)
        except Exception as error:
            await self._take_out(vault, error)

    async def _reopen(self, vault: Vault) -> Vault:
        """Open it anew, for exits only or not any more; where that fails it is out."""
        del self._vaults[vault.vault_id]
        try:
            await vault.close()
            return await self._open_beside(vault.vault_id)
        except Exception as error:
            _log.error("%s: could not be opened anew", vault.vault_id, exc_info=error)
            await self._fail(vault.vault_id, error)
            raise

    async def _take_out(self, vault: Vault, error: Exception) -> None:
        if self._vaults.get(vault.vault_id) is not vault:
            return  # or closed: what it was doing found that out
        _log.error("%s: taken out", vault.vault_id, exc_info=error)
        del self._vaults[vault.vault_id]
        try:
            await vault.close()
        except Exception as another:  # what broke it may well break this too
            _log.warning("%s: could not be closed in order: %s", vault.vault_id, _reason(another))
        await self._fail(vault.vault_id, error)

    async def _fail(self, vault_id: str, error: Exception) -> None:
        self._failed[vault_id] = _reason(error)
        text = f"{vault_id} was taken out and trades no more: {_reason(error)}"
        await self.monitor.tell(self.clock.now_ns // _NS_PER_MS, "critical", "vault_failed", text, vault_id)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
