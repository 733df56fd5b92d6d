"""Traces: a real OTLP receiver on loopback hears of an order's way; without one, nothing is made."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from threading import enumerate as enumerate_threads
from time import perf_counter

import pytest
from gxrisk.tracing import TracingError, configure_tracing, current_ids, span
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.metrics.desks import greedy, recording
from tests.vaults.fleets import events, fleet, play, settings


class Received:
    """What a receiver was sent."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        self.paths: set[str] = set()
        self.url = ""

    def take(self, body: bytes) -> None:
        """Read one request."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.services |= {
                one.value.string_value for one in resource.resource.attributes if one.key == "service.name"
            }
            self.spans += [one for scope in resource.scope_spans for one in scope.spans]

    def named(self, name: str) -> list[Span]:
        """The spans of a name."""
        return [one for one in self.spans if one.name == name]


def told(one: Span) -> dict[str, object]:
    """A span's attributes."""
    return {item.key: getattr(item.value, item.value.WhichOneof("value") or "string_value") for item in one.attributes}


@contextmanager
def receiver() -> Iterator[Received]:
    """An OTLP receiver on a free port."""
    received = Received()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.paths.add(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                import gzip

                body = gzip.decompress(body)
            received.take(body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = Thread(target=server.serve_forever)
    thread.start()
    received.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def work(folder: Path) -> list[dict[str, object]]:
    """Two vaults trade; their records."""
    one = fleet(folder)
    for vault_id, chosen in (("ann", settings("Trader", bar_s=300)), ("cleo", greedy())):
        await (await one.create(vault_id, chosen)).fund("first", Decimal(10_000))
    await play(one, recording(90))
    await one.close()
    return [{**record, "vault_id": vault_id} for vault_id in ("ann", "cleo") for record in events(one, vault_id)]


@pytest.mark.parametrize("by", ["setting", "OTEL_EXPORTER_OTLP_ENDPOINT"])
def test_the_way_of_an_order_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    """Each proposal has its decision, made durable, and where it was approved its sending inside of it."""
    with receiver() as received:
        if by != "setting":
            monkeypatch.setenv(by, received.url)
        traces = configure_tracing(received.url if by == "setting" else None)
        assert traces is not None
        with traces:
            records = asyncio.run(work(tmp_path))
    assert received.paths == {"/v1/traces"}
    assert received.services == {"gxrisk"}
    decided = {
        (record["vault_id"], record["sequence"]): record
        for record in records
        if record["kind"] == "decision" and record["origin"] == "agent"
    }
    authorized = received.named("gxrisk.authorize")
    assert {(told(one)["gxrisk.vault_id"], told(one)["gxrisk.sequence"]) for one in authorized} == set(decided)
    assert len(received.named("gxrisk.hold")) == len([one for one in records if one["kind"] == "hold"]) > 0
    proposals = {one.span_id: one for one in received.named("gxrisk.propose")}
    submitted = received.named("gxrisk.submit")
    assert len(submitted) == len([one for one in decided.values() if one["outcome"] == "approved"]) > 0
    for one in (*authorized, *submitted):
        parent = proposals[one.parent_span_id]
        assert one.trace_id == parent.trace_id
        assert parent.start_time_unix_nano <= one.start_time_unix_nano
        assert one.end_time_unix_nano <= parent.end_time_unix_nano
    for one in submitted:
        decision = max(
            (other for other in authorized if other.parent_span_id == one.parent_span_id),
            key=lambda other: other.end_time_unix_nano,
        )
        assert told(decision)["gxrisk.outcome"] == "approved"
        assert decision.end_time_unix_nano <= one.start_time_unix_nano
    refused = [told(one) for one in proposals.values() if told(one)["gxrisk.outcome"] == "rejected"]
    assert any("stop_loss_required" in str(one["gxrisk.rules"]).split(",") for one in refused)
    assert "all in" not in str(received.spans), "a model's text is in a trace"


def test_a_failure_is_marked_without_its_text() -> None:
    with receiver() as received:
        traces = configure_tracing(received.url)
        assert traces is not None
        with traces, pytest.raises(ValueError, match="secret"), span("submit"):
            raise ValueError("a secret text")
    (failed,) = received.spans
    assert (failed.status.code, failed.status.message) == (Status.STATUS_CODE_ERROR, "ValueError")
    assert "secret" not in str(failed)


def test_log_lines_name_their_span() -> None:
    with receiver() as received:
        traces = configure_tracing(received.url)
        assert traces is not None
        with traces:
            assert current_ids() is None
            with span("propose"):
                ids = current_ids()
    (sent,) = received.spans
    assert ids == (sent.trace_id.hex(), sent.span_id.hex())


def test_a_collector_that_is_away_stops_nothing(tmp_path: Path) -> None:
    traces = configure_tracing("http://127.0.0.1:9")
    assert traces is not None
    records = asyncio.run(work(tmp_path))
    assert [one for one in records if one["kind"] == "fill"]
    traces.close(within_s=0.1)
    assert not [one.name for one in enumerate_threads() if one.name.startswith("Otel")], "nothing goes on sending"


def test_traces_are_configured_once() -> None:
    with receiver() as received:
        traces = configure_tracing(received.url)
        assert traces is not None
        with traces, pytest.raises(TracingError, match="already"):
            configure_tracing(received.url)


def test_without_an_endpoint_a_span_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same object each time, which costs what a few function calls do."""
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    assert configure_tracing() is None
    assert span("propose", asset="BTC") is span("submit")
    assert current_ids() is None
    began = perf_counter()
    for _ in range(10_000):
        with span("propose", asset="BTC"):
            pass
    assert (perf_counter() - began) / 10_000 < 20e-6
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert configure_tracing() is None


def test_nothing_of_it_is_needed_until_it_is_used() -> None:
    """Without the extra all works, and asking for traces names it."""
    code = """
import sys
class Away:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "opentelemetry":
            raise ImportError(name)
sys.meta_path.insert(0, Away())
import gxrisk.logs, gxrisk.metrics, gxrisk.vaults
from gxrisk.tracing import TracingError, configure_tracing, span
with span("propose"): pass
try:
    configure_tracing("http://127.0.0.1:9")
except TracingError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "traces need the extra `otel`: pip install 'gxrisk[otel]'\n"
