"""Drift: distances against scipy, levels at their borders, no false alarms by chance, and a reference that lasts."""

import json
from math import log

import numpy as np
import pytest
from gxrisk.protection import DriftError, DriftReference, DriftSettings
from gxrisk.protection.drift_distance import counts, inner_edges, ks_distance, ks_p_value, psi, psi_by_chance
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import kolmogorov
from scipy.stats import chi2, entropy, ks_2samp

VALUES = st.lists(st.integers(-5, 5).map(float) | st.floats(-10, 10), min_size=2, max_size=60)
COUNTS = st.lists(st.integers(0, 100), min_size=2, max_size=12).filter(sum)


# Distances against references


@given(VALUES, VALUES)
def test_ks_is_scipys(one: list[float], other: list[float]) -> None:
    found = ks_distance(np.sort(one), np.sort(other))
    assert found == pytest.approx(ks_2samp(one, other, method="asymp").statistic, abs=1e-12)


@pytest.mark.parametrize("distance", [0.01, 0.1, 0.15, 0.2, 0.3, 0.6])
def test_the_p_value_is_an_upper_bound_of_kolmogorovs_limit(distance: float) -> None:
    limit = kolmogorov(distance * np.sqrt(100 * 300 / 400))
    found = ks_p_value(distance, 100, 300)
    assert found >= limit
    if limit < 0.1:
        assert found == pytest.approx(limit, rel=1e-3)


@given(COUNTS, st.integers(0, 2**32 - 1))
def test_psi_is_both_relative_entropies(expected: list[int], seed: int) -> None:
    seen = np.random.default_rng(seed).multinomial(50, np.ones(len(expected)) / len(expected))
    extra = 0.5 / min(sum(expected), 50)
    e, s = np.array(expected) / sum(expected) + extra, seen / 50 + extra  # scipy makes them shares
    assert psi(np.array(expected), seen) == pytest.approx(entropy(s, e) + entropy(e, s), abs=1e-12)


@given(COUNTS, st.integers(1, 9))
def test_psi_of_equal_samples_is_zero_whatever_their_size(sample: list[int], times: int) -> None:
    assert psi(np.array(sample), np.array(sample) * times) == 0.0


@given(COUNTS, st.integers(0, 2**32 - 1))
def test_psi_is_symmetric_finite_and_not_negative(one: list[int], seed: int) -> None:
    other = np.random.default_rng(seed).permutation(one)
    found = psi(np.array(one), other)
    assert 0 <= found < 100
    assert found == pytest.approx(psi(other, np.array(one)), abs=1e-12)


def test_psi_by_hand() -> None:
    # 1000 and 1000: half an observation is 0.0005 of each bin, 0.001 of both
    e, s = (0.5005, 0.5005), (0.8005, 0.2005)
    by_hand = sum((a - b) * log(a / b) for a, b in zip(s, e, strict=True)) / 1.001
    assert psi(np.array([500, 500]), np.array([800, 200])) == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize("bins", [2, 5, 10, 20])
@pytest.mark.parametrize("significance", [0.05, 0.01, 0.0005])
def test_what_chance_reaches_is_chi_square(bins: int, significance: float) -> None:
    exact = chi2.ppf(1 - significance, bins - 1) * (1 / 200 + 1 / 300)
    assert psi_by_chance(bins, 200, 300, significance) == pytest.approx(exact, rel=0.05)


def test_bins_are_quantiles_of_the_reference() -> None:
    sample = np.random.default_rng(7).normal(size=1000)
    assert counts(sample, inner_edges(np.sort(sample), 10)).tolist() == [100] * 10
    tied = np.array([0.0] * 900 + [1.0] * 100)
    assert counts(tied, inner_edges(tied, 10)).tolist() == [0, 900, 100]
    assert counts(np.array([-1.0, 0.0, 1.0]), inner_edges(tied, 10)).tolist() == [1, 1, 1]


@given(VALUES, VALUES)
def test_every_value_is_in_one_bin(reference: list[float], sample: list[float]) -> None:
    edges = inner_edges(np.sort(reference), 10)
    found = counts(np.array(sample), edges)
    assert (found.sum(), found.size) == (len(sample), edges.size + 1)


# Levels


def columns(rows: int, shift: float, seed: int) -> np.ndarray:
    """A feature that stays and one that is shifted."""
    return np.random.default_rng(seed).normal([0.0, shift], size=(rows, 2))


NAMES = ["stays", "shifts"]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("shift", "level"), [(0.0, "low"), (0.4, "elevated"), (1.0, "high"), (-1.0, "high")])
def test_a_shift_is_found_and_named(shift: float, level: str, seed: int) -> None:
    reference = DriftReference(NAMES, columns(5000, 0.0, 100 + seed), version="1")
    found = reference.compare(columns(5000, shift, seed), version="1")
    assert found.level == level
    assert {one.name: one.level for one in found.features} == {"stays": "low", "shifts": level}
    assert (level == "low") == ("shifts" not in found.reason)


