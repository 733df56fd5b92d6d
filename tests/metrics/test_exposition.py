"""How metrics are given out: the text, the application, the small server."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any
from urllib.request import urlopen

import pytest
from gxrisk.metrics import MetricsApp, metrics_text, registry_of, serve_metrics
from gxrisk.metrics.sheet import Rows
from gxrisk.metrics.table import BY_NAME
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from tests.metrics.desks import desk, recording
from tests.vaults.fleets import play

Answer = tuple[int, dict[str, str], bytes]


async def ask(app: MetricsApp, method: str = "GET") -> Answer:
    """One request as a server makes it."""
    sent: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("a request for metrics has no body to read")

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "http", "method": method, "path": "/metrics"}, receive, send)
    start, body = sent
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], headers, body["body"]


class Counting(Collector):
    """One metric that counts how often it was asked for, and waits to be let go."""

    def __init__(self, before: Callable[[], object] = lambda: None) -> None:
        self.times = 0
        self._before = before

    def describe(self) -> list[Metric]:
        """None in advance."""
        return []

    def collect(self) -> list[Metric]:
        """How often."""
        self.times += 1
        self._before()
        return [GaugeMetricFamily("times", "How often.", value=self.times)]


def test_the_text_is_what_the_library_writes(tmp_path: Path) -> None:
    """The same names, helps, types, labels and values, for a fleet and for what else is in the registry."""

    async def both() -> tuple[bytes, bytes]:
        one = await desk(tmp_path)
        await play(one, recording(30))
        registry = CollectorRegistry()
        Counter("requests", 'Of a server "too".', ["route"], registry=registry).labels('/a"\n\\b').inc()
        fleet_only = registry_of(one)
        text, expected = metrics_text(fleet_only), generate_latest(fleet_only)
        mixed = metrics_text(registry), generate_latest(registry)
        assert mixed[0] == mixed[1]
        await one.close()
        return text, expected

    changing = ("process_", "python_gc", "gxrisk_collect_duration")
    text, expected = asyncio.run(both())
    ours, library = (
        [family for family in text_string_to_metric_families(one.decode()) if not family.name.startswith(changing)]
        for one in (text, expected)
    )
    assert len(ours) > 35
    assert ours == library


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "\\n", "ü"])
def test_labels_are_escaped_as_the_format_says(name: str) -> None:
    text = "\n".join(Rows(BY_NAME["gxrisk_feed_suspended"], {(name,): 1.0}).lines()) + "\n"
    ((sample,),) = (family.samples for family in text_string_to_metric_families(text))
    assert sample.labels == {"asset": name}


def test_the_application_answers_get_and_head_alone() -> None:
    async def talk() -> tuple[Answer, Answer, Answer]:
        registry = CollectorRegistry()
        registry.register(Counting())
        app = MetricsApp(registry)
        return await ask(app), await ask(app, "HEAD"), await ask(app, "POST")

    get, head, post = asyncio.run(talk())
    assert get[0] == head[0] == 200
    assert get[1] == head[1]
    assert get[1]["content-type"].startswith("text/plain; version=0.0.4")
    assert get[1]["content-length"] == str(len(get[2]))
    assert (get[2], head[2]) == (b"# HELP times How often.\n# TYPE times gauge\ntimes 1.0\n", b"")
    assert (post[0], post[1]["allow"]) == (405, "GET, HEAD")


def test_many_who_ask_at_once_get_one_text_and_the_loop_goes_on() -> None:
    async def crowd() -> tuple[set[bytes], int, int]:
        let_go, began = Event(), Event()

        def wait() -> None:
            began.set()
            assert let_go.wait(60)

        registry, counting = CollectorRegistry(), Counting(wait)
        registry.register(counting)
        app = MetricsApp(registry, fresh_s=3600)
        asking = [asyncio.create_task(ask(app)) for _ in range(50)]
        turns = 0
        while not began.is_set():
            await asyncio.sleep(0)
        for _ in range(100):  # while the text is being made, the loop is free
            turns += 1
            await asyncio.sleep(0)
        asking[0].cancel()  # one who goes away takes it from nobody else
        await asyncio.sleep(0)
        let_go.set()
        found = await asyncio.gather(*asking[1:])
        await ask(app)
        return {body for _, _, body in found}, counting.times, turns

    bodies, times, turns = asyncio.run(crowd())
    assert len(bodies) == 1
    assert (times, turns) == (1, 100)


def test_a_failure_is_told_and_the_next_scrape_is_tried_anew() -> None:
    async def fail() -> Answer:
        def once() -> None:
            if counting.times == 1:
                raise RuntimeError("the first one fails")

        registry = CollectorRegistry()
        counting = Counting(once)
        registry.register(counting)
        app = MetricsApp(registry, fresh_s=3600)
        with pytest.raises(RuntimeError, match="first"):
            await ask(app)
        return await ask(app)

    assert asyncio.run(fail())[0] == 200


def test_other_kinds_of_requests_are_refused() -> None:
    async def refuse() -> None:
        with pytest.raises(ValueError, match="'websocket' was seen"):
            await MetricsApp(CollectorRegistry())({"type": "websocket"}, None, None)  # type: ignore[arg-type]

    asyncio.run(refuse())


def test_the_small_server_serves_and_ends() -> None:
    registry = CollectorRegistry()
    registry.register(Counting())
    with serve_metrics(registry) as port, urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert answer.read().endswith(b"times 1.0\n")
    with pytest.raises(OSError, match="refused"):
        urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10)
