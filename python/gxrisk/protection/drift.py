"""Whether what a model sees, and what it says, is still distributed as when it was trained."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from gxrisk._native import GxriskError
from gxrisk.protection.drift_distance import (
    Floats,
    counts,
    inner_edges,
    ks_distance,
    ks_p_value,
    psi,
    psi_by_chance,
)
from gxrisk.protection.risk import RiskLevel, worst

VERSION: Final = 1
ROWS_MAX: Final = 100_000


class DriftError(GxriskError, ValueError):
    """Samples, settings or a kept reference that cannot be compared."""


@dataclass(frozen=True, slots=True)
class DriftSettings:
    """How two samples are compared: `bins` quantile bins, at least `rows_min` rows of each.

    A population stability index above `elevated` or `high` has that level, and a Kolmogorov-Smirnov distance above
    `elevated` is elevated, each only where chance exceeds it less often than `significance` over all features together.

    >>> DriftSettings(bins=1)
    Traceback (most recent call last):
        ...
    gxrisk.protection.drift.DriftError: bins: 1 was given, a whole number from 2 on is allowed
    """

    bins: int = 10
    rows_min: int = 100
    elevated: float = 0.1
    high: float = 0.25
    significance: float = 0.01

    def __post_init__(self) -> None:
        for name in ("bins", "rows_min"):
            count = getattr(self, name)
            if isinstance(count, bool) or not isinstance(count, int) or count < 2:
                raise DriftError(f"{name}: {count!r} was given, a whole number from 2 on is allowed")
        if not (0 < self.elevated < self.high and isfinite(self.high)):
            raise DriftError(f"elevated {self.elevated}, high {self.high} was given, 0 < elevated < high is allowed")
        if not 0 < self.significance < 1:
            raise DriftError(f"significance: {self.significance} was given, a number between 0 and 1 is allowed")


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """One feature against its reference: the index, what chance alone reaches, and the Kolmogorov-Smirnov distance."""

    name: str
    level: RiskLevel
    reason: str
    psi: float
    psi_by_chance: float
    ks: float
    ks_p_value: float


@dataclass(frozen=True, slots=True)
class Drift:
    """All features: `level` is the worst of them, None where too few rows were given; `features` worst first."""

    level: RiskLevel | None
    reason: str
    rows: int
    features: tuple[FeatureDrift, ...] = ()


class DriftReference:
    """The sample that others are compared with: rows of named numbers, a prediction being one more of them.

    `version` names what the features mean; a sample of another one, or of other names, is refused with `DriftError`.
    Names, version and values go into JSON and back exactly.

    >>> from numpy.random import default_rng
    >>> random = default_rng(1)
    >>> reference = DriftReference(["return_1", "prediction"], random.normal(size=(2000, 2)), version="1")
    >>> reference.compare(random.normal(size=(500, 2)), version="1").level
    'low'
    >>> reference.compare(random.normal([0, 1], size=(500, 2)), version="1").reason
    'prediction: psi 0.85 (chance 0.06), ks 0.37 (p < 0.001)'
    >>> DriftReference.from_json(reference.to_json()).to_json() == reference.to_json()
    True
    """

    def __init__(
        self, names: Sequence[str], rows: ArrayLike, *, version: str, settings: DriftSettings | None = None
    ) -> None:
        self.names = tuple(names)
        self.version = version
        self.settings = settings or DriftSettings()
        if not self.names or len(set(self.names)) != len(self.names):
            raise DriftError(f"names: {list(self.names)} was given, different names are allowed")
        table = self._table(rows)
        if not self.settings.rows_min <= len(table) <= ROWS_MAX:
            least = self.settings.rows_min
            raise DriftError(f"rows: {len(table)} were given, {least} to {ROWS_MAX} are allowed for a reference")
        self._sorted = [np.sort(column) for column in table.T]
        self._edges = [inner_edges(column, self.settings.bins) for column in self._sorted]

    def compare(self, rows: ArrayLike, *, version: str, names: Sequence[str] | None = None) -> Drift:
        """How far `rows` (one a row, columns as `names`) have drifted. Raises `DriftError` for other features."""
        if version != self.version or (names is not None and tuple(names) != self.names):
            seen = f"version {version!r} of {list(self.names if names is None else names)}"
            raise DriftError(f"{seen} was given, version {self.version!r} of {list(self.names)} is allowed")
        table = self._table(rows)
        if len(table) < self.settings.rows_min:
            return Drift(None, f"unknown: {len(table)} of {self.settings.rows_min} rows that are needed", len(table))
        found = [self._compared(place, table[:, place]) for place in range(len(self.names))]
        found.sort(key=lambda one: -one.psi)
        level = worst([one.level for one in found])
        told = "; ".join(one.reason for one in found if one.level != "low")
        return Drift(level, told or "no feature has drifted", len(table), tuple(found))

    def to_json(self) -> str:
        """Everything, for `from_json`; numbers keep every digit."""
        kept = {
            "format": VERSION,
            "version": self.version,
            "values": {name: column.tolist() for name, column in zip(self.names, self._sorted, strict=True)},
        }
        return json.dumps(kept, allow_nan=False)

    @classmethod
    def from_json(cls, text: str, settings: DriftSettings | None = None) -> "DriftReference":
        """What `to_json` wrote. Raises `DriftError` for anything else."""
        try:
            kept = json.loads(text)
            if kept["format"] != VERSION:
                raise DriftError(f"format {kept['format']!r} was seen, {VERSION} is allowed")
            values = kept["values"]
            rows = np.array(list(values.values()), dtype=np.float64).T
            return cls(list(values), rows, version=str(kept["version"]), settings=settings)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DriftError(f"this is no reference ({error}): {text[:80]!r}") from error

    def _table(self, rows: ArrayLike) -> Floats:
        table = np.asarray(rows, dtype=np.float64) + 0.0  # a minus zero is a zero
        if table.ndim != 2 or table.shape[1] != len(self.names):
            raise DriftError(
                f"rows: shape {table.shape} was given, (any, {len(self.names)}) is allowed: a column a name"
            )
        broken = [name for name, column in zip(self.names, table.T, strict=True) if not np.isfinite(column).all()]
        if broken:
            raise DriftError(f"rows: {', '.join(broken)} has values that are no finite numbers, such are allowed only")
        return table

    def _compared(self, place: int, column: Floats) -> FeatureDrift:
        reference, edges, settings = self._sorted[place], self._edges[place], self.settings
        sizes = (reference.size, column.size)
        index = psi(counts(reference, edges), counts(column, edges))
        significance = settings.significance / (2 * len(self.names))  # two tests a feature
        chance = psi_by_chance(edges.size + 1, *sizes, significance)
        distance = ks_distance(reference, np.sort(column))
        p_value = ks_p_value(distance, *sizes)
        level: RiskLevel = "low"
        if index > max(settings.high, chance):
            level = "high"
        elif index > max(settings.elevated, chance) or (distance > settings.elevated and p_value < significance):
            level = "elevated"
        p_text = "< 0.001" if p_value < 0.001 else f"= {p_value:.3f}"
        name = self.names[place]
        reason = f"{name}: psi {index:.2f} (chance {chance:.2f}), ks {distance:.2f} (p {p_text})"
        return FeatureDrift(name, level, reason, index, chance, distance, p_value)
