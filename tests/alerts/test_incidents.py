"""One incident is one thread: what is told when, to whom, and what ends it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from gxrisk.alerts import AlertError, Answer
from gxrisk.vaults.fleet_notes import FLEET
from gxrisk.vaults.notices import Notice

from .desk import Desk

Open = Callable[..., Desk]
DRAWDOWN = "critical: ann, drawdown (#1)"
EVERYWHERE = [("slack", DRAWDOWN), ("mail", DRAWDOWN), ("sms", DRAWDOWN)]


@pytest.mark.parametrize(
    ("severity", "channels"),
    [("critical", ["slack", "mail", "sms"]), ("warning", ["slack", "mail"]), ("info", ["slack"])],
)
def test_severities_have_their_routes(opened: Open, tmp_path: Path, severity: str, channels: list[str]) -> None:
    """Critical goes everywhere, a warning to Slack and mail, the rest to Slack."""
    desk = opened(tmp_path / "alerts.db")
    desk.tell("graduated", "said", severity)
    assert [channel for channel, _ in desk.after(0)] == channels


def test_routes_are_configured(opened: Open, tmp_path: Path) -> None:
    """Each severity, and the escalation, by names of channels."""
    routes = {"info": ["sms"], "critical": ["mail"], "escalation": ["sms", "slack"]}
    desk = opened(tmp_path / "alerts.db", routes=routes)
    desk.tell("graduated", "said", "info", vault="ben")
    desk.tell("drawdown", "lost")
    assert [channel for channel, _ in desk.after(0)] == ["mail", "sms"]
    assert [channel for channel, _ in desk.after(900)] == ["slack", "sms"]


def test_a_notice_counts_once(url: str, opened: Open) -> None:
    """It is told at least once by the vault; after a restart too. A fleet's own numbers begin anew with each start."""
    desk = opened(url)
    notice = desk.tell("drawdown", "15 % are lost")
    desk.run(desk.sink.notify(notice))
    assert desk.after(0) == EVERYWHERE
    again = opened(url)
    again.run(again.sink.notify(notice))
    assert again.incidents()[0].count == 1
    assert again.after(1) == []
    silent = Notice(
        FLEET, 1, "2020-03-12T12:00:00+00:00", "critical", "feed_silent", "the feed has told nothing for 121 s"
    )
    for one in (silent, silent, replace(silent, at="2020-03-13T12:00:00+00:00")):
        again.run(again.sink.notify(one))
    assert [(one.code, one.count) for one in again.incidents()] == [("drawdown", 1), ("feed_silent", 2)]


def test_what_goes_on_is_one_thread(url: str, opened: Open) -> None:
    """Further notices wait for the quiet period and come as one message, with the incident's own title."""
    desk = opened(url, escalate_s=86_400)
    desk.tell("reconciliation", "BTC differs by 1")
    first = desk.bodies()
    assert len(first) == 1
    assert "BTC differs by 1" in first[0]
    for number in range(2, 40):
        desk.tell("reconciliation", f"BTC differs by {number}")
        assert desk.bodies(20) == []
    (later,) = desk.bodies(900 - 38 * 20)
    assert "BTC differs by 39\nBTC differs by 38" in later
    assert "and 33 more" in later
    assert "told 39 times" in later
    assert desk.bodies(85_000) == []
    assert {message.thread for _, _, message in desk.recorder.sent} == {f"incident-1-{desk.incidents()[0].opened_ns}"}


def test_the_same_words_are_told_once(opened: Open, tmp_path: Path) -> None:
    """They only count."""
    desk = opened(tmp_path / "alerts.db")
    for _ in range(5):
        desk.tell("withdrawal_slow", "the venue has not closed BTC", "warning")
        desk.after(1000)
    assert len(desk.recorder.sent) == 2
    assert desk.incidents()[0].count == 5


def test_what_gets_worse_does_not_wait(opened: Open, tmp_path: Path) -> None:
    """Not even for the quiet period, and it goes to the channels of what it became."""
    desk = opened(tmp_path / "alerts.db")
    desk.tell("withdrawal", "slow", "warning")
    assert [channel for channel, _ in desk.after(0)] == ["slack", "mail"]
    desk.tell("withdrawal", "lost", "critical")
    assert desk.after(1) == [(one, "critical: ann, withdrawal (#1)") for one in ("slack", "mail", "sms")]


