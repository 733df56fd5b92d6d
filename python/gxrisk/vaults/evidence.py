"""The record of a vault's time on paper: what of its journal graduation asks for, small enough for a note."""

import json
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any, Final

from gxrisk._native import Gate, VaultError
from gxrisk.history.times import nanoseconds
from gxrisk.vaults.gaps import FeedTime, Gap
from gxrisk.vaults.performance import EXACT, Curve, Performance, Sample, Trades, exposure
from gxrisk.vaults.round_trips import RoundTrips
from gxrisk.vaults.rows import of_row, to_row
from gxrisk.vaults.settings import TOPIC as SETTINGS
from gxrisk.vaults.settings import VaultSettings

TOPIC: Final = "paper"
EQUITY: Final = "equity"  # the hourly note
DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
WINDOW_MS: Final = 7 * DAY_MS
GAP_S_MAX: Final = 300
_NS_PER_MS: Final = 1_000_000
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Hour:
    """A sample with the round trips that ended since the one before, and how often the drawdown breaker tripped."""

    sample: Sample
    trades: Trades
    drawdowns: int = 0


class PaperRecord:
    """The fold of a paper vault's journal since its period began; `to_json` is what the note `paper` holds.

    A period belongs to one strategy version, tier, length of bars and set of limits: a `vault` note that says otherwise
    begins a new one, and so do new limits. `saw` is called for each moment of the feed, `fold` for each event of the
    journal; `keep` writes the note, at once when `saw` returned a gap and when one was explained, else now and then.
    `resume` goes on from the note and the events after it, which gives what folding everything would have given.

    >>> from gxrisk import Limits, ManualClock
    >>> from gxrisk.vaults.version import StrategyVersion
    >>> gate = Gate("demo", Limits.for_tier("growth"), clock=ManualClock(0))
    >>> settings = VaultSettings("growth", StrategyVersion("my_models:Breakout", "2", "00" * 32))
    >>> record = PaperRecord.resume(gate, settings)
    >>> record.saw(60_000)
    >>> record.keep(gate)
    >>> PaperRecord.resume(gate, settings).time.seen_ms
    60000
    """

    def __init__(self, settings: VaultSettings, sequence: int = 0, *, gap_s_max: int = GAP_S_MAX) -> None:
        self.sequence = sequence
        self._gap_s_max = gap_s_max
        self._begin(settings)

    def _begin(self, settings: VaultSettings) -> None:
        self.settings = settings
        self.started = self.sequence
        self.time = FeedTime(1000 * max(self._gap_s_max, 2 * settings.bar_s))
        self.curve = Curve()
        self.trades = Trades()
        self._hours: deque[Hour] = deque()
        self._opening: tuple[int, Decimal] | None = None  # when, and the equity
        self._earned = _ZERO
        self._flows = _ZERO
        self._flow_ms = _ZERO  # sum of flow x time
        self._hour_trades = Trades()
        self._drawdowns = 0
        self._round_trips = RoundTrips()

    @classmethod
    def resume(cls, gate: Gate, settings: VaultSettings) -> "PaperRecord":
        """The record as the gate's journal leaves it. Raises `VaultError` where the note is damaged."""
        kept = gate.notes.get(TOPIC)
        record = cls(settings) if kept is None else cls.from_json(kept)
        record.catch_up(gate)
        if record.settings != settings:
            record._begin(settings)
        return record

    def catch_up(self, gate: Gate) -> None:
        """Fold what the journal holds beyond what was folded."""
        if gate.sequence > self.sequence:
            self.fold_all(gate.events(since=self.sequence))

    def keep(self, gate: Gate) -> None:
        """Fold the rest of the journal and write the note."""
        self.catch_up(gate)
        gate.note(TOPIC, self.to_json())

    def saw(self, at_ms: int) -> Gap | None:
        """Take a moment of the feed, before the gate has it; the gap that it ended, which must be kept at once."""
        return self.time.saw(at_ms)

    def explain(self, from_ms: int, reason: str) -> None:
        """The operator's word on the gap that began at `from_ms`; on record once kept."""
        self.time.explain(from_ms, reason)

    def fold_all(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Take the journal's events, in its order."""
        for event in events:
            self.fold(event)

    def fold(self, event: Mapping[str, Any]) -> None:
        """Take one event; one that was taken already changes nothing."""
        if event["sequence"] <= self.sequence:
            return
        self.sequence = event["sequence"]
        match event["kind"]:
            case "market" if event["marks"]:
                self.time.wrote(max(nanoseconds(mark["time"]) for mark in event["marks"]) // _NS_PER_MS)
            case "flow":
                self._flow(event["amount"], event["time_ns"])
            case "withdrawal":
                self._flow(-event["amount"], event["time_ns"])
            case "fill":
                trip = self._round_trips.fold(event)
                if trip is not None:
                    self._hour_trades = self._hour_trades.after(trip.profit)
            case "trip" if event["breaker"] == "drawdown":
                self._drawdowns += 1
            case "limits":
                self._begin(self.settings)
            case "note" if event["topic"] == EQUITY and event["text"]:
                self._sample(json.loads(event["text"]))
            case "note" if event["topic"] == SETTINGS and event["text"]:
                self._set(VaultSettings.from_json(event["text"]))

    def window(self) -> tuple[Hour, ...]:
        """The hours of the last seven days before the last sample; the first may have begun before."""
        if not self._hours:
            return ()
        after_ms = self._hours[-1].sample.at_ms - WINDOW_MS
        return tuple(hour for hour in self._hours if hour.sample.at_ms > after_ms)

    def performance(self) -> Performance | None:
        """Of the last seven days, as far as they are known; None before the second sample."""
        hours = self.window()
        if not hours or self._opening is None:
            return None
        before = len(self._hours) - len(hours)
        from_ms = self._hours[before - 1].sample.at_ms if before else self._opening[0]
        samples = [hour.sample for hour in hours]
        with localcontext(EXACT):
            profit = sum((sample.gain for sample in samples), _ZERO)
        trades = sum((hour.trades for hour in hours), self._hour_trades)
        curve = Curve.of(sample.returned for sample in samples)
        return Performance(from_ms, samples[-1].at_ms, profit, exposure(samples), curve, trades)

    def lifetime(self) -> Performance | None:
        """Of the whole period; `exposure` is left out."""
        if not self._hours or self._opening is None:
            return None
        until_ms = self._hours[-1].sample.at_ms
        return Performance(self._opening[0], until_ms, self._earned, None, self.curve, self.trades + self._hour_trades)

    def drawdowns(self) -> int:
        """How often the drawdown breaker tripped in the last seven days."""
        return self._drawdowns + sum(hour.drawdowns for hour in self.window())

    def _flow(self, amount: Decimal, time_ns: int) -> None:
        with localcontext(EXACT):
            self._flows += amount
            self._flow_ms += amount * (time_ns // _NS_PER_MS)

    def _sample(self, told: Mapping[str, Any]) -> None:
        at_ms, equity = told["at_ms"], Decimal(told["equity"])
        if self._opening is None:
            self._opening = at_ms, equity
        else:
            before_ms, before = self._last()
            if at_ms <= before_ms:
                return
            with localcontext(EXACT):
                gain = equity - before - self._flows
                # A flow's clock may be a moment off the feed's: its weight stays between nothing and all of it.
                there = (self._flows * at_ms - self._flow_ms) / (at_ms - before_ms)
                weighted = min(max(there, min(self._flows, _ZERO)), max(self._flows, _ZERO))
                capital = (before + weighted).quantize(Decimal("1e-18"))
            drawdown, gross = Decimal(told["drawdown"]), Decimal(told["gross_exposure"])
            self._add(Hour(Sample(at_ms, equity, gain, capital, drawdown, gross), self._hour_trades, self._drawdowns))
            self._drawdowns = 0
        self._flows = self._flow_ms = _ZERO
        self._hour_trades = Trades()

    def _last(self) -> tuple[int, Decimal]:
        if self._hours:
            return self._hours[-1].sample.at_ms, self._hours[-1].sample.equity
        assert self._opening is not None
        return self._opening

    def _add(self, hour: Hour) -> None:
        self._hours.append(hour)
        self.curve = self.curve.after(hour.sample.returned)
        self.trades += hour.trades
        self._earned = EXACT.add(self._earned, hour.sample.gain)
        # One more than the window holds, to know when its first hour began.
        after_ms = hour.sample.at_ms - WINDOW_MS
        while len(self._hours) > 1 and self._hours[1].sample.at_ms <= after_ms:
            self._hours.popleft()

    def _set(self, settings: VaultSettings) -> None:
        if settings != self.settings:
            self._begin(settings)

    # As a note

    def to_json(self) -> str:
        """Everything, as the note `paper` holds it: about 25 kB once seven days are full."""
        return json.dumps(
            {
                "settings": json.loads(self.settings.to_json()),
                "sequence": self.sequence,
                "started": self.started,
                "gap_s_max": self._gap_s_max,
                "time": self.time.to_dict(),
                "opening": None if self._opening is None else [self._opening[0], str(self._opening[1])],
                "earned": str(self._earned),
                "flows": [str(self._flows), str(self._flow_ms)],
                "curve": to_row(self.curve),
                "trades": to_row(self.trades),
                "hours": [[to_row(one.sample), to_row(one.trades), one.drawdowns] for one in self._hours],
                "hour": [to_row(self._hour_trades), self._drawdowns],
                "held": self._round_trips.to_rows(),
            },
            separators=(",", ":"),
            sort_keys=True,
        )

    @classmethod
    def from_json(cls, text: str) -> "PaperRecord":
        """The inverse of `to_json`. Raises `VaultError` for a text that is none."""
        try:
            kept = json.loads(text)
            settings = VaultSettings.from_json(json.dumps(kept["settings"]))
            made = cls(settings, kept["sequence"], gap_s_max=kept["gap_s_max"])
            made.started = kept["started"]
            made.time = FeedTime.of_dict(kept["time"])
            if kept["opening"] is not None:
                made._opening = kept["opening"][0], Decimal(kept["opening"][1])
            made._earned = Decimal(kept["earned"])
            made._flows, made._flow_ms = (Decimal(one) for one in kept["flows"])
            made.curve = of_row(Curve, kept["curve"])
            made.trades = of_row(Trades, kept["trades"])
            made._hours = deque(
                Hour(of_row(Sample, sample), of_row(Trades, trades), drawdowns)
                for sample, trades, drawdowns in kept["hours"]
            )
            made._hour_trades, made._drawdowns = of_row(Trades, kept["hour"][0]), kept["hour"][1]
            made._round_trips = RoundTrips.of_rows(kept["held"])
        except (ValueError, TypeError, KeyError, IndexError, InvalidOperation) as error:
            raise VaultError(f"the journal's note {TOPIC!r} is damaged: {type(error).__name__}: {error}") from error
        return made
