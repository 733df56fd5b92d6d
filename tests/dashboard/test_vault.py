"""A vault's pages: what they tell, what can be taken away, and what would pass."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime

import httpx
from gxrisk.dashboard.words import MINUS
from playwright.sync_api import expect

from .browsing import Visit
from .rig import Rig


def test_the_alerts_of_a_vault_are_counted(visit: Visit) -> None:
    """By hour and by day; one more shows by itself, and those of other vaults do not."""
    visit.rig.call("POST", "/v1/vaults/bob/kill", {"reason": "another one's"})
    visit.signed_in("read").goes("/vaults/ann")
    panel = visit.panel("Alert frequency")
    expect(panel).to_contain_text("No alert began in 24 hours")
    expect(panel.get_by_role("img")).to_be_hidden()
    visit.rig.call("POST", "/v1/vaults/ann/kill", {"reason": "a drill"})
    expect(panel).to_contain_text("Began in 24 hours: ■ critical 1")
    expect(panel.locator("svg path[fill='var(--gx-bar-over)']").first).to_be_attached()
    panel.get_by_label("Window").click()
    visit.page.get_by_role("option", name="14 days, by day").click()
    expect(panel).to_contain_text("Began in 14 days: ■ critical 1")
    visit.rig.call("POST", "/v1/vaults/ann/reactivate", {"rebase": False}, key="own")


def test_a_withdrawal_is_previewed(visit: Visit) -> None:
    """What closes and what remains; too much, and what is no amount, is said so. Nothing is withdrawn."""
    visit.rig.market()
    assert visit.rig.order("ann", quantity="100")["approved"]
    visit.rig.held("ann")
    visit.signed_in("own").goes("/vaults/ann")
    panel = visit.panel("Withdrawal preview")
    expect(panel).to_contain_text("(90 %) remain, less the costs of closing; 1 position closes, no orders end")
    expect(panel.get_by_role("row", name="BTC long")).to_contain_text("100")
    expect(panel.get_by_role("row", name="position size")).to_contain_text("✓ kept")
    amount = panel.get_by_label("Amount")
    amount.fill("80000")
    expect(panel).to_contain_text("(20 %) remain")
    expect(panel.get_by_role("row", name="position size")).to_contain_text("✕ exceeded")
    amount.fill("500000")
    expect(panel).to_contain_text("✕ Not possible: 500,000.00")
    amount.fill("a lot")
    expect(panel).to_contain_text("An amount above zero shows")
    expect(panel.get_by_role("row")).to_have_count(0)
    expect(visit.page.get_by_role("alert")).to_be_hidden()
    assert visit.rig.call("GET", "/v1/vaults/ann/positions")["positions"][0]["quantity"] == "100"
    panel.get_by_role("link", name="Sign and hand in a withdrawal").click()
    expect(visit.live().panel("Withdraw")).to_contain_text("gxrisk withdraw sign")


def test_what_a_vault_holds_and_how_far_its_limits_are(visit: Visit) -> None:
    """The stop, its distance, and the bars."""
    visit.rig.market()
    visit.signed_in("read").goes("/vaults/ann")
    row = visit.panel("Positions").get_by_role("row", name="BTC")
    expect(row).to_contain_text("98")
    expect(row).to_contain_text(re.compile(r"[0-9]\.[0-9]{2} %"))
    expect(visit.panel("Limits used")).to_contain_text("Largest asset, BTC")
    expect(visit.panel("Headroom")).to_contain_text(re.compile(r"At most [0-9,.]+ BTC pass now"))
    expect(visit.panel("Data quality").get_by_role("row", name="BTC")).to_contain_text("good")
    expect(visit.panel("Graduation")).to_contain_text("days left")
    expect(visit.panel("Graduation")).to_contain_text("The certificate can be downloaded here once")


def test_what_would_have_passed(visit: Visit) -> None:
    """An order that one rule refuses: the rule's numbers, and the quantity that would have been approved."""
    visit.rig.market(asset="ETH")
    refused = visit.rig.order("ann", asset="ETH", quantity="400")
    assert not refused["approved"]
    visit.signed_in("read").goes(f"/vaults/ann/decisions/{refused['sequence']}")
    rules = visit.panel("What each rule said")
    expect(rules).to_contain_text(re.compile(r"Of this order at most [0-9,.]+ ETH would have passed; 400 were asked"))
    expect(rules.get_by_role("row", name="position size")).to_contain_text("✕ violated")
    expect(rules.get_by_role("row", name="stop loss distance")).to_contain_text("✓ passed")
    most = re.search(r"at most ([0-9,.]+) ETH", rules.inner_text())
    assert most is not None
    assert visit.rig.order("ann", asset="ETH", quantity=most[1].replace(",", ""))["approved"]


