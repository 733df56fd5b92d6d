"""The pictures of the documentation, of a fleet in a crash. `GXRISK_IMAGES=docs/images` writes them there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from gxrisk.dashboard.words import NOTHING
from playwright.sync_api import Browser, FloatRect, Locator, Page, expect

from .browsing import Visit, opened
from .crash import NAMES, crashed, goes_on
from .rig import Rig

WIDE = {"width": 1440, "height": 660}
PHONE = {"width": 390, "height": 844}
AROUND_PX = 10
SLOW_MS = 120_000  # a whole page on a machine that is busy
CUT = """selector => [...document.querySelectorAll(selector)]
  .filter(one => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1).map(one => one.textContent)"""
OUTSIDE = """svg => {
  const own = svg.getBoundingClientRect();
  const isOut = box => box.left < own.left - 1 || box.right > own.right + 1 || box.top < own.top - 1
    || box.bottom > own.bottom + 1;
  return [...svg.querySelectorAll('text')].filter(one => isOut(one.getBoundingClientRect()))
    .map(one => one.textContent);
}"""
EDGES = """() => [...document.querySelectorAll('.gx-table')].flatMap(table => {
  const rows = [...table.rows].filter(row => row.checkVisibility());
  return [...(rows[0]?.cells ?? [])].map((head, column) => [head, column])
    .filter(([head]) => head.classList.contains('gx-number') && head.checkVisibility())
    .map(([head, column]) => new Set(rows.map(row => {
      const range = document.createRange();
      range.selectNodeContents(row.cells[column]);
      return Math.round(range.getBoundingClientRect().right);
    })).size);
})"""


@pytest.fixture(scope="module")
def crash(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Twelve vaults after the fall."""
    with crashed(tmp_path_factory.mktemp("crash")) as rig:
        yield rig


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pictures go."""
    made = Path(os.environ.get("GXRISK_IMAGES") or tmp_path_factory.mktemp("images"))
    made.mkdir(parents=True, exist_ok=True)
    return made


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_wide(browser: Browser, crash: Rig, folder: Path, scheme: str) -> None:
    """The fleet, a vault in the crash from top to bottom, and a refused decision."""
    with opened(browser, crash, viewport=WIDE, color_scheme=scheme) as page:
        visit = Visit(page, crash).signed_in("read")
        goes_on(crash)
        told(page)
        assert page.evaluate(CUT, ".gx-grid .ag-cell") == []
        taken(page, folder / f"fleet-{scheme}.png")
        goes_on(crash)
        visit.goes("/vaults/atlas")
        expect(visit.panel("Tripped breakers")).to_contain_text("price move")
        held(visit)
        drawn(page)
        taken(page, folder / f"vault-{scheme}.png", last=visit.panel("Working orders"))
        aligned(page)
        more = {"first": visit.panel("Breaker history"), "last": visit.panel("Graduation")}
        taken(page, folder / f"vault-more-{scheme}.png", **more)
        page.get_by_role("link", name="✕ rejected").first.click()
        expect(visit.live().panel("What each rule said")).to_contain_text("✕ violated")
        expect(page.get_by_text("<b>IGNORE ALL LIMITS</b>")).to_be_visible()
        aligned(page)
        taken(page, folder / f"decision-{scheme}.png", last=visit.panel("In the chain"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone(browser: Browser, crash: Rig, folder: Path, scheme: str) -> None:
    """The fleet and a vault on a narrow screen: nothing is wider than it."""
    with opened(browser, crash, viewport=PHONE, device_scale_factor=2, color_scheme=scheme) as page:
        visit = Visit(page, crash).signed_in("read")
        goes_on(crash)
        told(page)
        taken(page, folder / f"phone-fleet-{scheme}.png")
        goes_on(crash)
        visit.goes("/vaults/atlas")
        held(visit)
        drawn(page)
        assert page.evaluate(CUT, ".gx-table td, .gx-sums dd, .gx-bars li") == []
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        taken(page, folder / f"phone-vault-{scheme}.png")


def told(page: Page) -> None:
    """Wait for the fleet: the killed vault first, then the one nearest to its limit, and nobody is missing."""
    for row, (name, state) in enumerate((("kite", "✕ killed"), ("atlas", "■ halted"))):
        expect(page.locator(f".gx-grid [row-index='{row}'] [col-id=vault_id]")).to_have_text(name)
        expect(page.locator(f".gx-grid [row-index='{row}'] [col-id=state]")).to_contain_text(state)
    expect(page.locator(".gx-sums")).to_contain_text(f"{len(NAMES)}")


def held(visit: Visit) -> None:
    """Wait for both positions, their stops and how far these are, and for the liquidation of the short one."""
    rows = visit.panel("Positions").locator("tbody tr")
    expect(rows).to_have_count(2)
    for row in rows.all():
        cells = [cell.inner_text() for cell in row.locator("td").all()]
        assert cells[6] != NOTHING, cells
        assert float(cells[7].removesuffix(" %")) > 0, cells
    assert float(cells[8]) > float(cells[4]), cells
    assert float(cells[9].removesuffix(" %")) > 0, cells
    expect(visit.panel("Working orders").locator("tbody tr")).to_have_count(1)


def drawn(page: Page) -> None:
    """Wait until every chart has its lines or bars, and look whether their labels lie within them."""
    for chart, mark in (
        ("Equity and drawdown", "path[stroke-width='1.6']"),
        ("Equity and drawdown", "path[stroke-width='8']"),
        ("Confidence over time", "path[stroke-width='1.6']"),
        ("Alert frequency", "path[fill='var(--gx-bar-over)']"),
    ):
        svg = page.get_by_role("img", name=chart).locator("svg")
        expect(svg.locator(mark).first).to_be_attached()
        assert svg.evaluate(OUTSIDE) == [], f"{chart}: cut labels"


def aligned(page: Page) -> None:
    """In every column of numbers all of them, and their heading, end at the same place; and nothing is cut."""
    edges = page.evaluate(EDGES)
    assert edges, "no column of numbers"
    assert set(edges) == {1}, edges
    assert page.evaluate(CUT, ".gx-table td, .gx-sums dd, .gx-bars li, .gx-facts dd") == []


def taken(page: Page, file: Path, *, first: Locator | None = None, last: Locator | None = None) -> None:
    """Take a picture of what the screen shows, or of the page from one panel to another, of more than one colour."""
    page.evaluate("window.scrollTo(0, 0)")
    page.mouse.move(0, 0)
    if last is None:
        page.screenshot(path=file, animations="disabled", timeout=SLOW_MS)
    else:
        top = 0.0 if first is None else edges(first)[0] - AROUND_PX
        clip: FloatRect = {"x": 0, "y": top, "width": WIDE["width"], "height": edges(last)[1] + AROUND_PX - top}
        page.screenshot(path=file, full_page=True, clip=clip, animations="disabled", timeout=SLOW_MS)
    assert file.stat().st_size > 20_000


def edges(panel: Locator) -> tuple[float, float]:
    """Where it begins and ends on the page, from its top on."""
    box = panel.bounding_box()
    assert box is not None
    return box["y"], box["y"] + box["height"]
