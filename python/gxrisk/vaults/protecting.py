"""A vault's guards at work: asked about each opening, steering the risk scale, told of once, and known after a restart.

What they must not forget is the note `protection`; the note `idle` says since when, and why, the model is not asked.
"""

import asyncio
import json
import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from math import sqrt
from threading import Thread
from typing import Any, Final

from gxrisk._native import Gate, JournalError, Order, VaultError
from gxrisk.agent.strategy import View
from gxrisk.feeds.volatility import DAYS_A_YEAR
from gxrisk.protection.edge import estimate_edge
from gxrisk.protection.health import HealthChange
from gxrisk.protection.pipeline import Assessment, ProtectionPipeline, Reason, Record
from gxrisk.protection.pipeline_guards import pipeline_of
from gxrisk.protection.risk import RISK_LEVELS
from gxrisk.protection.settings import ProtectionSettings, at_least
from gxrisk.protection.standing import LocalStandings, Standing, Standings
from gxrisk.vaults.notices import Notices, Severity
from gxrisk.vaults.track_record import REVIEW, Opening, TrackRecord

TOPIC: Final = "protection"
IDLE: Final = "idle"
ALL: Final = "guards"
RECORD: Final = "record"
SCALE: Final = "risk_scale"
KEPT_EVERY: Final = 10_000  # records; so many are folded anew at an opening, at the most
_NOTE_BYTES_MAX: Final = 60_000
_NS_PER_MS: Final = 1_000_000
_log = logging.getLogger("gxrisk.vaults")


