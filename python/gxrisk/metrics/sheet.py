"""The values of one scrape, joined where they share their labels."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from types import MappingProxyType
from typing import Final, cast

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.samples import Sample

from gxrisk.metrics.table import BY_NAME, METRICS, Join, Metric
from gxrisk.vaults.timings import BOUNDS_S, Timing

_JOINS: Final[Mapping[Join, Callable[[float, float], float]]] = MappingProxyType(
    {"sum": lambda one, another: one + another, "max": max, "min": min}
)
_ODD: Final = re.compile(r'[\\\n"]')


class Rows:
    """The samples of one metric, each made as it is asked for: so many at once would keep the garbage collector busy.

    >>> for line in Rows(BY_NAME["gxrisk_vaults"], {("running",): 2.0, ("failed",): 0.0}).lines():
    ...     print(line)
    # HELP gxrisk_vaults Vaults that run, and vaults that were taken out.
    # TYPE gxrisk_vaults gauge
    gxrisk_vaults{status="running"} 2.0
    gxrisk_vaults{status="failed"} 0.0
    """

    def __init__(self, metric: Metric, values: Mapping[tuple[str, ...], float]) -> None:
        self._metric = metric
        self._values = values

    def __len__(self) -> int:
        """How many there are."""
        return len(self._values)

    def __iter__(self) -> Iterator[Sample]:
        """Each as the client's library has it."""
        for labels, value in self._values.items():
            yield Sample(self._metric.name, dict(zip(self._metric.labels, labels, strict=True)), value)

    def lines(self) -> Iterator[str]:
        """The metric in Prometheus' text format, several times as fast as by the library."""
        name = self._metric.name
        yield f"# HELP {name} {self._metric.about}"
        yield f"# TYPE {name} {self._metric.kind}"
        for labels, value in self._values.items():
            pairs = ",".join(
                f'{label}="{escaped(text)}"' for label, text in zip(self._metric.labels, labels, strict=True)
            )
            yield f"{name}{{{pairs}}} {value!r}" if pairs else f"{name} {value!r}"


def escaped(text: str) -> str:
    """A label's value as it stands between quotation marks."""
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"") if _ODD.search(text) else text


class Sheet:
    """Takes values by metric and labels, and gives them as Prometheus' client wants them.

    >>> sheet = Sheet()
    >>> for equity, drawdown in ((100, 0.1), (50, 0.3)):
    ...     sheet.put("gxrisk_vault_equity", equity, "other")
    ...     sheet.put("gxrisk_vault_drawdown_ratio", drawdown, "other")
    >>> [(one.name, one.value) for family in sheet.families() for one in family.samples]
    [('gxrisk_vault_equity', 150.0), ('gxrisk_vault_drawdown_ratio', 0.3)]
    """

    def __init__(self, metrics: Iterable[Metric] = METRICS) -> None:
        self._metrics = tuple(metrics)
        self._values: dict[str, dict[tuple[str, ...], float]] = {metric.name: {} for metric in self._metrics}
        self._timings: dict[str, Timing] = {}

    def put(self, name: str, value: float, *labels: str) -> None:
        """One value, joined with what is there already. Raises `KeyError` for a metric that is not in the table."""
        values = self._values[name]
        value = float(value)
        there = values.get(labels)
        values[labels] = value if there is None else _JOINS[BY_NAME[name].join](there, value)

    def put_each(self, name: str, values: Iterable[tuple[str, float]], *labels: str) -> None:
        """One value for each value of the last label."""
        for label, value in values:
            self.put(name, value, *labels, label)

    def put_timing(self, name: str, timing: Timing) -> None:
        """A histogram."""
        self._timings[name] = timing

    def families(self) -> Iterator[Family]:
        """Every metric that has values, in the order of the table."""
        for metric in self._metrics:
            family = blank(metric)
            if metric.name in self._timings:
                _add_timing(family, self._timings[metric.name])
            elif self._values[metric.name]:
                # Not a list, but all that a reader of samples does with one is to go through it.
                family.samples = cast(list[Sample], Rows(metric, self._values[metric.name]))
            else:
                continue
            yield family


def blank(metric: Metric) -> Family:
    """A metric without values."""
    name = metric.name.removesuffix("_total") if metric.kind == "counter" else metric.name
    return Family(name, metric.about, metric.kind)


def _add_timing(family: Family, timing: Timing) -> None:
    counts, total_s = tuple(timing.counts), timing.total_s
    so_far = tuple(accumulate(counts))
    for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), so_far, strict=True):
        family.add_sample(f"{family.name}_bucket", {"le": bound}, count)
    family.add_sample(f"{family.name}_count", {}, so_far[-1])
    family.add_sample(f"{family.name}_sum", {}, total_s)
