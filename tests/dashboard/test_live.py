"""What comes by itself: a trip, a decision, a server that goes and comes back; and text that stays text."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from .browsing import Visit

SCRIPT = (
    "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>{{7*7}}`${7*7}` </script>"
)


def test_a_trip_is_seen_as_it_happens(visit: Visit) -> None:
    """The market falls by more than a tenth: the open pages say so, and why, without being loaded again."""
    visit.rig.order("ann")
    visit.rig.market()
    visit.signed_in("read").goes("/vaults/ann")
    expect(visit.panel("Tripped breakers")).to_contain_text("None is tripped")
    visit.rig.trade("85")
    expect(visit.panel("Tripped breakers")).to_contain_text("price move")
    expect(visit.panel("Tripped breakers")).to_contain_text(re.compile(r"until [0-9:]+ \(1[45] min\)"))
    expect(visit.panel("Breaker history")).to_contain_text("■ lasts")
    expect(visit.page.get_by_role("img", name="Equity and drawdown")).to_contain_text("limit 15 %")
    expect(visit.page.get_by_role("img", name="Equity and drawdown")).to_contain_text("price move")
    expect(visit.sums).to_contain_text("halted")
    visit.goes("/")
    row = visit.page.locator(".gx-grid [row-id=ann]")
    expect(row.last).to_contain_text(re.compile("price move [0-9]+ min"))


def test_stored_script_stays_text(visit: Visit) -> None:
    """A model's reasoning with a script in it is read, not run; on the vault's page and in the fleet."""
    visit.rig.order("bob", reasoning=SCRIPT, quantity="1000000", client_order_id="<b>x</b>")
    visit.signed_in("read").goes("/vaults/bob")
    expect(visit.panel("Decisions")).to_contain_text(SCRIPT)
    assert visit.page.title() == "bob · gxrisk"
    assert visit.page.locator(".gx-main img, .gx-main script").count() == 0


def test_the_page_goes_on_when_the_server_comes_back(visit: Visit) -> None:
    """It says since when there is no connection, keeps what it knew, and needs nobody to load it again."""
    visit.signed_in("read").goes("/vaults/cid")
    page = visit.page
    page.evaluate("window.notLoadedAgain = true")
    visit.rig.stop()
    expect(page.get_by_role("alert")).to_contain_text("No connection since")
    expect(visit.sums).to_contain_text("100,000.00")
    visit.rig.start()
    visit.live()
    expect(page.get_by_role("alert")).to_be_hidden()
    assert page.evaluate("window.notLoadedAgain")
