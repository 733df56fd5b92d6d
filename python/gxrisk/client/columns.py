"""The columns of a batch as requests: parts of so many rows, decimals as text."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gxrisk._native import RULES, Gate, Limits
from gxrisk.client.call import Answer, number

ROWS: Final = 2_000
_NUMBERS: Final = ("quantity", "confidence", "price", "leverage", "stop_loss")
# Nothing is asked of it but to read columns: what is malformed is refused here, in the very words of a gate.
_READER: Final = Gate("columns", Limits.for_tier("growth")).agent()


def parts(columns: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The bodies of the requests, in order. Raises `InvalidOrder` for what no gate takes.

    >>> rows = {"asset": "BTC", "side": [1, -1], "quantity": [0.1, 2], "confidence": [1, 1], "price": [7, np.nan]}
    >>> [part] = parts(rows)
    >>> part["side"], part["quantity"], part["price"]
    (['buy', 'sell'], ['0.1', '2'], ['7', None])
    >>> list(parts({"asset": "BTC", "side": "buy", "quantity": [0.1], "confidence": [7.0]}))
    Traceback (most recent call last):
        ...
    gxrisk.InvalidOrder: row 0: confidence is 7; it must be from 0 to 1
    """
    count = len(_READER.validate_batch(columns))
    table: dict[str, list[Any]] = {
        "asset": _assets(columns, count),
        "side": [_side(one) for one in _row(columns["side"], count)],
    }
    for name in _NUMBERS:
        if name in columns:
            floats = np.asarray(columns[name], dtype=np.float64).tolist()
            table[name] = [None if one != one else number(one) for one in floats]  # NaN alone differs from itself
    if "reduce_only" in columns:
        flags = np.asarray(columns["reduce_only"], dtype=np.float64)
        table["reduce_only"] = (~np.isnan(flags) & (flags != 0)).tolist()
    for start in range(0, count, ROWS):
        yield {name: column[start : start + ROWS] for name, column in table.items()}


def read_masks(answer: Answer) -> npt.NDArray[np.uint32]:
    """The masks of one part. Raises `ValueError` where the server's rules are others than the ones known here."""
    told = answer.json()
    if tuple(told["rules"]) != RULES:
        raise ValueError("its rules are not the ones of this version")
    return np.array(told["masks"], dtype=np.uint32)


def joined(masks: list[npt.NDArray[np.uint32]]) -> npt.NDArray[np.uint32]:
    """The masks of all parts."""
    return np.concatenate(masks) if masks else np.zeros(0, dtype=np.uint32)


def _assets(columns: Mapping[str, Any], count: int) -> list[str]:
    if "assets" in columns:
        names = [str(one) for one in columns["assets"]]
        return [names[int(code)] for code in columns["asset"]]
    return [str(one) for one in _row(columns["asset"], count)]


def _row(values: Any, count: int) -> list[Any]:
    return [values] * count if isinstance(values, str) else list(values)


def _side(one: Any) -> str:
    return str(one) if isinstance(one, str) else "buy" if one > 0 else "sell"
