"""Charts of a vault over time. Colours are the style sheet's variables: a chart changes with the theme by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from gxrisk.dashboard.words import words

_QUIET: Final = "var(--gx-muted)"
_LINE: Final = "var(--gx-line)"
_TEXT: Final = {"fontFamily": "Roboto, system-ui, sans-serif", "fontSize": 12}
_LEFT: Final = 76
_TOP: Final = 28
_EQUITY_PX: Final = 150
_GAP: Final = 38
_DRAWDOWN_PX: Final = 84
_GAP_LANES: Final = 8
_LANE_PX: Final = 30  # a name, and the bar under it
_BOTTOM: Final = 26


@dataclass(frozen=True, slots=True)
class Point:
    """A sample: money, and a fraction of the base."""

    at: datetime
    equity: Decimal
    drawdown: Decimal | None


@dataclass(frozen=True, slots=True)
class Span:
    """A breaker's trip; `end` is None while it lasts."""

    name: str
    start: datetime
    end: datetime | None


def equity_chart(points: Sequence[Point], trips: Sequence[Span], limit: Decimal) -> dict[str, Any]:
    """Equity, drawdown with its limit, and a lane for each breaker that tripped, one above the other.

    While any of them lasts, the curves stand on a shade. At least two points.
    """
    start, end = points[0].at, points[-1].at
    seen = [one for one in trips if one.end is None or one.end >= start]
    lanes = lanes_of(trips, start)
    tops = (_TOP, _TOP + _EQUITY_PX + _GAP, _TOP + _EQUITY_PX + _GAP + _DRAWDOWN_PX + _GAP_LANES)
    heights = (_EQUITY_PX, _DRAWDOWN_PX, _LANE_PX * len(lanes))
    shown = range(3 if lanes else 2)
    times = [_time(each, start, end, labelled=each == shown[-1]) for each in shown]
    values = [_values(0, "Equity"), _below(points, limit), _lanes_axis(lanes)]
    shade = _shade(seen, start, end)
    return {
        "animation": False,
        "useUTC": True,
        "textStyle": _TEXT,
        "grid": [{"left": _LEFT, "right": 20, "top": tops[each], "height": heights[each]} for each in shown],
        "axisPointer": {"link": [{"xAxisIndex": [0, 1]}], "lineStyle": {"color": _QUIET}},
        "tooltip": _tooltip(),
        "xAxis": times,
        "yAxis": values[: len(shown)],
        "series": [
            _line(0, "Equity", "--gx-chart-equity", [[_ms(one.at), float(one.equity)] for one in points])
            | {"markArea": shade},
            _line(1, "Drawdown %", "--gx-chart-drawdown", _drawdowns(points))
            | {
                "areaStyle": {"color": "var(--gx-chart-drawdown)", "opacity": 0.15},
                "markLine": _limit(limit),
                "markArea": shade,
            },
            *(_lane(one, lanes, start, end) for one in seen),
        ],
    }


def equity_px(lanes: int) -> int:
    """How high that chart is."""
    return _TOP + _EQUITY_PX + _GAP + _DRAWDOWN_PX + _BOTTOM + (_GAP_LANES + _LANE_PX * lanes if lanes else 0)


def lanes_of(trips: Sequence[Span], start: datetime) -> list[str]:
    """The breakers that tripped since then, in the order in which they did first."""
    return list(dict.fromkeys(one.name for one in trips if one.end is None or one.end >= start))


def confidence_chart(points: Sequence[tuple[datetime, Decimal]], least: Decimal) -> dict[str, Any]:
    """The confidence of each decision, and the least that opens anything. At least two points."""
    start, end = points[0][0], points[-1][0]
    data = [[_ms(at), float(value)] for at, value in points]
    line = _line(0, "Confidence", "--gx-chart-equity", data)
    return {
        "animation": False,
        "useUTC": True,
        "textStyle": _TEXT,
        "grid": [{"left": 44, "right": 20, "top": 12, "bottom": 28}],
        "tooltip": _tooltip(),
        "xAxis": [_time(0, start, end, labelled=True)],
        "yAxis": [{**_values(0, ""), "min": 0, "max": 1, "interval": 0.5}],
        "series": [
            line
            | {
                "showSymbol": True,
                "symbolSize": 5,
                "markLine": {
                    **_dashed(f"least {float(least):g}"),
                    "data": [{"yAxis": float(least)}],
                },
            }
        ],
    }


def _line(axis: int, name: str, colour: str, data: list[list[float]]) -> dict[str, Any]:
    return {
        "type": "line",
        "name": name,
        "xAxisIndex": axis,
        "yAxisIndex": axis,
        "showSymbol": False,
        "emphasis": {"disabled": True},
        "lineStyle": {"color": f"var({colour})", "width": 1.6},
        "itemStyle": {"color": f"var({colour})"},
        "data": data,
    }