def test_levels_at_their_borders() -> None:
    """At a threshold it is not beyond it; the thresholds are set to what the samples give."""
    rows, later = columns(5000, 0.0, 1), columns(5000, 0.35, 2)
    index = DriftReference(NAMES, rows, version="1").compare(later, version="1").features[0].psi
    for elevated, high, level in (
        (index, 1.0, "low"),
        (np.nextafter(index, 0), 1.0, "elevated"),
        (0.01, index, "elevated"),
        (0.01, np.nextafter(index, 0), "high"),
    ):
        settings = DriftSettings(elevated=float(elevated), high=float(high))
        found = DriftReference(NAMES, rows, version="1", settings=settings).compare(later, version="1")
        by_name = {one.name: one for one in found.features}
        if level == "low":  # the index is not beyond the threshold, the distance may be
            assert by_name["shifts"].psi == elevated
            assert (by_name["shifts"].level == "low") == (by_name["shifts"].ks <= elevated)
        else:
            assert by_name["shifts"].level == level


def test_the_same_sample_has_not_drifted() -> None:
    rows = columns(300, 0.0, 3)
    found = DriftReference(NAMES, rows, version="1").compare(rows[::-1], version="1")
    assert [(one.psi, one.ks) for one in found.features] == [(0.0, 0.0)] * 2
    assert (found.level, found.reason) == ("low", "no feature has drifted")


@pytest.mark.parametrize("seed", [20251121])
def test_small_samples_of_one_distribution_are_no_drift(seed: int) -> None:
    """Of 100 rows the index is above 0.1 by chance most of the time; with 20 features hardly ever an alarm."""
    random = np.random.default_rng(seed)
    names = [f"f{n}" for n in range(20)]
    alarms = above = 0
    for _ in range(100):
        reference = DriftReference(names, random.normal(size=(100, 20)), version="1")
        found = reference.compare(random.normal(size=(100, 20)), version="1")
        above += sum(one.psi > 0.1 for one in found.features)
        alarms += found.level != "low"
    assert above > 1000  # of 2000
    assert alarms <= 5  # 1 is expected


@pytest.mark.parametrize("value", [0.0, 2.0])
def test_a_feature_that_never_moved_and_now_does_has_drifted_whichever_way(value: float) -> None:
    reference = DriftReference(["still"], np.ones((200, 1)), version="1")
    (moved,) = reference.compare(np.full((200, 1), value), version="1").features
    assert (moved.ks, moved.level) == (1.0, "high")
    (still,) = reference.compare(np.ones((150, 1)), version="1").features
    assert (still.psi, still.ks, still.level) == (0.0, 0.0, "low")


# Too little, wrong, kept


@pytest.mark.parametrize(("rows", "level"), [(0, None), (99, None), (100, "low")])
def test_too_few_rows_are_unknown(rows: int, level: str | None) -> None:
    found = DriftReference(NAMES, columns(1000, 0.0, 4), version="1").compare(columns(rows, 0.0, 5), version="1")
    assert found.level == level
    assert found.reason == ("no feature has drifted" if level else f"unknown: {rows} of 100 rows that are needed")


def test_other_features_are_refused() -> None:
    reference = DriftReference(NAMES, columns(100, 0.0, 6), version="1")
    rows = columns(100, 0.0, 7)
    with pytest.raises(DriftError, match=r"version '2' of .* was given, version '1'"):
        reference.compare(rows, version="2")
    with pytest.raises(DriftError, match="shifts', 'stays"):
        reference.compare(rows, version="1", names=NAMES[::-1])
    with pytest.raises(DriftError, match=r"shape \(100, 1\)"):
        reference.compare(rows[:, :1], version="1")
    rows[3, 1] = np.nan
    with pytest.raises(DriftError, match="shifts has values"):
        reference.compare(rows, version="1")


@pytest.mark.parametrize("rows", [99, 100_001])
def test_a_reference_has_neither_too_few_rows_nor_too_many(rows: int) -> None:
    with pytest.raises(DriftError, match=f"rows: {rows} were given, 100 to 100000"):
        DriftReference(["one"], np.zeros((rows, 1)), version="1")


@pytest.mark.parametrize("names", [[], ["a", "a"]])
def test_names_are_different(names: list[str]) -> None:
    with pytest.raises(DriftError, match="different names"):
        DriftReference(names, np.zeros((100, len(names))), version="1")


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=10), st.integers(0, 2**32 - 1))
def test_a_reference_is_kept_exactly(some: list[float], seed: int) -> None:
    rows = np.random.default_rng(seed).choice(some, size=(100, 2))
    reference = DriftReference(NAMES, rows, version="1")
    again = DriftReference.from_json(reference.to_json())
    assert (again.names, again.version, again.to_json()) == (reference.names, "1", reference.to_json())
    later = columns(100, 0.5, 8)
    assert again.compare(later, version="1") == reference.compare(later, version="1")


GOOD = {"format": 1, "version": "1", "values": {"a": [0.0] * 100}}
WRONG = [
    "",
    "[]",
    json.dumps({**GOOD, "format": 2}),
    json.dumps({**GOOD, "values": {"a": [0.0] * 99}}),
    json.dumps({**GOOD, "values": {"a": [0.0] * 100, "b": [0.0] * 99}}),
    json.dumps({**GOOD, "values": {"a": [0.0] * 99 + ["x"]}}),
    json.dumps({**GOOD, "values": {"a": [0.0] * 99 + [float("nan")]}}),
]


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(DriftError, match="this is no reference"):
        DriftReference.from_json(text)


@pytest.mark.parametrize(
    "wrong", [{"bins": 1}, {"rows_min": 1.5}, {"elevated": 0}, {"high": 0.1}, {"significance": 1}], ids=str
)
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(DriftError, match=f"{next(iter(wrong))}.* was given"):
        DriftSettings(**wrong)  # type: ignore[arg-type]
