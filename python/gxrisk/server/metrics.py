"""What the server itself shows to Prometheus, beside its fleet's metrics."""

from collections.abc import Callable, Iterator

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from gxrisk.metrics.sheet import Sheet, blank
from gxrisk.metrics.table import SERVER_METRICS
from gxrisk.server.redis_fanout import RedisFanout
from gxrisk.server.streams import STREAM_KINDS, Streams
from gxrisk.vaults.timings import Timing


class ServerMetrics(Collector):
    """Streams, the event loop and Redis (docs/metrics.md), for a registry that has the fleet's metrics too.

    `fanout` gives what writes to Redis, None where nothing does. May be collected in any thread.
    """

    def __init__(self, streams: Streams, lag: Timing, fanout: Callable[[], RedisFanout | None]) -> None:
        self._streams = streams
        self._lag = lag
        self._fanout = fanout

    def describe(self) -> Iterator[Family]:
        """Every metric, without values."""
        return map(blank, SERVER_METRICS)

    def collect(self) -> Iterator[Family]:
        """Every metric as it is now."""
        sheet, streams, fanout = Sheet(SERVER_METRICS), self._streams, self._fanout()
        sheet.put_each("gxrisk_open_streams", ((kind, streams.kinds[kind]) for kind in STREAM_KINDS))
        sheet.put_each("gxrisk_streams_cut_off_total", ((kind, streams.cut[kind]) for kind in STREAM_KINDS))
        sheet.put("gxrisk_streamed_events_total", streams.told)
        sheet.put_timing("gxrisk_event_loop_lag_seconds", self._lag)
        if fanout is not None:
            sheet.put("gxrisk_redis_away", fanout.is_away)
            sheet.put("gxrisk_redis_events_total", fanout.published)
            sheet.put("gxrisk_redis_events_dropped_total", fanout.dropped)
        return sheet.families()
