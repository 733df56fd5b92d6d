"""A real HTTP server on the loopback that speaks the chat completions of OpenAI's wire format, by a script."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}


@dataclass(frozen=True)
class Reply:
    """One answer of the server; with `hangs` it never comes."""

    body: bytes = b""
    status: int = 200
    hangs: bool = False


def completion(message: dict[str, Any], *, finish: str = "tool_calls", usage: dict[str, int] | None = USAGE) -> Reply:
    """A completion with one choice."""
    choice = {"index": 0, "message": {"role": "assistant", "content": None, **message}, "finish_reason": finish}
    whole: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_584_010_500,
        "model": "scripted",
        "choices": [choice],
    }
    if usage is not None:
        whole["usage"] = usage
    return Reply(json.dumps(whole).encode())


def call(*calls: tuple[str, Any], **more: Any) -> Reply:
    """A completion that calls tools: names with arguments, as objects or as raw text."""
    tool_calls = [
        {
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": name, "arguments": given if isinstance(given, str) else json.dumps(given)},
        }
        for number, (name, given) in enumerate(calls)
    ]
    return completion({"tool_calls": tool_calls}, **more)


def say(text: str, **more: Any) -> Reply:
    """A completion of text alone."""
    return completion({"content": text}, finish="stop", **more)


def failure(status: int, message: str) -> Reply:
    """An error of the provider."""
    return Reply(json.dumps({"error": {"message": message, "type": "error", "code": None}}).encode(), status)


@dataclass
class Scripted:
    """The server's script and what it was asked; the last reply is given again and again."""

    replies: Sequence[Reply]
    asked: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""
    released: threading.Event = field(default_factory=threading.Event)
    hanging: threading.Event = field(default_factory=threading.Event)

    def next(self, body: bytes) -> Reply:
        """The reply to a request."""
        self.asked.append(json.loads(body))
        return self.replies[min(len(self.asked), len(self.replies)) - 1]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


@contextmanager
def serving(*replies: Reply) -> Iterator[Scripted]:
    """A server with that script on a free port."""
    script = Scripted(replies)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        scripted: ClassVar[Scripted] = script

        def do_POST(self) -> None:
            reply = self.scripted.next(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path != "/v1/chat/completions":
                reply = failure(404, f"no {self.path} here")
            if reply.hangs:
                self.scripted.hanging.set()
                self.scripted.released.wait()
                self.close_connection = True
                return
            self.send_response(reply.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: Any) -> None:
            """Not on the screen."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        script.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield script
        finally:
            script.released.set()
            server.shutdown()
            thread.join()
