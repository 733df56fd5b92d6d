"""The page: the numbers of the JSON, nothing from elsewhere, nothing of a model's that acts, readable by machines."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser

import pytest
from gxrisk.vaults.report import Report, Span, as_json, page, report_from

from .desk import WEEK, Desk
from .strategies import HOSTILE
from .weeks import WEEK as CRASH
from .weeks import Week

VOID = {"meta", "br"}
AWAY = {"src", "href", "srcset", "action", "data", "poster", "background", "formaction", "xlink:href", "style"}


class Page(HTMLParser):
    """What a page consists of; it fails on a tag that is not closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep it."""
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One that closes itself."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """It closes the last one."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text, and in what."""
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every such tag."""
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(params=["crash", "unsure", "empty"])
def report(request: pytest.FixtureRequest) -> Report:
    """A crash week, a day of a strategy that breaks, a vault without anything."""
    if request.param == "empty":
        desk: Desk = request.getfixturevalue("desk")
        desk.gate.deposit(10_000)
        return report_from(desk.journal)
    week: Week = request.getfixturevalue(f"{request.param}_week")
    return report_from(week.journal, Span.week(CRASH))


def test_a_browser_loads_nothing(report: Report) -> None:
    """No attribute leads anywhere, no style sheet imports, no script is there, and the policy forbids all of it."""
    text = page(report)
    found = Page(text)
    led = {
        (tag, name) for tag, attributes in found.tags for name in attributes if name in AWAY or name.startswith("on")
    }
    assert led == set()
    assert {tag for tag, _ in found.tags} & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "form",
        "a",
        "base",
    } == set()
    style = "".join(data for tag, data in found.texts if tag == "style")
    assert "url(" not in style
    assert "@import" not in style
    policy = [one["content"] for one in found.all("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    assert len(policy) == 1
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[\w+/]{43}='; base-uri 'none'; form-action 'none'", policy[0] or ""
    )


def test_the_page_has_the_numbers_of_the_json(report: Report) -> None:
    """Every figure of the summary, of the model's health, of the trips and of every trade."""
    said = Counter(one["value"] for one in Page(page(report)).all("data"))
    document = json.loads(as_json(report))
    health = {name: value for name, value in document["health"].items() if not isinstance(value, list)}
    health.pop("judged_trades")
    summary = {name: value for name, value in document["figures"].items()}
    wanted = [value for part in (summary, health) for value in part.values() if value is not None]
    for trade in document["trades"]:
        wanted += [trade[name] for name in ("quantity", "entry_price", "exit_price", "profit")]
    for one in document["episodes"]:
        wanted += [one[name] for name in ("limit", "observed") if one[name] is not None]
    wanted += [str(document["outcomes"][name]) for name in ("approved", "rejected", "held", "holds")]
    missing = Counter(map(str, wanted)) - said
    assert {value for value in missing if value not in said} == set()
    assert len(document["trades"]) == report.figures.round_trips


def test_machines_can_read_it(report: Report) -> None:
    """One first heading, no level left out, cells with heads that say of what, plots with a name, ids once."""
    found = Page(page(report))
    levels = [int(tag[1]) for tag, _ in found.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))
    assert {one.get("scope") for one in found.all("th")} <= {"col", "row"}
    assert found.all("html") == [{"lang": "en"}]
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = [(attributes.get("aria-labelledby") or "").split() for _, attributes in found.tags]
    assert {one for names in named for one in names} <= set(ids)
    plots = found.all("svg")
    assert (
        len(plots) == len([tag for tag, _ in found.tags if tag == "desc"]) == (0 if report.figures.samples < 2 else 4)
    )
    assert {one["role"] for one in plots} <= {"img"}


