"""The log of predictions: both stores answer alike, and a store that is away, slow or broken is in nobody's way."""

import asyncio
import logging
import math
import sqlite3
import sys
import threading
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import redis
from gxrisk import Gate, Limits, ManualClock
from gxrisk.agent import Action, Close, Hold, Open, Strategy, View
from gxrisk.agent.features import feature_hash, features
from gxrisk.agent.predictions import Logged, PredictionLog
from gxrisk.agent.predictions_entry import KEPT_MS, Prediction, PredictionLogError, PredictionStore
from gxrisk.agent.predictions_redis import KEY, RedisStore
from gxrisk.agent.predictions_sqlite import SqliteStore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .bars import START_MS, view, walk
from .members import BUY, Raises, Says, SaysLater
from .redis_server import Server

DAY_MS = 86_400_000
EVER = 2**60


def said(number: int = 0, model: str = "forest", **fields: Any) -> Prediction:
    """A prediction a minute."""
    known = {"asset": "BTC", "at_ms": number * 60_000, "prediction": "buy", "confidence": 0.6, "feature_hash": None}
    return Prediction(model, **{**known, **fields})


@pytest.fixture(params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> PredictionStore:
    """An empty store of each kind."""
    if request.param == "sqlite":
        return SqliteStore(tmp_path / "predictions.db")
    return RedisStore(request.getfixturevalue("redis_server").url)


predictions = st.builds(
    Prediction,
    model=st.sampled_from(["forest", "größer"]),
    asset=st.sampled_from(["BTC", "ETH", "Ωmega", "日本"]),
    at_ms=st.integers(0, 40).map(lambda third: third * DAY_MS // 3),
    prediction=st.sampled_from(["buy", "sell"]),
    confidence=st.sampled_from([0.0, -0.0, 0.1, 1 / 3, 1.0, 1e-300, 1]),
    feature_hash=st.sampled_from([None, "00" * 32, "ff" * 32]),
)
questions = st.tuples(
    st.sampled_from(["forest", "größer", "nobody"]),
    st.integers(-1, 15).map(lambda day: day * DAY_MS),
    st.integers(0, 15).map(lambda day: day * DAY_MS),
    st.sampled_from([1, 2, 1000]),
)


def remembered(written: Sequence[Sequence[Prediction]], model: str) -> list[Prediction]:
    """What ought to be kept of a model: seven days up to its newest, after each write."""
    kept: set[Prediction] = set()
    for batch in written:
        mine = [one for one in batch if one.model == model]
        if mine:
            kept |= set(mine)
            newest = max(one.at_ms for one in kept)
            kept = {one for one in kept if one.at_ms >= newest - KEPT_MS}
    return sorted(kept, key=lambda one: (one.at_ms, one.to_text().encode()))


@given(written=st.lists(st.lists(predictions, min_size=1, max_size=12), max_size=6), asked=st.lists(questions))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_stores_answer_alike(
    redis_server: Server, tmp_path_factory: pytest.TempPathFactory, written: Any, asked: Any
) -> None:
    redis.Redis.from_url(redis_server.url).flushall()
    stores: list[PredictionStore] = [
        SqliteStore(tmp_path_factory.mktemp("log") / "predictions.db"),
        RedisStore(redis_server.url),
    ]
    for store in stores:
        for batch in written:
            store.write(batch)
        log = PredictionLog(store)
        for model in ("forest", "größer", "nobody"):
            assert log.predictions(model, 0, EVER) == remembered(written, model)
        for model, from_ms, until_ms, limit in asked:
            expected = [one for one in remembered(written, model) if from_ms <= one.at_ms < until_ms]
            assert log.predictions(model, from_ms, until_ms, limit) == expected[:limit]
        store.close()


def test_seven_days_by_the_feeds_time_to_the_millisecond(store: PredictionStore) -> None:
    first, second = said(at_ms=START_MS), said(at_ms=START_MS + 1)
    store.write([first, second, said(at_ms=START_MS + KEPT_MS)])
    assert store.read("forest", 0, EVER, 10)[0] == first
    store.write([said(at_ms=START_MS + KEPT_MS + 1)])
    assert store.read("forest", 0, EVER, 10)[0] == second
    store.write([said(at_ms=START_MS), said(at_ms=START_MS, model="other")])
    assert store.read("forest", 0, EVER, 10)[0] == second, "what comes too late is too old at once"
    assert store.read("other", 0, EVER, 10) == [said(at_ms=START_MS, model="other")], "each model has its own time"


def test_a_model_that_is_written_of_no_more_is_forgotten_in_sqlite(tmp_path: Path) -> None:
    now_s = [0.0]
    store = SqliteStore(tmp_path / "predictions.db", now_s=lambda: now_s[0])
    store.write([said(model="old"), said(model="kept")])
    now_s[0] = KEPT_MS / 1000 - 1
    store.write([said(1, model="kept")])
    assert len(store.read("old", 0, EVER, 10)) == 1
    now_s[0] += 1
    store.write([said(2, model="new")])
    assert store.read("old", 0, EVER, 10) == []
    assert len(store.read("kept", 0, EVER, 10)) == 2


def test_a_model_is_one_key_of_redis_which_expires(redis_server: Server) -> None:
    store = RedisStore(redis_server.url)
    for start in range(0, 3000, 100):
        store.write([said(number, model) for number in range(start, start + 100) for model in ("a", "b")])
    client = redis.Redis.from_url(redis_server.url, decode_responses=True)
    assert sorted(client.keys()) == [f"{KEY}a", f"{KEY}b"]
    assert client.zcard(f"{KEY}a") == 3000
    assert KEPT_MS - 60_000 < client.pttl(f"{KEY}a") <= KEPT_MS
    client.close()
    store.close()


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"model": ""}, "model"),
        ({"model": "x" * 201}, "model"),
        ({"model": "a\nb"}, "model"),
        ({"asset": "\ud800"}, "asset"),
        ({"prediction": None}, "prediction"),
        ({"feature_hash": ""}, "feature_hash"),
        ({"at_ms": -1}, "at_ms"),
        ({"at_ms": 2**53}, "at_ms"),
        ({"at_ms": 1.5}, "at_ms"),
        ({"at_ms": True}, "at_ms"),
        ({"confidence": math.nan}, "confidence"),
        ({"confidence": 1.0000001}, "confidence"),
        ({"confidence": -0.1}, "confidence"),
        ({"confidence": True}, "confidence"),
        ({"confidence": "0.5"}, "confidence"),
    ],
)
def test_what_could_not_be_kept_is_refused_with_its_name(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}: .* (is|are) allowed"):
        said(**fields)


