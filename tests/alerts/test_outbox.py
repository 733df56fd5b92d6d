"""The outbox outlives its process, is exactly its schema, and refuses what it cannot keep."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from gxrisk import Gate, Limits, ManualClock
from gxrisk.alerts import AlertError, AlertSettings, AlertSink, Answer, migration, pruning, tables
from gxrisk.alerts.database import connect, writing
from gxrisk.vaults.notices import Notice, Notices
from sqlalchemy import func, select

from .desk import CHANNELS, START, Desk
from .receivers import webhook

Open = Callable[..., Desk]
OLDEST = tables.sendings.c.begun_ns
NOTICE = Notice("ann", 1, START, "critical", "drawdown", "15 % are lost")

# Tells the sink, says so, and goes on or waits for its end.
PROCESS = """
import asyncio, json, sys
from gxrisk import ManualClock
from gxrisk.alerts import AlertSettings, AlertSink
from gxrisk.vaults.notices import Notice
async def work(settings, notice, is_sending):
    sink = AlertSink(AlertSettings(**settings), clock=ManualClock("2020-03-12T12:00:00Z"))
    await sink.notify(Notice(**notice))
    print("durable", flush=True)
    if is_sending:
        await sink.deliver_due()
    print("sent", flush=True)
    await asyncio.Event().wait()
