"""Never fifty messages a day on a channel, and nothing critical is lost by that."""

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from gxrisk.alerts import AlertError, AlertSettings, Answer

from .desk import CHANNELS, Desk

Open = Callable[..., Desk]
DAY_NS = 86_400 * 10**9
NUMBER = re.compile(r"#(\d+)")


@pytest.mark.parametrize("seed", range(2))
def test_no_storm_makes_fifty_messages_in_a_day(opened: Open, tmp_path: Path, seed: int) -> None:
    """Whatever vaults tell and receivers answer, unknown ones counted: in any 24 hours, not only from midnight on."""
    draw = random.Random(seed)
    desk = opened(tmp_path / "alerts.db")
    for _ in range(110):
        for channel in CHANNELS:
            outcome = draw.choice(["sent", "sent", "failed", "unknown"])
            desk.recorder.answers[channel] = [Answer(outcome, "so")] * draw.randrange(4)
        for _ in range(draw.choice([0, 1, 2, 4])):
            code, vault = f"code{draw.randrange(50)}", f"v{draw.randrange(4)}"
            severity = draw.choice(["info", "warning", "critical"])
            desk.tell(code, f"text {draw.randrange(1000)}", severity, vault)
        desk.after(draw.choice([60, 600, 900]))
    for channel in CHANNELS:
        times = [at for at, one, _ in desk.recorder.sent if one == channel]
        most = max(sum(at - DAY_NS < one <= at for one in times) for at in times)
        assert 12 <= most < 50, (seed, channel)
    # Afterwards everything is sound: within hours each channel was told of everything critical.
    desk.recorder.answers.clear()
    for _ in range(4):
        desk.after(3_600)
    critical = {one.id for one in desk.incidents() if one.severity == "critical"}
    for channel in CHANNELS:
        texts = [f"{one.title}\n{one.body}" for _, to, one in desk.recorder.sent if to == channel]
        assert critical <= {int(number) for text in texts for number in NUMBER.findall(text)}, (seed, channel)


def test_a_day_of_fifty_warnings_ends_in_a_digest(url: str, opened: Callable[..., Desk]) -> None:
    """Twelve go, the last one says what follows; at midnight one message counts the rest, once."""
    desk = opened(url)
    bodies = []
    for number in range(60):
        desk.tell(f"warning{number}", "something", "warning")
        bodies += desk.bodies(60)
    assert len(bodies) == 12
    assert ["follows in a digest" in body for body in bodies] == [False] * 11 + [True]
    assert desk.after(11 * 3600 - 1) == []
    titles = [title for _, title in desk.after(1)]
    assert titles == ["digest: 48 alerts held back"] * 2
    body = desk.recorder.sent[-1][2].body
    assert body.startswith("48 held back, of 48 incidents")
    assert "1 x warning: ann, warning59 (#60): something" in body
    assert desk.after(86_400) == []


def test_a_digest_that_fails_is_tried_again(opened: Open, tmp_path: Path) -> None:
    """And what is held back meanwhile is in the next one."""
    desk = opened(tmp_path / "alerts.db", daily_max=1)
    for number in range(3):
        desk.tell(f"warning{number}", "something", "info")
        desk.after(60)
    desk.recorder.answers["slack"] = [Answer("failed", "HTTP 503")]
    assert desk.after(12 * 3600) == []
    assert desk.after(5) == [("slack", "digest: 2 alerts held back")]


def test_who_may_have_heard_counts(opened: Open, tmp_path: Path) -> None:
    """A receiver that takes what it is sent and never answers: ten tries in a day, then one an hour."""
    desk = opened(tmp_path / "alerts.db", channels={"slack": "json://slack"}, routes={"warning": ["slack"]})
    desk.recorder.answers["slack"] = [Answer("unknown", "no answer within 10 s")] * 1_000
    desk.tell("drawdown", "15 % are lost")
    for _ in range(8 * 60):
        desk.after(60)
    assert 10 + 6 <= len(desk.recorder.sent) <= 10 + 8


