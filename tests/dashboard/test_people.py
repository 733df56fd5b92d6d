"""Signing in, and what each kind of key gets to see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from playwright.sync_api import expect

from .browsing import Visit
from .rig import Rig


def test_without_a_key_there_is_only_the_form(rig: Rig) -> None:
    """Every page leads there; nothing of a vault is told."""
    for path in ("/", "/vaults/ann", "/vaults/ann/controls", "/controls"):
        answer = httpx.get(rig.pages + path)
        assert (answer.status_code, answer.headers["location"]) == (307, "/sign-in"), path


@pytest.mark.parametrize("key", ["", "gxr_no", "gxr_" + "0" * 16 + "_" + "0" * 72, "x" * 5_000, "gxr_ü"])
def test_a_wrong_key_is_refused_in_words(rig: Rig, key: str) -> None:
    """And no cookie lets anyone in."""
    with httpx.Client(base_url=rig.pages) as client:
        answer = client.post("/sign-in", data={"key": key})
        assert 400 <= answer.status_code < 500
        assert 'role="alert"' in answer.text
        assert key[:40] not in answer.text or not key
        assert client.get("/").status_code == 307


def test_a_form_from_another_site_is_refused(rig: Rig) -> None:
    """Nobody is signed in, or out, by a page of somebody else."""
    headers = {"Origin": "https://evil.example"}
    answer = httpx.post(f"{rig.pages}/sign-in", data={"key": rig.keys["read"]}, headers=headers)
    assert answer.status_code == 403
    with signed_in(rig) as client:
        client.post("/sign-out", headers=headers)
        assert client.get("/").status_code == 200
        client.post("/sign-out")
        assert client.get("/").status_code == 307


def test_the_key_is_in_no_page_cookie_or_log(rig: Rig) -> None:
    """The cookie is signed, kept from scripts and from other sites, and holds a random token."""
    key = rig.keys["read"]
    with signed_in(rig) as client:
        (cookie,) = client.cookies.jar
        assert key not in str(cookie.value)
        for path in ("/", "/vaults/ann"):
            answer = client.get(path)
            assert answer.status_code == 200
            assert key not in answer.text
            assert key.split("_")[2] not in answer.text
            assert answer.headers["cache-control"] == "no-store"
            assert "default-src 'self'" in answer.headers["content-security-policy"]
        tampered = httpx.get(rig.pages, cookies={cookie.name: f"{cookie.value}x"})
        assert tampered.status_code == 307
    answer = httpx.post(f"{rig.pages}/sign-in", data={"key": key})
    assert {"httponly", "samesite=strict"} <= {part.strip().lower() for part in answer.headers["set-cookie"].split(";")}


def test_an_agent_sees_its_vault_and_no_controls(visit: Visit) -> None:
    """Neither the links nor, by address, the buttons."""
    visit.signed_in("propose ann")
    page = visit.page
    expect(page.locator(".gx-grid").get_by_role("link", name="ann")).to_be_visible()
    expect(page.locator(".gx-grid").get_by_role("link", name="bob")).to_have_count(0)
    expect(page.get_by_role("link", name="Controls")).to_have_count(0)
    for path in ("/controls", "/vaults/ann/controls"):
        page.goto(visit.rig.pages + path)
        expect(page.get_by_text("This key looks and does not act")).to_be_visible()
        for name in ("Pause", "Resume", "Kill …", "Kill all …", "Reactivate", "Hand in"):
            expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)


def test_a_vault_of_others_is_refused_in_words(visit: Visit) -> None:
    """The page says why instead of showing nothing."""
    visit.signed_in("propose ann")
    visit.page.goto(f"{visit.rig.pages}/vaults/bob")
    expect(visit.page.get_by_role("alert")).to_contain_text("The server refused")


@contextmanager
def signed_in(rig: Rig) -> Iterator[httpx.Client]:
    """A client with the cookie of one who reads."""
    with httpx.Client(base_url=rig.pages, timeout=30) as client:
        assert client.post("/sign-in", data={"key": rig.keys["read"]}).status_code == 303
        yield client
