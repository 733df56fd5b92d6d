"""Log lines: JSON, one a line, whatever a model or a venue says; and no secret in any of them."""

import base64
import io
import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import structlog
from gxrisk.context import on_behalf_of
from gxrisk.logs import configure_logs, hide
from gxrisk.logs.line import OURS
from gxrisk.logs.secrets import Secrets
from gxrisk.logs.values import CHARS_MAX, LINE_CHARS_MAX
from hypothesis import given, settings
from hypothesis import strategies as st

NAME = "tests.logs"
SECRET = "s3cret/of the\nvault"  # noqa: S105 (made up)


class Written:
    """What was written, as text and as JSON."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        """All of it."""
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Each line."""
        assert self.text == "" or self.text.endswith("\n")
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def line(self) -> dict[str, Any]:
        """The only line."""
        (found,) = self.lines
        return found


def configured() -> tuple[Written, logging.Handler]:
    """Logs of this test alone."""
    written = Written()
    handler = configure_logs(stream=written.stream, name=NAME, level="DEBUG")
    logging.getLogger(NAME).propagate = False
    return written, handler


@pytest.fixture
def logs() -> Iterator[Written]:
    """What the logger of these tests writes."""
    written, handler = configured()
    yield written
    logging.getLogger(NAME).removeHandler(handler)
    structlog.reset_defaults()


def test_both_ways_of_logging_write_the_same_line(logs: Written) -> None:
    with on_behalf_of(vault_id="ann", request_id="req-1"):
        logging.getLogger(NAME).warning("%s differs", "BTC", extra={"asset": "BTC"})
        structlog.get_logger(NAME).warning("BTC differs", asset="BTC")
    structlog.get_logger(NAME).info("outside")
    first, second, outside = logs.lines
    assert {**first, "time": ""} == {**second, "time": ""}
    assert {**first, "time": ""} == {
        "time": "", "level": "warning", "logger": NAME, "event": "BTC differs", "vault_id": "ann",
        "request_id": "req-1", "asset": "BTC",
    }  # fmt: skip
    assert first["time"].endswith("+00:00")
    assert not {"vault_id", "request_id"} & outside.keys()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('done\n{"level": "critical", "event": "forged"}', 'done\\n{"level": "critical", "event": "forged"}'),
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("a\r\0b\u2028c\u202ed\ud800", "a\\r\\x00b\\u2028c\\u202ed\\ud800"),
        ('quote " and \\ and ü', 'quote " and \\ and ü'),
        ("{0.__class__} %s %(x)s", "{0.__class__} %s %(x)s"),
    ],
)
def test_a_text_stays_one_line_that_one_can_see(logs: Written, text: str, shown: str) -> None:
    logging.getLogger(NAME).info("it says: %s", text)
    structlog.get_logger(NAME).info("it says", reasoning=text, **{text: 1})
    stdlib, ours = logs.lines
    assert stdlib["event"] == f"it says: {shown}"
    assert ours["reasoning"] == shown
    assert ours[shown[:64]] == 1
    assert logs.text.isascii()


