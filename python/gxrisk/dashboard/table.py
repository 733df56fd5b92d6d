"""A table that is brought up to date cell by cell: what does not change is left alone, the keyboard's place too."""

from collections.abc import Sequence
from dataclasses import dataclass

from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

from gxrisk.dashboard.markup import box, link, words_in


@dataclass(frozen=True, slots=True)
class Column:
    """A heading; numbers are aligned to the right, and `wide` columns are left out on a phone."""

    title: str
    is_number: bool = False
    wide: bool = False

    @property
    def classes(self) -> str:
        """How its cells are shown."""
        return " ".join(name for name, on in (("gx-number", self.is_number), ("gx-wide", self.wide)) if on)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell's text, where it leads to, and its tone: `good`, `warn`, `bad` or `quiet`."""

    text: str
    href: str | None = None
    tone: str = ""


Row = tuple[str, Sequence[Cell | str]]


class Table:
    """Rows by key under fixed columns; `empty` is said where there is none. What is long scrolls, unless `is_whole`."""

    def __init__(self, caption: str, columns: Sequence[Column], *, empty: str, is_whole: bool = False) -> None:
        self._columns = columns
        self._rows: dict[str, tuple[Element, list[Cell], list[TextElement]]] = {}
        self._empty = words_in("p", empty, "gx-empty")
        self._region = box("div", "gx-scroll gx-whole" if is_whole else "gx-scroll")
        self._region.props.update({"tabindex": "0", "role": "region", "aria-label": caption})
        with self._region, box("table", "gx-table"):
            words_in("caption", caption, "gx-unseen")
            with box("thead"), box("tr"):
                for column in columns:
                    words_in("th", column.title, column.classes).props["scope"] = "col"
            self._body = box("tbody")
        self._region.visible = False

    def show(self, rows: Sequence[Row]) -> None:
        """These rows, in this order."""
        wanted = {key for key, _ in rows}
        for key in [key for key in self._rows if key not in wanted]:
            self._rows.pop(key)[0].delete()
        for index, (key, given) in enumerate(rows):
            cells = [one if isinstance(one, Cell) else Cell(one) for one in given]
            if key in self._rows:
                self._update(key, cells, index)
            else:
                self._insert(key, cells, index)
        self._region.visible = bool(rows)
        self._empty.visible = not rows

    def _insert(self, key: str, cells: list[Cell], index: int) -> None:
        with self._body:
            row = box("tr")
        with row:
            texts = [_made(cell, column) for cell, column in zip(cells, self._columns, strict=True)]
        if index < len(self._rows):
            row.move(target_index=index)
        self._rows[key] = row, cells, texts

    def _update(self, key: str, cells: list[Cell], index: int) -> None:
        row, before, texts = self._rows[key]
        for old, new, text in zip(before, cells, texts, strict=True):
            if new.text != old.text:
                text.text = new.text
            if new.tone != old.tone:
                text.classes(remove=_tone(old), add=_tone(new))
        self._rows[key] = row, cells, texts
        if self._body.default_slot.children.index(row) != index:
            row.move(target_index=index)


def _made(cell: Cell, column: Column) -> TextElement:
    if cell.href is None:
        made = words_in("td", cell.text, f"{column.classes} {_tone(cell)}")
        made.props["data-title"] = column.title  # shown beside it on a phone
        return made
    with box("td", column.classes) as around:
        around.props["data-title"] = column.title
        return link(cell.text, cell.href, _tone(cell))


def _tone(cell: Cell) -> str:
    return f"gx-{cell.tone}" if cell.tone else ""
