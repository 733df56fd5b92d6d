"""What would pass: the largest quantity that each rule leaves room for, in one asset and on one side."""

from collections.abc import Callable
from decimal import Decimal

from nicegui import ui

from gxrisk.dashboard.bars import Bar, Bars
from gxrisk.dashboard.figures import quantities
from gxrisk.dashboard.markup import box, panel, words_in
from gxrisk.dashboard.words import words
from gxrisk.server.routes.headroom import Headroom


class Room:
    """Bars by rule; the shortest is what binds. `changed` is called when another asset or side is chosen."""

    def __init__(self, changed: Callable[[], None]) -> None:
        with panel("Headroom"):
            with box("div", "gx-filters"):
                self._asset = (
                    ui.select([], label="Asset", on_change=changed)
                    .props("dense outlined options-dense")
                    .classes("gx-asset")
                )
                self._side = ui.select(["buy", "sell"], value="buy", label="Side", on_change=changed)
                self._side.props("dense outlined options-dense").classes("gx-asset")
            self._binding = words_in("p", "", "gx-note")
            self._bars = Bars("Headroom by rule")

    @property
    def asset(self) -> str | None:
        """The asset that is chosen."""
        value: str | None = self._asset.value
        return value

    @property
    def side(self) -> str:
        """The side that is chosen."""
        return str(self._side.value)

    def offer(self, assets: list[str]) -> None:
        """Let one of these be chosen."""
        if assets != self._asset.options:
            chosen = self.asset if self.asset in assets else next(iter(assets), None)
            self._asset.set_options(assets, value=chosen)

    def show(self, room: Headroom | None) -> None:
        """What is left; None where no asset is known yet."""
        if room is None:
            self._binding.text = "No asset has had a price yet."
            self._bars.show([])
            return
        bounded = sorted(((value, rule) for rule, value in room.rules.items() if value is not None))
        widest = bounded[-1][0] if bounded else Decimal(0)
        figures = quantities([value for value, _ in bounded])
        if bounded:
            most = f"At most {figures[0]} {room.asset} pass" if bounded[0][0] else f"No {room.asset} passes"
            self._binding.text = f"{most} now: {words(bounded[0][1])} binds."
        else:
            self._binding.text = "No rule bounds the quantity now."
        self._bars.show(
            [
                Bar(words(rule), value / widest if widest else Decimal(0), shown, is_plain=True)
                for (value, rule), shown in zip(bounded, figures, strict=True)
            ]
        )
