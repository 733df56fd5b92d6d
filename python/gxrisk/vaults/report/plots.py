"""The plots: inline SVG whose colours come from the page's style sheet, so that it follows light, dark and print."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from gxrisk.vaults.report.axes import Axis, thinned, times, values
from gxrisk.vaults.report.episodes import Episode
from gxrisk.vaults.report.report import Report

_NS_PER_S: Final = 1_000_000_000
_TOP: Final = 30
_BOTTOM: Final = 26
_RIGHT: Final = 12
_CHARACTER: Final = 7.2
_LEFT: Final = 12 + 7 * _CHARACTER  # both plots have the same, so that a moment stands above itself
_LABEL_GAP: Final = 26
_BAND_MIN: Final = 2.0

Points = Sequence[tuple[float, float]]
Place = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Frame:
    """A plot's size in CSS pixels and its kind: `wide` for desks and paper, `narrow` for phones."""

    kind: str
    width: int
    height: int
    time_ticks: int


FRAMES: Final = (Frame("wide", 960, 250, 8), Frame("narrow", 360, 230, 4))


def equity_plot(report: Report) -> Markup:
    """Equity over the span, in both sizes; nothing where there are fewer than two points."""
    points = [(point.at_ns / _NS_PER_S, float(point.equity)) for point in report.points]
    if len(points) < 2:
        return Markup()
    lowest, highest = min(one[1] for one in points), max(one[1] for one in points)
    said = f"Equity from {points[0][1]:,.2f} to {points[-1][1]:,.2f}, lowest {lowest:,.2f}, highest {highest:,.2f}."
    axis = values(lowest, highest, 4, lambda value, digits: f"{value:,.{digits}f}")
    return Markup("").join(_plot(report, frame, "equity", "Equity", said, axis, points, limit=None) for frame in FRAMES)


def drawdown_plot(report: Report) -> Markup:
    """The gate's drawdown below its base, downwards, with the limit where the vault is paused."""
    points = [
        (point.at_ns / _NS_PER_S, -float(point.drawdown)) for point in report.points if point.drawdown is not None
    ]
    if len(points) < 2:
        return Markup()
    limit = report.settings.max_drawdown
    worst = -min(one[1] for one in points)
    said = f"Deepest drawdown {worst:.2%} of the drawdown base."
    if limit is not None:
        said += f" The limit is {float(limit):.4g} of it."
    lowest = min(-worst, 0.0 if limit is None else -float(limit) * 1.04)
    axis = values(lowest, 0.0, 4, lambda value, digits: f"{abs(value) * 100:.{max(digits - 2, 0)}f} %")
    return Markup("").join(
        _plot(report, frame, "drawdown", "Drawdown", said, axis, points, limit=None if limit is None else -float(limit))
        for frame in FRAMES
    )


def _plot(
    report: Report, frame: Frame, name: str, title: str, said: str, axis: Axis, points: Points, limit: float | None
) -> Markup:
    span = report.span
    across = times(span.since_ns / _NS_PER_S, span.until_ns / _NS_PER_S, frame.time_ticks)
    left = max(_LEFT, 12 + _CHARACTER * max(len(label) for _, label in axis.ticks))
    width, height = frame.width - left - _RIGHT, frame.height - _TOP - _BOTTOM

    def x(at_s: float) -> float:
        return across.at(at_s, left, width)

    def y(value: float) -> float:
        return axis.at(value, _TOP + height, -height)

    line = [(x(at), y(value)) for at, value in thinned(points, round(width))]
    path = "M" + " L".join(f"{px:.1f} {py:.1f}" for px, py in line)
    parts = [_bands(report.episodes, across, left, width, height), *_grid(axis, across, frame, x, y)]
    if axis.high == 0:  # an area means something only where it ends at zero
        zero = Markup('<path class="area" d="{} L{:.1f} {:.1f} L{:.1f} {:.1f} Z"/>')
        parts.append(zero.format(path, line[-1][0], y(0), line[0][0], y(0)))
    parts.append(Markup('<path class="line" d="{}"/>').format(path))
    if limit is not None:
        parts.append(_limit_line(limit, line, left, width, y(limit)))
    label = f"{name}-{frame.kind}"
    return Markup(
        '<svg class="plot {} {}" viewBox="0 0 {} {}" role="img" aria-labelledby="{}-title {}-desc">'
        '<title id="{}-title">{}</title><desc id="{}-desc">{}</desc>{}</svg>'
    ).format(
        frame.kind, name, frame.width, frame.height, label, label, label, title, label, said, Markup("").join(parts)
    )


def _limit_line(limit: float, line: Points, left: float, width: float, at: float) -> Markup:
    """The line and its label, on the side where the curve keeps further away."""
    text = f"limit {-limit * 100:.4g} %"
    size = len(text) * _CHARACTER

    def room(start: float, end: float) -> float:
        return min((abs(py - at) for px, py in line if start <= px <= end), default=at)

    right = left + width
    is_right = room(right - size, right) >= room(left, left + size)
    x, anchor = (right - 4, "end") if is_right else (left + 4, "start")
    return Markup(
        '<path class="limit" d="M{:.1f} {:.1f} H{:.1f}"/>'
        '<text class="limit-label" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>'
    ).format(left, at, right, x, at - 5, anchor, text)


def _grid(axis: Axis, across: Axis, frame: Frame, x: Place, y: Place) -> Iterable[Markup]:
    left, right = x(across.low), x(across.high)
    bottom = y(axis.low)
    for value, label in axis.ticks:
        yield Markup('<path class="grid" d="M{:.1f} {:.1f} H{:.1f}"/>').format(left, y(value), right)
        yield Markup('<text class="tick" x="{:.1f}" y="{:.1f}" text-anchor="end">{}</text>').format(
            left - 6, y(value) + 4, label
        )
    for at, label in across.ticks:
        yield Markup('<path class="grid" d="M{:.1f} {:.1f} v5"/>').format(x(at), bottom)
        half = len(label) * _CHARACTER / 2
        place = min(max(x(at), left + half - 6), frame.width - half - 2)
        yield Markup('<text class="tick" x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>').format(
            place, bottom + 19, label
        )


def _bands(episodes: Sequence[Episode], across: Axis, left: float, width: float, height: float) -> Markup:
    """A band for each trip, with its number in the table; numbers too close to each other become one label."""
    drawn: list[Markup] = []
    labels: list[tuple[float, int, int]] = []
    for one in episodes:
        since = max(one.since_ns / _NS_PER_S, across.low)
        ended = across.high if one.ended_ns is None else min(one.ended_ns / _NS_PER_S, across.high)
        start, end = across.at(since, left, width), across.at(ended, left, width)
        size = max(end - start, _BAND_MIN)
        drawn.append(
            Markup('<rect class="band {}" x="{:.1f}" y="{}" width="{:.1f}" height="{}"/>').format(
                one.state, start, _TOP, size, height
            )
        )
        if labels and start - labels[-1][0] < _LABEL_GAP:
            labels[-1] = (labels[-1][0], labels[-1][1], one.number)
        else:
            labels.append((start, one.number, one.number))
    for at, first, last in labels:
        text = f"{first}" if first == last else f"{first}\N{EN DASH}{last}"
        drawn.append(
            Markup('<text class="band-label" x="{:.1f}" y="{}">{}</text>').format(
                min(at, left + width - len(text) * _CHARACTER), _TOP - 8, text
            )
        )
    return Markup("").join(drawn)
