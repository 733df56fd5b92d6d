"""What a fleet does with the quality of its feed: bad prices are not marked, and the vaults have that on record."""

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from gxrisk._native import Gate
from gxrisk.feeds.timeline import Moment
from gxrisk.vaults.vault import Vault

if TYPE_CHECKING:
    from gxrisk.protection.data_quality import DataQuality
    from gxrisk.protection.data_quality_words import QualityChange

TOPIC: Final = "data_quality"
Attempt = Callable[[Vault, Coroutine[None, None, None]], Awaitable[None]]


class FeedQualityKeeper:
    """Judges each moment, tells the vaults of suspensions and returns, and knows after a restart what was suspended."""

    def __init__(self, quality: "DataQuality | None") -> None:
        self._quality = quality

    async def judged(self, moment: Moment, vaults: Iterable[Vault], attempt: Attempt) -> Moment:
        """The moment without what may not be marked; without a `DataQuality` as it is."""
        if self._quality is None:
            return moment
        left = self._quality.judged(moment)
        for change in self._quality.changes():
            for vault in tuple(vaults):
                assets = vault.settings.assets
                if assets is None or change.asset in assets:
                    await attempt(vault, self._record(vault, change))
        return left

    def scores(self) -> dict[str, float]:
        """What each asset's feed scores now, 0 to 1; nothing without a `DataQuality`."""
        latest = {} if self._quality is None else self._quality.latest
        return {asset: one.score for asset, one in latest.items() if one.score is not None}

    def restore(self, gate: Gate) -> None:
        """Suspend what the note of a vault that is opened says."""
        if self._quality is not None and TOPIC in gate.notes:
            self._quality.restore(gate.notes[TOPIC])

    async def _record(self, vault: Vault, change: "QualityChange") -> None:
        if self._quality is None:
            return
        vault.gate.note(TOPIC, self._quality.to_json(vault.settings.assets))
        at = datetime.fromtimestamp(change.at_ms / 1000, UTC).isoformat()
        if change.kind == "suspended":
            vault.notices.add(at, "critical", "feed_suspended", change.text, change.asset)
        else:
            vault.notices.add(at, "info", "feed_returned", change.text, change.asset)
