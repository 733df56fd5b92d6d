"""A person at the dashboard, in a browser that tells of every request to somebody else and of every error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Locator, Page, expect

from .rig import Rig

WITHIN_MS = 30_000
expect.set_options(timeout=WITHIN_MS)


@contextmanager
def opened(browser: Browser, rig: Rig, **context: Any) -> Iterator[Page]:
    """A fresh page. Afterwards: it asked no other host, nothing broke its policy, and no script failed."""
    strangers, failures = [], []

    def asked(url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.netloc != urlsplit(rig.pages).netloc:
            strangers.append(url)

    made = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce", **context})
    page = made.new_page()
    page.set_default_timeout(WITHIN_MS)
    page.on("request", lambda request: asked(request.url))
    page.on("websocket", lambda socket: asked(socket.url))
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("console", lambda said: failures.append(said.text) if "Content Security Policy" in said.text else None)
    try:
        yield page
    finally:
        made.close()
    assert strangers == []
    assert failures == []


@dataclass
class Visit:
    """What a person does and sees."""

    page: Page
    rig: Rig

    def signed_in(self, key: str = "read") -> Visit:
        """Sign in with a key by its name."""
        self.page.goto(self.rig.pages)
        self.page.get_by_label("API key").fill(self.rig.keys[key])
        self.page.get_by_role("button", name="Sign in").click()
        return self.live()

    def goes(self, path: str) -> Visit:
        """Open a page and wait until it is live."""
        self.page.goto(self.rig.pages + path)
        return self.live()

    def live(self) -> Visit:
        """Wait until the page says so."""
        expect(self.page.locator(".gx-seen")).to_contain_text("live")
        return self

    def panel(self, title: str) -> Locator:
        """A part of the page by its title."""
        return self.page.get_by_role("region", name=title, exact=True).first

    def presses(self, name: str) -> None:
        """Press a button."""
        self.page.get_by_role("button", name=name, exact=True).click()

    @property
    def sums(self) -> Locator:
        """The strip of main numbers."""
        return self.page.locator(".gx-sums")