def test_the_journal_is_verified_by_a_button(visit: Visit) -> None:
    """On a decision's page, with its place in the chain; and on the audit log."""
    refused = visit.rig.order("ann", quantity="9000")
    visit.signed_in("read").goes(f"/vaults/ann/decisions/{refused['sequence']}")
    place = visit.panel("In the chain")
    record = visit.rig.call("GET", f"/v1/vaults/ann/audit/records/{refused['sequence']}")
    expect(place).to_contain_text(record["hash"])
    visit.presses("Verify the journal")
    expect(visit.page.get_by_role("status")).to_contain_text("records hold together")
    visit.goes("/vaults/ann/audit")
    expect(visit.panel("Records").get_by_role("row").nth(1)).to_be_visible()
    visit.presses("Verify the journal")
    expect(visit.page.get_by_role("status")).to_contain_text("decisions worked out anew")


def test_the_stress_table(visit: Visit) -> None:
    """A long position: every gap from a tenth to a half, each loss the gap's share of what is held."""
    visit.rig.market()
    visit.signed_in("read").goes("/vaults/ann/stress")
    rows = visit.panel("Gaps").get_by_role("row")
    expect(rows.nth(1)).to_contain_text("all assets")
    told = {row.inner_text().split("\t")[1]: row.inner_text().split("\t") for row in rows.all()[1:]}
    assert {f"{MINUS}{gap} %" for gap in (10, 20, 30, 50)} <= told.keys()
    losses = [float(told[f"{MINUS}{gap} %"][2].replace(",", "")) for gap in (10, 50)]
    assert 4.99 < losses[1] / losses[0] < 5.01


def test_exports_and_reports(rig: Rig, visit: Visit) -> None:
    """Each list as CSV, the week's report as a page that nothing runs in, and a certificate that is not there yet."""
    rig.order("ann", quantity="9000")
    visit.signed_in("read").goes("/vaults/ann")
    panel = visit.panel("Export and reports")
    expect(visit.panel("Decisions")).to_contain_text("9,000 BTC")
    with visit.page.expect_download() as waiting:
        panel.get_by_role("link", name="decisions").click()
    text = waiting.value.path().read_text(encoding="utf-8")
    assert next(csv.DictReader(io.StringIO(text)))["side"] in ("buy", "sell")
    week = f"{datetime.now(UTC):%G-W%V}"
    expect(panel.get_by_role("link", name=week)).to_be_visible()
    with httpx.Client(base_url=rig.pages, timeout=30) as client:
        client.post("/sign-in", data={"key": rig.keys["read"]})
        for what in ("trades", "decisions", "fills", "equity", "flows", "trips"):
            assert client.get(f"/vaults/ann/export/{what}.csv").headers["content-type"].startswith("text/csv"), what
        report = client.get(f"/vaults/ann/reports/{week}")
        assert (report.status_code, "sandbox" in report.headers["content-security-policy"]) == (200, True)
        missing = client.get("/vaults/ann/certificate")
        assert (missing.status_code, "has no certificate" in missing.text) == (404, True)
    assert httpx.get(f"{rig.pages}/vaults/ann/certificate").headers["location"] == "/sign-in"


def test_alerts_are_looked_after(visit: Visit) -> None:
    """Acknowledged and resolved by the one who signed in; those that are over are shown when asked for."""
    visit.rig.call("POST", "/v1/vaults/cid/kill", {"reason": "a drill"})
    visit.signed_in("operate").goes("/alerts")
    page, panel = visit.page, visit.panel("Alerts")
    row = panel.get_by_role("row").filter(has_text="cid").filter(has_text="killed")
    expect(row).to_contain_text("waits for somebody")
    page.get_by_role("combobox", name="Alert").click()
    page.get_by_role("option", name="cid killed").click()
    visit.presses("Acknowledge")
    expect(row).to_contain_text("looked after by the operate desk")
    visit.presses("Resolve")
    expect(row).to_have_count(0)
    page.get_by_text("Those that are over too").click()
    expect(row).to_contain_text("over")
