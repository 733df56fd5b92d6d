"""Charts of a vault over time. Colours are the style sheet's variables: a chart changes with the theme by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from gxrisk.dashboard.words import words

_QUIET: Final = "var(--gx-muted)"
_LINE: Final = "var(--gx-line)"
_NAMED_MAX: Final = 8


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
    """Equity above, drawdown below with its limit; trips as shaded spans over both. At least two points."""
    start, end = points[0].at, points[-1].at
    return {
        "animation": False,
        "useUTC": True,
        "textStyle": {"fontFamily": "Roboto, system-ui, sans-serif", "fontSize": 12},
        "grid": [
            {"left": 84, "right": 20, "top": 30, "height": "40%"},
            {"left": 84, "right": 20, "top": "67%", "bottom": 28},
        ],
        "axisPointer": {"link": [{"xAxisIndex": "all"}], "lineStyle": {"color": _QUIET}},
        "tooltip": _tooltip(),
        "xAxis": [_time(0, start, end, labelled=False), _time(1, start, end, labelled=True)],
        "yAxis": [_values(0, "Equity"), _below(points, limit)],
        "series": [
            _line(0, "Equity", "--gx-chart-equity", [[_ms(one.at), float(one.equity)] for one in points])
            | {"markArea": _spans(trips, start, end, named=True)},
            _line(1, "Drawdown %", "--gx-chart-drawdown", _drawdowns(points))
            | {
                "areaStyle": {"color": "var(--gx-chart-drawdown)", "opacity": 0.15},
                "markLine": _limit(limit),
                "markArea": _spans(trips, start, end, named=False),
            },
        ],
    }


def confidence_chart(points: Sequence[tuple[datetime, Decimal]], least: Decimal) -> dict[str, Any]:
    """The confidence of each decision, and the least that opens anything. At least two points."""
    start, end = points[0][0], points[-1][0]
    data = [[_ms(at), float(value)] for at, value in points]
    line = _line(0, "Confidence", "--gx-chart-equity", data)
    return {
        "animation": False,
        "useUTC": True,
        "textStyle": {"fontFamily": "Roboto, system-ui, sans-serif", "fontSize": 12},
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
        "splitLine": {"show": False},
    }


def _values(grid: int, name: str) -> dict[str, Any]:
    return {
        "type": "value",
        "gridIndex": grid,
        "name": name,
        "nameLocation": "end",
        "nameTextStyle": {"color": _QUIET, "align": "left", "padding": [0, 0, 0, -78]},
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


def _spans(trips: Sequence[Span], start: datetime, end: datetime, *, named: bool) -> dict[str, Any]:
    is_named = named and len(trips) <= _NAMED_MAX
    return {
        "silent": True,
        "itemStyle": {"color": "var(--gx-bar-near)", "opacity": 0.28},
        "label": {"show": is_named, "color": "var(--gx-text)", "position": "insideTopLeft", "fontSize": 11},
        "data": [
            [
                # each name a line lower than the one before, since trips may begin together
                {"name": words(one.name), "xAxis": _ms(max(one.start, start)), "label": {"offset": [0, 13 * number]}},
                {"xAxis": _ms(one.end or end)},
            ]
            for number, one in enumerate(trips)
            if one.end is None or one.end >= start
        ],
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
