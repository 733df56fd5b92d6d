"""Equity and drawdown over time, with the limit and the trips drawn in, and the same in words."""

from decimal import Decimal

from nicegui import ui

from gxrisk.dashboard.chart import Point, Span, equity_chart, equity_px, lanes_of
from gxrisk.dashboard.markup import panel, words_in
from gxrisk.dashboard.trips import joined
from gxrisk.dashboard.words import moment, money, percent, time_of
from gxrisk.server.routes.equity import EquityCurve


class Equity:
    """The chart; until there are two samples it says so instead."""

    def __init__(self) -> None:
        with panel("Equity and drawdown", "gx-across"):
            self._chart = ui.echart({}, renderer="svg").classes("gx-chart")
            self._chart.props["role"] = "img"
            self._said = words_in("p", "", "gx-note")

    def show(self, curve: EquityCurve, limit: Decimal) -> None:
        """This curve."""
        points = _points(curve)
        self._chart.visible = len(points) > 1
        if len(points) < 2:
            self._said.text = "The curve begins with the second sample: the vault was just made."
            return
        trips = [Span(one.breaker, one.start, one.end) for one in joined(curve.trips)]
        self._chart.style(f"height: {equity_px(len(lanes_of(trips, points[0].at)))}px")
        self._chart.props["options"] = equity_chart(points, trips, limit)
        first, last = points[0], points[-1]
        deepest = max((one.drawdown for one in points if one.drawdown is not None), default=None)
        drawn = f"{len(trips)} trip{'s' if len(trips) > 1 else ''} of breakers" if trips else "no breaker has tripped"
        self._said.text = (
            f"From {money(first.equity)} on {moment(first.at)} to {money(last.equity)} on {moment(last.at)} UTC; "
            f"deepest drawdown {percent(deepest)} of {percent(limit)}; {drawn}."
        )
        self._chart.props["aria-label"] = f"Equity and drawdown. {self._said.text}"


def _points(curve: EquityCurve) -> list[Point]:
    """From the first money on: before it there is no curve."""
    known = [Point(at, one.equity, one.drawdown) for one in curve.points if (at := time_of(one.time)) is not None]
    first = next((number for number, one in enumerate(known) if one.equity), len(known))
    return known[first:]