def test_plots_stay_in_their_frame(report: Report) -> None:
    """All that is drawn lies inside; labels of an axis do not touch each other."""
    text = page(report)
    for kind, width, height, drawing in re.findall(
        r'<svg class="plot (\w+) \w+" viewBox="0 0 (\d+) (\d+)"(.*?)</svg>', text, re.DOTALL
    ):
        places = [tuple(map(float, one)) for one in re.findall(r"[ML]([\d.-]+) ([\d.-]+)", drawing)]
        assert all(0 <= x <= float(width) and 0 <= y <= float(height) for x, y in places), kind
        texts = re.findall(r'<text class="(tick|band-label)" x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]+)<', drawing)
        rows: dict[str, list[tuple[float, str]]] = {}
        for name, x, y, label in texts:
            if name == "band-label" or float(y) > float(height) - 12:
                rows.setdefault(y, []).append((float(x), label))
        for row in rows.values():
            ordered = sorted(row)
            for (x, label), (following, after) in zip(ordered, ordered[1:], strict=False):
                assert following - x > 3.3 * (len(label) + len(after)), (kind, label, after)


def test_words_of_a_model_do_nothing(unsure_week: Week) -> None:
    """Mark-up is text, control characters and marks that turn writing around are written out, Hebrew stays Hebrew."""
    report = report_from(unsure_week.journal)
    assert {one.reasoning for one in report.trades} == {HOSTILE}
    text = page(report)
    assert "<script" not in text
    assert "<img" not in text
    assert "<b>beta" not in text
    assert [one for one in text if not one.isprintable() and one != "\n"] == []
    shown = [data for tag, data in Page(text).texts if tag == "div" and "alert" in data]
    assert shown[0] == (
        '<script>alert("1")</script><img src="https://evil.example/x"> &amp; \\x1b[2J\\x9b\\x07 \\u202egnp\\u200f שלום'
    )
    assert json.loads(as_json(report))["trades"][0]["reasoning"] == HOSTILE


def test_four_thousand_characters_are_shown_whole(desk: Desk) -> None:
    """Nothing is cut, and lines stay lines."""
    reasoning = "\n".join(["<" * 1_000, "x" * 1_000, "שלום " * 200, "&" * 997])
    assert len(reasoning) == 4_000
    desk.gate.deposit(10_000)
    desk.mark(10_000, atr=100)
    desk.trade("buy", "0.1", 10_000, stop_loss=9_800, reasoning=reasoning)
    desk.trade("sell", "0.1", 10_010, reduce_only=True)
    texts = [data for tag, data in Page(page(report_from(desk.journal))).texts if tag == "div"]
    assert reasoning in texts


def test_the_names_of_vault_and_asset_do_nothing(desk: Desk) -> None:
    """An asset may be called anything that prints."""
    asset = "<i>'\"&"
    desk.gate.deposit(10_000)
    desk.mark(10_000, atr=100, asset=asset)
    desk.trade("buy", "0.1", 10_000, stop_loss=9_800, asset=asset)
    desk.trade("sell", "0.1", 10_010, reduce_only=True, asset=asset)
    text = page(report_from(desk.journal))
    assert "<i>" not in text
    assert asset in [data for tag, data in Page(text).texts if tag == "th"]


def test_the_same_journal_gives_the_same_bytes(crash_week: Week) -> None:
    """In another process too, whatever its seed of hashes, its zone of time and its language."""
    made = "from gxrisk.vaults.report import *; import sys; r = report_from(sys.argv[1], Span.week(sys.argv[2]))"
    code = f"{made}; sys.stdout.buffer.write((page(r) + as_json(r)).encode())"
    report = report_from(crash_week.journal, Span.week(CRASH))
    expected = (page(report) + as_json(report)).encode()
    for seed, zone in (("1", "Pacific/Auckland"), ("2", "America/Los_Angeles")):
        env = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C"}
        done = subprocess.run(
            [sys.executable, "-c", code, str(crash_week.journal), CRASH], env=env, capture_output=True, check=True
        )
        assert done.stdout == expected


def test_a_week_without_records_says_so(desk: Desk) -> None:
    """Nothing is invented for a week before the vault's first."""
    desk.gate.deposit(10_000)
    report = report_from(desk.journal, Span.week("2020-W10"))
    text = page(report)
    assert "The journal has no record of this span." in text
    assert report.figures.returned is None
    assert report.span.name != WEEK


def test_a_running_week_says_how_far_it_came(desk: Desk) -> None:
    """Up to the last record, and no further."""
    desk.gate.deposit(10_000)
    desk.wait(3_600)
    desk.sample()
    report = report_from(desk.journal)
    assert not report.source.is_complete
    assert 'still running, known up to <time datetime="2020-03-09T01:00:00Z">' in page(report)
