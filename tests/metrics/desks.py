"""A fleet that trades recorded minutes, and its metrics read back by the library's own parser."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from gxrisk.feeds import Moment
from gxrisk.metrics import metrics_text
from gxrisk.protection import DataQuality
from gxrisk.vaults import Fleet, StrategyVersion, VaultSettings
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from tests.vaults.fleets import Listener, fleet, minutes, settings

Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]
MOMENTS = 240


def greedy(bar_s: int = 300) -> VaultSettings:
    """A vault whose agent is refused."""
    return VaultSettings("growth", StrategyVersion.of("tests.metrics.strategies:Greedy", "1"), bar_s)


async def desk(folder: Path, **more: Any) -> Fleet:
    """Three vaults with money: one trades, one holds on, one wants too much."""
    one = fleet(folder, notify=Listener(), data_quality=DataQuality(), **more)
    for vault_id, chosen in (("ann", settings("Trader", bar_s=300)), ("bob", settings("Holder")), ("cleo", greedy())):
        vault = await one.create(vault_id, chosen)
        await vault.fund("first", Decimal(10_000))
    return one


def recording(count: int = MOMENTS) -> tuple[Moment, ...]:
    """Minutes of two assets."""
    return minutes(count, "BTC", "LTC")


def read(registry: CollectorRegistry) -> Values:
    """Every sample by name and sorted labels; fails where one is there twice."""
    values: Values = {}
    for family in text_string_to_metric_families(metrics_text(registry).decode()):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in values, f"{key} twice"
            values[key] = sample.value
    return values


def of(values: Values, name: str, **labels: str) -> float:
    """One sample."""
    return values[name, tuple(sorted(labels.items()))]


def labels(values: Values, name: str, label: str) -> set[str]:
    """The values of one label of a metric."""
    return {dict(found)[label] for known, found in values if known == name}
