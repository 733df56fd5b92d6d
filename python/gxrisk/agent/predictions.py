"""The log of predictions: written beside trading, never in its way."""

import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from os import PathLike
from threading import Condition, Thread
from typing import Final

from gxrisk.agent.closing import close_strategy
from gxrisk.agent.ensemble_members import chosen
from gxrisk.agent.features import Features, feature_hash, features
from gxrisk.agent.predictions_entry import TIME_MS_MAX, Prediction, PredictionStore
from gxrisk.agent.strategy import Action, Strategy, View

BATCH: Final = 1000
WAITING_MAX: Final = 10_000
_log = logging.getLogger("gxrisk.agent")


class PredictionLog:
    """Takes predictions at once and writes them in batches, from a thread of its own.

    A store that cannot be reached holds up nobody: up to `waiting_max` predictions wait, are tried again every
    `retry_s` seconds, and then the oldest are given up and counted in `lost`. It is warned of once, when that begins.

    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> with PredictionLog.open(Path(mkdtemp()) / "predictions.db") as log:
    ...     log.record(Prediction("forest", "BTC", 60_000, "buy", 0.62, None))
    ...     assert log.flush()
    ...     [(one.prediction, one.confidence) for one in log.predictions("forest", 0, 120_000)]
    [('buy', 0.62)]
    """

    def __init__(self, store: PredictionStore, *, waiting_max: int = WAITING_MAX, retry_s: float = 1.0) -> None:
        self._store = store
        self._waiting_max = waiting_max
        self._retry_s = retry_s
        self._waiting: deque[Prediction] = deque()
        self._writing = 0
        self._lost = 0
        self._is_away = False
        self._is_stuck = False  # without a writer
        self._is_closed = False
        self._turn = Condition()
        self._thread: Thread | None = None

    @classmethod
    def open(cls, file: str | PathLike[str], redis_url: str | None = None) -> "PredictionLog":
        """A log in Redis where a URL is configured, else in the SQLite file.

        Raises `PredictionLogError` for a file that is no such database or a journal, for a URL that is none, and
        without the extra `redis`. A Redis that is away is no error here: it may come back.
        """
        if redis_url is not None:
            from gxrisk.agent.predictions_redis import RedisStore

            return cls(RedisStore(redis_url))
        from gxrisk.agent.predictions_sqlite import SqliteStore

        return cls(SqliteStore(file))

    @property
    def lost(self) -> int:
        """How many predictions were given up."""
        return self._lost

    @property
    def waiting(self) -> int:
        """How many are not written yet."""
        with self._turn:
            return len(self._waiting) + self._writing

    def record(self, prediction: Prediction) -> None:
        """Take a prediction. It never blocks on the store and never raises."""
        with self._turn:
            if self._is_closed:
                self._lost += 1
                return
            self._waiting.append(prediction)
            self._drop_oldest()
            if self._thread is None:
                self._begin()
            self._turn.notify_all()

    def _begin(self) -> None:
        """Start the writer. Without a thread to spare nothing is lost: the next prediction tries again."""
        thread = Thread(target=self._write, name="predictions", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            if not self._is_stuck:
                _log.warning("predictions wait: their writer cannot be started: %s", error)
            self._is_stuck = True
        else:
            self._thread, self._is_stuck = thread, False

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until all that was taken is written or given up; False where that took longer."""
        with self._turn:
            return self._turn.wait_for(lambda: not self._waiting and not self._writing, timeout_s)

    def predictions(self, model: str, from_ms: int, until_ms: int, limit: int = 1000) -> Sequence[Prediction]:
        """What is written of a model, from one time (UTC milliseconds) up to and without the other, oldest first.

        The first `limit` are given. Raises `PredictionLogError` where the store cannot be reached, `ValueError` for a
        limit under 1.
        """
        if limit < 1:
            raise ValueError(f"limit: {limit} was given, 1 or more is allowed")
        return self._store.read(model, max(from_ms, 0), min(until_ms, TIME_MS_MAX + 1), limit)

    def close(self, timeout_s: float = 5.0) -> None:
        """Write what waits, with one last try, and let go of the store; what is left then is lost."""
        with self._turn:
            self._is_closed = True
            self._turn.notify_all()
        if self._thread is not None:
            self._thread.join(timeout_s)
        else:
            self._write()  # what waits for a writer that never began
        self._store.close()

    def __enter__(self) -> "PredictionLog":
        """The log itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _write(self) -> None:
        while batch := self._next_batch():
            problem = None
            try:
                self._store.write(batch)
            except Exception as error:  # whatever it is: the log must go on
                problem = error
            with self._turn:
                self._writing = 0
                if problem is not None:
                    self._put_back(batch, problem)
                elif self._is_away:
                    self._is_away = False
                    _log.info("predictions are written again; %d were lost", self._lost)
                self._turn.notify_all()

    def _next_batch(self) -> list[Prediction]:
        """The oldest that wait, when there are any and it is time to try; none when the log is closed and empty."""
        with self._turn:
            if self._is_away:
                self._turn.wait_for(lambda: self._is_closed, self._retry_s)
            self._turn.wait_for(lambda: self._waiting or self._is_closed)
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            self._writing = len(batch)
            return batch

    def _put_back(self, batch: list[Prediction], problem: Exception) -> None:
        if not self._is_away:
            self._is_away = True
            _log.warning("predictions wait: %s", problem)
        self._waiting.extendleft(reversed(batch))
        if self._is_closed:
            self._lost += len(self._waiting)
            self._waiting.clear()
        self._drop_oldest()

    def _drop_oldest(self) -> None:
        while len(self._waiting) > self._waiting_max:
            self._waiting.popleft()
            self._lost += 1


class Logged:
    """A strategy whose answers are predictions on record: "buy", "sell", "close" or "hold", with their confidence.

    `model` is the id that they are kept under; `see` says which features are hashed, those that the model was shown.
    The answer itself passes untouched; one that is malformed, or none, is not recorded: the vault's journal has it.

    >>> from gxrisk.agent.momentum import Momentum
    >>> from gxrisk.agent.predictions_sqlite import SqliteStore
    >>> from tempfile import mkdtemp
    >>> Logged(Momentum(), PredictionLog(SqliteStore(f"{mkdtemp()}/predictions.db")), "momentum-1").model
    'momentum-1'
    """

    def __init__(
        self,
        strategy: Strategy,
        log: PredictionLog,
        model: str,
        *,
        see: Callable[[View], Features | None] = features,
    ) -> None:
        self.strategy = strategy
        self.model = model
        self._log = log
        self._see = see

    def decide(self, view: View) -> Action | Awaitable[Action]:
        """The strategy's answer."""
        answer = self.strategy.decide(view)
        if inspect.isawaitable(answer):
            return self._later(view, answer)
        self._record(view, answer)
        return answer

    async def aclose(self) -> None:
        """Close the strategy; the log may be that of others too."""
        await close_strategy(self.strategy)

    async def _later(self, view: View, answer: Awaitable[Action]) -> Action:
        action = await answer
        self._record(view, action)
        return action

    def _record(self, view: View, action: Action) -> None:
        try:
            seen = self._see(view)
            named = None if seen is None else feature_hash(seen)
            at_ms = round(view.at.timestamp() * 1000)
            said = Prediction(self.model, view.asset, at_ms, chosen(action), action.confidence, named)
        except Exception:
            _log.debug("an answer of %s could not be recorded", self.model, exc_info=True)
        else:
            self._log.record(said)
