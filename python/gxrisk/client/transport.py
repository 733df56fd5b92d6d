"""How requests travel: httpx with keep-alive, TLS checked, the same request again where that is safe."""

import asyncio
import random
import ssl
import time
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final, TypeVar

import httpx

from gxrisk._native import __version__
from gxrisk.client.address import Address
from gxrisk.client.call import Answer, Call, failure
from gxrisk.client.errors import ClientConfigError, ClientError, ServerFailed, ServerUnavailable
from gxrisk.client.event_stream import SILENCE_S, EventStream, Told
from gxrisk.client.retries import Attempts, Retries
from gxrisk.server.key_text import KeyText

Result = TypeVar("Result")
CONNECTIONS_MAX: Final = 64
ANSWER_BYTES_MAX: Final = 64_000_000
_HEADERS: Final = {"User-Agent": f"gxrisk/{__version__}", "Accept-Encoding": "identity"}
# What failed before anything of the request was sent.
_UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class _Bearer(httpx.Auth):
    """The key goes into each request here, so that no object that is shown or logged holds it."""

    def __init__(self, key: KeyText) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._key.text}"
        yield request


class Transport:
    """For threads: any number of them may call at once."""

    def __init__(self, address: Address, retries: Retries, timeout_s: float) -> None:
        self.url = address.url
        self._retries = retries
        self._timeout_s = _checked(timeout_s)
        self._rng = random.Random()  # noqa: S311 (spreads retries, guards nothing)
        self._http = httpx.Client(
            auth=_Bearer(address.key),
            headers=_HEADERS,
            verify=_tls(address),
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX),
            trust_env=False,  # neither a proxy nor a .netrc that lies about gets the key
        )

    def call(self, call: Call[Result]) -> Result:
        """Send it until it is answered. Raises `ClientError`."""
        attempts = Attempts(self._retries, call.idempotency_key, self._rng)
        while True:
            try:
                with _told(self.url):
                    answer = self._once(call, attempts.left_s)
                return call.result(answer)
            except ClientError as error:
                wait_s = attempts.wait_s(error)
            time.sleep(wait_s)

    def _once(self, call: Call[Result], left_s: float) -> Answer:
        end = time.monotonic() + left_s
        with self._http.stream(
            call.method,
            self.url + call.path,
            params=call.query or None,
            headers=call.sent_headers(),
            content=call.sent_body(),
            timeout=_timeout(self._timeout_s, left_s),
        ) as response:
            body = bytearray()
            for part in response.iter_raw():
                body += part
                _check_size(body)
                if time.monotonic() > end:
                    raise httpx.ReadTimeout("the answer came too slowly")
            return _answer(response, bytes(body))

    def follow(self, stream: EventStream) -> Iterator[Told]:
        """What a stream tells, from one connection to the next. Raises `ClientError` where none comes about."""
        attempts = Attempts(self._retries, None, self._rng)
        while True:
            try:
                with (
                    _told(self.url),
                    self._http.stream(
                        "GET",
                        self.url + stream.path,
                        params=stream.query,
                        headers=stream.headers(),
                        timeout=_listening(self._timeout_s),
                    ) as response,
                ):
                    _begun(stream, response, b"" if response.is_success else response.read())
                    for part in response.iter_raw():
                        attempts = Attempts(self._retries, None, self._rng)
                        yield from stream.take(part)
                raise ServerUnavailable("the stream of events ended", code="stream_ended")
            except ClientError as error:
                wait_s = attempts.wait_s(error)
            time.sleep(wait_s)

    def close(self) -> None:
        """Close its connections."""
        self._http.close()


