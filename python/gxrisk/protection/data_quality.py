"""Which feeds can be believed: a score for each asset, and suspension until a person has looked."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import Final

from gxrisk.feeds.candles import Candle
from gxrisk.feeds.timeline import Moment, Trade
from gxrisk.protection.data_quality_feed import FeedQuality
from gxrisk.protection.data_quality_words import (
    DataQualityError,
    FaultKind,
    Print,
    Quality,
    QualityChange,
    QualitySettings,
    Suspension,
)

REASON_CHARS_MAX: Final = 80  # of each in `to_json`: 250 assets, however they are called, then fit into a gate's note


class DataQuality:
    """The quality of many feeds, by asset; each is judged alone and causally (`FeedQuality`).

    `settings` may differ by asset (`by_asset`). What is suspended stays so until `review`, over a restart too, with
    `to_json` and `restore`.

    >>> quality = DataQuality()
    >>> for minute in range(60):
    ...     now = quality.take("BTC", Print(minute * 60_000, 100.0 + minute % 2))
    >>> now = quality.take("BTC", Print(3_600_000, 100.0, bid=101.0, ask=99.0))
    >>> now.score, now.is_usable, now.reason
    (0.75, False, 'score 0.750: bid 101.0 is above ask 99.0')
    """

    def __init__(
        self, settings: QualitySettings | None = None, *, by_asset: Mapping[str, QualitySettings] | None = None
    ) -> None:
        self._settings = settings or QualitySettings()
        self._by_asset = dict(by_asset or {})
        self._feeds: dict[str, FeedQuality] = {}
        self._changes: list[QualityChange] = []
        self._latest: dict[str, Quality] = {}

    @property
    def suspended(self) -> Mapping[str, Suspension]:
        """The suspended assets, each with since when and why."""
        found = {asset: feed.suspension for asset, feed in sorted(self._feeds.items()) if feed.suspension is not None}
        return MappingProxyType(found)

    @property
    def latest(self) -> Mapping[str, Quality]:
        """What each asset's feed was judged last, by `take` or `look`."""
        return MappingProxyType(self._latest)

    def totals(self, asset: str) -> Mapping[FaultKind, int]:
        """How many faults of each kind the prints of an asset had since the start, for a metric or a table."""
        return MappingProxyType(self._feed(asset).totals)

    def take(self, asset: str, told: Print) -> Quality:
        """Judge the next print of an asset's feed."""
        feed = self._feed(asset)
        before, quality = feed.suspension, feed.take(told)
        self._latest[asset] = quality
        self._note(feed, before, told.at_ms)
        return quality

    def hear(self, asset: str, source: str, at_ms: int, price: float) -> None:
        """Take what another source says of an asset: it confirms a crash at once, and shows a feed that went astray."""
        self._feed(asset).hear(source, at_ms, price)

    def look(self, asset: str, now_ms: int) -> Quality:
        """An asset's quality now: silence counts."""
        feed = self._feed(asset)
        before, quality = feed.suspension, feed.look(now_ms)
        self._latest[asset] = quality
        self._note(feed, before, now_ms)
        return quality

    def review(self, asset: str, by: str, reason: str) -> None:
        """A person looked at a suspended feed and lets it return. Raises `DataQualityError` where it is not suspended.

        A feed that is still wrong is suspended again by its next print.
        """
        feed = self._feed(asset)
        feed.review(by, reason)
        text = f"{asset} is back, reviewed by {by}: {reason}"
        self._changes.append(QualityChange(asset, feed.now_ms, "returned", text))

    def changes(self) -> tuple[QualityChange, ...]:
        """What was suspended or returned since this was asked last, each once."""
        found = tuple(self._changes)
        self._changes.clear()
        return found

    def judged(self, moment: Moment) -> Moment:
        """Judge what a moment tells; the moment without what may not be marked."""
        closed = tuple(one for one in moment.closed if self._passes(one))
        trades = tuple(one for one in moment.trades if self._passes(one))
        opened = tuple(one for one in moment.opened if one.asset not in self.suspended)
        if (closed, opened, trades) == (moment.closed, moment.opened, moment.trades):
            return moment
        return replace(moment, closed=closed, opened=opened, trades=trades)

    def to_json(self, assets: Iterable[str] | None = None) -> str:
        """What is suspended, of `assets` or of all, for `restore`; of a reason the first 80 characters."""
        wanted = None if assets is None else set(assets)
        kept = {
            name: asdict(replace(one, reason=one.reason[:REASON_CHARS_MAX]))
            for name, one in self.suspended.items()
            if wanted is None or name in wanted
        }
        return json.dumps({"version": 1, "suspended": kept}, sort_keys=True)

    def restore(self, text: str) -> None:
        """Suspend what was suspended when `to_json` wrote this. Raises `DataQualityError` where it did not.

        >>> quality = DataQuality()
        >>> quality.restore('{"version": 1, "suspended": {"BTC": {"since_ms": 5, "reason": "phantom prints"}}}')
        >>> quality.suspended["BTC"].reason
        'phantom prints'
        """
        try:
            kept = json.loads(text)
            if kept["version"] != 1:
                raise DataQualityError(f"version: {kept['version']!r} was seen, 1 is allowed")
            found = {
                str(asset): Suspension(int(one["since_ms"]), str(one["reason"]))
                for asset, one in kept["suspended"].items()
            }
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise DataQualityError(f"this holds no suspensions ({error}): {text[:80]!r}") from error
        for asset, suspension in found.items():
            self._feed(asset).suspension = suspension

    def _passes(self, told: Candle | Trade) -> bool:
        return self.take(told.asset, Print.of(told)).is_usable

    def _note(self, feed: FeedQuality, before: Suspension | None, at_ms: int) -> None:
        if feed.suspension is not None and before is None:
            text = f"{feed.asset} is suspended until a review: {feed.suspension.reason}"
            self._changes.append(QualityChange(feed.asset, at_ms, "suspended", text))

    def _feed(self, asset: str) -> FeedQuality:
        if asset not in self._feeds:
            self._feeds[asset] = FeedQuality(asset, self._by_asset.get(asset, self._settings))
        return self._feeds[asset]
