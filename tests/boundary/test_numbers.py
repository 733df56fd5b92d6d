"""Numbers of every kind in every argument: the exact value, or an error that says what was seen and what is allowed."""

from __future__ import annotations

import enum
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from gxrisk import InvalidOrder, order
from hypothesis import given, settings
from hypothesis import strategies as st

from .arguments import ARGUMENTS, Argument, refusal, vault

REFUSED = object()
LOOSE = object()  # documented neither way: exact, or refused

SCALE = 10**9


class Word(str):
    """Text with a class of its own."""

    __slots__ = ()


class Count(enum.IntEnum):
    """An integer with a class of its own."""

    THREE = 3


class Silent:
    """A value whose repr fails."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


def nearest(value: float) -> Fraction:
    """The nearest number with nine digits, a tie to the even one; worked out in whole numbers."""
    scaled = Fraction(value) * SCALE
    low = math.floor(scaled)
    rest = scaled - low
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and low % 2 == 1)
    return Fraction(low + up, SCALE)


FORTY = "1234567890123456789012345678901234567890"
VALUES: dict[str, tuple[Any, Any]] = {
    "nan": (math.nan, REFUSED),
    "inf": (math.inf, REFUSED),
    "-inf": (-math.inf, REFUSED),
    "-0.0": (-0.0, 0),
    "0": (0, 0),
    "5e-324": (5e-324, 0),
    "less than half a unit": (4.9e-10, 0),
    "more than half a unit": (5.1e-10, Fraction(1, SCALE)),
    "a tie to the even digit below": (2**-10, Fraction(976_562, SCALE)),
    "a tie to the even digit above": (3 * 2**-10, Fraction(2_929_688, SCALE)),
    "1e308": (1e308, REFUSED),
    "'1e400'": ("1e400", REFUSED),
    "'1e-400'": ("1e-400", REFUSED),
    "True": (True, REFUSED),
    "False": (False, REFUSED),
    "2**63 - 1": (2**63 - 1, REFUSED),
    "2**63": (2**63, REFUSED),
    "2**64": (2**64, REFUSED),
    "10**5000": (10**5000, REFUSED),
    "-2**200": (-(2**200), REFUSED),
    "-1": (-1, -1),
    "1": (1, 1),
    "0.1": (0.1, Fraction(1, 10)),
    "0.1 + 0.2": (0.1 + 0.2, Fraction(3, 10)),
    "10**18": (10**18, 10**18),
    "10**18 + 1": (10**18 + 1, REFUSED),
    "1e18": (1e18, 10**18),
    "'1e18'": ("1e18", 10**18),
    "past 1e18 by a unit": ("1000000000000000000.000000001", REFUSED),
    "'40 digits'": (FORTY, REFUSED),
    "'0.40 digits'": ("0." + FORTY, REFUSED),
    "'40 zeros'": ("1." + "0" * 40, 1),
    "'ten digits'": ("0.1234567891", REFUSED),
    "'nine digits'": ("0.123456789", Fraction(123456789, SCALE)),
    "'1.0000000000'": ("1.0000000000", 1),
    "'-0'": ("-0", 0),
    "'+1'": ("+1", 1),
    "'.5'": (".5", LOOSE),
    "'5.'": ("5.", LOOSE),
    "'1E2'": ("1E2", 100),
    "'25e-1'": ("25e-1", Fraction(5, 2)),
    "float32(0.1)": (np.float32(0.1), Fraction(100000001, SCALE)),
    "float16(0.1)": (np.float16(0.1), nearest(float(np.float16(0.1)))),
    "float64(0.1)": (np.float64(0.1), Fraction(1, 10)),
    "float64(nan)": (np.float64("nan"), REFUSED),
    "float32(inf)": (np.float32("inf"), REFUSED),
    "int64(3)": (np.int64(3), 3),
    "int8(-1)": (np.int8(-1), -1),
    "uint64(3)": (np.uint64(3), 3),
    "uint64(2**64 - 1)": (np.uint64(2**64 - 1), REFUSED),
    "bool_(True)": (np.bool_(True), REFUSED),
    "0-d bool": (np.array(True), REFUSED),
    "0-d float": (np.array(2.5), LOOSE),
    "0-d int": (np.array(3), LOOSE),
    "0-d complex": (np.array(1j), REFUSED),
    "0-d text": (np.array("1"), LOOSE),
    "longdouble": (np.longdouble(2.5), LOOSE),
    "complex64": (np.complex64(1), REFUSED),
    "timedelta64": (np.timedelta64(1, "s"), REFUSED),
    "datetime64": (np.datetime64("2020-03-12"), REFUSED),
    "1-element array": (np.array([1.0]), REFUSED),
    "empty array": (np.array([]), REFUSED),
    "Fraction(1, 2)": (Fraction(1, 2), LOOSE),
    "Fraction(1, 3)": (Fraction(1, 3), REFUSED),
    "complex": (1 + 0j, REFUSED),
    "bytes": (b"1", REFUSED),
    "bytearray": (bytearray(b"1"), REFUSED),
    "list": ([1], REFUSED),
    "dict": ({"a": 1}, REFUSED),
    "object": (object(), REFUSED),
    "no repr": (Silent(), REFUSED),
    "type": (float, REFUSED),
    "str subclass": (Word("2.5"), Fraction(5, 2)),
    "numpy str": (np.str_("2.5"), Fraction(5, 2)),
    "IntEnum": (Count.THREE, 3),
    "Decimal NaN": (Decimal("NaN"), REFUSED),
    "Decimal sNaN": (Decimal("sNaN"), REFUSED),
    "Decimal Infinity": (Decimal("Infinity"), REFUSED),
    "Decimal -Infinity": (Decimal("-Infinity"), REFUSED),
    "Decimal 1E-9": (Decimal("1E-9"), Fraction(1, SCALE)),
    "Decimal 1E-10": (Decimal("1E-10"), REFUSED),
    "Decimal 1E+3": (Decimal("1E+3"), 1000),
    "Decimal 1E+999999": (Decimal("1E+999999"), REFUSED),
    "Decimal 0E-30": (Decimal("0E-30"), 0),
    "Decimal -0": (Decimal("-0"), 0),
    "Decimal 2.5000000000000": (Decimal("2.5000000000000"), Fraction(5, 2)),
    **{
        repr(text): (text, REFUSED)
        for text in ("", " ", " 1", "1 ", "1\n", "1_000", "1,000", "1,5", "--1", "+-1", "1-")
    },
    **{
        repr(text): (text, REFUSED)
        for text in ("0x10", "0b1", "1e", "e1", ".", "1.2.3", "nan", "inf", "NaN", "one", "1e5.0")
    },
    **{
        repr(text): (text, REFUSED)
        for text in ("\u0661\u0662", "\uff11", "\u00bd", "1\u00a0", "\u22121", "1\x00", "\ud800", "1\ud800")
    },
    "1 MB of digits": ("9" * 1_000_000, REFUSED),
    "1 MB of letters": ("a" * 1_000_000, REFUSED),
    "1 MB list": ([0] * 300_000, REFUSED),
}


def shows(message: str, value: Any) -> bool:
    """Whether a message shows the value: the start of its repr, or the number that was read."""
    if isinstance(value, Silent) or (type(value) is int and abs(value) > 10**4000):
        return "a value without a repr" in message
    return repr(value)[:40] in message or any(f"is {plain};" in message for plain in readings(value))


def readings(value: Any) -> list[str]:
    """The exact decimal texts that stand for a number."""
    try:
        held = nearest(float(value)) if isinstance(value, float | np.floating) else Fraction(Decimal(str(value)))
    except (ValueError, ArithmeticError):
        return []
    return [f"{Decimal(held.numerator) / held.denominator:f}"]


def expected(argument: Argument, value: Any) -> Any:
    """The value that must then be held, or REFUSED, or LOOSE."""
    if value in (REFUSED, LOOSE):
        return value
    exact = Fraction(value)
    return exact if argument.allows(exact) else REFUSED


@pytest.mark.parametrize("argument", ARGUMENTS, ids=lambda argument: argument.name)
def test_every_value_is_exact_or_refused(argument: Argument) -> None:
    for label, (value, meaning) in VALUES.items():
        gate = vault()
        before = (gate.snapshot(), gate.events())
        want = expected(argument, meaning)
        try:
            held = argument.give(gate, value)
        except InvalidOrder:
            message = refusal(lambda gate=gate, value=value: argument.give(gate, value), argument.field)
            assert want in (REFUSED, LOOSE), f"{label} is refused: {message}"
            assert "must" in message or "allowed" in message, message
            assert shows(message, value), f"{label} is not shown: {message}"
            assert (gate.snapshot(), gate.events()) == before, label
        else:
            assert want is not REFUSED, f"{label} is taken as {held}"
            exact = nearest(float(value)) if want is LOOSE else want
            assert Fraction(held) == exact, label


@pytest.mark.parametrize("argument", [a for a in ARGUMENTS if a.name != "advance.seconds"], ids=lambda a: a.name)
def test_both_ends_of_the_range_belong_to_it(argument: Argument) -> None:
    step = Fraction(1) if argument.whole else Fraction(1, SCALE)

    def text(value: Fraction) -> str:
        digits = abs(value.numerator) * SCALE // value.denominator
        return f"{'-' if value < 0 else ''}{digits // SCALE}.{digits % SCALE:09}"

    for end, outside in ((argument.low, argument.low - step), (argument.high, argument.high + step)):
        assert Fraction(argument.give(vault(), text(end))) == end
        message = refusal(lambda outside=outside: argument.give(vault(), text(outside)), argument.field)
        assert "must" in message or "allowed" in message


@pytest.mark.parametrize("argument", ARGUMENTS, ids=lambda argument: argument.name)
def test_none_is_absent_or_refused(argument: Argument) -> None:
    if argument.optional:
        assert argument.give(vault(), None) == argument.none_is
    else:
        assert "None" in refusal(lambda: argument.give(vault(), None), argument.field)


@pytest.mark.parametrize("argument", [a for a in ARGUMENTS if a.whole], ids=lambda argument: argument.name)
def test_a_count_is_whole(argument: Argument) -> None:
    assert argument.give(vault(), 7) == 7
    for value in (1.5, "1.5", Decimal("1.000000001")):
        assert "whole" in refusal(lambda value=value: argument.give(vault(), value), argument.field)


def test_only_one_limit_may_be_off() -> None:
    for argument in ARGUMENTS:
        if argument.name.startswith("Limits.") and not argument.optional:
            refusal(lambda argument=argument: argument.give(vault(), None), argument.field)


def quantity(value: Any) -> Fraction:
    """A value as it is held by an order."""
    return Fraction(order("BTC", "buy", value, confidence=1, reasoning="a float").quantity)


@settings(deadline=None, max_examples=400, print_blob=True, database=None)
@given(
    st.floats(6e-10, 1e18)
    | st.integers(1, 10**12).map(lambda halves: halves / 2**20)
    | st.floats(0.0009765625, 2**20, width=32)
)
def test_a_float_goes_to_the_nearest_ninth_digit(value: float) -> None:
    assert quantity(value) == nearest(value)
    assert quantity(np.float64(value)) == nearest(value)


@settings(deadline=None, max_examples=200, print_blob=True, database=None)
@given(st.decimals(Decimal("0.000000001"), Decimal(10**18), places=9))
def test_text_and_decimal_are_taken_exactly(value: Decimal) -> None:
    assert quantity(value) == quantity(str(value)) == quantity(f"{value:f}000") == Fraction(value)


@settings(deadline=None, max_examples=200, print_blob=True, database=None)
@given(st.integers(-(10**20), 10**20))
def test_whole_numbers_are_exact_or_refused(value: int) -> None:
    if 1 <= value <= 10**18:
        assert quantity(value) == value
    else:
        refusal(lambda: quantity(value), "quantity")


@settings(deadline=None, max_examples=300, print_blob=True, database=None)
@given(st.text(max_size=12) | st.from_regex(r"[-+]?[0-9]*\.?[0-9]*([eE][-+]?[0-9]{1,4})?", fullmatch=True))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    try:
        held = quantity(text)
    except InvalidOrder:
        refusal(lambda: quantity(text), "quantity")
    else:
        assert held == Fraction(Decimal(text))
