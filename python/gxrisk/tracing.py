"""OpenTelemetry traces of what happens to an order; without `configure_tracing` a span is nothing and costs nothing."""

import os
from threading import Timer
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from gxrisk._native import GxriskError
from gxrisk.context import REQUEST_ID, VAULT_ID

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span as OtelSpan
    from opentelemetry.trace import Tracer

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
Value = str | int | float | bool
_tracer: "Tracer | None" = None


class TracingError(GxriskError):
    """Traces were asked for and cannot be made."""


class Span:
    """One step, as a `with` block. This one is what there is while tracing is off."""

    __slots__ = ()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""

    def tell(self, **attributes: Value | None) -> None:
        """Say more of it; None is left out."""


class _Recorded(Span):
    __slots__ = ("_attributes", "_manager", "_name", "_span", "_tracer")

    def __init__(self, tracer: "Tracer", name: str, attributes: dict[str, Value | None]) -> None:
        self._tracer = tracer
        self._name = name
        self._attributes = {"vault_id": VAULT_ID.get(), "request_id": REQUEST_ID.get(), **attributes}

    def __enter__(self) -> Self:
        # What an exception says may be a model's text or a secret: its type is all that a trace needs.
        self._manager = self._tracer.start_as_current_span(
            self._name, record_exception=False, set_status_on_exception=False
        )
        self._span: OtelSpan = self._manager.__enter__()
        self.tell(**self._attributes)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            from opentelemetry.trace import StatusCode

            self._span.set_status(StatusCode.ERROR, kind.__name__)
        self._manager.__exit__(kind, error, trace)

    def tell(self, **attributes: Value | None) -> None:
        for name, value in attributes.items():
            if value is not None:
                self._span.set_attribute(f"gxrisk.{name}", value)


_OFF: Final = Span()


def span(name: str, **attributes: Value | None) -> Span:
    """A step called `gxrisk.<name>`, inside of the one that runs. Texts of models are no attributes.

    >>> with span("authorize", asset="BTC") as step:
    ...     step.tell(outcome="approved")
    """
    return _OFF if _tracer is None else _Recorded(_tracer, f"gxrisk.{name}", attributes)


def current_ids() -> tuple[str, str] | None:
    """The trace and the span that run now, as W3C hexadecimal ids; None where there is none."""
    if _tracer is None:
        return None
    from opentelemetry.trace import get_current_span

    context = get_current_span().get_span_context()
    return (f"{context.trace_id:032x}", f"{context.span_id:016x}") if context.is_valid else None


class Tracing:
    """Traces that are being sent; a context manager. `close` sends what waits and ends it."""

    def __init__(self, provider: "TracerProvider", exporter: "SpanExporter") -> None:
        self._provider = provider
        self._exporter = exporter

    def __enter__(self) -> Self:
        """Nothing more to do: they are sent already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self, within_s: float = 5.0) -> None:
        """Send what waits, repeating for `within_s` seconds what is not taken, and make spans nothing again."""
        global _tracer
        _tracer = None
        # The provider waits for its exporter, which by itself would go on for a minute; a timer ends that.
        late = Timer(within_s, self._exporter.shutdown)
        late.daemon = True
        late.start()
        try:
            self._provider.shutdown()
        finally:
            late.cancel()


def configure_tracing(endpoint: str | None = None) -> Tracing | None:
    """Send traces to an OTLP/HTTP collector at `endpoint`, such as `http://127.0.0.1:4318`.

    Without an endpoint the environment decides, as OpenTelemetry defines it (`OTEL_EXPORTER_OTLP_ENDPOINT` and its
    kin, `OTEL_SDK_DISABLED`); where that names none there are no traces and this returns None. They are sent in a
    thread of their own, and dropped where the collector is away or slow. Raises `TracingError` without the extra
    `otel`, or where traces are on already.
    """
    global _tracer
    is_disabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if is_disabled or (endpoint is None and not any(os.environ.get(name) for name in ENDPOINTS)):
        return None
    if _tracer is not None:
        raise TracingError("traces are sent already; close them first")
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise TracingError("traces need the extra `otel`: pip install 'gxrisk[otel]'") from error
    exporter = OTLPSpanExporter(endpoint=None if endpoint is None else f"{endpoint.rstrip('/')}/v1/traces")
    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: "gxrisk"}
    provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracer = provider.get_tracer("gxrisk")
    return Tracing(provider, exporter)