def test_critical_ones_are_grouped_in_a_storm(opened: Open, tmp_path: Path) -> None:
    """Ten go at once, then one an hour with all that waits; warnings have an allowance of their own."""
    desk = opened(tmp_path / "alerts.db", escalate_s=86_400)
    for number in range(40):
        desk.tell(f"critical{number}", "something", "critical")
        desk.after(60)
    slack = [one for _, channel, one in desk.recorder.sent if channel == "slack"]
    assert [one.title for one in slack] == [f"critical: ann, critical{number} (#{number + 1})" for number in range(10)]
    desk.new()
    desk.tell("careful", "something", "warning")
    assert desk.after(0) == [("slack", "warning: ann, careful (#41)"), ("mail", "warning: ann, careful (#41)")]
    assert [title for _, title in desk.after(3_600 - 30 * 60)] == ["critical: 30 incidents"] * 3
    body = desk.recorder.sent[-1][2].body
    assert all(f"#{number}" in body for number in range(11, 41))
    assert len(body) <= 3_000


def test_at_night_only_what_is_critical(opened: Open, tmp_path: Path) -> None:
    """The rest follows together in the morning, in the zone's own time."""
    hours = {"start": "22:00", "end": "07:00", "zone": "Europe/Berlin"}  # in March an hour before UTC
    desk = opened(tmp_path / "alerts.db", start="2020-03-12T21:30:00Z", quiet_hours=hours)
    desk.tell("careful", "something", "warning")
    desk.tell("withdrawal_slow", "something", "warning")
    assert desk.after(0) == []
    desk.tell("drawdown", "15 % are lost")
    assert [channel for channel, _ in desk.after(0)] == ["slack", "mail", "sms"]
    desk.run(desk.sink.acknowledge(3, "ann"))
    assert desk.after(8 * 3600 + 1800 - 1) == []
    assert desk.after(1) == [("slack", "warning: 2 incidents"), ("mail", "warning: 2 incidents")]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({}, "channels: Field required"),
        ({"channels": {}}, "at least 1 item"),
        ({"channels": {"slack": "c4n4ry"}}, "slack is no address in apprise's notation"),
        ({"channels": {"Slack": "json://c4n4ry"}}, "should match pattern"),
        ({"channels": {"ops": "json://c4n4ry"}}, "routes.warning leads nowhere"),
        ({"channels": {"slack": "json://c4n4ry"}, "routes": {"info": ["sms"]}}, "names sms; the channels are slack"),
        ({"channels": {"slack": "json://c4n4ry"}, "routes": {"info": []}}, "routes.info leads nowhere"),
        ({"channels": {"slack": "json://c4n4ry"}, "chanels": "c4n4ry"}, "Extra inputs are not permitted"),
        ({"channels": {"slack": "json://c4n4ry"}, "daily_max": 40}, "let 76 messages a day through"),
        ({"channels": {"slack": "json://c4n4ry"}, "critical_every_s": 60}, "let 1464 messages a day through"),
        ({"channels": {"slack": "json://c4n4ry"}, "timeout_s": 0}, "timeout_s: Input should be greater than 0"),
        (
            {"channels": {"slack": "json://c4n4ry"}, "quiet_hours": {"start": "07:00", "end": "07:00"}},
            "two different times",
        ),
        (
            {"channels": {"slack": "json://c4n4ry"}, "quiet_hours": {"start": "07:00", "end": "08:00", "zone": "Mars"}},
            "IANA",
        ),
        ({"channels": {"slack": "json://c4n4ry"}, "allowed_networks": ["10.0.0.1/8"]}, "allowed_networks"),
    ],
)
def test_settings_say_what_is_wrong_and_repeat_nothing(table: dict[str, object], says: str) -> None:
    """An unknown key, a route to nowhere, a pace of fifty a day."""
    with pytest.raises(AlertError) as refused:
        AlertSettings.of(table)
    assert says in str(refused.value)
    assert "c4n4ry" not in f"{refused.value!r} {refused.value} {refused.value.__cause__}"
