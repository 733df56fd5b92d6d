"""A fleet's metrics say what its gates and journals say, under bounded labels, at any time and in any thread."""

import asyncio
import random
from collections import Counter
from pathlib import Path
from threading import Event, Thread

import pytest
from gxrisk import BREAKERS, RULES, order
from gxrisk.metrics import METRICS, FleetMetrics
from gxrisk.metrics import counts as counting
from gxrisk.metrics.counts import NOTICE_CODES, OUTCOMES
from gxrisk.metrics.fleet import FLEET_CODES
from gxrisk.vaults import Fleet
from prometheus_client import CollectorRegistry

from tests.metrics.desks import Values, desk, labels, of, read, recording
from tests.vaults.fleets import events, fleet, play, settings

VAULTS = ("ann", "bob", "cleo")


def registry_of(one: Fleet, **bounds: int) -> CollectorRegistry:
    """A registry with nothing but the fleet's metrics."""
    registry = CollectorRegistry()
    registry.register(FleetMetrics(one, **bounds))
    return registry


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Fleet, Values, Values]:
    """A fleet that traded, closed by now; its metrics before that, and after a restart."""
    folder = tmp_path_factory.mktemp("desk")

    async def work() -> tuple[Fleet, Values, Values]:
        one = await desk(folder)
        await play(one, recording())
        one.vaults["bob"].gate.set_volatility("0.5")
        one.vaults["cleo"].pause()
        before = read(registry_of(one))
        await agree(one, before)
        await one.close()
        again = fleet(folder)
        again.clock.set(one.clock.now())  # type: ignore[union-attr]
        await again.open_all()
        after = read(registry_of(again))
        await again.close()
        return one, before, after

    async def agree(one: Fleet, values: Values) -> None:
        for vault_id, vault in one.vaults.items():
            snapshot, limits = vault.gate.snapshot(), vault.gate.limits
            for name, expected in {
                "equity": snapshot.equity,
                "collateral": snapshot.collateral,
                "day_loss": snapshot.day_loss,
                "day_loss_ratio": snapshot.day_loss / snapshot.day_opening,
                "day_loss_limit_ratio": limits.max_daily_loss,
                "drawdown_ratio": snapshot.drawdown,
                "drawdown_limit_ratio": limits.max_drawdown,
                "gross_exposure": snapshot.gross_exposure,
                "positions": len(snapshot.positions),
                "working_orders": len(snapshot.working),
                "daily_trades": snapshot.daily_trades,
                "daily_trades_limit": limits.max_daily_trades,
                "risk_scale_ratio": snapshot.risk_scale,
                "paused": vault_id == "cleo",
                "killed": 0,
                "up": 1,
                "unread_records": 0,
            }.items():
                assert of(values, f"gxrisk_vault_{name}", vault=vault_id) == float(expected), (vault_id, name)
            parts = [
                of(values, "gxrisk_vault_pnl", vault=vault_id, part=part)
                for part in labels(values, "gxrisk_vault_pnl", "part")
            ]
            assert sum(parts) == pytest.approx(float(snapshot.equity - snapshot.collateral))
            for state in ("active", "reduce_only", "halted"):
                assert of(values, "gxrisk_vault_state", vault=vault_id, state=state) == (snapshot.state == state)
            tripped = {trip.breaker for trip in vault.gate.trips}
            for breaker in BREAKERS:
                value = of(values, "gxrisk_vault_breaker_active", vault=vault_id, breaker=breaker)
                assert value == (breaker in tripped)

    return asyncio.run(work())


def test_counters_are_what_the_journals_hold(worked: tuple[Fleet, Values, Values]) -> None:
    """Counted here once more, from the files, in the plainest way."""
    one, values, _ = worked
    trips: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    for vault_id in VAULTS:
        records = events(one, vault_id)
        decisions = [record for record in records if record["kind"] == "decision"]
        outcomes = Counter(record["outcome"] for record in decisions)
        rules.update(violation["rule"] for record in decisions for violation in record["violations"])
        trips.update(record["breaker"] for record in records if record["kind"] == "trip")
        for outcome in OUTCOMES:
            assert of(values, "gxrisk_vault_decisions_total", vault=vault_id, outcome=outcome) == outcomes[outcome]
        holds = [record for record in records if record["kind"] == "hold"]
        assert of(values, "gxrisk_vault_holds_total", vault=vault_id) == len(holds)
        said = [
            float((record.get("order") or record)["confidence"])
            for record in records
            if record["kind"] == "hold" or (record["kind"] == "decision" and record["origin"] == "agent")
        ]
        assert of(values, "gxrisk_vault_confidence_ratio", vault=vault_id) == said[-1]
    for outcome in OUTCOMES:
        assert (
            sum(of(values, "gxrisk_vault_decisions_total", vault=vault_id, outcome=outcome) for vault_id in VAULTS) > 0
        )
    for rule in (*RULES, "arithmetic_overflow", "engine_halted"):
        assert of(values, "gxrisk_violations_total", rule=rule) == rules[rule]
    for breaker in BREAKERS:
        assert of(values, "gxrisk_breaker_trips_total", breaker=breaker) == trips[breaker]
    assert rules["position_size"] > 0
    assert rules["stop_loss_required"] > 0
    assert trips["volatility"] == 1


