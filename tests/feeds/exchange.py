"""A real HTTP server on the loopback that speaks binance's candle endpoints, and ccxt pointed at it.

Run as a module it is `gxrisk` with ccxt so pointed: `python -m tests.feeds.exchange PORT data fetch ...`.
"""

import json
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import ccxt

UNIT_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
LISTED_MS = 1_583_020_800_000  # 2020-03-01: the exchange has no candle before


@dataclass(frozen=True)
class Fault:
    """What the server answers instead of candles, once."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def kline(start_ms: int, interval_ms: int) -> list[object]:
    """The candle of a time, as binance writes it: the same one whenever it is asked for."""
    opened = 7000 + start_ms // interval_ms % 977
    close = 7000 + (start_ms // interval_ms + 1) % 977
    prices = [f"{price}.12340000" for price in (opened, max(opened, close) + 1, min(opened, close) - 1, close)]
    return [start_ms, *prices, "12.50000000", start_ms + interval_ms - 1, "1.0", 5, "1.0", "1.0", "0"]


class LoopbackExchange:
    """The server. `faults` are answered first; `hold_from` makes the candle request of that number wait."""

    def __init__(self) -> None:
        self.faults: deque[Fault] = deque()
        self.asked: list[dict[str, str]] = []
        self.asked_at: list[float] = []
        self.now_ms = 1_600_000_000_000
        self.outage = range(0)
        self.hold_from: int | None = None
        self.held = Event()
        self.let_go = Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_address[1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str, query: dict[str, str]) -> Fault:
        """The answer to one request."""
        if path.endswith("/exchangeInfo"):
            return _json({"symbols": _SPOT if path.startswith("/api") else _PERPETUAL})
        if path.endswith("/time"):
            return _json({"serverTime": self.now_ms})
        self.asked.append(query)
        self.asked_at.append(time.monotonic())
        if self.hold_from is not None and len(self.asked) >= self.hold_from:
            self.held.set()
            self.let_go.wait()
        return self.faults.popleft() if self.faults else _json(self._klines(query))

    def _klines(self, query: dict[str, str]) -> list[list[object]]:
        interval_ms = int(query["interval"][:-1]) * UNIT_MS[query["interval"][-1]]
        asked_ms = max(int(query["startTime"]), LISTED_MS)
        first_ms = -(-asked_ms // interval_ms) * interval_ms
        found: list[list[object]] = []
        for start_ms in range(first_ms, self.now_ms, interval_ms):  # the last one is in progress
            if start_ms not in self.outage:
                found.append(kline(start_ms, interval_ms))
            if len(found) == int(query["limit"]):
                break
        return found

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        exchange = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                answer = exchange.answer(url.path, {name: one[0] for name, one in parse_qs(url.query).items()})
                try:
                    self.send_response(answer.status)
                    for name, value in answer.headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(answer.body)))
                    self.end_headers()
                    self.wfile.write(answer.body)
                except ConnectionError:
                    self.close_connection = True  # the client was killed

            def log_message(self, format: str, *args: Any) -> None:
                """The test says what went wrong."""

        return Handler


def pointed_at(port: int) -> type[ccxt.binance]:
    """ccxt's binance with its addresses on the loopback; everything else is its own."""

    class Loopback(ccxt.binance):
        def describe(self) -> Any:
            base = f"http://127.0.0.1:{port}"
            urls = {"public": f"{base}/api/v3", "fapiPublic": f"{base}/fapi/v1"}
            options = {"fetchMarkets": {"types": ["spot", "linear"]}}
            return self.deep_extend(super().describe(), {"urls": {"api": urls}, "options": options})

    return Loopback


def _json(value: object) -> Fault:
    return Fault(200, json.dumps(value).encode(), {"Content-Type": "application/json"})


def _symbol(base: str, **more: object) -> dict[str, object]:
    return {"symbol": f"{base}USDT", "status": "TRADING", "baseAsset": base, "quoteAsset": "USDT", "filters": []} | more


_SPOT = [
    _symbol(base, isSpotTradingAllowed=True, permissionSets=[["SPOT"]], baseAssetPrecision=8, quotePrecision=8)
    for base in ("BTC", "ETH")
]
_PERPETUAL = [
    _symbol(
        "BTC",
        pair="BTCUSDT",
        contractType="PERPETUAL",
        marginAsset="USDT",
        pricePrecision=2,
        quantityPrecision=3,
        deliveryDate=4_133_404_800_000,
        onboardDate=LISTED_MS,
    )
]


if __name__ == "__main__":
    from gxrisk.cli import app

    ccxt.binance = pointed_at(int(sys.argv[1]))
    app(sys.argv[2:])
