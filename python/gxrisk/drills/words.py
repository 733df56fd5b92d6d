"""What a drill found, in sentences."""

from collections import Counter
from decimal import Decimal
from typing import Final

from gxrisk.drills.drill import Drilled
from gxrisk.drills.losses import Beyond, Losses
from gxrisk.drills.tightening import Change, Tightening

JUMP: Final = Decimal("0.01")  # a move of a minute from which on it is called a jump
BREAKERS_CLOSE_NOTHING: Final = "breakers stop openings and close nothing"


def sentences(found: Drilled) -> list[str]:
    """What held, what tripped when, the worst loss, what to tighten: one sentence or two each."""
    said = [_held(found), _tripped(found)]
    said += [f"Data quality: {one}." for one in found.suspended]
    said.append(_lost(found.losses))
    said += [_beyond(one) for one in found.losses.beyond]
    if found.false_trips:
        said.append(_false(found))
    said.append(_tighten(found.tightening))
    return said


def _held(found: Drilled) -> str:
    broken = [f"{one.name} ({one.seen})" for one in found.checks if not one.held]
    if broken:
        return f"BROKEN: {'; '.join(broken)}."
    return f"Held: {', '.join(one.name for one in found.checks)}."


def _tripped(found: Drilled) -> str:
    if not found.trips:
        return "No breaker tripped."
    counts = Counter(one.breaker for one in found.trips)
    first = {one.breaker: one for one in reversed(found.trips)}
    words = []
    for breaker, count in counts.items():
        more = f", {count} times in all" if count > 1 else ""
        words.append(f"{breaker} at {first[breaker].time[11:16]} UTC ({first[breaker].cause}){more}")
    return f"Tripped: {'; '.join(words)}."


def _lost(lost: Losses) -> str:
    if not lost.amount:
        return f"Nothing was lost of the deposit; the worst day lost {lost.day_fraction:.2%} of its opening equity."
    return (
        f"Worst loss: {lost.amount:,.2f}, {lost.fraction:.2%} of the deposit, at {lost.at:%H:%M} UTC; "
        f"the worst day {lost.day_fraction:.2%} of its opening equity, the drawdown {lost.drawdown:.2%}; "
        f"fees {lost.costs:,.2f}."
    )


def _beyond(one: Beyond) -> str:
    how = "a gap or jump of" if abs(one.move) >= JUMP else "a move of"
    said = (
        f"Beyond {one.limit} ({one.allowed:.2%}) by {one.worst - one.allowed:.2%}: passed at {one.crossed:%H:%M} UTC, "
        f"in {how} {one.move:+.2%} in that minute, at {one.crossing_loss:.2%}"
    )
    if one.later > 0:
        return f"{said}; {one.later:.2%} more were lost later: {BREAKERS_CLOSE_NOTHING}."
    return f"{said}."


def _false(found: Drilled) -> str:
    said = f"{' and '.join(found.false_trips)} tripped while the venue's account was within the limit"
    if found.judged is None:
        return f"{said}."
    left = found.judged.false_trips
    how = f"{' and '.join(left)} still would" if left else "neither would"
    return f"{said}. With data_quality = true {how}, and the worst loss is {found.judged.losses.amount:,.2f}."


def _tighten(found: Tightening | None) -> str:
    if found is None:
        return "Nothing to tighten: the worst loss stayed within max_daily_loss and max_drawdown."
    if found.change is not None:
        return f"Tighten {_change(found.change)}; found in {found.runs} runs."
    nearest = f" Nearest: {_change(found.best)}." if found.best is not None else ""
    return f"Nothing in reach keeps the loss within the limits: {found.why}.{nearest}"


def _change(one: Change) -> str:
    before = "off" if one.before is None else f"{one.before.normalize():f}"
    return (
        f"{one.field} from {before} to {one.value.normalize():f}: the worst day then loses "
        f"{one.losses.day_fraction:.2%}, the drawdown is {one.losses.drawdown:.2%}"
    )
