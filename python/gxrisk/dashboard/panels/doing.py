"""Doing something: one button, what came of it in words, and a typed word before what cannot be taken back."""

from collections.abc import Awaitable, Callable

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from gxrisk.dashboard.api import ApiError
from gxrisk.dashboard.markup import box, words_in

Act = Callable[[], Awaitable[str]]


class Outcome:
    """Where it is said what came of the last thing done."""

    def __init__(self) -> None:
        self._said = words_in("p", "", "gx-outcome")
        self._said.props["role"] = "status"

    async def of(self, act: Act) -> bool:
        """Do it and say what came of it; whether it was done."""
        try:
            text = await act()
        except ApiError as error:
            self._said.text = f"✕ Not done: {error}."
            self._said.classes(remove="gx-good", add="gx-bad")
            return False
        self._said.text = f"✓ {text}"
        self._said.classes(remove="gx-bad", add="gx-good")
        return True


def button(name: str, act: Callable[[], Awaitable[object]], classes: str = "") -> TextElement:
    """A button that does `act`; the second press of a double click does nothing more."""
    made = words_in("button", name, f"gx-button {classes}")
    made.props["type"] = "button"

    async def pressed() -> None:
        made.props["disabled"] = True
        try:
            await act()
        finally:
            made.props.pop("disabled", None)
            made.update()

    made.on("click", pressed)
    return made


class Confirmed:
    """A dialog that asks for a reason, and for `word` to be typed, before `act` is done with the reason."""

    def __init__(self, title: str, warning: str, word: str, act: Callable[[str], Act], outcome: Outcome) -> None:
        self._word = word
        self._act = act
        self._outcome = outcome
        with ui.dialog().props(f'aria-label="{title}"') as self._dialog, box("div", "gx-panel gx-dialog"):
            words_in("h2", title)
            words_in("p", warning)
            self._reason = ui.input("Reason").props("outlined dense maxlength=200 autofocus").classes("gx-reason")
            self._typed = ui.input(f"Type {word} to confirm").props("outlined dense").classes("gx-typed")
            self._typed.props("autocomplete=off spellcheck=false")
            self._said = words_in("p", "", "gx-bad")
            self._said.props["role"] = "alert"
            with box("div", "gx-actions"):
                button("Cancel", self._cancel, "gx-quiet-button")
                button(title, self._confirm, "gx-danger")

    def open(self) -> None:
        """Ask."""
        self._reason.value = self._typed.value = self._said.text = ""
        self._dialog.open()

    async def _cancel(self) -> None:
        self._dialog.close()

    async def _confirm(self) -> None:
        reason = str(self._reason.value or "").strip()
        if str(self._typed.value or "").strip() != self._word:
            self._said.text = f"Type {self._word}, letter by letter."
        elif not reason:
            self._said.text = "Say why: it goes on record."
        else:
            self._dialog.close()
            await self._outcome.of(self._act(reason))
