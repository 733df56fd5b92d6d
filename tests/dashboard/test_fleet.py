"""The fleet's table: what is wrong comes first, it is sorted and filtered, and a thousand vaults stay smooth."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, CDPSession, expect

from .browsing import Visit, opened
from .rig import Rig, rigged

MANY = 1_000
FRAME_S_MAX = 0.033
FRAMES = 120
SCROLL = """async frames => {
  const body = document.querySelector('.gx-grid .ag-body-viewport');
  for (let frame = 0; frame < frames; frame++) {
    body.scrollTop += 100;
    await new Promise(requestAnimationFrame);
  }
}"""


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A thousand vaults, without a market."""
    with rigged(tmp_path_factory.mktemp("crowd"), ["v0000"]) as rig:
        for number in range(MANY):
            rig.vault(f"v{number:04}", amount=str(10_000 + number), bar_s=60)
        yield rig


def worked(tools: CDPSession) -> float:
    """How many seconds of processor time the page's own thread has worked, however busy the machine is."""
    metrics = {one["name"]: one["value"] for one in tools.send("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"])


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


def test_a_thousand_vaults_stay_smooth(browser: Browser, crowd: Rig) -> None:
    """All are there, few are drawn; a frame of fast scrolling is little work, and a change comes in meanwhile."""
    with opened(browser, crowd) as page:
        visit = Visit(page, crowd).signed_in("operate")
        tools = page.context.new_cdp_session(page)
        tools.send("Performance.enable", {"timeDomain": "threadTicks"})
        expect(visit.sums).to_contain_text(f"{MANY:,}")
        expect(page.locator(".gx-grid [row-id=v0000]").first).to_be_visible()
        assert page.locator(".gx-grid .ag-center-cols-container [role=row]").count() < 100
        work_s = worked(tools)
        page.evaluate(SCROLL, FRAMES)
        frame_s = (worked(tools) - work_s) / FRAMES
        assert frame_s < FRAME_S_MAX
        crowd.call("POST", "/v1/vaults/v0777/pause")
        expect(page.locator(".gx-sums")).to_contain_text(f"1 of {MANY:,}")
        page.get_by_label("Find").fill("v0777")
        expect(page.locator(".gx-grid [row-id=v0777]").last).to_contain_text("paused")
