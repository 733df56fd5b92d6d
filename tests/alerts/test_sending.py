"""Through apprise to real servers on loopback: what arrives, what comes back, and what is not even tried."""

import asyncio
import json
import sys
import time
from pathlib import Path

import pytest
from gxrisk import ManualClock
from gxrisk.alerts import AlertSettings, AlertSink, Answer, AppriseCourier, Message
from gxrisk.alerts.courier import COMMAND
from gxrisk.alerts.sender import refusal
from gxrisk.vaults.notices import Notice
from pydantic import SecretStr

from .desk import START
from .receivers import closed_port, mail_server, webhook

LOOPBACK = "127.0.0.0/8"
MESSAGE = Message("critical: ann, drawdown (#1)", "15 % are lost\nand more", "critical", "incident-1-5")
# Slack's own service of apprise, with its host on loopback: the only thing about it that a test has to change.
SLACK = """
import sys
from apprise.plugins.slack import NotifySlack
NotifySlack.webhook_url = sys.argv[1]
NotifySlack.request_rate_per_sec = 0
from gxrisk.alerts.sender import main
main()
"""


def send(address: str, message: Message = MESSAGE, *, allowed: bool = True, timeout_s: float = 30) -> Answer:
    """One sending."""
    settings = AlertSettings(channels={"slack": address}, allowed_networks=[LOOPBACK] if allowed else [])
    courier = AppriseCourier(timeout_s, settings.allowed_networks)
    return asyncio.run(courier.send(SecretStr(address), message))


def test_a_webhook_that_fails_and_recovers() -> None:
    """It hears the title, the text and how bad it is; what it answers comes back."""
    with webhook() as receiver:
        address = f"json://127.0.0.1:{receiver.port}/hook"
        receiver.status = 500
        answer = send(address)
        assert answer.outcome == "failed"
        assert answer.words.startswith("HTTP 500; ")
        receiver.status = 200
        assert send(address) == Answer("sent", "HTTP 200")
        body = json.loads(receiver.bodies[1])
        assert (body["title"], body["message"], body["type"]) == (MESSAGE.title, MESSAGE.body, "failure")


def test_a_receiver_that_hangs_ends_in_time() -> None:
    """It may have taken it, so that is unknown; and its process is gone."""
    with webhook() as receiver:
        receiver.is_hanging = True
        begun = time.monotonic()
        assert send(f"json://127.0.0.1:{receiver.port}/hook", timeout_s=0.5) == Answer(
            "unknown", "no answer within 0.5 s"
        )
        assert time.monotonic() - begun < 30
        assert len(receiver.bodies) == 1


def test_nobody_listens() -> None:
    """Certainly not taken."""
    answer = send(f"json://127.0.0.1:{closed_port()}/hook")
    assert answer.outcome == "failed"
    assert answer.words.startswith("Connection refused; ")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433"])  # noqa: S104
def test_private_addresses_are_not_reached(host: str) -> None:
    """By number, by name, by other ways to write them: the connection itself is refused, before a byte is sent."""
    with webhook() as receiver:
        answer = send(f"json://{host}:{receiver.port}/hook", allowed=False)
        assert answer.outcome != "sent"
        assert not receiver.paths
    if host in ("127.0.0.1", "localhost"):
        assert "is no public address; allowed_networks can allow it" in answer.words


def test_link_local_is_not_allowed_with_loopback() -> None:
    """The metadata service of clouds, and a mail server there."""
    for address in (
        "json://169.254.169.254/latest",
        "mailto://ann:pass@169.254.169.254?to=ann@example.org&mode=insecure",
    ):
        assert send(address) == Answer(
            "failed", "refused: 169.254.169.254 is no public address; allowed_networks can allow it"
        )


def test_redirects_are_not_followed() -> None:
    """Not even where the next address would be allowed."""
    with webhook() as other, webhook() as receiver:
        receiver.status, receiver.location = 307, f"http://127.0.0.1:{other.port}/taken"
        answer = send(f"json://127.0.0.1:{receiver.port}/hook?redirect=yes")
        assert answer.outcome == "failed"
        assert answer.words.startswith("HTTP 307")
        assert not other.paths


@pytest.mark.parametrize("address", ["nothing://host", "slack://", "json://[", "dbus://"])
def test_what_is_no_channel(address: str) -> None:
    """Unknown services, addresses that lack something, and what is no network."""
    answer = send(address)
    assert answer.outcome != "sent"


def test_mail_arrives() -> None:
    """A mail of an incident belongs to its thread."""

    async def sent() -> None:
        async with mail_server() as box:
            address = f"mailto://127.0.0.1:{box.port}?from=gxrisk@example.org&to=ann@example.org&mode=insecure"
            settings = AlertSettings(channels={"slack": address}, allowed_networks=[LOOPBACK])
            courier = AppriseCourier(30, settings.allowed_networks)
            for _ in range(2):
                assert (await courier.send(SecretStr(address), MESSAGE)).outcome == "sent"
            for mail in box.mails:
                assert mail["Subject"] == MESSAGE.title
                assert mail["To"] == "ann@example.org"
                assert mail["References"] == "<incident-1-5@gxrisk.invalid>"
                text = mail.get_body(("plain",))
                assert text is not None
                assert text.get_content().splitlines()[:2] == ["15 % are lost", "and more"]

    asyncio.run(sent())


