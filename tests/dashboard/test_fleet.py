"""The fleet's table: what is wrong comes first, it is sorted and filtered, and of many vaults few are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.api.desk import STRATEGY

from .browsing import Visit, opened
from .rig import Rig, rigged

MANY = 300
DRAWN_MAX = 100
RESTYLED_MAX = 400  # elements in a frame: two rows, and the one that is pointed at, of some 1,300 in the table
FRAMES: Final = 40
SCROLL: Final = """async (view, frames) => {
  for (let frame = 0; frame < frames; frame++) {
    view.scrollTop += 60;
    await new Promise(requestAnimationFrame);
  }
}"""


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Hundreds of vaults, without money or a market."""
    with rigged(tmp_path_factory.mktemp("crowd"), ["v0000"]) as rig:
        for number in range(MANY):
            vault = {"vault_id": f"v{number:04}", "tier": "growth", "strategy": STRATEGY, "bar_s": 60}
            rig.call("POST", "/v1/vaults", vault)
        yield rig


def test_sorted_and_filtered(visit: Visit) -> None:
    """By a heading, by a word, by a state, and by a column's own filter; trouble comes first until asked otherwise."""
    visit.rig.call("POST", "/v1/vaults/cid/pause")
    visit.rig.call("POST", "/v1/vaults/ann/fund", {"transfer_id": "more", "amount": "5"})
    visit.signed_in("operate")
    page = visit.page
    grid = page.locator(".gx-grid")
    first = grid.locator("[row-index='0'] [col-id=vault_id]")
    expect(first).to_have_text("cid")
    grid.get_by_role("columnheader", name="Equity").click()
    expect(first).not_to_have_text("ann")
    grid.get_by_role("columnheader", name="Equity").click()
    expect(first).to_have_text("ann")
    page.get_by_label("Show").select_option("In trouble")
    expect(grid.locator("[col-id=vault_id] a")).to_have_text(["cid"])
    page.get_by_label("Show").select_option("All")
    page.get_by_label("Find").fill("bob")
    expect(grid.locator("[col-id=vault_id] a")).to_have_text(["bob"])
    page.get_by_label("Find").fill("")
    heading = grid.get_by_role("columnheader", name="Equity")
    heading.hover()
    heading.locator(".ag-header-cell-filter-button").click()
    page.get_by_role("textbox", name="Filter Value").or_(
        page.get_by_role("spinbutton", name="Filter Value")
    ).first.fill("100005")
    expect(grid.locator("[col-id=vault_id] a")).to_have_text(["ann"])
    visit.rig.call("POST", "/v1/vaults/cid/resume")


def test_of_many_vaults_few_are_drawn(browser: Browser, crowd: Rig) -> None:
    """All are there; only those in sight are drawn, wherever the table is scrolled to; a change comes in meanwhile."""
    with opened(browser, crowd) as page:
        visit = Visit(page, crowd).signed_in("operate")
        expect(visit.sums).to_contain_text(f"{MANY:,}")
        grid = page.locator(".gx-grid")
        expect(grid.locator("[row-id=v0000]").first).to_be_visible()
        for share in (0.25, 0.5, 0.75, 1):
            grid.locator(".ag-body-viewport").evaluate(
                "(one, share) => { one.scrollTop = one.scrollHeight * share; }", share
            )
            row = MANY - 1 if share == 1 else round(MANY * share) + 2
            expect(grid.locator(f"[row-index='{row}'] [col-id=vault_id]")).to_have_text(f"v{row:04}")
            assert grid.locator(".ag-center-cols-container [role=row]").count() < DRAWN_MAX
        crowd.call("POST", f"/v1/vaults/v{MANY // 2:04}/pause")
        expect(page.locator(".gx-sums")).to_contain_text(f"1 of {MANY:,}")
        page.get_by_label("Find").fill(f"v{MANY // 2:04}")
        expect(grid.locator(f"[row-id=v{MANY // 2:04}]").last).to_contain_text("paused")


def test_a_row_that_comes_into_sight_leaves_the_others_as_they_are(browser: Browser, crowd: Rig) -> None:
    """No rule of a style sheet makes the browser work out the whole table's style at each row: that takes a frame."""
    with opened(browser, crowd) as page:
        Visit(page, crowd).signed_in("operate")
        expect(page.locator(".gx-grid [row-id=v0000]").first).to_be_visible()
        assert page.locator(".gx-grid *").count() > 2 * RESTYLED_MAX, "or it would say nothing"
        restyled = _restyled_while_scrolled(browser, page)
        assert len(restyled) >= FRAMES // 4, "it was scrolled"
        assert sum(restyled) / FRAMES < RESTYLED_MAX


def _restyled_while_scrolled(browser: Browser, page: Page) -> list[int]:
    """Of how many elements the browser worked out the style, each time that it did."""
    events: list[dict[str, Any]] = []
    ended: list[Any] = []
    session = browser.new_browser_cdp_session()
    session.on("Tracing.dataCollected", lambda told: events.extend(told["value"]))
    session.on("Tracing.tracingComplete", lambda told: ended.append(told))
    wanted = {"includedCategories": ["devtools.timeline"]}
    session.send("Tracing.start", {"traceConfig": wanted, "transferMode": "ReportEvents"})
    page.locator(".gx-grid .ag-body-viewport").evaluate(SCROLL, FRAMES)
    session.send("Tracing.end")
    for _ in range(300):
        if ended:
            break
        page.wait_for_timeout(100)
    assert ended, "the browser told what it did"
    session.detach()
    return [one["args"]["elementCount"] for one in events if one["name"] == "UpdateLayoutTree"]