def test_a_restart_changes_no_counter_of_the_journals(worked: tuple[Fleet, Values, Values]) -> None:
    """What is counted since the process started begins at 0, and is all that does."""
    _, before, after = worked
    journal = {metric.name for metric in METRICS if metric.source == "journal"} - {"gxrisk_vault_journal_records_total"}
    assert {key: value for key, value in before.items() if key[0] in journal} == {
        key: value for key, value in after.items() if key[0] in journal
    }
    assert of(before, "gxrisk_decision_duration_seconds_count") > 0
    assert of(after, "gxrisk_decision_duration_seconds_count") == 0


def test_latencies_count_what_was_proposed(worked: tuple[Fleet, Values, Values]) -> None:
    """Each agent's decision, hold and approval was timed once; buckets cumulate to the count."""
    one, values, _ = worked
    records = [record for vault_id in VAULTS for record in events(one, vault_id)]
    agents = [record for record in records if record["kind"] == "decision" and record["origin"] == "agent"]
    expected = {
        "decision": len(agents),
        "journal_append": len([record for record in records if record["kind"] == "hold"]),
        "venue_submit": len([record for record in agents if record["outcome"] == "approved"]),
    }
    for name, count in expected.items():
        metric = f"gxrisk_{name}_duration_seconds"
        assert of(values, f"{metric}_count") == of(values, f"{metric}_bucket", le="+Inf") == count > 0
        buckets = [value for (known, _), value in values.items() if known == f"{metric}_bucket"]
        assert sorted(buckets) == buckets
        assert 0 < of(values, f"{metric}_sum") < 10 * count


def test_feeds_and_the_monitor_are_as_old_as_the_fleets_clock_says(tmp_path: Path) -> None:
    async def silence() -> Values:
        one = await desk(tmp_path)
        await play(one, recording(30))
        one.clock.advance(90)  # type: ignore[union-attr]
        found = read(registry_of(one))
        await one.close()
        return found

    values = asyncio.run(silence())
    assert of(values, "gxrisk_feed_age_seconds", asset="BTCUSD") == 90
    assert 90 <= of(values, "gxrisk_monitor_heartbeat_age_seconds") < 150
    assert 0 < of(values, "gxrisk_feed_quality_ratio", asset="BTCUSD") <= 1
    assert of(values, "gxrisk_feed_suspended", asset="BTCUSD") == 0


def test_notices_are_counted_once_by_type(tmp_path: Path) -> None:
    """Also those that still wait, that were taken, and that nobody could take before a restart."""

    async def told() -> tuple[Values, Values]:
        one = await desk(tmp_path)
        ann = one.vaults["ann"].notices
        for number in range(3):
            ann.add("2017-12-22T00:00:00Z", "critical", "reconciliation", f"differs {number}")
        ann.add("2017-12-22T00:00:00Z", "info", "graduated", "done")
        ann.add("2017-12-22T00:00:00Z", "info", "made_up", "of a code that the table does not have")
        await play(one, recording(3))  # which delivers them
        one.vaults["bob"].notices.add("2017-12-22T00:00:00Z", "critical", "reconciliation", "waits")
        await one.monitor.tell(0, "critical", "vault_failed", "of the fleet itself")
        before = read(registry_of(one))
        await one.close()
        again = fleet(tmp_path)
        again.clock.set(one.clock.now())  # type: ignore[union-attr]
        await again.open_all()
        after = read(registry_of(again))
        await again.close()
        return before, after

    before, after = asyncio.run(told())
    for values in (before, after):
        assert of(values, "gxrisk_vault_notices_total", code="reconciliation", severity="critical") == 4
        assert of(values, "gxrisk_vault_notices_total", code="graduated", severity="info") == 1
        assert of(values, "gxrisk_vault_notices_total", code="other", severity="info") == 1
        assert of(values, "gxrisk_vault_notices_total", code="drawdown", severity="critical") == 0
        assert of(values, "gxrisk_vault_waiting_notices", vault="bob") == 1
        assert of(values, "gxrisk_vault_waiting_notices", vault="ann") == 0
    assert of(before, "gxrisk_fleet_notices_total", code="vault_failed", severity="critical") == 1
    assert of(after, "gxrisk_fleet_notices_total", code="vault_failed", severity="critical") == 0


