"""Ticks that a person would choose."""

from itertools import pairwise

import pytest
from gxrisk.vaults.report.axes import thinned, times, values
from hypothesis import given
from hypothesis import strategies as st

DAY = 86_400
MONDAY = 1_513_555_200
FINITE = st.floats(-1e9, 1e9)


@given(FINITE, FINITE)
def test_an_axis_of_values_holds_both_ends(one: float, other: float) -> None:
    """With two to eight ticks that lie evenly, go up, and are told apart by their labels."""
    low, high = min(one, other), max(one, other)
    if high - low < max(1e-6 * abs(low), 1e-6 * abs(high), 1e-9):
        high = low
    axis = values(low, high, 4, lambda value, digits: f"{value:,.{digits}f}")
    invisible = 1e-8 * (axis.high - axis.low)
    assert axis.low <= low + invisible
    assert axis.high >= high - invisible
    places = [value for value, _ in axis.ticks]
    assert 2 <= len(places) <= 8
    assert all(before < after for before, after in pairwise(places))
    assert len({label for _, label in axis.ticks}) == len(places)


@given(st.integers(0, 4_000_000_000), st.integers(3_600, 3 * 365 * DAY), st.sampled_from([4, 8]))
def test_an_axis_of_times_has_few_ticks_within_it(since: int, length: int, wanted: int) -> None:
    """From an hour to three years."""
    axis = times(since, since + length, wanted)
    assert len(axis.ticks) <= wanted + 1
    assert all(since <= at <= since + length for at, _ in axis.ticks)


@pytest.mark.parametrize(
    ("days", "wanted", "labels"),
    [
        (7, 8, ["Mon 18", "Tue 19", "Wed 20", "Thu 21", "Fri 22", "Sat 23", "Sun 24", "Mon 25"]),
        (7, 4, ["Mon 18", "Wed 20", "Fri 22", "Sun 24"]),
        (1, 4, ["Mon 18", "06:00", "12:00", "18:00", "Tue 19"]),
        (28, 4, ["18 Dec", "25 Dec", "1 Jan", "8 Jan", "15 Jan"]),
    ],
)
def test_times_are_labelled_by_day_or_hour(days: int, wanted: int, labels: list[str]) -> None:
    """Whole days from Monday on, or hours between them."""
    assert [label for _, label in times(MONDAY, MONDAY + days * DAY, wanted).ticks] == labels


@given(st.lists(st.tuples(st.integers(0, 10_000), FINITE), min_size=1, max_size=2_000, unique_by=lambda one: one[0]))
def test_thinning_loses_no_peak(points: list[tuple[int, float]]) -> None:
    """First, last, highest and lowest stay, in order."""
    ordered = sorted((float(at), value) for at, value in points)
    kept = thinned(ordered, 20)
    assert len(kept) <= 84
    assert kept == sorted(kept)
    assert (kept[0], kept[-1]) == (ordered[0], ordered[-1])
    assert max(value for _, value in kept) == max(value for _, value in ordered)
    assert min(value for _, value in kept) == min(value for _, value in ordered)
