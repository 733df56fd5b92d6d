"""What an operator and an owner do: each control acts on the real vault and says what came of it."""

from __future__ import annotations

from playwright.sync_api import expect

from .browsing import Visit


def test_pause_and_resume(visit: Visit) -> None:
    """The vault is halted and goes on; the page shows both."""
    visit.signed_in("operate").goes("/vaults/ann/controls")
    visit.presses("Pause")
    expect(visit.page.get_by_role("status")).to_contain_text("ann was paused")
    expect(visit.sums).to_contain_text("halted (paused)")
    assert visit.rig.call("GET", "/v1/vaults/ann")["is_paused"]
    visit.presses("Resume")
    expect(visit.page.get_by_role("status")).to_contain_text("ann was resumed")
    expect(visit.sums).to_contain_text("active")
    assert not visit.rig.call("GET", "/v1/vaults/ann")["is_paused"]


def test_kill_asks_for_the_name_and_a_reason(visit: Visit) -> None:
    """Nothing happens until both are there; only the owner brings the vault back."""
    visit.signed_in("operate").goes("/vaults/bob/controls")
    page = visit.page
    visit.presses("Kill …")
    visit.presses("Kill")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("Type bob")
    page.get_by_label("Type bob to confirm").fill("bob")
    visit.presses("Kill")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("Say why")
    assert not visit.rig.call("GET", "/v1/vaults/bob")["is_killed"]
    page.get_by_label("Reason").fill("a drill")
    visit.presses("Kill")
    expect(page.get_by_role("status")).to_contain_text("bob was killed")
    expect(visit.sums).to_contain_text("killed")
    assert visit.rig.call("GET", "/v1/vaults/bob")["is_killed"]
    visit.presses("Resume")
    expect(visit.sums).to_contain_text("killed")
    expect(page.get_by_role("button", name="Reactivate")).to_have_count(0)


def test_the_owner_reactivates_and_changes_the_tier(visit: Visit) -> None:
    """What only an owner's key may."""
    if not visit.rig.call("GET", "/v1/vaults/cid")["is_killed"]:
        visit.rig.call("POST", "/v1/vaults/cid/kill", {"reason": "a drill"})
    visit.signed_in("own").goes("/vaults/cid/controls")
    page = visit.page
    visit.presses("Reactivate")
    expect(page.get_by_role("status")).to_contain_text("cid was reactivated")
    expect(visit.sums).to_contain_text("active")
    page.get_by_role("combobox", name="Tier").click()
    page.get_by_role("option", name="capital_guard").click()
    visit.presses("Change tier")
    expect(page.get_by_role("status")).to_contain_text("cid was changed")
    assert visit.rig.call("GET", "/v1/vaults/cid")["tier"] == "capital_guard"


def test_a_refused_control_says_why(visit: Visit) -> None:
    """What the owner handed in is no signed withdrawal; the server's sentence is on the page."""
    visit.signed_in("own").goes("/vaults/cid/controls")
    page = visit.page
    page.get_by_label("Amount").fill("500")
    page.get_by_label("Destination").fill("acct 1")
    expect(visit.panel("Withdraw").locator(".gx-command")).to_have_text(
        "gxrisk withdraw sign owner.key --vault cid --amount 500 --destination 'acct 1'"
    )
    visit.panel("Withdraw").get_by_label("What the command printed").fill("00ff")
    visit.presses("Hand in")
    expect(page.get_by_role("status")).to_contain_text("✕ Not done")


def test_kill_all(visit: Visit) -> None:
    """Typed in full, every vault stops."""
    visit.signed_in("operate").goes("/controls")
    page = visit.page
    visit.presses("Kill all …")
    page.get_by_label("Type KILL ALL to confirm").fill("KILL ALL")
    page.get_by_label("Reason").fill("the venue is gone")
    visit.presses("Kill all")
    expect(page.get_by_role("status")).to_contain_text("3 vaults were killed")
    expect(page.get_by_role("region", name="Vaults").get_by_text("✕ killed")).to_have_count(3)
