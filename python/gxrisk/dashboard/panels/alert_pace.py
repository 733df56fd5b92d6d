"""How often a vault's alerts begin, by severity: whether it is quiet, or asks for somebody all the time."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from nicegui import ui

from gxrisk.dashboard.alert_chart import alert_chart
from gxrisk.dashboard.markup import box, panel, words_in
from gxrisk.dashboard.words import SEVERITIES, time_of
from gxrisk.server.routes.alerts import AlertShown


@dataclass(frozen=True, slots=True)
class Window:
    """So many bins of a length, the last of which is now; `pattern` writes when one begins."""

    name: str
    bins: int
    length: timedelta
    pattern: str

    def starts(self, now: datetime) -> list[datetime]:
        """When each begins, oldest first: on the hour, or at midnight UTC.

        >>> [f"{one:%d %H:%M}" for one in Window("", 3, timedelta(hours=1), "").starts(datetime(2020, 3, 12, 1, 55))]
        ['11 23:00', '12 00:00', '12 01:00']
        """
        last = now.replace(minute=0, second=0, microsecond=0)
        last = last.replace(hour=0) if self.length >= timedelta(days=1) else last
        return [last - self.length * back for back in range(self.bins - 1, -1, -1)]

    def bin_of(self, at: datetime, first: datetime) -> int:
        """Which one `at` is in, the first of which begins at `first`; what comes after the last one is in it.

        The server's clock may be ahead of the dashboard's.

        >>> hours = Window("", 3, timedelta(hours=1), "")
        >>> first = datetime(2020, 3, 11, 23)
        >>> [hours.bin_of(first + timedelta(minutes=late), first) for late in (0, 59, 60, 179, 180, 10_000)]
        [0, 0, 1, 2, 2, 2]
        """
        return min((at - first) // self.length, self.bins - 1)


WINDOWS: Final = {
    "hour": Window("24 hours, by hour", 24, timedelta(hours=1), "%H:00"),
    "day": Window("14 days, by day", 14, timedelta(days=1), "%d %b"),
}


class AlertPace:
    """A bar for each hour or day; `changed` is called when the other is chosen."""

    def __init__(self, changed: Callable[[], None]) -> None:
        with panel("Alert frequency"):
            with box("div", "gx-filters"):
                names = {key: one.name for key, one in WINDOWS.items()}
                self._chosen = ui.select(names, value="hour", label="Window", on_change=changed)
                self._chosen.props("dense outlined options-dense").classes("gx-window")
            self._chart = ui.echart({}, renderer="svg").classes("gx-chart-small")
            self._chart.props["role"] = "img"
            self._said = words_in("p", "", "gx-note")

    @property
    def since(self) -> datetime:
        """When the window begins."""
        return self._window.starts(datetime.now(UTC))[0]

    @property
    def _window(self) -> Window:
        return WINDOWS[str(self._chosen.value)]

    def show(self, alerts: Sequence[AlertShown]) -> None:
        """These. One that goes on counts once, where it began."""
        starts = self._window.starts(datetime.now(UTC))
        begun = [(one.severity, at) for one in alerts if (at := time_of(one.opened)) is not None and at >= starts[0]]
        counts = {severity: [0] * len(starts) for severity in SEVERITIES}
        for severity, at in begun:
            counts[severity][self._window.bin_of(at, starts[0])] += 1
        self._chart.visible = bool(begun)
        if begun:
            self._chart.props["options"] = alert_chart([f"{one:{self._window.pattern}}" for one in starts], counts)
        totals: Counter[str] = Counter(severity for severity, _ in begun)
        told = ", ".join(f"{SEVERITIES[one]} {totals[one]:,}" for one in reversed(SEVERITIES) if totals[one])
        span = self._window.name.partition(",")[0]
        self._said.text = f"Began in {span}: {told}." if begun else f"No alert began in {span}."
        self._chart.props["aria-label"] = f"Alert frequency. {self._said.text}"
