"""How fast a fleet is on the screen, and how late: `python -m benches.dashboard` for 10, 100 and 1,000 vaults.

A real server and a real dashboard on this machine, and Debian's Chromium. Time to the first useful paint is from the
address being entered, signed in, until the first rows of the fleet's table are painted; the browser has the scripts
already, as on any day but the first. Latency is from the answer to a pause, over the API, until the row says so.
Frames are 120 in which the table is scrolled by two rows each; beside them those of plain text, scrolled as far in the
same browser, which here draws without a graphics card.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import httpx
from gxrisk.config import load
from gxrisk.server.database import open_database
from gxrisk.server.desk import keyring
from playwright.sync_api import Page, sync_playwright

ROUNDS = 7
STRATEGY = {"name": "bench", "version": "1", "content_hash": "00" * 32}
PAINTED = """async ([id, text]) => {
  const cell = () => document.querySelector(`.gx-grid [row-id="${id}"] [col-id=state]`);
  while (!(cell()?.textContent ?? "").includes(text)) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return Date.now();
}"""

PLAIN = """rows => {
  const words = "some words of plain text ".repeat(8);
  const row = number => `<p style="margin:0;height:30px">v${number} ${words}</p>`;
  const all = Array.from({ length: rows }, (_, number) => row(number)).join("");
  document.body.innerHTML = `<div id="plain" style="height:620px;overflow:auto">${all}</div>`;
}"""
SCROLLED = """async (place) => {
  const view = document.querySelector(place);
  const times = [];
  for (let frame = 0; frame <= 120; frame++) {
    view.scrollTop += 60;
    times.push(await new Promise(requestAnimationFrame));
  }
  return times.slice(1).map((one, before) => one - times[before]);
}"""


def started(*arguments: str) -> tuple[subprocess.Popen[str], str]:
    """A command of gxrisk, and where it says that it listens."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GXRISK_")}
    command = [sys.executable, "-m", "gxrisk.cli", *arguments]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if ": listening on " in line:
            return process, line.rpartition(" ")[2].strip()
    raise SystemExit("it never listened")


def measured(page: Page, pages: str, client: httpx.Client, vaults: int) -> list[str]:
    """In milliseconds: medians of first useful paint and of latency; frames, and frames of plain text."""
    paints, delays = [], []
    first = "v0000"
    for _ in range(ROUNDS):
        begin = time.time()
        page.goto(pages, wait_until="commit")
        paints.append(page.evaluate(PAINTED, [first, "active"]) - begin * 1000)
    for number in range(ROUNDS):
        word = "halted" if number % 2 == 0 else "active"
        act(client, f"/v1/vaults/{first}/{'pause' if number % 2 == 0 else 'resume'}")
        answered = time.time()
        delays.append(page.evaluate(PAINTED, [first, word]) - answered * 1000)
    if len(delays) % 2:
        act(client, f"/v1/vaults/{first}/resume")
    frames = page.evaluate(SCROLLED, ".gx-grid .ag-body-viewport")
    page.goto("about:blank")
    page.evaluate(PLAIN, vaults)
    others = page.evaluate(SCROLLED, "#plain")
    return [f"{median(paints):,.0f}", f"{median(delays):,.0f}", paced(frames), paced(others)]


def paced(frames: list[float]) -> str:
    """How long the middle one took, and that which one of twenty exceeds."""
    return f"{median(frames):.0f} and {sorted(frames)[len(frames) * 19 // 20]:.0f}"


def act(client: httpx.Client, path: str, body: Any = None) -> None:
    """Change something."""
    client.post(path, json=body, headers={"Idempotency-Key": uuid4().hex}).raise_for_status()


def run(vaults: int) -> str:
    """One line of the table."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "gxrisk.toml"
        file.write_text(f'folder = "{folder}/data"\n[http]\nport = 0\n[keys]\nrequests_per_minute = 1000000\n')
        settings = load(file, environ={})
        settings.folder.mkdir()
        engine = open_database(settings.database)
        key = keyring(settings, engine).create("bench", "operate")[1]
        engine.dispose()
        server, url = started("serve", str(file))
        dashboard, pages = started("dashboard", "--url", url, "--port", "0")
        try:
            with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
                for number in range(vaults):
                    vault = {"vault_id": f"v{number:04}", "tier": "growth", "strategy": STRATEGY, "bar_s": 60}
                    act(client, "/v1/vaults", vault)
                    act(client, f"/v1/vaults/v{number:04}/fund", {"transfer_id": "first", "amount": "10000"})
                found = seen(pages, client, key, vaults)
        finally:
            for process in (dashboard, server):
                process.terminate()
                process.communicate()
    return f"| {vaults:,} | {' | '.join(found)} |"


def seen(pages: str, client: httpx.Client, key: str, vaults: int) -> list[str]:
    """What a browser sees."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(60_000)
        page.goto(pages)
        page.get_by_label("API key").fill(key)
        page.get_by_role("button", name="Sign in").click()
        page.locator(".gx-seen").get_by_text("live").wait_for()
        found = measured(page, pages, client, vaults)
        browser.close()
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vaults", type=int, nargs="+", default=[10, 100, 1_000])
    chosen = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f}")
    print("| vaults | first paint, ms | latency of a change, ms | frames: median and 95 %, ms | of plain text, ms |")
    print("|---|---|---|---|---|")
    for count in chosen.vaults:
        print(run(count), flush=True)