class Protection:
    """One vault's guards. Nothing that they do, or fail to do, touches an exit.

    `pipeline` stands in for the one that the settings describe.
    """

    def __init__(
        self,
        gate: Gate,
        settings: ProtectionSettings,
        notices: Notices,
        standings: Standings | None = None,
        *,
        pipeline: ProtectionPipeline | None = None,
    ) -> None:
        self.settings = settings
        self._gate = gate
        self._notices = notices
        self._standings = standings or LocalStandings()
        self._pipeline = pipeline or pipeline_of(settings)
        self._bounds = None if settings.health is None else settings.health.bounds
        self._adaptive = None if settings.adaptive is None else settings.adaptive.guard(gate.limits)
        drift = None if settings.drift is None else settings.drift.predictions
        self._answers = 0 if drift is None else drift.rows * drift.every
        self._failed: set[str] = set()  # guards that were told of as failing
        self.scores: Mapping[str, float] = {}  # of the feed's quality by asset, where somebody judges it
        self._left: asyncio.Future[Assessment] | None = None  # what still ran when it was given up
        self._record = TrackRecord(self._bounds, self._answers)
        if gate.notes.get(TOPIC):
            self._resume(gate.notes[TOPIC])
        self._failed.discard(RECORD)  # it begins anew from the last note that was sound
        self._kept = self._record.sequence

    @property
    def record(self) -> Record:
        """What the journal says of the model up to now."""
        self._catch_up()
        return self._record.record

    def opening(self, asset: str) -> Opening | None:
        """What began the position in an asset; None where nothing is held, or the journal could not be folded."""
        self._catch_up()
        return None if RECORD in self._failed else self._record.opening(asset)

    # At each completed bar

    async def look(self, volatilities: Iterable[float | None]) -> None:
        """A bar was completed: follow the model's health, steer the risk scale, publish what the vault could do.

        `volatilities` are those of its assets, fractions of a day; while none is known the scale stays.
        """
        self._catch_up()
        known = [one for one in volatilities if one is not None]
        if self._adaptive is not None and known:
            self._steer(max(known) * sqrt(DAYS_A_YEAR))
        if self._record.sequence - self._kept >= KEPT_EVERY:
            self.keep()
        snapshot = self._gate.snapshot()
        standing = Standing.of(snapshot, self._gate, self._refusal(), self.settings.standing_s * 1000)
        await self._standings.put(self._gate.vault_id, standing)

    async def is_idle(self) -> bool:
        """Whether the model need not be asked: the vault is flat, nothing works, and nothing could be opened.

        Flat is what the gate says now; the rest is from the standing, which can be a no and never a yes.
        """
        if self.settings.asks_idle:
            return False
        snapshot, closed = self._gate.snapshot(), None
        if not snapshot.positions and not snapshot.working:
            standing = await self._standings.get(self._gate.vault_id)
            closed = None if standing is None else standing.closed(snapshot.time_ns // _NS_PER_MS)
        if (closed is not None) != bool(self._gate.notes.get(IDLE)):
            since = {"since": snapshot.time.isoformat(), "reason": closed}
            self._gate.note(IDLE, "" if closed is None else json.dumps(since, ensure_ascii=False))
            if closed is not None and closed == self._refusal():
                self._tell("warning", "model_idle", f"the model is not asked until a review: {closed}")
        return closed is not None

    # At each opening

    async def assess(self, order: Order, view: View) -> Assessment:
        """What the guards leave of an opening order, within the time that they have together; later is a refusal."""
        if self._left is not None and not self._left.done():
            return self._silent(order, "they are still busy with an earlier order")
        self._left, record = None, self.record
        for blind in (RECORD, SCALE):
            if blind in self._failed:
                return _refused(order, blind, "it failed, and nothing opens without it")
        try:
            work = _in_thread(self._pipeline, order, view, self._gate, record)
        except RuntimeError as error:
            return self._silent(order, f"no thread could be started for them: {error}")
        await asyncio.wait({work}, timeout=self.settings.answer_s)
        if not work.done():
            self._left = work
            return self._silent(order, f"they gave no answer within {self.settings.answer_s:g} s")
        found = work.result()
        for reason in found.reasons:
            if reason.did == "failed":
                self._fails(reason.guard, reason.text)
            else:
                self._works(reason.guard)
        if not any(one.guard == ALL for one in found.reasons):
            self._works(ALL)
        if found.approved and order.asset in self.scores:
            self._record.score(self._gate, order.asset, self.scores[order.asset])
        return found

    def review(self, by: str, reason: str) -> None:
        """A person looked at the model and lets it begin anew: its record and health start from here."""
        if not by.strip() or not reason.strip():
            raise VaultError("a review says who looked at the model, and why it may go on")
        self._gate.note(REVIEW, json.dumps({"by": by, "reason": reason}, ensure_ascii=False))
        self._catch_up()
        self._tell("info", "model_reviewed", f"the model's record begins anew, reviewed by {by}: {reason}")
        self.keep()

    # Memory

    def keep(self) -> None:
        """Write down what the next opening goes on from; where that is too much, it folds the journal instead."""
        self._catch_up()
        if RECORD in self._failed:
            return
        kept: dict[str, Any] = {"record": self._record.to_dict(), "failed": sorted(self._failed)}
        if self._adaptive is not None:
            kept["adaptive"] = self._adaptive.to_json()
        text = json.dumps(kept, separators=(",", ":"), ensure_ascii=False)
        if len(text.encode()) > _NOTE_BYTES_MAX:
            _log.warning("%s: what the guards know fills more than a note", self._gate.vault_id)
            return
        self._gate.note(TOPIC, text)
        self._kept = self._gate.sequence

    def _resume(self, text: str) -> None:
        try:
            kept = json.loads(text)
            self._record = TrackRecord.of_dict(kept["record"], self._bounds, self._answers)
            self._failed = set(kept["failed"])
            if self._adaptive is not None and "adaptive" in kept:
                self._adaptive.restore(kept["adaptive"])
        except (VaultError, ValueError, TypeError, KeyError) as error:
            _log.warning("%s: the note %r is of no use, the journal is: %s", self._gate.vault_id, TOPIC, error)
            self._record = TrackRecord(self._bounds, self._answers)

    # What is told

    def _catch_up(self) -> None:
        try:
            changes = self._record.catch_up(self._gate)
        except JournalError:
            raise
        except Exception as error:
            self._fails(RECORD, f"{type(error).__name__}: {error}")
            return
        for change in changes:
            self._tell(_severity(change), "model_health", change.text)
        if changes:
            self.keep()

    def _steer(self, volatility: float) -> None:
        if self._adaptive is None:
            return
        self._adaptive.limits = self._gate.limits
        try:
            found = self._adaptive.steer(self._gate, returns=self._record.record.returns, volatility=volatility)
        except JournalError:
            raise
        except Exception as error:
            self._fails(SCALE, f"{type(error).__name__}: {error}")
            return
        self._works(SCALE)
        if found.changed:
            self.keep()

    def _refusal(self) -> str | None:
        """Why no order at all would pass the guards, as far as the record says so."""
        record, settings = self._record.record, self.settings
        known = record.health
        if settings.health is not None and known is not None and at_least(known.level, settings.health.refuse_from):
            return f"health: {known.reason}"
        edge = None if settings.size is None else estimate_edge(record.returns)
        if edge is not None and edge.mean <= 0:
            return f"size: the last {edge.trades} trades have no edge ({edge.sample_mean:+.4%} each)"
        return None

    def _silent(self, order: Order, text: str) -> Assessment:
        self._fails(ALL, text)
        return _refused(order, ALL, text)

    def _fails(self, guard: str, text: str) -> None:
        if guard not in self._failed:
            self._failed.add(guard)
            self._tell("critical", "guard_failed", f"the guard {guard} fails, and nothing opens: {text}", guard)
            self.keep()

    def _works(self, guard: str) -> None:
        if guard in self._failed:
            self._failed.discard(guard)
            self._tell("info", "guard_back", f"the guard {guard} answers again", guard)
            self.keep()

    def _tell(self, severity: Severity, code: str, text: str, subject: str = "") -> None:
        self._notices.add(self._gate.snapshot().time.isoformat(), severity, code, text, subject)


def _refused(order: Order, guard: str, text: str) -> Assessment:
    return Assessment(False, order, "critical", (Reason(guard, "failed", "critical", text),), guard)


def _severity(change: HealthChange) -> Severity:
    if change.after == "critical":
        return "critical"
    return "warning" if RISK_LEVELS.index(change.after) > RISK_LEVELS.index(change.before) else "info"


def _in_thread(
    pipeline: ProtectionPipeline, order: Order, view: View, gate: Gate, record: Record
) -> "asyncio.Future[Assessment]":
    """The pipeline's answer, from a daemon thread: what hangs there holds up neither the vaults nor the process."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Assessment] = loop.create_future()

    def work() -> None:
        try:
            found = pipeline.assess(order, view, gate, record)
        except BaseException as error:
            found = _refused(order, ALL, f"they raised {type(error).__name__}")
        with suppress(RuntimeError):  # the loop was closed: nobody waits for it any more
            loop.call_soon_threadsafe(future.set_result, found)

    Thread(target=work, name="guards", daemon=True).start()
    return future