def test_nobody_acknowledges(url: str, opened: Open) -> None:
    """It is told again each quarter of an hour, until somebody does."""
    desk = opened(url)
    desk.tell("drawdown", "15 % are lost")
    assert desk.after(0) == EVERYWHERE
    assert desk.after(899) == []
    for reminder in (1, 2, 3):
        (body,) = desk.bodies(1 if reminder == 1 else 900)
        assert f"STILL NOT ACKNOWLEDGED, reminder {reminder}." in body
        assert "Acknowledge: gxrisk alerts ack 1" in body
    known = desk.run(desk.sink.acknowledge(1, "ann"))
    assert (known.acknowledged_by, known.is_open) == ("ann", True)
    assert desk.after(86_400 - 3600) == []
    assert desk.run(desk.sink.acknowledge(1, "ben")).acknowledged_by == "ann", "the first one is on record"


def test_new_words_need_a_new_acknowledgement(opened: Open, tmp_path: Path) -> None:
    """Who acknowledged one vault's failure has not seen the next one's; the same words change nothing."""
    desk = opened(tmp_path / "alerts.db")
    desk.tell("reconciliation", "BTC differs")
    desk.after(0)
    desk.run(desk.sink.acknowledge(1, "ann"))
    desk.tell("reconciliation", "BTC differs")
    assert desk.after(2000) == []
    desk.tell("reconciliation", "ETH differs too")
    assert len(desk.after(1)) == 3
    assert desk.incidents()[0].acknowledged_by is None
    assert len(desk.after(900)) == 3, "and is escalated again"


@pytest.mark.parametrize(
    ("code", "end", "subject"),
    [
        ("feed_silent", "feed_back", ""),
        ("drawdown", "drawdown_ended", ""),
        ("feed_suspended", "feed_returned", "BTC"),
        ("reconciliation", "reconciled", ""),
        ("withdrawal_unpaid", "withdrawal_paid", ""),
        ("withdrawal_slow", "withdrawal_refused", ""),
        ("guard_failed", "guard_back", "size"),
        ("exits_only", "exits_only_ended", ""),
    ],
)
def test_what_ends_an_incident(opened: Open, tmp_path: Path, code: str, end: str, subject: str) -> None:
    """Whoever was told of it is told of its end, at once; nobody is called any more. Another vault's goes on."""
    desk = opened(tmp_path / "alerts.db")
    desk.tell(code, "BTC is wrong", subject=subject)
    desk.tell(code, "BTC is wrong", vault="ben", subject=subject)
    desk.after(0)
    desk.tell(end, "BTC is right", "info", subject=subject)
    desk.run(desk.sink.deliver_due())
    told = desk.new()
    assert [channel for channel, _ in told] == ["slack", "mail", "sms"]
    assert all(f"by {end.replace('_', chr(0xFF3F))}.\nBTC is right" in message.body for _, message in told)
    assert [one.is_open for one in desk.incidents()] == [False, True]
    assert {title for _, title in desk.after(900)} == {
        f"critical: ben{' ' * bool(subject)}{subject}, {code.replace('_', ' ')} (#2)"
    }


def test_one_assets_return_ends_not_anothers_suspension(opened: Open, tmp_path: Path) -> None:
    """And one vault's failure is not another's."""
    desk = opened(tmp_path / "alerts.db")
    for asset in ("BTC", "ETH"):
        desk.tell("feed_suspended", f"{asset} is suspended until a review: frozen", subject=asset)
    desk.tell("feed_returned", "ETH is back, reviewed by ann: looks sound", "info", subject="ETH")
    for vault_id in ("ann", "ben"):
        desk.tell("vault_failed", "taken out: disk full", vault=FLEET, subject=vault_id)
    known = [(one.subject, one.is_open) for one in desk.incidents()]
    assert known == [("BTC", True), ("ETH", False), ("ann", True), ("ben", True)]


def test_an_end_without_a_beginning_is_news(opened: Open, tmp_path: Path) -> None:
    """It is told as what it is."""
    desk = opened(tmp_path / "alerts.db")
    desk.tell("feed_back", "the feed is back", "info")
    assert desk.after(0) == [("slack", "info: ann, feed back (#1)")]


