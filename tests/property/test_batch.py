"""`validate_batch` says of every row what `validate_order` says of that order, in whatever form the columns come."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import gxrisk
import numpy as np
import numpy.typing as npt
import pytest
from gxrisk import Gate, InvalidOrder, Limits, Order, order
from hypothesis import given
from hypothesis import strategies as st

from .vaults import ASSETS, BOUNDED, START, Step, histories, limits, opened

Columns = dict[str, Any]
NAMES = (*ASSETS, "NEW")
BITS = {
    **{rule: 1 << bit for bit, rule in enumerate(gxrisk.RULES)},
    "arithmetic_overflow": gxrisk.MASK_ARITHMETIC_OVERFLOW,
    "engine_halted": gxrisk.MASK_ENGINE_HALTED,
}


def floats(low: float, high: float) -> st.SearchStrategy[float]:
    """Floats that a numpy column of 32 bits holds too."""
    return st.floats(low, high, width=32)


row_values = st.fixed_dictionaries(
    {
        "asset": st.sampled_from(NAMES),
        "side": st.sampled_from(["buy", "sell"]),
        "quantity": floats(0.0009765625, 64) | st.sampled_from([1.0, 2.5, 25.0, 1e18]),
        "price": floats(90, 110) | st.just(float("nan")) | st.just(100.0),
        "leverage": st.sampled_from([1.0, 1.0, 2.5, 10.5, float("nan")]),
        "stop_loss": floats(94, 106) | st.sampled_from([98.0, 102.0, float("nan")]),
        "reduce_only": st.sampled_from([0.0, 0.0, 1.0, float("nan")]),
        "confidence": st.sampled_from([1.0, 0.75, 0.25, 0.0]),
    }
)


def column_arrays(rows: list[dict[str, Any]]) -> Columns:
    """The rows as columns of float64 and of fixed-width text."""
    columns: Columns = {
        name: np.array([row[name] for row in rows], dtype="f8") for name in rows[0] if name not in ("asset", "side")
    }
    columns["asset"] = np.array([row["asset"] for row in rows])
    columns["side"] = np.array([row["side"] for row in rows])
    return columns


def order_of(row: dict[str, Any]) -> Order:
    """The row as an order."""
    present = {
        name: value for name, value in row.items() if name in ("price", "leverage", "stop_loss") and value == value
    }
    reduce_only = row["reduce_only"] == 1
    confidence = row["confidence"]
    given_part = {"confidence": confidence, "reasoning": "a row", "reduce_only": reduce_only, **present}
    return order(row["asset"], row["side"], row["quantity"], **given_part)


def mask_of(gate: Gate, proposal: Order) -> int:
    """What `validate_order` says, as a mask."""
    decision = gate.validate_order(proposal)
    mask = sum(BITS[violation.rule] for violation in decision.violations)
    return mask | (gxrisk.MASK_HELD if decision.outcome == "held" else 0)


@BOUNDED
@given(limits(), histories(15), st.lists(row_values, min_size=1, max_size=12))
def test_masks_are_the_violations(some_limits: Limits, history: list[Step], rows: list[dict[str, Any]]) -> None:
    gate = opened(some_limits, history).gate
    before = gate.events()
    masks = gate.validate_batch(column_arrays(rows))
    assert masks.dtype == np.uint32
    assert masks.shape == (len(rows),)
    assert [int(mask) for mask in masks] == [mask_of(gate, order_of(row)) for row in rows]
    assert [mask == 0 for mask in masks] == [gate.validate_order(order_of(row)).approved for row in rows]
    assert (gate.agent().validate_batch(column_arrays(rows)) == masks).all()
    assert gate.events() == before


def coded(columns: Columns, kind: str) -> Columns:
    """Assets as integer codes into a further entry."""
    codes = np.array([NAMES.index(str(name)) for name in columns["asset"]], dtype=kind)
    return {**columns, "asset": codes, "assets": list(NAMES)}


def strided(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same values, every other one of a longer array."""
    return np.repeat(array, 2)[::2]


def signs(columns: Columns, dtype: str) -> npt.NDArray[Any]:
    """Sides as numbers above and below zero."""
    return np.where(columns["side"] == "buy", 1, -1).astype(dtype)


def retyped(columns: Columns, change: Callable[[Any], Any]) -> Columns:
    """Every float column in another form."""
    return {name: change(values) if name not in ("asset", "side") else values for name, values in columns.items()}


FORMS: dict[str, Callable[[Columns], Columns]] = {
    "lists": lambda columns: {name: values.tolist() for name, values in columns.items()},
    "objects": lambda columns: {
        **columns,
        "asset": columns["asset"].astype(object),
        "side": columns["side"].astype(object),
    },
    "wide text": lambda columns: {
        **columns,
        "asset": columns["asset"].astype("<U64"),
        "side": columns["side"].astype("<U9"),
    },
    "big-endian text": lambda columns: {**columns, "asset": columns["asset"].astype(">U8")},
    "big-endian floats": lambda columns: retyped(columns, lambda values: values.astype(">f8")),
    "codes i8": lambda columns: coded(columns, "i8"),
    "codes i4": lambda columns: coded(columns, "i4"),
    "codes u1": lambda columns: coded(columns, "u1"),
    "signs f8": lambda columns: {**columns, "side": signs(columns, "f8")},
    "signs i1": lambda columns: {**columns, "side": signs(columns, "i1")},
    "strided": lambda columns: {name: strided(values) for name, values in columns.items()},
    "reversed": lambda columns: {name: values[::-1].copy()[::-1] for name, values in columns.items()},
    "float32": lambda columns: retyped(columns, lambda values: values.astype("f4")),
    "read only": lambda columns: retyped(columns, lambda values: np.frombuffer(values.tobytes(), dtype="f8")),
    "bool exits": lambda columns: {**columns, "reduce_only": columns["reduce_only"] == 1},
}