VALUES = st.recursive(
    st.none() | st.floats() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(deadline=None)
@given(st.text(), VALUES)
def test_any_value_is_one_line_of_bounded_length(text: str, value: object) -> None:
    written, handler = configured()
    try:
        logging.getLogger(NAME).info(text, extra={"given": value})
    finally:
        logging.getLogger(NAME).removeHandler(handler)
    assert written.line["logger"] == NAME
    assert written.text.count("\n") == 1
    assert written.text[:-1].isprintable()
    assert all(one.isprintable() for one in _texts(written.line))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


@pytest.mark.parametrize("name", sorted(OURS - {"event"}))
def test_nobody_forges_what_a_line_says_of_itself(logs: Written, name: str) -> None:
    with on_behalf_of(vault_id="ann", request_id="req-1"):
        structlog.get_logger(NAME).info("plain")
        structlog.get_logger(NAME).info("plain", **{name: "forged"})
        logging.getLogger(NAME).info("plain", extra={name: "forged"})
    plain, *forged = logs.lines
    for line in forged:
        assert {key: line[key] for key in plain if key != "time"} == {key: plain[key] for key in plain if key != "time"}
        assert line["time"] != "forged"
        assert line[f"given_{name}"] == "forged"


def test_extra_fields_do_not_replace_the_event(logs: Written) -> None:
    logging.getLogger(NAME).info("plain", extra={"event": "forged", "exc_info_": 1})
    assert logs.line["event"] == "plain"
    assert logs.line["given_event"] == "forged"


STRANGE = {"big": 10**5_000, "nan": float("nan"), "raw": b"\0" * 99}


class Loud:
    """An object whose text raises."""

    def __str__(self) -> str:
        raise RuntimeError(SECRET)

    __repr__ = __str__


def test_huge_and_strange_values_are_bounded(logs: Written) -> None:
    logger = logging.getLogger(NAME)
    logger.handlers = [
        one for one in logger.handlers if type(one).__module__ == configure_logs.__module__
    ]  # not pytest's
    deep: Any = "end"
    for _ in range(100):
        deep = [deep]
    fields = {f"field_{number}": "x" * 1_000_000 for number in range(100)}
    structlog.get_logger(NAME).info("y" * 10_000_000, deep=deep, loud=Loud(), many=list(range(10_000)), **STRANGE)
    structlog.get_logger(NAME).info("many", **fields)
    first, second = logs.lines
    assert first["event"] == "y" * CHARS_MAX + "[cut, of 10000000 characters]"
    assert first["deep"] == [[[["[list of 1]"]]]]
    assert first["loud"] == "[Loud, whose text raised RuntimeError]"
    assert first["many"][-2:] == [49, "[9950 more]"]
    assert (first["big"], first["nan"], first["raw"]) == ("[an integer of 16610 bits]", "nan", "[99 bytes]")
    assert len(json.dumps(second)) < LINE_CHARS_MAX + 50 * 64
    assert len(second) < 60


def test_an_exception_is_told_line_by_line_without_variables(logs: Written) -> None:
    def fail() -> None:
        local = "a local value"
        raise ValueError(f"bad\n\x1b[31mmodel text {SECRET}" + local[:0])

    hide(SECRET)
    try:
        fail()
    except ValueError:
        logging.getLogger(NAME).exception("failed")
        structlog.get_logger(NAME).error("failed", exc_info=True)
    for line in logs.lines:
        assert line["exception"][0] == "Traceback (most recent call last):"
        assert line["exception"][-2:] == ["ValueError: bad", "\\x1b[31mmodel text [redacted]"]
        assert "a local value" not in json.dumps(line["exception"]).replace('local = \\"a local value\\"', "")


def test_a_line_that_cannot_be_made_shows_nothing_of_its_arguments(
    logs: Written, capsys: pytest.CaptureFixture[str]
) -> None:
    (handler,) = (one for one in logging.getLogger(NAME).handlers if type(one).__module__ == configure_logs.__module__)
    handler.handle(logging.LogRecord(NAME, logging.INFO, __file__, 1, "%d of %s", ("not a number", SECRET), None))
    assert logs.line["level"] == "error"
    assert "could not be made: TypeError" in logs.line["event"]
    assert SECRET not in logs.text
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("form", [SECRET, quote(SECRET, safe=""), base64.b64encode(SECRET.encode()).decode()])
@pytest.mark.parametrize("around", ["{}", "a{}b", "\x1b{}\n", "{}" * 3])
def test_known_secrets_are_nowhere(logs: Written, form: str, around: str) -> None:
    hide(SECRET)
    text = around.format(*[form] * 3)
    with on_behalf_of(vault_id=text):
        logging.getLogger(NAME).info("one %s", text, extra={text: 1, "nested": {"k": [text, {text: text}]}})
        structlog.get_logger(NAME).info(text, field=text)
    for line in logs.lines:
        assert all(form not in one and "s3cret" not in one for one in _texts(line))


def test_what_becomes_a_secret_is_hidden_from_then_on(logs: Written) -> None:
    """Though the same text was searched and shown before."""
    later = "an ordinary text"
    for _ in range(2):
        logging.getLogger(NAME).info("one", extra={"field": later})
    hide(later)
    logging.getLogger(NAME).info("one", extra={"field": later})
    assert [later in line["field"] for line in logs.lines] == [True, True, False]


@pytest.mark.parametrize("chars", [65_530, 65_536, 65_540, 4_000])
def test_a_secret_at_a_cut_is_not_shown_in_part(logs: Written, chars: int) -> None:
    """Even where what stands before it shrinks to almost nothing."""
    long = "k" * 60_000
    hide(SECRET, long)
    head = (long + "." * chars)[: chars - 5]
    logging.getLogger(NAME).info("%s", head + SECRET)
    assert "s3cr" not in logs.text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://ann:hunter2@db/x", "postgresql://[redacted]@db/x"),
        ("Authorization: Bearer abcdef123456", "Authorization: [redacted] [redacted]"),
        ("got eyJhbGciOiJI.eyJzdWIiOiIx.c2ln", "got [redacted]"),
        ("key sk-proj-abcdefghijklmnop123", "key [redacted]"),
        ('{"api_key": "abc123"}', '{"api_key": "[redacted]"}'),
        ("passphrase=correct&x=1", "passphrase=[redacted]&x=1"),
        ("https://hooks.slack.com/services/T0/B0/xyz", "https://hooks.slack.com/services/[redacted]"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY----- end", "[redacted] end"),
        ("-----BEGIN EC PRIVATE KEY-----\nMIIE", "[redacted]"),
        ("order_rate: 20 tokens: 3 left, max_tokens=400", "order_rate: 20 tokens: 3 left, max_tokens=400"),
        ("hash 9f86d081884c7d659a2feaa0c55ad015 gx-12", "hash 9f86d081884c7d659a2feaa0c55ad015 gx-12"),
    ],
)
def test_what_looks_like_a_credential(text: str, shown: str) -> None:
    assert Secrets().cleaned(text) == shown


def test_fields_that_are_called_secret_are_hidden(logs: Written) -> None:
    structlog.get_logger(NAME).info("x", **{"password": "p", "nested": {"api_key": 5, "tokens": 3}, "token_file": "t"})
    found = {name: logs.line[name] for name in ("password", "nested", "token_file")}
    assert found == {"password": "[redacted]", "nested": {"api_key": "[redacted]", "tokens": 3}, "token_file": "t"}


def test_a_secret_that_is_too_short_is_refused_without_showing_it() -> None:
    with pytest.raises(ValueError, match="a secret of 5 characters was given; 6 or more are allowed") as refused:
        hide("ab'cd")
    assert "ab'cd" not in str(refused.value)


def test_configuring_again_does_not_double_lines(logs: Written) -> None:
    again = configure_logs(stream=logs.stream, name=NAME)
    logging.getLogger(NAME).info("once")
    logging.getLogger(NAME).removeHandler(again)
    assert logs.line["event"] == "once"
