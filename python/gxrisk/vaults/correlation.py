"""Correlation groups: those that a vault was set up with, and those that its market's returns show."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gxrisk._native import Gate, VaultError
from gxrisk.feeds.clusters import LINK, CorrelationClusters
from gxrisk.feeds.correlation import RollingCorrelation
from gxrisk.vaults.market import HISTORY, Bars

TOPIC: Final = "correlation"
Groups = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class CorrelationSettings:
    """Which assets count as one in `correlated_exposure`.

    `groups` hold always. With a `window` (in bars) those of the vault's assets are a group too whose returns over it
    have a correlation of `link` or more, either way (`CorrelationClusters`); where it is not known yet, which is so for
    the first half of a window, they count as one. Raises `VaultError` for an asset in two groups, a window outside of 2
    to 1,000 and a link that is not above 0 and at most 1.

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
        if self.window is not None and not 2 <= self.window <= HISTORY:
            raise VaultError(f"correlation window: {self.window} was given, 2 to {HISTORY} bars are allowed")
        if not 0 < self.link <= 1:
            raise VaultError(f"correlation link: {self.link} was given, above 0 and at most 1 is allowed")
        object.__setattr__(self, "groups", {name: tuple(group) for name, group in self.groups.items()})

    @classmethod
    def of_dict(cls, kept: Mapping[str, Any] | None) -> "CorrelationSettings | None":
        """As a vault's settings hold it."""
        return None if kept is None else cls(**kept)


class Correlation:
    """Tells one vault's gate its groups, at the opening and when they change, since each time is a record."""

    def __init__(self, gate: Gate, settings: CorrelationSettings, assets: Sequence[str] | None) -> None:
        if settings.window is not None and assets is None:
            raise VaultError("correlation window: groups are found among the assets that the vault names; it names none")
        self._gate = gate
        self._groups = settings.groups
        self._assets = tuple(sorted(assets or ()))
        self._clusters = CorrelationClusters(settings.link)
        self._rolling = None if settings.window is None else RollingCorrelation(self._assets, settings.window)
        self._seen_ms = -1
        self._told = json.loads(gate.notes.get(TOPIC, "{}"))
        self._tell(self._now())

    def look(self, bars: Bars) -> None:
        """Some of the assets completed a bar."""
        if self._rolling is None:
            return
        fresh = [one for asset in self._assets for one in bars.history(asset) if one.start_ms > self._seen_ms]
        fresh.sort(key=lambda one: one.start_ms)
        self._rolling.update(fresh)
        self._seen_ms = max((one.start_ms for one in fresh), default=self._seen_ms)
        self._tell(self._now())

    def _now(self) -> dict[str, list[str]]:
        found = {} if self._rolling is None else self._clusters.update(self._assets, self._rolling.matrix())
        return joined([*self._groups.values(), *found.values()], self._groups)

    def _tell(self, groups: Groups) -> None:
        if groups != self._told:
            self._gate.set_correlation_groups(groups)
            self._gate.note(TOPIC, json.dumps(groups))
            self._told = groups


def joined(groups: Sequence[Sequence[str]], named: Groups) -> dict[str, list[str]]:
    """Groups that share an asset as one, by the first of the names that went into it, else `cluster-N`.

    >>> joined([["BTC", "ETH"], ["ETH", "SOL"], ["XRP", "LTC"]], {"majors": ["BTC", "ETH"]})
    {'majors': ['BTC', 'ETH', 'SOL'], 'cluster-1': ['LTC', 'XRP']}
    """
    whole: list[set[str]] = []
    for group in map(set, groups):
        touching = [one for one in whole if one & group]
        whole = [one for one in whole if not one & group]
        whole.append(group.union(*touching))
    names = {asset: name for name, group in named.items() for asset in group}
    found: dict[str, list[str]] = {}
    for one in sorted(map(sorted, whole)):
        given = sorted(names[asset] for asset in one if asset in names)
        found[given[0] if given else f"cluster-{len(found) - len(set(found) & set(named)) + 1}"] = one
    return found