def test_vaults_beyond_the_bound_are_joined(tmp_path: Path) -> None:
    """Sums are summed, the worst of ratios is kept, and what goes away lets no counter fall."""

    async def many() -> tuple[Values, Values, list[float]]:
        one = await desk(tmp_path)
        await play(one, recording(60))
        whole, bounded = registry_of(one), registry_of(one, vaults_max=1, assets_max=1)
        alone, joined = read(whole), read(bounded)
        await one.vaults["cleo"].close()
        del one._vaults["cleo"]
        left = read(bounded)
        pairs = [(joined, left)]
        falls = [
            now[key] - before[key]
            for before, now in pairs
            for key in before
            if key[0].endswith("_total") and key in now
        ]
        assert {key for key in joined if key[0].endswith("_total")} == {
            key for key in left if key[0].endswith("_total")
        }
        await one.close()
        return alone, joined, falls

    alone, joined, falls = asyncio.run(many())
    assert min(falls) >= 0
    assert labels(joined, "gxrisk_vault_up", "vault") == {"ann", "other"}
    assert labels(joined, "gxrisk_feed_age_seconds", "asset") == {"BTCUSD", "other"}
    for metric in METRICS:
        if metric.labels == ("vault",) and (metric.name, (("vault", "bob"),)) in alone:
            parts = [of(alone, metric.name, vault=vault_id) for vault_id in ("bob", "cleo")]
            join = {"sum": sum, "max": max, "min": min}[metric.join]
            assert of(joined, metric.name, vault="other") == pytest.approx(join(parts)), metric.name
            assert of(joined, metric.name, vault="ann") == of(alone, metric.name, vault="ann"), metric.name
    for name in ("gxrisk_violations_total", "gxrisk_breaker_trips_total", "gxrisk_vault_notices_total"):
        assert {key: value for key, value in alone.items() if key[0] == name} == {
            key: value for key, value in joined.items() if key[0] == name
        }


def test_a_vault_that_was_taken_out_is_down(tmp_path: Path) -> None:
    async def broken() -> Values:
        one = await desk(tmp_path)
        one.vaults["bob"].gate.close()  # its journal is gone
        before = read(registry_of(one))
        assert of(before, "gxrisk_vault_up", vault="bob") == 0
        assert of(before, "gxrisk_vault_up", vault="ann") == 1
        await play(one, recording(2))
        values = read(registry_of(one))
        await one.close()
        return values

    values = asyncio.run(broken())
    assert of(values, "gxrisk_vaults", status="failed") == 1
    assert of(values, "gxrisk_vaults", status="running") == 2
    assert of(values, "gxrisk_vault_up", vault="bob") == 0
    assert labels(values, "gxrisk_vault_equity", "vault") == {"ann", "cleo"}
    assert of(values, "gxrisk_fleet_notices_total", code="vault_failed", severity="critical") == 1


