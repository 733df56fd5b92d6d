"""What an owner signs where the master key is: the page shows the command, and takes what it printed."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gxrisk import Gate
from gxrisk.custody import create_owner_key
from gxrisk.vaults.certificate import TOPIC as CERTIFICATE
from gxrisk.vaults.fleet import JOURNAL
from playwright.sync_api import Browser, expect

from .browsing import Visit, opened
from .rig import Rig, rigged

PHRASE = "correct horse battery staple"


@pytest.fixture(scope="module")
def owned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A vault with an owner's key, which lies in the rig's folder and nowhere near the server."""
    folder = tmp_path_factory.mktemp("owned")
    (folder / "passphrase").write_text(PHRASE)
    (folder / "passphrase").chmod(0o600)
    public = create_owner_key(folder / "owner.key", "dan", passphrase_file=folder / "passphrase")
    with rigged(folder, ["dan"]) as rig:
        rig.vault("dan", owner_key=public.hex())
        rig.market()
        yield rig


def signed(folder: Path, command: str) -> str:
    """What the command on the page prints, run as it stands there by the owner."""
    program, *arguments = shlex.split(command)
    assert program == "gxrisk"
    done = subprocess.run(
        [sys.executable, "-m", "gxrisk.cli", *arguments, "--yes"],
        cwd=folder,
        env=os.environ | {"GXRISK_PASSPHRASE_FILE": str(folder / "passphrase")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_kill_is_ended_by_the_owner_s_signature(browser: Browser, owned: Rig) -> None:
    """Without it the server refuses, and says so; with it the vault trades again."""
    owned.call("POST", "/v1/vaults/dan/kill", {"reason": "a drill"})
    with opened(browser, owned) as page:
        visit = Visit(page, owned).signed_in("own").goes("/vaults/dan/controls")
        panel = visit.panel("Reactivate")
        visit.presses("Reactivate")
        expect(page.get_by_role("status")).to_contain_text("✕ Not done")
        command = panel.locator("code").inner_text()
        assert command.startswith("gxrisk reactivate sign owner.key --vault dan --ends ")
        panel.get_by_label("What the command printed").fill(signed(owned.folder, command))
        visit.presses("Reactivate")
        expect(page.get_by_role("status")).to_contain_text("✓ dan was reactivated")
        expect(visit.sums).to_contain_text("active")
        expect(panel).to_contain_text("Nothing is stopped.")
        expect(panel.locator("code")).to_be_hidden()
    assert not owned.call("GET", "/v1/vaults/dan")["is_killed"]


def test_a_withdrawal_is_signed_and_handed_in(browser: Browser, owned: Rig) -> None:
    """The amount is paid to where the owner said."""
    with opened(browser, owned) as page:
        visit = Visit(page, owned).signed_in("own").goes("/vaults/dan/controls")
        panel = visit.panel("Withdraw")
        panel.get_by_label("Amount").fill("500")
        panel.get_by_label("Destination").fill("acct-1")
        expect(panel.locator("code")).to_contain_text("--amount 500 --destination acct-1")
        panel.get_by_label("What the command printed").fill(signed(owned.folder, panel.locator("code").inner_text()))
        visit.presses("Hand in")
        expect(page.get_by_role("status")).to_contain_text("it is paid to acct-1 when the vault is flat")
        expect(visit.sums).to_contain_text("99,500.00")


def test_the_certificate_is_downloaded(browser: Browser, owned: Rig) -> None:
    """Once the vault has one, the page has a link to it: the API's own bytes."""
    owned.stop()
    with Gate.open(owned.folder / "data" / "vaults" / "dan" / JOURNAL) as gate:
        gate.note(CERTIFICATE, "{}")
    owned.start()
    headers = {"Authorization": f"Bearer {owned.keys['read']}"}
    told = httpx.get(f"{owned.url}/v1/vaults/dan/graduation/certificate", headers=headers)
    with opened(browser, owned) as page:
        visit = Visit(page, owned).signed_in("read").goes("/vaults/dan")
        with page.expect_download() as waiting:
            visit.panel("Graduation").get_by_role("link", name="Download the certificate").click()
        assert waiting.value.suggested_filename == "dan.certificate"
        assert waiting.value.path().read_bytes() == told.raise_for_status().content
