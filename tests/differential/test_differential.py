"""The native gate against the executable model: the hand-written cases, and many random sequences."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from dataclasses import fields
from fractions import Fraction as F
from pathlib import Path
from typing import Any

import pytest

from .compare import first_mismatch
from .coverage import RULES
from .expectations import failures, load, names
from .fuzz import explain, run_sequence
from .model import BREAKERS
from .sides import GateSide, ModelSide, Scenario, exact
from .words import TIERS, Limits

HERE = Path(__file__).parent
ORDERS = int(os.environ.get("GXRISK_DIFFERENTIAL_ORDERS", "20000"))
SEED = int(os.environ.get("GXRISK_SEED", 20_200_312))


@pytest.fixture
def gxrisk() -> Any:
    """Imported late, so that the model and its cases run where the gate is not built."""
    return importlib.import_module("gxrisk")


@pytest.mark.parametrize("name", names())
def test_the_model_meets_the_case(name: str) -> None:
    assert not failures(load(name), ModelSide)


@pytest.mark.parametrize("name", names())
def test_the_gate_meets_the_case(name: str, gxrisk: Any) -> None:
    assert not failures(load(name), GateSide)


@pytest.mark.parametrize("name", names())
def test_gate_and_model_agree_on_the_case(name: str, gxrisk: Any) -> None:
    mismatch = first_mismatch(load(name))
    assert mismatch is None, str(mismatch)


def test_gate_and_model_agree_on_random_sequences(report: list[str], gxrisk: Any) -> None:
    """In processes of their own, as `make fuzz` runs them; everything that a run must meet is checked there."""
    jobs = str(min(2, os.cpu_count() or 1))
    command = [sys.executable, "-m", "tests.differential", "--orders", str(ORDERS), "--seed", str(SEED), "--jobs", jobs]
    done = subprocess.run(command, cwd=HERE.parent.parent, capture_output=True, text=True, check=False)
    report += done.stdout.splitlines()
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-4000:]}"


@pytest.mark.parametrize("tier", sorted(TIERS))
def test_the_tiers_are_those_of_the_specification(tier: str, gxrisk: Any) -> None:
    """The model's numbers are written from the specification, not read from the gate."""
    native = {name: exact(value) for name, value in gxrisk.Limits.for_tier(tier).to_dict().items()}
    assert native == {field.name: getattr(TIERS[tier], field.name) for field in fields(Limits)}


def test_the_tables_have_the_same_order(gxrisk: Any) -> None:
    assert gxrisk.RULES == RULES
    assert tuple(BREAKERS) == gxrisk.BREAKERS
    assert set(gxrisk.TIERS) == set(TIERS)


def test_the_model_stays_small() -> None:
    """It is worth something only as long as it can be read beside the specification."""
    for name, most in (("model.py", 400), ("rules.py", 120), ("words.py", 220)):
        assert len((HERE / name).read_text().splitlines()) < most


def test_the_model_imports_nothing_of_the_gate() -> None:
    assert not any("gxrisk" in (HERE / name).read_text() for name in ("model.py", "rules.py", "words.py"))


class Forgetful(ModelSide):
    """A planted fault: an acceptance does not start the count of failures anew."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        original = self.model.order_accepted

        def order_accepted(order_id: str) -> bool:
            failures_in_row = self.model.failures_in_row
            answer = original(order_id)
            self.model.failures_in_row = failures_in_row
            return answer

        self.model.order_accepted = order_accepted  # type: ignore[method-assign]


class OffByOneUnit(ModelSide):
    """A planted fault: an exposure that is one unit of the scale too small."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        original = self.model.exposure

        def exposure(assets: Any, order: Any = None) -> F:
            return original(assets, order) - (F(1, 10**9) if order else 0)

        self.model.exposure = exposure  # type: ignore[method-assign]


@pytest.mark.parametrize("fault", [Forgetful, OffByOneUnit])
def test_a_planted_fault_is_found_and_made_short(fault: type[ModelSide]) -> None:
    makers = (fault, ModelSide)
    for number in range(200):
        _, mismatch = run_sequence(f"planted/{number}", makers)
        if mismatch is not None:
            text = explain("planted", mismatch, makers)
            assert text.count('"op"') <= 15, text
            return
    pytest.fail("200 sequences met no difference")