def test_what_flaps_stays_one_thread(opened: Open, tmp_path: Path) -> None:
    """What comes back soon is the same incident, and has to be acknowledged anew; later it is another."""
    desk = opened(tmp_path / "alerts.db")
    for _ in range(3):
        desk.tell("feed_silent", "nothing for 121 s")
        desk.run(desk.sink.acknowledge(1, "ann"))
        assert len(desk.after(1)) == 3
        desk.tell("feed_back", "the feed is back", "info")
        assert len(desk.after(60)) == 3
    assert len(desk.incidents()) == 1
    desk.after(901)
    desk.tell("feed_silent", "nothing for 121 s")
    assert [one.is_open for one in desk.incidents()] == [False, True]


def test_what_nothing_ends_ends_by_silence(opened: Open, tmp_path: Path) -> None:
    """After a day, without a message; but what is critical only once somebody has acknowledged it."""
    desk = opened(tmp_path / "alerts.db")
    desk.tell("graduated", "momentum has graduated", "info")
    desk.tell("vault_failed", "ann was taken out", subject="ann")
    desk.tell("vault_failed", "ben was taken out", subject="ben")
    desk.after(0)
    desk.run(desk.sink.acknowledge(2, "ann"))
    desk.after(86_399)
    assert all(one.is_open for one in desk.incidents())
    assert not [title for _, title in desk.after(1) if "ben" not in title]
    assert [one.resolved_by for one in desk.incidents()] == ["silence", "silence", None]


def test_people_resolve_too(opened: Open, tmp_path: Path) -> None:
    """And are told clearly what they cannot do."""
    desk = opened(tmp_path / "alerts.db")
    desk.tell("vault_failed", "ann was taken out", subject="ann")
    desk.after(0)
    assert desk.run(desk.sink.resolve(1, " ann\n<b>")).resolved_by == "ann <b>"
    assert all("by ann" in message.body and "<b>" not in message.body for _, message in desk.new())
    for work, says in (
        (lambda: desk.sink.acknowledge(1, "ann"), "incident 1 is over: resolved by ann"),
        (lambda: desk.sink.resolve(1, "ann"), "incident 1 is over"),
        (lambda: desk.sink.acknowledge(7, "ann"), "there is no incident 7"),
        (lambda: desk.sink.acknowledge(2**70, "ann"), "there is no incident"),
        (lambda: desk.sink.acknowledge(-1, "ann"), "there is no incident"),
        (lambda: desk.sink.acknowledge(1, " "), "a name is needed"),
    ):
        with pytest.raises(AlertError, match=says):
            desk.run(work())


def test_a_severity_that_is_not_known_is_critical(opened: Open, tmp_path: Path) -> None:
    """Nothing may be told too quietly; and what no column could hold is cut."""
    desk = opened(tmp_path / "alerts.db")
    desk.tell("x" * 500, "y\0" * 900, "fatal", vault="v" * 500)  # type: ignore[arg-type]
    assert [channel for channel, _ in desk.after(0)] == ["slack", "mail", "sms"]


def test_failures_wait_longer_each_time_and_hold_up_no_other_channel(url: str, opened: Open) -> None:
    """What comes meanwhile goes with what waits."""
    desk = opened(url, escalate_s=86_400)
    desk.recorder.answers["slack"] = [Answer("failed", "HTTP 500")] * 3
    desk.tell("drawdown", "15 % are lost")
    assert [channel for channel, _ in desk.after(0)] == ["mail", "sms"]
    assert desk.after(4) == []
    ((_, threads),) = desk.run(desk.sink.incidents())
    assert {one.channel: (one.failures, one.error, one.is_waiting) for one in threads} == {
        "slack": (1, "HTTP 500", True),
        "mail": (0, None, False),
        "sms": (0, None, False),
    }
    desk.tell("drawdown", "16 % are lost")
    assert desk.after(1) == []  # second try
    assert desk.after(9) == []
    assert desk.after(1) == []  # third
    assert desk.after(19) == []
    (body,) = desk.bodies(1)
    assert "16 % are lost\n15 % are lost" in body
    assert desk.recorder.answers["slack"] == []
