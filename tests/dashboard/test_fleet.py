"""The fleet's table: what is wrong comes first, it is sorted and filtered, and a thousand vaults stay smooth."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from .browsing import Visit, opened
from .rig import Rig, rigged

MANY = 1_000
LONGEST_MS = 250
FRAMES = """async () => {
  const body = document.querySelector('.gx-grid .ag-body-viewport');
  const waits = [];
  let last = performance.now();
  for (let frame = 0; frame < 120; frame++) {
    body.scrollTop = (frame % 60) * (body.scrollHeight - body.clientHeight) / 59;
    await new Promise(requestAnimationFrame);
    waits.push(performance.now() - last);
    last = performance.now();
  }
  return waits.sort((a, b) => a - b);
}"""


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A thousand vaults, without a market."""
    with rigged(tmp_path_factory.mktemp("crowd"), []) as rig:
        for number in range(MANY):
            rig.vault(f"v{number:04}", amount=str(10_000 + number))
        yield rig


def names(visit: Visit) -> list[str]:
    """The vaults as they stand, from the top on."""
    cells = visit.page.locator(".gx-grid .ag-pinned-left-cols-container [col-id=vault_id]")
    rows = [(int(one.locator("xpath=..").get_attribute("row-index") or 0), one.inner_text()) for one in cells.all()]
    return [name for _, name in sorted(rows)]


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
    """All are there, few are drawn; scrolling never stands still, and a change comes in meanwhile."""
    with opened(browser, crowd) as page:
        visit = Visit(page, crowd).signed_in("operate")
        expect(visit.sums).to_contain_text(f"{MANY:,}")
        expect(page.locator(".gx-grid [row-id=v0000]").first).to_be_visible()
        assert page.locator(".gx-grid .ag-center-cols-container [role=row]").count() < 100
        waits = page.evaluate(FRAMES)
        assert waits[len(waits) // 2] < 50, waits[len(waits) // 2]
        assert waits[-1] < LONGEST_MS, waits[-1]
        crowd.call("POST", "/v1/vaults/v0777/pause")
        expect(page.locator(".gx-sums")).to_contain_text(f"1 of {MANY:,}")
        page.get_by_label("Find").fill("v0777")
        expect(page.locator(".gx-grid [row-id=v0777]").last).to_contain_text("paused")
