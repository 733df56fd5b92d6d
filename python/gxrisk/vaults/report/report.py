"""A vault's report: everything that the page and the JSON say, made of history and journal alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from os import PathLike
from typing import TypeVar

from gxrisk.history import Decision, EquityPoint, History, Page, Trade
from gxrisk.history.amounts import EXACT
from gxrisk.vaults.notices import TOPIC as NOTICES
from gxrisk.vaults.report.avoided import Avoided, Forgone, forgone, sums
from gxrisk.vaults.report.curve import Point, points
from gxrisk.vaults.report.episodes import Episode, episodes
from gxrisk.vaults.report.figures import Figures, figures_of
from gxrisk.vaults.report.health import Health, health
from gxrisk.vaults.report.records import Recorded
from gxrisk.vaults.report.settings import Settings, settings_at
from gxrisk.vaults.report.spans import Span
from gxrisk.vaults.report.timeline import Event, timeline
from gxrisk.vaults.report.watched import Watched, watched

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Rejections:
    """How many rejected orders broke a rule; one order can break several."""

    rule: str
    orders: int


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Decisions of a span by outcome; `holds` are the model's own. `rejections` are in the order of their number."""

    approved: int
    rejected: int
    held: int
    holds: int
    rejections: tuple[Rejections, ...]


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """One trade that ended in the span, with what the model said when it opened it."""

    number: int
    sequence: int
    opened_ns: int
    closed_ns: int
    asset: str
    side: str
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    profit: Decimal
    fees: Decimal
    fills: int
    decision: int | None
    confidence: Decimal | None
    reasoning: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """What the report was made of: the records `first` to `last` and the chain's hash there.

    `through_ns` is how far the report knows: the span's end, or the last record where the span still runs.
    """

    first: int | None
    last: int | None
    hash: str | None
    through_ns: int
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Report:
    """All of it."""

    vault_id: str
    span: Span
    source: Source
    settings: Settings
    figures: Figures
    points: tuple[Point, ...]
    episodes: tuple[Episode, ...]
    events: tuple[Event, ...]
    outcomes: Outcomes
    avoided: tuple[Avoided, ...]
    forgone: tuple[Forgone, ...]
    watched: tuple[Watched, ...]
    health: Health
    trades: tuple[RoundTrip, ...]


def report_of(history: History, vault_id: str, journal: str | PathLike[str], span: Span, last_ns: int) -> Report:
    """The report of a span. `history` has been told the journal; `last_ns` is the time of the journal's last record.

    Nothing later than the span is looked at, so that a past week's report is the same whenever it is made.
    """
    with localcontext(EXACT):
        return _report(history, vault_id, journal, span, last_ns)


def _report(history: History, vault_id: str, journal: str | PathLike[str], span: Span, last_ns: int) -> Report:
    since_ns, until_ns = span.since_ns, span.until_ns
    within = {"since_ns": since_ns, "until_ns": until_ns}
    recorded = Recorded.of(journal, since_ns, until_ns)
    is_complete = last_ns >= until_ns
    through_ns = until_ns if is_complete else max(last_ns, since_ns)
    decisions = list(history.every(history.decisions, vault_id, **within))
    trades = list(history.every(history.trades, vault_id, **within))
    openings = _openings(history, vault_id, decisions, trades)
    trips = history.every(history.trips, vault_id, until_ns=until_ns)
    found = tuple(episodes(trips, since_ns, until_ns, through_ns))
    before = _point_at(history, vault_id, since_ns)
    equity = list(history.every(history.equity, vault_id, since_ns=since_ns + 1, until_ns=until_ns + 1))
    lost = forgone(decisions, recorded, through_ns)
    curve = tuple(points(before, equity, since_ns))
    return Report(
        vault_id=vault_id,
        span=span,
        source=Source(recorded.first, recorded.last, recorded.last_hash, through_ns, is_complete),
        settings=settings_at(history, vault_id, until_ns),
        figures=figures_of(history, vault_id, span, before, equity, curve, trades),
        points=curve,
        episodes=found,
        events=tuple(
            timeline(
                found,
                recorded,
                history.every(history.notes, vault_id, **within),
                history.every(history.controls, vault_id, **within),
                history.every(history.flows, vault_id, **within),
                since_ns=since_ns,
                before=_last(history.notes(vault_id, topic=NOTICES, until_ns=since_ns, limit=1)),
            )
        ),
        outcomes=_outcomes(decisions),
        avoided=tuple(sums(lost)),
        forgone=tuple(lost),
        watched=tuple(watched(decisions, recorded, through_ns)),
        health=health(decisions, trades, openings),
        trades=tuple(_round_trip(number, trade, openings) for number, trade in enumerate(trades, 1)),
    )


def _point_at(history: History, vault_id: str, time_ns: int) -> EquityPoint | None:
    """The last point of the curve not later than a time."""
    return _last(history.equity(vault_id, until_ns=time_ns + 1, limit=1))


def _last(page: Page[Row]) -> Row | None:
    return page.rows[0] if page.rows else None


def _openings(
    history: History, vault_id: str, decisions: Iterable[Decision], trades: Iterable[Trade]
) -> dict[int, Decision]:
    """The decisions that opened the trades, those from before the span too."""
    known = {one.sequence: one for one in decisions}
    found: dict[int, Decision] = {}
    for sequence in (trade.decision for trade in trades):
        if sequence is None:
            continue
        if sequence not in known:
            known |= {
                one.sequence: one
                for one in history.decisions(vault_id, after=sequence - 1, limit=1, newest_first=False).rows
            }
        found[sequence] = known[sequence]
    return found


def _outcomes(decisions: Sequence[Decision]) -> Outcomes:
    counts: dict[str, int] = {}
    for one in decisions:
        if one.outcome == "rejected":
            for rule in {violation.rule for violation in one.violations}:
                counts[rule] = counts.get(rule, 0) + 1
    by_number = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    asked = [one for one in decisions if not one.is_hold]
    return Outcomes(
        approved=sum(one.outcome == "approved" for one in asked),
        rejected=sum(one.outcome == "rejected" for one in asked),
        held=sum(one.outcome == "held" for one in asked),
        holds=len(decisions) - len(asked),
        rejections=tuple(Rejections(rule, orders) for rule, orders in by_number),
    )


def _round_trip(number: int, trade: Trade, openings: dict[int, Decision]) -> RoundTrip:
    opening = None if trade.decision is None else openings.get(trade.decision)
    return RoundTrip(
        number=number,
        sequence=trade.sequence,
        opened_ns=trade.opened_ns,
        closed_ns=trade.time_ns,
        asset=trade.asset,
        side=trade.side,
        quantity=trade.quantity,
        entry_price=trade.entry_price,
        exit_price=trade.exit_price,
        profit=trade.profit,
        fees=trade.fees,
        fills=trade.fills,
        decision=trade.decision,
        confidence=None if opening is None else opening.confidence,
        reasoning=trade.reasoning,
    )
