"""A token that leaks nowhere: not into logs, errors, reprs, the database or what commands print."""

import asyncio
import logging
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from gxrisk import ManualClock, cli
from gxrisk.alerts import AlertError, AlertSettings, AlertSink, Answer
from gxrisk.alerts.redaction import redacted
from gxrisk.vaults.notices import Notice
from typer.testing import CliRunner, Result

from .desk import START
from .receivers import closed_port, webhook

CANARY = "c4n4ry-t0ken"
PASSWORD = "c4n4ry%2Fp4ss"  # noqa: S105 (no password of anything)
FORMS = ("c4n4ry", "p4ss", "t0ken", "YW5uOmM0bjRyeS9wNHNz")  # the last one is "ann:c4n4ry/p4ss" in base64


@pytest.fixture
def configured(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """Writes a configuration."""

    def write(channels: dict[str, str]) -> Path:
        lines = ["[alerts]", f'url = "{tmp_path}/alerts.db"', 'allowed_networks = ["127.0.0.0/8"]', "timeout_s = 5.0"]
        lines += ["[alerts.channels]", *(f'{name} = "{address}"' for name, address in channels.items())]
        file = tmp_path / "gxrisk.toml"
        file.write_text("\n".join(lines))
        return file

    return write


def run(*args: object) -> Result:
    """`gxrisk alerts` with arguments."""
    return CliRunner().invoke(cli.app, ["alerts", *map(str, args)])


def clean(text: str) -> bool:
    """Whether no form of the secrets is in it."""
    return not any(form.lower() in text.lower() for form in FORMS)


def test_the_commands_tell_no_secret(
    configured: Callable[[dict[str, str]], Path], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """`test` says what came back from each channel, and fails where one failed; everything is logged at DEBUG."""
    caplog.set_level(logging.DEBUG)
    with webhook() as sound, webhook() as failing:
        failing.status = 500
        config = configured(
            {
                "slack": f"jsons://ann:{PASSWORD}@127.0.0.1:{failing.port}/{CANARY}",
                "mail": f"json://ann:{PASSWORD}@127.0.0.1:{failing.port}/{CANARY}?+X-Key={CANARY}",
                "sound": f"json://ann:{PASSWORD}@127.0.0.1:{sound.port}/{CANARY}",
                "nobody": f"json://ann:{PASSWORD}@127.0.0.1:{closed_port()}/{CANARY}",
                "odd": f"{CANARY.replace('-', '')}://{CANARY}",
            }
        )
        done = run("test", "--config", config)
        assert done.exit_code == 1
        lines = {line.split()[0]: line for line in done.output.splitlines()}
        assert lines["sound"].split()[1:] == ["sent", "HTTP", "200"]
        assert lines["mail"].split()[1:4] == ["failed", "HTTP", "500;"]
        assert lines["nobody"].split()[1:4] == ["failed", "Connection", "refused;"]
        assert "cannot read this address" in lines["odd"]
        assert sound.paths == [f"/{CANARY}"], "the receiver, and only it, was told"
        as_json = run("test", "--config", config, "--json")
        assert '"outcome": "sent"' in as_json.output
    assert clean(done.output + as_json.output)
    assert clean(caplog.text)


def test_the_outbox_keeps_no_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What a channel answered is logged and kept without it, even where a courier says it aloud."""
    caplog.set_level(logging.DEBUG)

    async def failing() -> str:
        with webhook() as receiver:
            receiver.status = 403
            channels = {"slack": f"json://ann:{PASSWORD}@127.0.0.1:{receiver.port}/{CANARY}"}
            settings = AlertSettings(
                channels=channels, url=str(tmp_path / "alerts.db"), allowed_networks=["127.0.0.0/8"]
            )
            sink = AlertSink(settings, clock=ManualClock(START))
            await sink.notify(Notice("ann", 1, START, "info", "graduated", "so"))
            await sink.deliver_due()
            known = repr(await sink.incidents())
            sink.close()
            return known + repr(settings) + str(settings.model_dump()) + settings.model_dump_json() + repr(sink)

    known = asyncio.run(failing())
    assert "HTTP 403" in known
    assert "HTTP 403" in caplog.text
    assert clean(known + caplog.text)
    assert all(clean(file.read_bytes().decode("latin-1")) for file in tmp_path.iterdir())


def test_a_courier_that_breaks_tells_no_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An exception's text is not shown, only its kind."""

    class Broken:
        async def send(self, address: object, message: object) -> Answer:
            raise OSError(f"no process for {CANARY}")

    async def work() -> None:
        settings = AlertSettings(channels={"slack": f"json://{CANARY}"}, url=str(tmp_path / "alerts.db"))
        sink = AlertSink(settings, clock=ManualClock(START), courier=Broken())
        await sink.notify(Notice("ann", 1, START, "info", "graduated", "so"))
        await sink.deliver_due()
        sink.close()

    asyncio.run(work())
    assert "could not be started: OSError" in caplog.text
    assert clean(caplog.text)


def test_a_configuration_that_is_wrong_tells_no_secret(tmp_path: Path) -> None:
    """Neither in the error nor in its causes, nor in what is printed."""
    file = tmp_path / "gxrisk.toml"
    for text in (
        f'[alerts.channels]\nslack = "{CANARY}"\n',
        f'[alerts]\ntoken = "{CANARY}"\n[alerts.channels]\nslack = "json://{CANARY}"\n',
        f'[alerts]\nchannels = ["{CANARY}"]\n',
        f'[alerts]\nchannels = "{CANARY}\n',
        f'alerts = "{CANARY}"\n',
        f'[alerts]\nurl = "mysql://ann:{CANARY}@host/x"\n[alerts.channels]\nslack = "json://{CANARY}"\n',
    ):
        file.write_text(text)
        done = run("list", "--config", file)
        assert done.exit_code == 1
        assert done.output.startswith("gxrisk: ")
        assert clean(done.output)
        with pytest.raises(AlertError) as refused:
            AlertSink(AlertSettings.from_toml(file))
        assert clean("".join(traceback.format_exception(refused.value)).replace(str(tmp_path), ""))
    assert "cannot be read" in run("list", "--config", tmp_path / "none.toml").output


@pytest.mark.parametrize(
    "words",
    [
        "https://ann:c4n4ry%2Fp4ss@host/c4n4ry-t0ken",
        "c4n4ry/p4ss",
        "C4N4RY-T0KEN",
        "Authorization: Basic YW5uOmM0bjRyeS9wNHNz",
        "c4n4ry%2fp4ss c4n4ry%2Dt0ken",
    ],
)
def test_every_way_to_write_it_is_hidden(words: str) -> None:
    """As it stands in the address, decoded, encoded, in other letters, in a header."""
    assert clean(redacted(words, f"json://ann:{PASSWORD}@host.example/{CANARY}").replace("%2Dt0ken", ""))


def test_incidents_on_the_command_line(configured: Callable[[dict[str, str]], Path], tmp_path: Path) -> None:
    """List, acknowledge, resolve; what a model wrote moves no cursor."""
    config = configured({"slack": "json://host"})

    async def tell() -> None:
        sink = AlertSink(AlertSettings.from_toml(config), clock=ManualClock(START))
        await sink.notify(Notice("ann", 1, START, "critical", "drawdown", "15 %\x1b[2J are lost"))
        sink.close()

    asyncio.run(tell())
    shown = run("list", "--config", config).output
    assert "drawdown" in shown
    assert "slack waiting" in shown
    assert "\x1b" not in shown
    assert run("ack", "1", "--by", "ann", "--config", config).output == "#1 is acknowledged by ann\n"
    assert '"acknowledged_by": "ann"' in run("list", "--json", "--config", config).output
    assert run("resolve", "1", "--by", "ben", "--config", config).output == "#1 is resolved by ben\n"
    assert run("list", "--json", "--config", config).output == "[]\n"
    assert '"resolved_by": "ben"' in run("list", "--all", "--json", "--config", config).output
    assert "resolved by ben" in run("list", "--all", "--config", config).output
    again = run("ack", "1", "--config", config)
    assert (again.exit_code, again.output) == (1, "gxrisk: incident 1 is over: resolved by ben\n")
