"""What the server owns: one fleet, its feed, the history, the keys; opened together and closed in order."""

import asyncio
import fcntl
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from importlib import import_module
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from sqlalchemy import Engine

from gxrisk._native import GxriskError, Limits
from gxrisk.agent.predictions import PredictionLog
from gxrisk.config import Config
from gxrisk.history import History, Projector
from gxrisk.metrics import MetricsApp, registry_of
from gxrisk.protection.data_quality import DataQuality
from gxrisk.protection.data_quality_words import QualitySettings
from gxrisk.server.alerting import FLEET_FAILED, VAULT_FAILED, Alerting
from gxrisk.server.answers import Answers
from gxrisk.server.ceiling import Ceiling
from gxrisk.server.database import open_database
from gxrisk.server.deciding import Deciding
from gxrisk.server.events.tails import Tails
from gxrisk.server.fleet_lines import Status
from gxrisk.server.holds import Holds
from gxrisk.server.keys import Keyring
from gxrisk.server.lockout import Allowed, Lockout
from gxrisk.server.loop_lag import measure_lag
from gxrisk.server.metrics import ServerMetrics
from gxrisk.server.model_health import ModelHealth
from gxrisk.server.overview import Overview
from gxrisk.server.problems import Problem
from gxrisk.server.push_feed import PushFeed
from gxrisk.server.redis_fanout import Known, RedisFanout
from gxrisk.server.shared import Shared
from gxrisk.server.streams import Streams
from gxrisk.server.trip_watch import TripWatch
from gxrisk.vaults import Fleet, Vault, VaultSettings
from gxrisk.vaults.fleet import JOURNAL
from gxrisk.vaults.timings import Timing
from gxrisk.venues.paper import PaperVenue
from gxrisk.venues.protocol import Venue

VAULTS: Final = "vaults"
THREADS: Final = 64  # that may wait for disks at once: those who wait together share one write
LAST_WORDS_S: Final = 5.0  # of streams, when the server stops
_log = logging.getLogger("gxrisk.server")
_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


class ServeError(GxriskError):
    """The server cannot be started as configured."""