def test_nothing_of_a_text_is_markup(tmp_path: Path) -> None:
    """A notice that a model wrote, in Slack, in a mail's header and HTML, in a webhook: words, wherever it arrives."""
    text = (
        "<!channel> <https://evil.example|sound> *bold* `code` [link](https://evil.example) <script>alert(1)</script> "
        "@everyone &lt;b&gt;\r\nBcc: eve@evil.example\r\n\r\nSubject: other\u202e\x00"
    )

    async def sent() -> None:
        async with mail_server() as box:
            with webhook() as slack, webhook() as plain:
                hook = f"http://127.0.0.1:{slack.port}/services"
                courier = AppriseCourier(
                    30, settings_of(0).allowed_networks, command=(sys.executable, "-c", SLACK, hook)
                )
                settings = settings_of(box.port, plain.port, f"{tmp_path}/alerts.db")
                sink = AlertSink(settings, clock=ManualClock(START), courier=courier)
                await sink.notify(Notice(text[:60], 1, START, "critical", text[:64], text))
                assert await sink.deliver_due() == 3
                sink.close()
                (mail,) = box.mails
                told = json.loads(slack.bodies[0])
                assert slack.paths == ["/services/T1JJT3LLL/B1JJT3LLL/c4n4ryc4n4ryc4n4ryc4n4ry"]
                bodies = [json.dumps(told), plain.bodies[0].decode()]
                assert told["mrkdwn"] is False
        assert mail["Bcc"] is None
        assert mail["To"] == "ann@example.org"
        assert mail["Subject"].startswith("critical: ")
        parts = [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
        html = mail.get_body(("html",))
        assert html is not None
        for one in (*bodies, *parts, str(mail["Subject"])):
            for markup in (
                "<!channel>",
                "<script",
                "https://evil",
                "*bold*",
                "`code`",
                "[link]",
                "@everyone",
                "\u202e",
            ):
                assert markup not in one, markup
            assert "evil.example" in one or one == mail["Subject"]

    asyncio.run(sent())


def settings_of(mail: int, hook: int = 0, url: str = "alerts.db") -> AlertSettings:
    """Slack, a mail server and a webhook."""
    channels = {
        "slack": "slack://T1JJT3LLL/B1JJT3LLL/c4n4ryc4n4ryc4n4ryc4n4ry/#ops",
        "mail": f"mailto://127.0.0.1:{mail}?from=gxrisk@example.org&to=ann@example.org&mode=insecure&format=html",
        "hook": f"json://127.0.0.1:{hook}/hook",
    }
    return AlertSettings(channels=channels, url=url, allowed_networks=[LOOPBACK])


def test_one_that_hangs_holds_up_nobody(tmp_path: Path) -> None:
    """While one channel's receiver hangs, the next notice is taken and the other channel is told of both."""

    async def sent() -> None:
        with webhook() as hanging, webhook() as sound:
            hanging.is_hanging = True
            channels = {
                "slack": f"json://127.0.0.1:{hanging.port}/hook",
                "mail": f"json://127.0.0.1:{sound.port}/hook",
            }
            settings = AlertSettings(
                channels=channels, url=f"{tmp_path}/alerts.db", allowed_networks=[LOOPBACK], timeout_s=60
            )
            sink = AlertSink(settings, clock=ManualClock(START))
            async with sink.running():
                await sink.notify(Notice("ann", 1, START, "critical", "drawdown", "15 % are lost"))
                await asyncio.to_thread(hanging.heard.wait, 60)
                await asyncio.wait_for(sink.notify(Notice("ben", 1, START, "critical", "drawdown", "so here")), 10)
                while not any(b"so here" in body for body in sound.bodies):
                    assert len(hanging.bodies) == 1
                    sound.heard.clear()
                    await asyncio.to_thread(sound.heard.wait, 60)
            sink.close()

    asyncio.run(sent())


def test_the_sender_is_started_as_it_says() -> None:
    """Without the folder that it is started in on its path, and nothing secret among its arguments."""
    program, isolated, file = COMMAND
    assert (program, isolated, Path(file).name) == (sys.executable, "-I", "sender.py")


@pytest.mark.parametrize(
    "host",
    [
        "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "127.0.0.1", "0.0.0.0", "224.0.0.1",  # noqa: S104
        "255.255.255.255", "240.0.0.1", "::1", "::", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1",
        "::ffff:10.0.0.1", "64:ff9b::a00:1", "::10.0.0.1", "2002:a00:1::", "example.org", "",
    ],
)  # fmt: skip
def test_what_is_no_public_address(host: str) -> None:
    """Private, shared, link-local, reserved and multicast ones, and IPv6 in which such a one is hidden."""
    assert refusal((host, 443), []) is not None


@pytest.mark.parametrize("host", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_public_addresses_may_be_reached(host: str) -> None:
    """In each form."""
    assert refusal((host, 443), []) is None
