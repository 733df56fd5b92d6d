"""Predictions in Redis: one sorted set for each model, by time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, Final

from gxrisk.agent.predictions_entry import KEPT_MS, Prediction, PredictionLogError

KEY: Final = "gxrisk:predictions:"
_TIMEOUT_S: Final = 2.0


class RedisStore:
    """A `PredictionStore` in the Redis at `url` (redis://, rediss:// or unix://), shared by all who name it.

    A model is one key, `gxrisk:predictions:MODEL`, a sorted set by time that is trimmed at each write and expires when
    nothing is written for seven days: there are as many keys as models, not as predictions.

    Raises `PredictionLogError` where the extra `redis` is not installed or the URL is none; connects when first used.
    """

    def __init__(self, url: str) -> None:
        try:
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError as error:
            raise PredictionLogError("predictions in Redis need the extra: pip install 'gxrisk[redis]'") from error
        self._error = redis.RedisError
        try:
            self._client: Any = redis.Redis.from_url(
                url,
                decode_responses=True,
                socket_timeout=_TIMEOUT_S,
                socket_connect_timeout=_TIMEOUT_S,
                retry=Retry(NoBackoff(), 0),  # whoever writes tries again, with what has gathered since
            )
        except ValueError:  # its message may hold the URL, and that a password
            raise PredictionLogError("a Redis URL is redis://HOST:PORT/DB, rediss://... or unix://PATH") from None

    def write(self, predictions: Sequence[Prediction]) -> None:
        """Keep them, and let go of what is too old."""
        by_model = sorted(predictions, key=lambda one: one.model)
        with self._reached():
            for model, group in groupby(by_model, key=lambda one: one.model):
                with self._client.pipeline(transaction=True) as pipe:
                    pipe.zadd(KEY + model, {one.to_text(): one.at_ms for one in group})
                    pipe.pexpire(KEY + model, KEPT_MS)
                    pipe.zrange(KEY + model, -1, -1, withscores=True)
                    *_, [(_, newest_ms)] = pipe.execute()
                # Whoever else writes meanwhile only makes the newest newer: what is too old for this is so for good.
                self._client.zremrangebyscore(KEY + model, "-inf", f"({int(newest_ms) - KEPT_MS}")

    def read(self, model: str, from_ms: int, until_ms: int, limit: int) -> list[Prediction]:
        """The first `limit` of a model from one time up to and without the other."""
        with self._reached():
            said = self._client.zrange(KEY + model, from_ms, f"({until_ms}", byscore=True, offset=0, num=limit)
        return [Prediction.of_text(model, text) for text in said]

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except (self._error, OSError) as error:
            raise PredictionLogError(f"predictions in Redis: {type(error).__name__}: {error}") from error
