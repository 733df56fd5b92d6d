"""What is around every page: its way about, who is signed in, whether the server answers."""

from collections.abc import Awaitable, Callable
from typing import Final

from nicegui import Client, ui

from gxrisk.dashboard.api import ApiError
from gxrisk.dashboard.markup import box, link, words_in
from gxrisk.dashboard.sessions import Person, Theme
from gxrisk.dashboard.words import clock, moment

_NEXT: Final[dict[Theme, Theme]] = {"auto": "light", "light": "dark", "dark": "auto"}
_DARK: Final[dict[Theme, bool | None]] = {"auto": None, "light": False, "dark": True}
_HEAD: Final = '<link rel="stylesheet" href="/static/dashboard.css"><script src="/static/dashboard.js"></script>'
Refresh = Callable[[], Awaitable[None]]


class Frame:
    """A page's frame; what is made in `with frame.main` is the page."""

    def __init__(self, person: Person, title: str, here: str) -> None:
        self.person = person
        ui.page_title(f"{title} · gxrisk")
        ui.add_head_html(_HEAD)
        self._dark = ui.dark_mode(_DARK[person.theme])
        self._header(here)
        self._lost = words_in("div", "", "gx-lost")
        self._lost.props["role"] = "alert"
        self._lost.visible = False
        self.main = box("main", "gx-main")
        with self.main:
            words_in("h1", title, "gx-title")
        ui.skip_link("Skip to the page", target=self.main)

    def _header(self, here: str) -> None:
        person = self.person
        with box("header", "gx-header"):
            link("gxrisk", "/", "gx-brand")
            with box("nav", "gx-nav").props('aria-label="Pages"'):
                pages = [("Fleet", "/"), ("Alerts", "/alerts")]
                if person.operates:
                    pages.append(("Controls", "/controls"))
                for name, href in pages:
                    one = link(name, href)
                    if name == here:
                        one.props["aria-current"] = "page"
            self._seen = words_in("span", "", "gx-seen")
            self._theme = words_in("button", "", "gx-button gx-quiet-button").on("click", self._next_theme)
            self._theme.props["type"] = "button"
            self._say_theme()
            words_in("span", f"{person.key.name} · {person.key.scope}", "gx-who")
            with box("form").props("method=post action=/sign-out"):
                words_in("button", "Sign out", "gx-button gx-quiet-button").props["type"] = "submit"

    def _next_theme(self) -> None:
        self.person.theme = _NEXT[self.person.theme]
        self._dark.value = _DARK[self.person.theme]
        self._say_theme()

    def _say_theme(self) -> None:
        self._theme.text = f"Theme: {self.person.theme}"

    async def follow(self, client: Client, refresh: Refresh) -> None:
        """Show what `refresh` reads, now and whenever there is news, as long as the page is open."""

        async def look() -> None:
            with client:
                await self._look(refresh)

        await look()
        client.on_delete(self.person.live.listen(look))

    async def _look(self, refresh: Refresh) -> None:
        live = self.person.live
        try:
            await refresh()
        except ApiError as error:
            if error.is_connection:
                live.lost()
                text = f"No connection since {moment(live.lost_since)} UTC. What you see is of then; trying again."
            elif error.is_key:
                text = "The key is not good any more: sign out, and in again with another."
            else:
                text = f"The server refused: {error}."
            if self._lost.text != text:
                self._lost.text = text
            self._lost.visible = True
            self._seen.text = ""
        else:
            live.found()
            self._lost.visible = False
            self._seen.text = f"● live · {clock(live.seen_at)} UTC"