@pytest.mark.parametrize("form", FORMS)
@BOUNDED
@given(rows=st.lists(row_values, min_size=1, max_size=12))
def test_the_form_of_a_column_does_not_matter(form: str, rows: list[dict[str, Any]]) -> None:
    gate = opened(Limits.for_tier("growth")).gate
    gate.apply_fill("elsewhere", "f", 3, 100, asset="ETH", side="buy")
    gate.resume()
    columns = column_arrays(rows)
    masks = gate.validate_batch(columns)
    assert gate.validate_batch(FORMS[form](columns)).tolist() == masks.tolist()
    assert gate.validate_batch(columns, threads=2).tolist() == masks.tolist()


@BOUNDED
@given(
    rows=st.lists(row_values, min_size=1, max_size=9),
    absent=st.sets(st.sampled_from(["price", "leverage", "stop_loss", "reduce_only"])),
)
def test_a_missing_column_is_a_column_of_absent_values(rows: list[dict[str, Any]], absent: set[str]) -> None:
    gate = opened(Limits.for_tier("growth")).gate
    columns = column_arrays(rows)
    masks = gate.validate_batch({name: values for name, values in columns.items() if name not in absent})
    blank = {name: np.full(len(rows), np.nan) for name in absent}
    assert masks.tolist() == gate.validate_batch({**columns, **blank}).tolist()


def test_one_word_stands_for_every_row() -> None:
    gate = opened(Limits.for_tier("growth")).gate
    quantities, sure = np.array([1.0, 26.0, 61.0]), np.ones(3)
    masks = gate.validate_batch(
        {"asset": "BTC", "side": "buy", "quantity": quantities, "confidence": sure, "stop_loss": sure * 98}
    )
    size, concentration = BITS["position_size"], BITS["concentration"]
    assert masks.tolist() == [0, size, size | concentration]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_split_many_rows_without_a_seam(threads: int) -> None:
    gate = opened(Limits.for_tier("growth")).gate
    quantities = np.tile([1.0, 26.0, 2.0], 7_001)
    sure = np.ones(len(quantities))
    columns = {"asset": "BTC", "side": "buy", "quantity": quantities, "confidence": sure, "stop_loss": sure * 98}
    masks = gate.validate_batch(columns, threads=threads)
    assert masks.tolist() == [0, BITS["position_size"], 0] * 7_001


def test_no_rows_give_no_masks() -> None:
    gate = opened(Limits.for_tier("growth")).gate
    empty = np.empty(0)
    for asset in (np.empty(0, "U3"), [], "BTC", np.empty(0, object)):
        masks = gate.validate_batch({"asset": asset, "side": empty, "quantity": empty, "confidence": empty})
        assert masks.shape == (0,)
        assert masks.dtype == np.uint32


def test_a_row_is_judged_alone_against_the_vault_as_it_is() -> None:
    gate = opened(Limits.for_tier("growth")).gate
    many = np.full(50, 25.0)
    columns = {
        "asset": "BTC",
        "side": "buy",
        "quantity": many,
        "confidence": np.ones(50),
        "stop_loss": np.full(50, 98.0),
    }
    assert not gate.validate_batch(columns).any()
    assert gate.snapshot().tokens == gate.limits.order_burst


@pytest.mark.parametrize("value", [0.0, -1.0, np.inf, -np.inf, np.nan, 1e19, 4e-10, 5e-324])
def test_a_malformed_row_is_named(value: float) -> None:
    gate = opened(Limits.for_tier("growth")).gate
    quantities = np.ones(5)
    quantities[3] = value
    with pytest.raises(InvalidOrder, match="row 3: quantity") as caught:
        gate.validate_batch({"asset": "BTC", "side": "buy", "quantity": quantities, "confidence": np.ones(5)})
    assert len(str(caught.value)) < 400


@BOUNDED
@given(value=st.floats(1e-8, 1e5, allow_subnormal=False))
def test_floats_of_a_column_go_to_the_nearest_ninth_digit_as_everywhere(value: float) -> None:
    gate = Gate("v", Limits.for_tier("growth"), clock=gxrisk.ManualClock(START))
    gate.deposit(10**9)
    gate.mark("BTC", 1, atr=1)
    exact = order("BTC", "buy", value, confidence=1, reasoning="one").quantity
    tight = gate.limits.replace(max_order_notional=exact)
    gate.set_limits(tight)
    columns = {"asset": "BTC", "side": "buy", "quantity": [value], "confidence": [1.0]}
    assert not gate.validate_batch(columns)[0] & BITS["order_notional"]
    gate.set_limits(tight.replace(max_order_notional=exact - Decimal("0.000000001")))
    assert gate.validate_batch(columns)[0] & BITS["order_notional"]
