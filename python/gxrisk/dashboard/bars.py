"""How much of each limit is used, as bars with their numbers beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

from gxrisk.dashboard.markup import box, words_in

_NEAR: Final = Decimal("0.8")


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: `used` is a fraction of its limit (None where there is none), `figures` the numbers in words."""

    name: str
    used: Decimal | None
    figures: str
    is_plain: bool = False


class Bars:
    """Bars by name; near the limit and beyond it they say so in words as well."""

    def __init__(self, title: str) -> None:
        self._list = box("ul", "gx-bars")
        self._list.props["aria-label"] = title
        self._made: dict[str, tuple[Element, TextElement, TextElement]] = {}

    def show(self, bars: Sequence[Bar]) -> None:
        """These, and no others."""
        for name in [name for name in self._made if name not in {bar.name for bar in bars}]:
            self._made.pop(name)[0].delete()
        for index, bar in enumerate(bars):
            if bar.name not in self._made:
                self._add(bar.name)
            line, fill, figures = self._made[bar.name]
            if self._list.default_slot.children.index(line) != index:
                line.move(target_index=index)
            width = 0 if bar.used is None else min(bar.used, Decimal(1)) * 100
            fill.style(f"width: {width:.1f}%")
            words = "" if bar.is_plain else _words(bar.used)
            figures.text = f"{bar.figures}{f' · {words}' if words else ''}"
            line.classes(remove="gx-near gx-over", add={"near": "gx-near", "at the limit": "gx-over"}.get(words, ""))

    def _add(self, name: str) -> None:
        with self._list:
            line = box("li")
        with line:
            words_in("span", name, "gx-bar-name")
            with box("span", "gx-bar-track").props("aria-hidden=true"):
                fill = words_in("span", "", "gx-bar-fill")
            figures = words_in("span", "", "gx-bar-figures")
        self._made[name] = line, fill, figures


def _words(used: Decimal | None) -> str:
    if used is None or used < _NEAR:
        return ""
    return "at the limit" if used >= 1 else "near"
