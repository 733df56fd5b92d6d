"""The subjects of the ratio table for pytest-benchmark: `pytest benches --benchmark-only`."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

import pytest
from gxrisk import ManualClock, SystemClock, order

from benches import comparators, vaults

Bench: TypeAlias = Callable[..., Any]  # pytest-benchmark's fixture

MILLION = 1_000_000


def test_empty_call(benchmark: Bench) -> None:
    benchmark(comparators.empty, vaults.small())


@pytest.mark.parametrize("clock", [ManualClock(vaults.START), SystemClock()], ids=["manual", "system"])
def test_validate_approved(benchmark: Bench, clock: ManualClock | SystemClock) -> None:
    assert benchmark(vaults.held(clock=clock).validate_order, vaults.small())


def test_validate_refused(benchmark: Bench) -> None:
    assert not benchmark(vaults.held().validate_order, vaults.hopeless())


def test_violations_read(benchmark: Bench) -> None:
    gate, bad = vaults.held(), vaults.hopeless()
    assert len(benchmark(lambda: gate.validate_order(bad).violations)) >= 5


def test_order(benchmark: Bench) -> None:
    fields = {"confidence": 0.8, "reasoning": "momentum", "price": 100.25, "stop_loss": 98.5}
    benchmark(lambda: order("A3", "buy", 1.5, **fields))


@pytest.mark.parametrize("count", [1, 1_000])
def test_positions(benchmark: Bench, count: int) -> None:
    assert benchmark(vaults.held(count, 1).validate_order, vaults.small(0))


@pytest.mark.parametrize("judged", [vaults.small(), vaults.hopeless()], ids=["approved", "refused"])
def test_authorize(benchmark: Bench, judged: Any) -> None:
    def fresh() -> tuple[tuple[Any, ...], dict[str, Any]]:
        gate = vaults.held()
        return (lambda: [gate.authorize(judged) for _ in range(50)],), {}

    benchmark.pedantic(lambda fifty: fifty(), setup=fresh, rounds=200)


@pytest.mark.parametrize("number", [float, Decimal])
def test_plain_python(benchmark: Bench, number: type[float] | type[Decimal]) -> None:
    vault, plain = comparators.PlainVault.held(number), comparators.plain_order(number)
    assert benchmark(vault.validate, plain) == []


@pytest.mark.parametrize("threads", [1, 2])
def test_batch(benchmark: Bench, threads: int) -> None:
    gate, columns = vaults.held(), vaults.columns(MILLION)
    benchmark.pedantic(lambda: gate.validate_batch(columns, threads=threads), rounds=7, warmup_rounds=1)


@pytest.mark.parametrize("version", comparators.VERSIONS)
def test_numpy(benchmark: Bench, version: str) -> None:
    judge = comparators.numpy_versions(comparators.Caps.of(comparators.PlainVault.held(float)))[version]
    columns = vaults.columns(MILLION)
    benchmark.pedantic(lambda: judge(columns), rounds=7, warmup_rounds=1)
