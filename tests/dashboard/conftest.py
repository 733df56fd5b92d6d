"""A server, a dashboard and Debian's Chromium, shared by a file's tests; a page of its own for each."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from .browsing import Visit, opened
from .rig import Rig, rigged

VAULTS = ["ann", "bob", "cid"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium as Debian has it."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield one
        one.close()


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A server with three vaults that have money and a market, and a dashboard."""
    with rigged(tmp_path_factory.mktemp("rig"), VAULTS) as one:
        for vault_id, tier in zip(VAULTS, ("growth", "capital_guard", "high_octane"), strict=True):
            one.vault(vault_id, tier=tier)
        one.market()
        yield one


@pytest.fixture
def page(browser: Browser, rig: Rig) -> Iterator[Page]:
    """A page that may ask this dashboard and nobody else."""
    with opened(browser, rig) as one:
        yield one


@pytest.fixture
def visit(page: Page, rig: Rig) -> Visit:
    """Somebody who has not signed in."""
    return Visit(page, rig)


@pytest.fixture
def images() -> Path:
    """Where the documentation's pictures are."""
    return Path(__file__).parents[2] / "docs" / "images"
