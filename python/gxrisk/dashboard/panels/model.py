"""How the model does: its confidence over time, its health, and the prices that it sees."""

from collections.abc import Sequence
from decimal import Decimal

from nicegui import ui

from gxrisk.dashboard.chart import confidence_chart
from gxrisk.dashboard.markup import panel, words_in
from gxrisk.dashboard.table import Cell, Column, Table
from gxrisk.dashboard.words import NOTHING, QUALITY, percent, time_of
from gxrisk.server.routes.guards import GuardsShown
from gxrisk.server.routes.history import DecisionRow

_TONES = {"low": "good", "elevated": "", "high": "warn", "critical": "bad"}


class Model:
    """Two panels: confidence with health, and data quality."""

    def __init__(self) -> None:
        with panel("Confidence"):
            self._chart = ui.echart({}, renderer="svg").classes("gx-chart-small")
            self._chart.props["role"] = "img"
            self._said = words_in("p", "", "gx-note")
            self._health = words_in("p", "", "gx-note")
        with panel("Data quality"):
            columns = (Column("Asset"), Column("Prices"), Column("Score", is_number=True), Column("Why"))
            self._feeds = Table("Data quality", columns, empty="No asset has had a price yet.")

    def show(self, guards: GuardsShown, decided: Sequence[DecisionRow], least: Decimal) -> None:
        """These."""
        points = [
            (at, one.confidence)
            for one in reversed(decided)
            if one.origin == "agent" and (at := time_of(one.time)) is not None
        ]
        self._chart.visible = len(points) > 1 and points[0][0] < points[-1][0]
        if self._chart.visible:
            self._chart.props["options"] = confidence_chart(points, least)
        values = [value for _, value in points]
        if values:
            mean = sum(values, Decimal(0)) / len(values)
            self._said.text = f"Mean of the last {len(values)} answers {mean:.2f}; below {least} nothing opens."
        else:
            self._said.text = "The agent has not answered yet."
        self._chart.props["aria-label"] = f"Confidence over time. {self._said.text}"
        health = guards.health
        level = "not known yet" if health.level is None else health.level
        self._health.text = f"Model risk: {level} ({health.trades} round trips). {health.reason}"
        self._feeds.show(
            [
                (
                    one.asset,
                    [
                        one.asset,
                        Cell("■ suspended", tone="bad")
                        if one.is_suspended
                        else Cell(QUALITY.get(one.level or "", NOTHING), tone=_TONES.get(one.level or "", "")),
                        percent(one.score, digits=0),
                        Cell(one.reason, tone="words"),
                    ],
                )
                for one in guards.feeds
            ]
        )