asyncio.run(work(*json.loads(sys.argv[1])))
"""


def killed(settings: dict[str, object], notice: Notice, *, once: Callable[[], object] | None) -> None:
    """A process that takes a notice, and is killed once it is durable, or once something happened while it sends."""
    order = json.dumps([settings, asdict(notice), once is not None])
    with subprocess.Popen([sys.executable, "-c", PROCESS, order], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "durable\n"
        if once is not None:
            once()
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert "sent" not in process.stdout.read() or once is None


def test_killed_before_sending(url: str, opened: Open) -> None:
    """The next process sends it, once, even where the vault tells it again."""
    settings: dict[str, object] = {"channels": CHANNELS, "url": url}
    killed(settings, NOTICE, once=None)
    desk = opened(url)
    desk.run(desk.sink.notify(NOTICE))
    assert [channel for channel, _ in desk.after(0)] == ["slack", "mail", "sms"]
    assert desk.after(60) == []


def test_what_is_over_for_long_is_forgotten(url: str, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """After `keep_days`, in batches; what is open stays, and so does what a channel has yet to hear of."""
    monkeypatch.setattr(pruning, "BATCH", 3)
    desk = opened(url, keep_days=3, quiet_s=60, expire_s=86_400)
    for number in range(4):
        desk.tell("drawdown", f"{number} % are lost", vault=f"v{number}")
        desk.after(0)
        desk.run(desk.sink.resolve(number + 1, "ann"))
        desk.after(0)
    desk.tell("feed_silent", "no prices", vault="old")
    desk.recorder.answers["sms"] = [Answer("failed", "no route")] * 10_000
    desk.tell("drawdown", "unheard", vault="unheard")
    desk.after(0)
    desk.run(desk.sink.resolve(6, "ann"))
    desk.after(2 * 86_400)
    assert len(desk.run(desk.sink.incidents(is_all=True))) == 6
    for _ in range(5):
        desk.after(86_400)
    for _ in range(10):  # a batch at each look
        desk.after(0)
    left = {one.vault: one.count for one, _ in desk.run(desk.sink.incidents(is_all=True))}
    assert left == {"old": 1, "unheard": 1}
    engine = connect(url)
    with writing(engine) as connection:
        before_ns = desk.clock.now_ns - 4 * 86_400 * 10**9
        rows = [connection.scalar(select(func.min(column))) for column in (tables.notices.c.received_ns, OLDEST)]
        channels = connection.execute(select(func.count()).select_from(tables.threads)).scalar()
    engine.dispose()
    assert [one is None or one > before_ns for one in rows] == [True, True]
    assert channels == 6
    desk.recorder.answers.clear()
    assert "sms" in {channel for channel, _ in desk.after(86_400)}
    desk.after(4 * 86_400)
    assert [one.vault for one, _ in desk.run(desk.sink.incidents(is_all=True))] == ["old"]


def test_killed_while_sending(tmp_path: Path, opened: Open) -> None:
    """The receiver had it, nobody knew: it is sent again once the claim has run out, and marked then."""
    with webhook() as receiver:
        receiver.is_hanging = True
        table = {
            "channels": {"slack": f"json://127.0.0.1:{receiver.port}/hook"},
            "url": str(tmp_path / "alerts.db"),
            "allowed_networks": ["127.0.0.0/8"],
        }
        killed(table, NOTICE, once=lambda: receiver.heard.wait(60))
        assert len(receiver.bodies) == 1
    desk = opened(tmp_path / "alerts.db", channels={"slack": "json://slack"})
    assert desk.after(39) == [], "another process may still be sending it"
    assert [channel for channel, _ in desk.after(1)] == ["slack"]
    assert desk.after(60) == []
    ((_, (thread,)),) = desk.run(desk.sink.incidents())
    assert (thread.is_waiting, thread.failures, thread.told_ns) == (False, 0, desk.recorder.sent[0][0])


def test_a_vaults_notices_end_in_the_outbox(url: str, opened: Open) -> None:
    """A vault forgets what the outbox has, and keeps what it could not take."""
    gate = Gate("ann", Limits.for_tier("growth"), clock=ManualClock(START))
    notices = Notices(gate)
    notices.add(START, "critical", "drawdown", "15 % are lost")
    notices.add(START, "info", "drawdown_ended", "it is over")
    desk = opened(url)
    desk.run(notices.deliver(desk.sink.notify))
    assert notices.waiting == ()
    (incident,) = desk.incidents()
    assert (incident.code, incident.resolved_by) == ("drawdown", "drawdown_ended")
    desk.sink.close()
    notices.add(START, "critical", "vault_failed", "later")
    desk.run(notices.deliver(desk.sink.notify))
    assert [one.code for one in notices.waiting] == ["vault_failed"]


def test_the_newest_schema_is_what_the_tables_say(url: str) -> None:
    """And the check can tell; a newer schema is refused; a history beside it is left alone."""
    engine = connect(url)
    migration.migrate(engine)
    migration.migrate(engine)
    ours = {"include_name": lambda name, kind, _: kind != "table" or name in tables.metadata.tables}
    options = {"compare_type": True, "compare_server_default": True, "version_table": tables.VERSION_TABLE, **ours}

    def drift() -> list[object]:
        with writing(engine) as connection:
            return list(compare_metadata(MigrationContext.configure(connection, opts=options), tables.metadata))

    assert drift() == []
    with writing(engine) as connection:
        connection.exec_driver_sql("ALTER TABLE alert_notices ADD COLUMN stray TEXT")
        connection.exec_driver_sql("DROP INDEX ix_alert_threads_channel_due_ns")
    assert len(drift()) == 2
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE alerts_version SET version_num = '9999'")
    with pytest.raises(AlertError, match="newer than 0001"):
        migration.migrate(engine)
    engine.dispose()


def test_what_no_outbox_can_be(tmp_path: Path) -> None:
    """A journal, other databases, a folder that is not there; a password is in no message."""
    journal = tmp_path / "ann.gxr"
    with Gate("ann", Limits.for_tier("growth"), clock=ManualClock(START), journal=journal) as gate:
        gate.deposit(1)
    for url, says in (
        (str(journal), "is a journal"),
        (":memory:", "SQLite file or in PostgreSQL"),
        ("mysql://root:c4n4ry@host/db", "SQLite file or in PostgreSQL"),
        ("postgresql://host:c4n4ry", "an outbox's URL is"),
        (str(tmp_path / "none" / "alerts.db"), "unable to open"),
        ("postgresql://ann:c4n4ry@127.0.0.1:1/db?password=c4n4ry", "refused"),
    ):
        settings = AlertSettings(channels=CHANNELS, url=url)
        with pytest.raises(AlertError, match=says) as refused:
            AlertSink(settings)
        assert "c4n4ry" not in f"{settings!r} {refused.value!r} {refused.value.__cause__!r}"


def test_two_who_send_send_once(url: str, opened: Open) -> None:
    """A claim is one process's; the other finds nothing."""
    desk, other = opened(url), opened(url)
    desk.tell("drawdown", "15 % are lost")
    claim = desk.run(desk.sink._outbox.claim("slack", desk.clock.now_ns))
    assert claim is not None
    assert [channel for channel, _ in other.after(0)] == ["mail", "sms"]


def test_many_at_once_count_once(url: str, opened: Open) -> None:
    """Four processes' worth of sinks take the same notices of the same vault at the same time, while one sends."""
    desks = [opened(url) for _ in range(4)]
    notices = [Notice("ann", number, START, "critical", "drawdown", f"{number} % are lost") for number in range(20)]

    def take(desk: Desk) -> None:
        for notice in notices:
            desk.run(desk.sink.notify(notice))
            desk.run(desk.sink.deliver_due())

    with ThreadPoolExecutor(len(desks)) as pool:
        list(pool.map(take, desks))
    (incident,) = desks[0].incidents()
    assert incident.count == len(notices)
    assert sorted(channel for desk in desks for channel, _ in desk.new()) == ["mail", "slack", "sms"]