class Desk:
    """Everything behind the routes. `start` opens it, `stop` closes it; in between it is `is_ready`."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.ceiling = Ceiling(config.limits)
        self.holds = Holds()
        self.in_flight: set[asyncio.Task[object]] = set()
        self.shared = Shared()
        self.overview = Overview(self)
        self.health = ModelHealth(config.folder / VAULTS)
        self.streams = Streams(config.streams)
        self._is_open = False
        self.deciding = Deciding()
        self.fanout: RedisFanout | None = None
        self._creating = asyncio.Lock()
        self._closing = AsyncExitStack()

    async def start(self) -> None:
        """Open everything; vaults as their journals leave them. Raises `GxriskError` and leaves nothing open."""
        try:
            await self._open(self._closing)
        except BaseException:
            await self._closing.aclose()
            raise
        self._is_open = True

    async def stop(self) -> None:
        """Take no more, finish what is in flight, close journals, tell the history all of it."""
        self._is_open = False
        self.streams.end_all()
        if self.in_flight:
            _, late = await asyncio.wait(self.in_flight, timeout=self.config.http.shutdown_s)
            if late:
                _log.warning("%d requests were not finished in time; sent again, they will be", len(late))
        await self._closing.aclose()

    async def _open(self, closing: AsyncExitStack) -> None:
        """Each thing as it is opened says how it is closed: the last one first."""
        config = self.config
        config.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        closing.callback(os.close, _lock(config.folder / "server.lock"))
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "gate"))
        self.engine = open_database(config.database)
        closing.callback(self.engine.dispose)
        self.keyring = keyring(config, self.engine)
        self.answers = Answers(self.engine, config.idempotency_s)
        self.history = History.open(config.history)
        closing.callback(self.history.close)
        self.projector = Projector(self.history)
        self.quality = DataQuality(QualitySettings(interval_s=config.feed.bar_s, window=config.feed.quality_window))
        await self._open_alerts(closing)
        redis_url = None if config.redis_url is None else config.redis_url.get_secret_value()
        self.predictions = PredictionLog.open(config.folder / "predictions.db", redis_url)
        closing.callback(self.predictions.close)
        self.fleet = Fleet(
            config.folder / VAULTS,
            _venue(config),
            notify=self.alerting.notify,
            passphrase_file=config.passphrase_file,
            data_quality=self.quality,
            redis_url=redis_url,
            predictions=self.predictions,
        )
        labels = config.metrics
        registry = registry_of(self.fleet, vaults_max=labels.vaults_max, assets_max=labels.assets_max)
        lag = Timing()
        registry.register(ServerMetrics(self.streams, lag, lambda: self.fanout))
        self.metrics = MetricsApp(registry)
        closing.push_async_callback(_cancelled, asyncio.create_task(measure_lag(lag)))
        closing.push_async_callback(self._tell_the_rest)
        closing.push_async_callback(self.shared.close)
        closing.push_async_callback(self.fleet.close)
        await self.fleet.open_all()
        self.feed = PushFeed(
            config.feed.bar_s * 1000,
            waiting_max=config.feed.moments_waiting_max,
            assets_max=config.feed.assets_max,
            now_ms=lambda: time.time_ns() // 1_000_000,
            known=self.quality.suspended,
        )
        for vault in self.fleet.vaults.values():
            self.hold_to_ceiling(vault)
        for journal in self._journals():
            self.projector.follow(journal)
        closing.push_async_callback(_cancelled, asyncio.create_task(self.projector.run()))
        watch = TripWatch(self.fleet.vaults, self.alerting.notify, await self._tell_of_the_start())
        closing.push_async_callback(_cancelled, asyncio.create_task(watch.run()))
        self.tails = Tails(self._journal_of, self._sequence_of)
        for task in (self.tails.run(), self.streams.run(self.keyring)):
            closing.push_async_callback(_cancelled, asyncio.create_task(task))
        if redis_url is not None:
            known = Known(self.vault_ids, lambda: {one: vault.gate for one, vault in self.fleet.vaults.items()})
            self.fanout = RedisFanout(redis_url, self.tails, known)
            closing.push_async_callback(_cancelled, asyncio.create_task(self.fanout.run()))
        closing.push_async_callback(self.streams.drain, LAST_WORDS_S)
        self._running = asyncio.create_task(self._run())
        closing.push_async_callback(self._stop_running)

    async def _stop_running(self) -> None:
        self.fleet.stop()
        await self._running

    async def _open_alerts(self, closing: AsyncExitStack) -> None:
        """Before the fleet, which tells of things as long as it is open."""
        self.alerting = Alerting(self.config)
        closing.callback(self.alerting.sink.close)
        await closing.enter_async_context(self.alerting.sink.running())
        await closing.enter_async_context(self.alerting.marked())

    async def _tell_of_the_start(self) -> set[tuple[str, str]]:
        """Vaults that cannot be opened, and what a start mends; vault and code of what goes on."""
        alerting = self.alerting
        for vault_id, reason in self.fleet.failed.items():
            await alerting.tell("critical", VAULT_FAILED, f"{vault_id} could not be opened: {reason}", vault_id)
        await alerting.resolve(VAULT_FAILED, self.fleet.vaults.keys(), "opened again")
        await alerting.resolve(FLEET_FAILED, ("",), "started again")
        return await alerting.open_codes()

    async def _tell_the_rest(self) -> None:
        await asyncio.to_thread(Projector(self.history, self._journals()).catch_up)

    @property
    def is_ready(self) -> bool:
        """Whether orders are taken: the feed runs, and nothing is being closed."""
        return self._is_open and not self._running.done()

    def vault(self, vault_id: str) -> Vault:
        """A vault that runs. Raises `Problem` for any other, which says what it is."""
        vault = self.fleet.vaults.get(vault_id)
        if vault is None:
            self.check_known(vault_id)
            if vault_id in self.fleet.failed:
                raise Problem(
                    503, "vault_failed", f"{vault_id} was taken out and trades no more; the operator's log says why"
                )
            raise Problem(410, "vault_retired", f"{vault_id} was closed for good; its history can still be read")
        return vault

    def check_known(self, vault_id: str) -> None:
        """Raise `Problem` for a vault that never was."""
        if not (self.fleet.folder / vault_id / JOURNAL).exists():
            raise Problem(404, "vault_unknown", f"there is no vault {vault_id}")

    def status(self, vault_id: str) -> Status:
        """What became of a vault. Raises `Problem` for one that never was."""
        self.check_known(vault_id)
        return self.status_of(vault_id)

    def status_of(self, vault_id: str) -> Status:
        """What became of a vault that is known."""
        vault = self.fleet.vaults.get(vault_id)
        if vault is not None:
            return "running" if vault.exits_only is None else "exits_only"
        return "failed" if vault_id in self.fleet.failed else "retired"

    def journal(self, vault_id: str) -> Path:
        """A vault's journal, also of one that failed or was retired. Raises `Problem` for one that never was."""
        self.check_known(vault_id)
        return self.fleet.folder / vault_id / JOURNAL

    def told_vaults(self) -> set[str]:
        """The vaults of which the history knows."""
        return {one.name for one in self.history.vaults()}

    async def create(self, vault_id: str, settings: VaultSettings, limits: Limits, owner_key: str | None) -> Vault:
        """Make a vault under the ceiling, and let history and readers follow it.

        One after the other: readers of many know vaults by the order in which they were made.
        """
        async with self._creating:
            vault = await self.fleet.create(vault_id, settings, limits=self.ceiling.over(limits), owner_key=owner_key)
            self.projector.follow(self._journal_of(vault_id))
            self.tails.announce(vault_id)
        return vault

    async def reopen(self, vault_id: str) -> Vault:
        """A vault that was taken out or is open for exits only, opened anew; one that runs whole as it is.

        Raises `Problem` for one that never was, was closed for good, or still cannot be opened.
        """
        async with self._creating:
            if self.status(vault_id) in ("running", "retired"):
                return self.vault(vault_id)
            try:
                vault = await self.fleet.open(vault_id)
            except GxriskError:
                raise
            except Exception as error:
                _log.exception("%s could not be opened anew", vault_id)
                raise Problem(503, "vault_failed", f"{vault_id} cannot be opened; the log says why") from error
            self.hold_to_ceiling(vault)
            await self.alerting.resolve(VAULT_FAILED, (vault_id,), "opened again")
        return vault

    def recorded(self) -> None:
        """Say that something was put on record, so that those who follow need not find it by looking."""
        self.projector.notify()
        self.tails.notify()

    def vault_ids(self) -> list[str]:
        """Every vault under the folder, by name: those that run, failed ones and retired ones."""
        return [journal.parent.name for journal in self._journals()]

    def hold_to_ceiling(self, vault: Vault) -> None:
        """Tighten what is looser than the operator's ceiling, at once: that never needs a flat vault."""
        held = self.ceiling.over(vault.gate.limits)
        if self.ceiling.exceeded(vault.gate.limits):
            vault.gate.set_limits(held)

    async def off_loop(self, call: Callable[_Given, _Result], *args: _Given.args, **kwargs: _Given.kwargs) -> _Result:
        """What may wait for a disk or a database, in a thread."""
        return await asyncio.to_thread(call, *args, **kwargs)

    def _journal_of(self, vault_id: str) -> Path:
        return self.fleet.folder / vault_id / JOURNAL

    def _sequence_of(self, vault_id: str) -> int | None:
        vault = self.fleet.vaults.get(vault_id)
        return None if vault is None else vault.gate.sequence

    def _journals(self) -> list[Path]:
        return sorted(self.fleet.folder.glob(f"*/{JOURNAL}"))

    async def _run(self) -> None:
        """The fleet on its feed. Where that fails, the server is not ready any more, and says so."""
        failure = None
        try:
            await self.fleet.run(self.feed)
        except Exception:
            failure = "the fleet failed, and takes no more marks"
            _log.critical("the fleet failed: no vault hears of prices any more", exc_info=True)
            await self.alerting.tell("critical", FLEET_FAILED, "the fleet failed: no vault hears of prices any more")
        finally:
            self.feed.stop(failure)


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def keyring(config: Config, engine: Engine) -> Keyring:
    """The keys of a server, with what its configuration says of lockouts."""
    allowed = Allowed(config.keys.failures_max, config.keys.address_failures_max, config.keys.lockout_s)
    return Keyring(engine, Lockout(allowed, engine))


def _venue(config: Config) -> Venue:
    if config.live_venue is None:
        return PaperVenue(folder=config.folder / "venue")
    module, _, name = config.live_venue.partition(":")
    try:
        venue: Venue = getattr(import_module(module), name)()
    except (ImportError, AttributeError, ValueError) as error:
        raise ServeError(f"live_venue: {config.live_venue} cannot be loaded: {error}") from None
    if not venue.is_live:
        raise ServeError(f"live_venue: {config.live_venue} is no venue for real money")
    return venue


def _lock(file: Path) -> int:
    """One server a folder: two would each think that the other's vaults are damaged."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise ServeError(f"{file.parent}: another server works here") from None
    return descriptor