class AsyncTransport:
    """For tasks of one event loop."""

    def __init__(self, address: Address, retries: Retries, timeout_s: float) -> None:
        self.url = address.url
        self._retries = retries
        self._timeout_s = _checked(timeout_s)
        self._rng = random.Random()  # noqa: S311 (spreads retries, guards nothing)
        self._http = httpx.AsyncClient(
            auth=_Bearer(address.key),
            headers=_HEADERS,
            verify=_tls(address),
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX),
            trust_env=False,
        )

    async def call(self, call: Call[Result]) -> Result:
        """Send it until it is answered. Raises `ClientError`."""
        attempts = Attempts(self._retries, call.idempotency_key, self._rng)
        while True:
            try:
                with _told(self.url):
                    answer = await self._once(call, attempts.left_s)
                return call.result(answer)
            except ClientError as error:
                wait_s = attempts.wait_s(error)
            await asyncio.sleep(wait_s)

    async def _once(self, call: Call[Result], left_s: float) -> Answer:
        async with (
            _within(left_s),
            self._http.stream(
                call.method,
                self.url + call.path,
                params=call.query or None,
                headers=call.sent_headers(),
                content=call.sent_body(),
                timeout=_timeout(self._timeout_s, left_s),
            ) as response,
        ):
            body = bytearray()
            async for part in response.aiter_raw():
                body += part
                _check_size(body)
            return _answer(response, bytes(body))

    async def follow(self, stream: EventStream) -> AsyncIterator[Told]:
        """What a stream tells, from one connection to the next. Raises `ClientError` where none comes about."""
        attempts = Attempts(self._retries, None, self._rng)
        while True:
            try:
                with _told(self.url):
                    async with self._http.stream(
                        "GET",
                        self.url + stream.path,
                        params=stream.query,
                        headers=stream.headers(),
                        timeout=_listening(self._timeout_s),
                    ) as response:
                        _begun(stream, response, b"" if response.is_success else await response.aread())
                        async for part in response.aiter_raw():
                            attempts = Attempts(self._retries, None, self._rng)
                            for told in stream.take(part):
                                yield told
                raise ServerUnavailable("the stream of events ended", code="stream_ended")
            except ClientError as error:
                wait_s = attempts.wait_s(error)
            await asyncio.sleep(wait_s)

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()


@contextmanager
def _told(url: str) -> Iterator[None]:
    """What httpx raises becomes what this client raises; `may_be_done` where the request may have arrived."""
    try:
        yield
    except (httpx.LocalProtocolError, httpx.UnsupportedProtocol) as error:
        raise ClientConfigError(f"that cannot be sent: {error}") from None
    except httpx.TransportError as error:
        reason = _certificate(error)
        text = reason or str(error) or type(error).__name__
        told = ServerUnavailable(f"no answer from {url}: {text}", code="certificate" if reason else "no_answer")
        told.may_be_done = not isinstance(error, _UNSENT)
        raise told from None  # the error of httpx holds the request, and that the key
    except httpx.HTTPError as error:
        raise ServerFailed(f"no answer of {url} that can be read: {error}", code="answer_unknown") from None


@asynccontextmanager
async def _within(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise httpx.ReadTimeout("the answer came too slowly") from None


def _certificate(error: BaseException) -> str | None:
    """Why the server's certificate was refused, where that is what happened."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message}"
        cause = cause.__cause__ or cause.__context__
    return None


def _begun(stream: EventStream, response: httpx.Response, body: bytes) -> None:
    """Raises the `ClientError` that an answer is which is no stream."""
    answer = _answer(response, body)
    if answer.status != 200:
        raise failure(answer)
    stream.check(answer.headers)


def _answer(response: httpx.Response, body: bytes) -> Answer:
    return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, body)


def _check_size(body: bytearray) -> None:
    if len(body) > ANSWER_BYTES_MAX:
        raise ServerFailed(f"an answer of more than {ANSWER_BYTES_MAX} bytes", code="answer_unknown")


def _timeout(timeout_s: float, left_s: float) -> httpx.Timeout:
    return httpx.Timeout(max(0.001, min(timeout_s, left_s)))


def _listening(timeout_s: float) -> httpx.Timeout:
    return httpx.Timeout(timeout_s, read=max(timeout_s, SILENCE_S))


def _checked(timeout_s: float) -> float:
    if not 0 < timeout_s <= 3_600:
        raise ClientConfigError(f"timeout_s: {timeout_s} was given, more than 0 and up to 3600 s is allowed")
    return timeout_s


def _tls(address: Address) -> ssl.SSLContext:
    """The system's certificates, or those that SSL_CERT_FILE names; where no TLS is spoken, one that trusts nobody."""
    if address.url.startswith("https:"):
        return ssl.create_default_context()
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