def test_a_long_journal_is_counted_over_some_scrapes_and_shown_when_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of a journal would look like a burst."""
    monkeypatch.setattr("gxrisk.metrics.fleet.READ_S", 0)

    async def long() -> list[Values]:
        one = fleet(tmp_path)
        gate = (await one.create("ann", settings("Silent"))).gate
        for number in range(3 * counting.CHUNK):
            gate.hold(0.5, f"bar {number}", asset="BTC")
        registry, found = registry_of(one), []
        found += [read(registry) for _ in range(4)]  # no time is left: one chunk each
        gate.hold(0.5, "one more", asset="BTC")
        found.append(read(registry))
        await one.close()
        return found

    *partial, whole, after = asyncio.run(long())
    unread = [of(values, "gxrisk_vault_unread_records", vault="ann") for values in partial]
    assert len(unread) == 3
    assert unread == [unread[0] - number * counting.CHUNK for number in range(3)]
    assert unread[-1] > 0
    for values in partial:
        assert ("gxrisk_vault_holds_total", (("vault", "ann"),)) not in values
        assert ("gxrisk_breaker_trips_total", (("breaker", "drawdown"),)) not in values
    assert of(whole, "gxrisk_vault_holds_total", vault="ann") == 3 * counting.CHUNK
    assert of(after, "gxrisk_vault_holds_total", vault="ann") == 3 * counting.CHUNK + 1


def test_a_journal_that_was_put_back_is_counted_anew(tmp_path: Path) -> None:
    """Its sequence is lower than what was counted; Prometheus takes that for a restart."""

    async def twice() -> tuple[float, float]:
        one = fleet(tmp_path / "one")
        gate = (await one.create("ann", settings("Silent"))).gate
        for _ in range(30):
            gate.hold(0.5, "waiting", asset="BTC")
        metrics = FleetMetrics(one)
        registry = CollectorRegistry()
        registry.register(metrics)
        before = of(read(registry), "gxrisk_vault_holds_total", vault="ann")
        await one.close()
        metrics._fleet = other = fleet(tmp_path / "other")
        (await other.create("ann", settings("Silent"))).gate.hold(0.5, "waiting", asset="BTC")
        after = of(read(registry), "gxrisk_vault_holds_total", vault="ann")
        await other.close()
        return before, after

    assert asyncio.run(twice()) == (30, 1)


def test_scrapes_in_other_threads_while_the_fleet_works_and_closes(tmp_path: Path) -> None:
    """No scrape fails, no counter falls, and the vaults do what they do without scrapes."""

    async def work(folder: Path, scrape: bool) -> tuple[list[Values], list[tuple[str, str]]]:
        one = await desk(folder)
        registry, over = registry_of(one), Event()
        found: list[Values] = []
        errors: list[BaseException] = []

        def scraping() -> None:
            try:
                while not over.is_set():
                    found.append(read(registry))
            except BaseException as error:
                errors.append(error)

        threads = [Thread(target=scraping) for _ in range(2 if scrape else 0)]
        for thread in threads:
            thread.start()
        try:
            await play(one, recording(120))
            await one.close()
        finally:
            over.set()
            for thread in threads:
                thread.join()
        assert errors == []
        done = [
            (record["kind"], str(record.get("order") or record.get("reasoning")))
            for vault_id in VAULTS
            for record in events(one, vault_id)
            if record["kind"] in ("decision", "hold", "fill")
        ]
        return found, done

    found, scraped = asyncio.run(work(tmp_path / "scraped", True))
    _, alone = asyncio.run(work(tmp_path / "alone", False))
    assert scraped == alone
    assert len(found) > 4


def test_codes_of_notices_are_known() -> None:
    """Each code that the source tells of has its place in the table, with its severity."""
    import re

    import gxrisk.vaults

    source = "".join(file.read_text(encoding="utf-8") for file in Path(gxrisk.vaults.__file__).parent.glob("*.py"))
    told = re.findall(
        r"(?:notices|Notices|monitor|self)\.(?:add|tell|_tell|_end)\(\s*[^\"]*?\"(info|warning|critical)\",\s+\"(\w+)\"",
        source,
    )
    assert {code: severity for severity, code in told} == {**NOTICE_CODES, **FLEET_CODES}


def test_every_metric_of_the_table_is_shown_and_no_other(worked: tuple[Fleet, Values, Values]) -> None:
    _, values, _ = worked
    shown = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name, _ in values}
    assert shown == {metric.name for metric in METRICS}
    for metric in METRICS:
        suffix = "_bucket" if metric.kind == "histogram" else ""
        expected = {*metric.labels, *(("le",) if suffix else ())}
        found = {tuple(sorted(dict(pairs))) for name, pairs in values if name == f"{metric.name}{suffix}"}
        assert found == {tuple(sorted(expected))}, metric.name
        assert (metric.kind == "counter") == metric.name.endswith("_total"), metric.name


def test_labels_do_not_grow_with_what_an_agent_says(tmp_path: Path) -> None:
    """Assets, reasonings and ids of orders that an agent invents become no series."""
    chance = random.Random(20)

    async def talk() -> tuple[Values, Values]:
        one = await desk(tmp_path)
        await play(one, recording(5))
        registry = registry_of(one)
        before = read(registry)
        agent = one.vaults["ann"].gate.agent()
        for number in range(50):
            asset = f'X"{chance.randrange(10**9)}\\'
            agent.authorize(order(asset, "buy", 1, confidence=0.9, reasoning=f"{number}\n{{}}", stop_loss=1, price=2))
            agent.hold(0.5, f'gxrisk_vault_up{{vault="ann"}} 0\n{number}', asset=asset)
        after = read(registry)
        await one.close()
        return before, after

    before, after = asyncio.run(talk())
    assert set(before) == set(after)
    assert of(after, "gxrisk_vault_up", vault="ann") == 1
    assert of(after, "gxrisk_violations_total", rule="unknown_asset") >= 50
