"""Correlation groups out of correlations: what the gate's `set_correlation_groups` takes."""

from collections.abc import Sequence
from itertools import combinations
from typing import Final

from gxrisk.feeds.correlation import Matrix
from gxrisk.feeds.recording import FeedError

LINK: Final = 0.7


class CorrelationClusters:
    """Groups of assets that move together: single linkage over |correlation| >= `link`.

    Two assets are linked when the magnitude of their correlation is at least `link` (opposite moves are as dangerous:
    a group's exposure is gross), and a group is what links join, directly or through others. A link that is there
    ends only under `unlink` (the same as `link` unless given), so that a correlation about the line does not
    change the groups with each bar. What is unknown (nan) counts as linked: a group more restricts, a group less
    does not. An asset without a link is in no group, which to the gate is a group of its own.

    Source: K. Florek and others, Sur la liaison et la division des points d'un ensemble fini, 1951 (single linkage).
    Raises `FeedError` unless 0 < unlink <= link <= 1.

    >>> import numpy as np
    >>> seen = np.array([[1, 0.9, 0.1], [0.9, 1, -0.8], [0.1, -0.8, 1]])
    >>> CorrelationClusters().update(["SOL", "BTC", "ETH"], seen)
    {'cluster-1': ['BTC', 'ETH', 'SOL']}
    """

    def __init__(self, link: float = LINK, unlink: float | None = None) -> None:
        unlink = link if unlink is None else unlink
        if not 0 < unlink <= link <= 1:
            raise FeedError(f"link {link} and unlink {unlink} were given, 0 < unlink <= link <= 1 is allowed")
        self._link = link
        self._unlink = unlink
        self._linked: set[tuple[str, str]] = set()

    def update(self, assets: Sequence[str], correlations: Matrix) -> dict[str, list[str]]:
        """The groups now: `cluster-1`, `cluster-2`, ... by their first asset, the assets by name."""
        roots = {asset: asset for asset in assets}
        linked: set[tuple[str, str]] = set()
        for (row, one), (column, other) in combinations(enumerate(assets), 2):
            pair = (one, other) if one < other else (other, one)
            least = self._unlink if pair in self._linked else self._link
            if not abs(float(correlations[row, column])) < least:  # nan is linked
                linked.add(pair)
                roots[_root(roots, one)] = _root(roots, other)
        self._linked = linked
        groups: dict[str, list[str]] = {}
        for asset in sorted(assets):
            groups.setdefault(_root(roots, asset), []).append(asset)
        found = [group for group in groups.values() if len(group) > 1]
        return {f"cluster-{number}": group for number, group in enumerate(found, start=1)}


def _root(roots: dict[str, str], asset: str) -> str:
    while roots[asset] != asset:
        roots[asset] = roots[roots[asset]]
        asset = roots[asset]
    return asset
