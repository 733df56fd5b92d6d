"""Correlation groups: those that a vault was set up with, and those that its market's returns show."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Final

from gxrisk._native import Gate, VaultError
from gxrisk.feeds.candles import Candle
from gxrisk.feeds.clusters import LINK, CorrelationClusters
from gxrisk.feeds.correlation import RollingCorrelation
from gxrisk.vaults.market import HISTORY, Bars

TOPIC: Final = "correlation"
_NAME: Final = re.compile("[!-~]{1,64}", re.ASCII)
_FOUND: Final = "cluster-"
_HYSTERESIS: Final = 0.1
Groups = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class CorrelationSettings:
    """Which assets count as one in `correlated_exposure`.

    `groups` hold always. With a `window` (in bars) those of the vault's assets are a group too whose returns over it
    have a correlation of `link` or more, either way (`CorrelationClusters`); where it is not known yet, which is so for
    the first half of a window, they count as one. Two that are linked stay so until the correlation is 0.1 lower.

    Raises `VaultError` for an asset in two groups, a name that begins with "cluster-", a window outside of 2 to 1,000
    and a link that is not above 0 and at most 1.

    >>> CorrelationSettings({"majors": ["BTC", "ETH"], "all": ["ETH"]})
    Traceback (most recent call last):
        ...
    gxrisk.VaultError: correlation groups: ETH is in two of them
    """

    groups: Groups = field(default_factory=dict)
    window: int | None = None
    link: float = LINK

    def __post_init__(self) -> None:
        assets = [asset for group in self.groups.values() for asset in group]
        for asset in assets:
            if assets.count(asset) > 1:
                raise VaultError(f"correlation groups: {asset} is in two of them")
        for name in (*self.groups, *assets):
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise VaultError(f"correlation groups: {name!r} was given, 1 to 64 visible characters are allowed")
        for name in self.groups:
            if name.startswith(_FOUND):
                raise VaultError(
                    f"correlation groups: {name!r} begins as those that are found; another name is allowed"
                )
        if self.window is not None and not 2 <= self.window <= HISTORY:
            raise VaultError(f"correlation window: {self.window} was given, 2 to {HISTORY} bars are allowed")
        if not 0 < self.link <= 1:
            raise VaultError(f"correlation link: {self.link} was given, above 0 and at most 1 is allowed")
        object.__setattr__(self, "groups", {name: tuple(group) for name, group in self.groups.items()})

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "groups": {name: list(group) for name, group in self.groups.items()},
            "window": self.window,
            "link": self.link,
        }

    @classmethod
    def of_dict(cls, kept: Mapping[str, Any] | None) -> "CorrelationSettings | None":
        """As a vault's settings hold it."""
        return None if kept is None else cls(**kept)


class Correlation:
    """Tells one vault's gate its groups, at the opening and when they change, since each time is a record."""

    def __init__(self, gate: Gate, settings: CorrelationSettings, assets: Sequence[str] | None) -> None:
        self._gate = gate
        self._groups = settings.groups
        self._assets = tuple(sorted(assets or ()))
        self._clusters = CorrelationClusters(settings.link, max(settings.link - _HYSTERESIS, settings.link / 2))
        self._rolling = None if settings.window is None else RollingCorrelation(self._assets, settings.window)
        self._seen_ms: dict[str, int] = {}
        self._told: dict[str, list[str]] = json.loads(gate.notes.get(TOPIC, "{}"))
        self._tell(self._now())

    def look(self, bars: Bars) -> None:
        """Some of the assets completed a bar."""
        if self._rolling is None:
            return
        fresh = [one for asset in self._assets for one in self._fresh(bars.history(asset))]
        fresh.sort(key=lambda one: one.start_ms)
        self._rolling.update(fresh)
        self._seen_ms |= {one.asset: one.start_ms for one in fresh}
        self._tell(self._now())

    @property
    def groups(self) -> Groups:
        """What the gate was told last."""
        return self._told

    def _fresh(self, history: Sequence[Candle]) -> Iterator[Candle]:
        return takewhile(lambda one: one.start_ms > self._seen_ms.get(one.asset, -1), reversed(history))

    def _now(self) -> dict[str, list[str]]:
        found = {} if self._rolling is None else self._clusters.update(self._assets, self._rolling.matrix())
        return joined([*self._groups.values(), *found.values()], self._groups)

    def _tell(self, groups: dict[str, list[str]]) -> None:
        if groups != self._told:
            self._gate.set_correlation_groups(groups)
            self._gate.note(TOPIC, json.dumps(groups))
            self._told = groups


def joined(groups: Iterable[Sequence[str]], named: Groups) -> dict[str, list[str]]:
    """Groups that share an asset as one, by the first of the names that went into it, else by their first asset.

    >>> joined([["BTC", "ETH"], ["ETH", "SOL"], ["XRP", "LTC"]], {"majors": ["BTC", "ETH"]})
    {'majors': ['BTC', 'ETH', 'SOL'], 'cluster-LTC': ['LTC', 'XRP']}
    """
    whole: list[set[str]] = []
    for group in map(set, groups):
        touching = [one for one in whole if one & group]
        whole = [one for one in whole if not one & group]
        whole.append(group.union(*touching))
    names = {asset: name for name, group in named.items() for asset in group}
    found = {}
    for assets in sorted(map(sorted, whole)):
        given = sorted(names[asset] for asset in assets if asset in names)
        found[given[0] if given else _FOUND + assets[0]] = assets
    return found
