"""No serious fault by axe-core on any page, light and dark, wide and on a phone; and the keyboard gets everywhere."""

from __future__ import annotations

from importlib.resources import files

import pytest
from playwright.sync_api import Browser, Page, expect

from .browsing import Visit, opened
from .rig import Rig

AXE = files("axe_playwright_python") / "axe.min.js"
PATHS = ["/", "/alerts", "/controls", "/vaults/ann", "/vaults/ann/stress", "/vaults/ann/audit", "/vaults/ann/controls"]
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def busy(rig: Rig) -> Rig:
    """With a position, an order, a refused decision and a trip, so that no panel is empty."""
    rig.order("ann")
    rig.market()
    rig.order("ann", quantity="9000")
    rig.trade("88")
    return rig


def faults(page: Page) -> list[str]:
    """What axe-core calls serious or critical, with where."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:3]
    ]


@pytest.mark.parametrize("size", [{"width": 1440, "height": 900}, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_fault(browser: Browser, busy: Rig, scheme: str, size: dict[str, int]) -> None:
    """On the form, on every page, and with a dialog open."""
    with opened(browser, busy, color_scheme=scheme, viewport=size) as page:
        found = {}
        page.goto(f"{busy.pages}/sign-in")
        found["/sign-in"] = faults(page)
        visit = Visit(page, busy).signed_in("own")
        decision = busy.call("GET", "/v1/vaults/ann/decisions?outcome=rejected", key="operate")["rows"][0]["sequence"]
        for path in [*PATHS, f"/vaults/ann/decisions/{decision}"]:
            visit.goes(path)
            found[path] = faults(page)
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{path} is too wide"
        visit.goes("/vaults/ann/controls").presses("Kill …")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.wait_for_function("document.getAnimations().every(one => one.playState !== 'running')")
        found["a dialog"] = faults(page)
    assert "\n".join(f"{path} {one}" for path, some in found.items() for one in some) == ""


def test_the_keyboard_gets_everywhere(visit: Visit) -> None:
    """From the skip link over the filters into the table, and from a row to its vault."""
    visit.signed_in("operate")
    page = visit.page
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the page")
    page.get_by_label("Find").focus()
    page.keyboard.type("ann")
    expect(page.locator(".gx-grid [row-id=bob]")).to_have_count(0)
    page.keyboard.press("Tab")
    expect(page.get_by_label("Show")).to_be_focused()
    page.locator(".gx-grid [row-id=ann] [col-id=state]").click()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{visit.rig.pages}/vaults/ann")
    visit.live()


def test_the_theme_is_chosen(visit: Visit) -> None:
    """Auto, light, dark: the choice holds on the next page."""
    visit.signed_in("read")
    page = visit.page
    visit.presses("Theme: auto")
    visit.presses("Theme: light")
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
    visit.goes("/vaults/ann")
    assert page.evaluate("document.body.classList.contains('body--dark')")