def _drawdowns(points: Sequence[Point]) -> list[list[float]]:
    return [[_ms(one.at), round(float(one.drawdown) * 100, 3)] for one in points if one.drawdown is not None]


def _time(grid: int, start: datetime, end: datetime, *, labelled: bool) -> dict[str, Any]:
    return {
        "type": "time",
        "gridIndex": grid,
        "min": _ms(start),
        "max": _ms(end),
        "axisLine": {"lineStyle": {"color": _LINE}},
        "axisTick": {"show": False},
        "axisLabel": {"show": labelled, "color": _QUIET, "hideOverlap": True},
        "axisPointer": {"show": grid < 2, "triggerTooltip": grid < 2},
        "splitLine": {"show": False},
    }


def _values(grid: int, name: str) -> dict[str, Any]:
    return {
        "type": "value",
        "gridIndex": grid,
        "name": name,
        "nameLocation": "end",
        "nameTextStyle": {"color": _QUIET, "align": "left", "padding": [0, 0, 0, 4 - _LEFT]},
        "scale": True,
        "splitNumber": 3,
        "axisLabel": {"color": _QUIET},
        "splitLine": {"lineStyle": {"color": _LINE}},
    }


def _below(points: Sequence[Point], limit: Decimal) -> dict[str, Any]:
    """The drawdown's axis, from 0 downwards to below the limit: how far it is away is what the chart is for."""
    deepest = max((value for _, value in _drawdowns(points)), default=0.0)
    lowest = max(deepest, float(limit) * 100) * 1.15
    more = {"inverse": True, "min": 0, "max": round(lowest, 1), "nameLocation": "start"}
    label = {"color": _QUIET, "showMaxLabel": False}
    return {**_values(1, "Drawdown, %"), **more, "axisLabel": label}


def _limit(limit: Decimal) -> dict[str, Any]:
    percent = float(limit) * 100
    return {**_dashed(f"limit {percent:g} %"), "data": [{"yAxis": percent}]}


def _dashed(text: str) -> dict[str, Any]:
    return {
        "symbol": "none",
        "silent": True,
        "lineStyle": {"color": "var(--gx-bad)", "type": "dashed", "width": 1.4},
        "label": {"formatter": text, "color": "var(--gx-bad)", "position": "insideStartTop"},
    }


def _shade(trips: Sequence[Span], start: datetime, end: datetime) -> dict[str, Any]:
    """From the first trip to the end of the last, where they overlap: one shade, however many there are."""
    spans: list[tuple[datetime, datetime]] = []
    for one in sorted(trips, key=lambda one: one.start):
        begin, stop = max(one.start, start), one.end or end
        if spans and begin <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(spans[-1][1], stop)
        else:
            spans.append((begin, stop))
    return {
        "silent": True,
        "itemStyle": {"color": "var(--gx-bar-over)", "opacity": 0.1},
        "data": [[{"xAxis": _ms(begin)}, {"xAxis": _ms(stop)}] for begin, stop in spans],
    }


def _lanes_axis(lanes: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "category",
        "gridIndex": 2,
        "inverse": True,
        "data": [words(name) for name in lanes],
        "axisLine": {"show": False},
        "axisTick": {"show": False},
        "axisLabel": {
            "color": "var(--gx-text)",
            "interval": 0,
            "inside": True,
            "margin": 2,
            "fontSize": 11,
            "verticalAlign": "bottom",
            "padding": [0, 0, 5, 0],
        },
        "splitLine": {"show": True, "lineStyle": {"color": _LINE}},
    }


def _lane(one: Span, lanes: Sequence[str], start: datetime, end: datetime) -> dict[str, Any]:
    """A trip in its breaker's lane; the mark at its start is there even where it ended at once."""
    colour, row = "var(--gx-bar-over)", lanes.index(one.name)
    return {
        "type": "line",
        "xAxisIndex": 2,
        "yAxisIndex": 2,
        "silent": True,
        "symbol": "rect",
        "symbolSize": [3, 8],
        "showSymbol": True,
        "itemStyle": {"color": colour, "borderWidth": 0},
        "lineStyle": {"color": colour, "width": 8, "cap": "butt"},
        "data": [[_ms(max(one.start, start)), row], [_ms(one.end or end), row]],
    }


def _tooltip() -> dict[str, Any]:
    return {
        "trigger": "axis",
        "renderMode": "richText",
        "backgroundColor": "var(--gx-surface)",
        "borderColor": _LINE,
        "textStyle": {"color": "var(--gx-text)"},
    }


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