def test_the_last_millisecond_is_kept(store: PredictionStore) -> None:
    last = said(at_ms=2**53 - 1, model="m" * 200)
    store.write([last])
    assert PredictionLog(store).predictions("m" * 200, 0, EVER) == [last]


def test_predictions_arrive_in_order_from_many_threads(store: PredictionStore) -> None:
    log = PredictionLog(store)
    threads = [
        threading.Thread(target=lambda asset=asset: [log.record(said(n, asset=asset)) for n in range(700)])
        for asset in ("BTC", "ETH", "SOL")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.flush(30)
    assert log.waiting == log.lost == 0
    assert len(log.predictions("forest", 0, EVER, limit=5000)) == 2100
    log.close()
    log.record(said(9999))
    assert log.lost == 1, "a log that is closed keeps nothing, and says so"


def test_closing_writes_what_waits(tmp_path: Path) -> None:
    with PredictionLog.open(tmp_path / "predictions.db") as log:
        for number in range(2500):
            log.record(said(number))
    assert log.lost == 0
    assert len(SqliteStore(tmp_path / "predictions.db").read("forest", 0, EVER, 5000)) == 2500


class Gated:
    """A store whose writes wait for the test, and fail as told: the states in between cannot be met otherwise."""

    def __init__(self, store: PredictionStore) -> None:
        self.entered, self.go_on = threading.Semaphore(0), threading.Semaphore(0)
        self.read, self.close = store.read, store.close
        self.fails = False
        self._store = store

    def write(self, predictions: Sequence[Prediction]) -> None:
        """Wait to be let on."""
        self.entered.release()
        self.go_on.acquire()
        if self.fails:
            raise ConnectionError("away")
        self._store.write(predictions)


def test_a_store_that_is_away_costs_the_oldest_and_one_warning(
    store: PredictionStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gxrisk.agent")
    gated = Gated(store)
    log = PredictionLog(gated, waiting_max=100, retry_s=0.0)
    gated.fails = True
    log.record(said(0))
    for _ in range(3):  # tried, failed, tried again
        assert gated.entered.acquire(timeout=30)
        gated.go_on.release()
    assert gated.entered.acquire(timeout=30)
    for number in range(1, 251):
        log.record(said(number))
    assert log.lost == 150
    gated.go_on.release()
    assert gated.entered.acquire(timeout=30)
    assert log.lost == 151, "what was being written is the oldest of all"
    gated.fails = False
    for _ in range(3):
        gated.go_on.release()
    assert log.flush(30)
    assert [one.at_ms for one in log.predictions("forest", 0, EVER)] == [n * 60_000 for n in range(151, 251)]
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [record.getMessage() for record in warnings] == ["predictions wait: away"]
    assert caplog.records[-1].getMessage() == "predictions are written again; 151 were lost"
    gated.go_on.release()
    log.close()


def test_redis_goes_and_comes_back(redis_server: Server) -> None:
    log = PredictionLog(RedisStore(redis_server.url), retry_s=0.02)
    log.record(said(1))
    assert log.flush(30)
    redis_server.stop()
    for number in range(2, 50):
        log.record(said(number))
    assert not log.flush(0.1)
    with pytest.raises(PredictionLogError, match="predictions in Redis: ConnectionError"):
        log.predictions("forest", 0, EVER)
    redis_server.start()
    assert log.flush(30)
    assert [one.at_ms for one in log.predictions("forest", 0, EVER)] == [n * 60_000 for n in range(2, 50)]
    assert log.lost == 0
    log.close()


def test_a_redis_that_hangs_holds_up_only_its_writer(redis_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gxrisk.agent.predictions_redis._TIMEOUT_S", 0.2)
    log = PredictionLog(RedisStore(redis_server.url), retry_s=0.02)
    redis_server.freeze()
    for number in range(100):
        log.record(said(number))
    assert not log.flush(0.5)
    with pytest.raises(PredictionLogError, match="TimeoutError"):
        log.predictions("forest", 0, EVER)
    redis_server.thaw()
    assert log.flush(30)
    assert len(log.predictions("forest", 0, EVER)) == 100
    log.close()


def test_closing_without_redis_gives_up_at_once_and_counts(redis_server: Server) -> None:
    redis_server.stop()
    log = PredictionLog.open("unused", redis_server.url)
    for number in range(1500):
        log.record(said(number))
    log.close()
    assert (log.lost, log.waiting) == (1500, 0)


def test_a_journal_is_refused_unopened(tmp_path: Path) -> None:
    gate = Gate("demo", Limits.for_tier("growth"), clock=ManualClock(0), journal=tmp_path / "journal.gxr")
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(PredictionLogError, match="is a journal"):
        PredictionLog.open(tmp_path / "journal.gxr")
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    gate.close()
    with pytest.raises(PredictionLogError, match="is a journal"):
        PredictionLog.open(tmp_path / "journal.gxr")


def test_files_and_urls_that_are_none_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "letter.txt").write_text("Dear reader, this is no database at all." * 50)
    with pytest.raises(PredictionLogError, match=r"letter\.txt: file is not a database"):
        PredictionLog.open(tmp_path / "letter.txt")
    with pytest.raises(PredictionLogError, match="unable to open"):
        PredictionLog.open(tmp_path / "no" / "folder.db")
    with pytest.raises(PredictionLogError, match="a Redis URL is redis://") as refused:
        PredictionLog.open("unused", "http://user:secret@host")
    assert "secret" not in str(refused.value)
    with pytest.raises(ValueError, match="limit: 0 was given"):
        PredictionLog.open(tmp_path / "predictions.db").predictions("forest", 0, 1, limit=0)
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(PredictionLogError, match=r"gxrisk\[redis\]"):
        PredictionLog.open("unused", "redis://localhost")


def test_two_processes_may_share_the_file(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "predictions.db")
    other = sqlite3.connect(tmp_path / "predictions.db")
    store.write([said(1)])
    assert other.execute("SELECT count(*) FROM predictions").fetchone() == (1,)
    assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()


ANSWERS: list[tuple[Strategy, str, float]] = [
    (Says(BUY), "buy", 0.8),
    (SaysLater(Open("sell", 1, 0.25, "down")), "sell", 0.25),
    (Says(Close(1, "turned")), "close", 1.0),
    (SaysLater(Hold(0.0, "calm")), "hold", 0.0),
]


def answer(strategy: Strategy, question: View) -> Action:
    """Its answer, awaited where it must be."""
    decided = strategy.decide(question)
    return asyncio.run(decided) if asyncio.iscoroutine(decided) else decided


@pytest.mark.parametrize(("strategy", "word", "confidence"), ANSWERS, ids=[word for _, word, _ in ANSWERS])
def test_a_logged_strategy_answers_the_same_and_leaves_a_record(
    strategy: Any, word: str, confidence: float, store: PredictionStore
) -> None:
    question = view(walk(3, 80))
    log = PredictionLog(store)
    assert answer(Logged(strategy, log, "model-1"), question) is strategy.answer
    assert log.flush(30)
    seen = features(question)
    assert seen is not None
    at_ms = START_MS + 80 * 60_000
    expected = Prediction("model-1", "BTC", at_ms, word, confidence, feature_hash(seen))
    assert log.predictions("model-1", 0, EVER) == [expected]
    log.close()


def test_without_features_there_is_no_hash(store: PredictionStore) -> None:
    log = PredictionLog(store)
    answer(Logged(Says(BUY), log, "model-1"), view(walk(3, 20)))
    assert log.flush(30)
    assert [one.feature_hash for one in log.predictions("model-1", 0, EVER)] == [None]
    log.close()


def test_what_is_no_answer_passes_untouched_and_unrecorded(tmp_path: Path) -> None:
    question = view(walk(3, 80))
    log = PredictionLog.open(tmp_path / "predictions.db")
    for nonsense in (None, "buy", Hold(math.nan, "?"), Hold("much", "?"), Open("long", 1, Decimal("NaN"), "up")):
        assert answer(Logged(Says(nonsense), log, "model-1"), question) is nonsense
    with pytest.raises(ValueError, match="no idea"):
        answer(Logged(Raises(ValueError("no idea")), log, "model-1"), question)

    def broken(view: View) -> Any:
        raise RuntimeError("no features today")

    assert answer(Logged(Says(BUY), log, "model-1", see=broken), question) is BUY
    assert log.flush(30)
    assert log.predictions("model-1", 0, EVER) == []
    log.close()


def test_a_process_without_a_thread_to_spare_loses_nothing_and_raises_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Warned of once; written when a thread can be had again, or when the log is closed."""

    def none_left(self: Thread) -> None:
        raise RuntimeError("can't start new thread")

    entries = [Prediction("forest", "BTC", minute * 60_000, "buy", 0.5, None) for minute in range(4)]
    for is_mended in (True, False):
        log = PredictionLog(SqliteStore(tmp_path / f"{is_mended}.db"))
        with monkeypatch.context() as patch:
            patch.setattr("gxrisk.agent.predictions.Thread.start", none_left)
            for one in entries[:3]:
                log.record(one)
            assert log.waiting == 3
            assert not log.flush(0)
            if not is_mended:
                log.close()
        if is_mended:
            log.record(entries[3])
            assert log.flush()
            log.close()
        with PredictionLog(SqliteStore(tmp_path / f"{is_mended}.db")) as kept:
            assert list(kept.predictions("forest", 0, 10**9)) == entries[: 4 if is_mended else 3]
        assert log.lost == 0
    assert [one.message for one in caplog.records] == [
        "predictions wait: their writer cannot be started: can't start new thread"
    ] * 2
