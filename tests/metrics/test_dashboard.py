"""A real Prometheus scrapes a fleet that trades: every query of the dashboard and every rule gives data."""

import asyncio
import json
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from gxrisk.config import StreamsConfig
from gxrisk.metrics import registry_of, serve_metrics
from gxrisk.server.loop_lag import measure_lag
from gxrisk.server.metrics import ServerMetrics
from gxrisk.server.streams import Streams
from gxrisk.vaults import Fleet
from gxrisk.vaults.timings import Timing

from tests.metrics.desks import desk, recording
from tests.metrics.prometheus import OPS, Server, running
from tests.vaults.fleets import events, play

DASHBOARD = json.loads((OPS / "grafana" / "dashboard.json").read_text(encoding="utf-8"))
VARIABLES = {"$__rate_interval": "5m", "$__interval": "5m", "$job": "gxrisk", "$vault": ".*"}


def queries() -> list[tuple[str, str]]:
    """Each query of a panel or an annotation, with its title."""
    found = [
        (f"{panel['title']} {target['refId']}", target["expr"])
        for panel in DASHBOARD["panels"]
        for target in panel.get("targets", ())
    ]
    return [*found, *((one["name"], one["expr"]) for one in DASHBOARD["annotations"]["list"])]


@dataclass(frozen=True)
class Watched:
    """A Prometheus that scrapes a fleet, which has done its work."""

    server: Server
    fleet: Fleet


@pytest.fixture(scope="module")
def watched(prometheus: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Scraped before, while and after the fleet traded, and a breaker tripped."""
    folder = tmp_path_factory.mktemp("desk")
    moments = recording()
    with asyncio.Runner() as runner:
        one = runner.run(desk(folder))
        runner.run(play(one, moments[:10]))
        registry, lag = registry_of(one), Timing()
        registry.register(ServerMetrics(Streams(StreamsConfig()), lag, lambda: None))
        measured = runner.run(_begun(measure_lag(lag)))
        with serve_metrics(registry) as port, running(prometheus, f"127.0.0.1:{port}") as server:
            server.scraped()
            runner.run(play(one, moments[10:]))
            one.vaults["bob"].gate.set_volatility("0.5")
            server.scraped()
            yield Watched(server, one)
        measured.cancel()
        runner.run(one.close())


async def _begun(work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
    return asyncio.create_task(work)


@pytest.mark.parametrize(("title", "expression"), queries(), ids=[title for title, _ in queries()])
def test_a_query_gives_data(watched: Watched, title: str, expression: str) -> None:
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    assert "$" not in expression
    assert watched.server.query(expression), f"{title}: {expression} gives nothing"


def test_variables_give_values(watched: Watched) -> None:
    found = {one["name"]: one["query"] for one in DASHBOARD["templating"]["list"] if one["type"] == "query"}
    assert set(found) == {"job", "vault"}
    for name, expected in (("job", {"gxrisk"}), ("vault", {"ann", "bob", "cleo"})):
        query = found[name]["query"]
        assert query.startswith("label_values(")
        assert query.endswith(f", {name})")
        selector = query.removeprefix("label_values(").removesuffix(f", {name})").replace("$job", "gxrisk")
        assert {one[name] for one in watched.server.get("series", **{"match[]": selector})} == expected


def test_panels_lie_beside_each_other() -> None:
    """No two overlap, and every one says what it shows."""
    cells: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not own & cells
        assert place["x"] + place["w"] <= 24
        cells |= own
        assert panel["type"] == "row" or panel["description"]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)


def test_prometheus_holds_what_the_gates_say(watched: Watched) -> None:
    for vault_id, vault in watched.fleet.vaults.items():
        of_vault = f'{{vault="{vault_id}"}}'
        assert watched.server.value(f"gxrisk_vault_equity{of_vault}") == float(vault.gate.snapshot().equity)
        decided = [record for record in events(watched.fleet, vault_id) if record["kind"] == "decision"]
        assert watched.server.value(f"sum(gxrisk_vault_decisions_total{of_vault})") == len(decided)
    tripped = 'gxrisk_vault_breaker_active{vault="bob", breaker="volatility"}'
    assert watched.server.value(tripped) == 1
    assert watched.server.value('increase(gxrisk_breaker_trips_total{breaker="volatility"}[5m])') > 0  # type: ignore[operator]


def test_rules_are_looked_at_without_an_error(watched: Watched) -> None:
    rules = [rule for group in watched.server.get("rules")["groups"] for rule in group["rules"]]
    assert len(rules) >= 18
    watched.server.until(
        lambda server: all(
            rule["health"] == "ok" for group in server.get("rules")["groups"] for rule in group["rules"]
        ),
        "all rules evaluated",
    )
    watched.server.until(
        lambda server: "GxriskBreakerTripped" in {one["labels"]["alertname"] for one in server.get("alerts")["alerts"]},
        "the alert of the tripped breaker is pending",
    )
