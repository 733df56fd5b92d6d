"""Many orders judged in one request, each alone against the vault as it is: `gate.validate_batch` over HTTP."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any, Final, Literal, Self

import numpy as np
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, model_validator

from gxrisk._native import RULES
from gxrisk.server.access import asks
from gxrisk.server.guard import Guarded
from gxrisk.server.shapes import Asset, Body, Confidence, Positive, VaultId, desk_of

router = APIRouter(route_class=Guarded, prefix="/v1/vaults/{vault_id}", tags=["orders"])
ROWS_MAX: Final = 5_000
_Rows = Field(min_length=1, max_length=ROWS_MAX)
_Wished = Field(default=None, max_length=ROWS_MAX)
_FLOATS: Final = ("quantity", "confidence", "price", "leverage", "stop_loss")


class BatchBody(Body):
    """Columns of the same length, a row for each order; null where an order has no such value. Decimals are text.

    They are read as 64-bit floats and rounded at the ninth digit, as in a process.
    """

    asset: Annotated[list[Asset], _Rows]
    side: Annotated[list[Literal["buy", "sell"]], _Rows]
    quantity: Annotated[list[Positive], _Rows]
    confidence: Annotated[list[Confidence], _Rows]
    price: Annotated[list[Positive | None] | None, _Wished]
    leverage: Annotated[list[Positive | None] | None, _Wished]
    stop_loss: Annotated[list[Positive | None] | None, _Wished]
    reduce_only: Annotated[list[bool] | None, _Wished]

    @model_validator(mode="after")
    def _is_a_table(self) -> Self:
        lengths = [len(column) for _, column in self if column is not None]
        if any(one != other for one, other in pairwise(lengths)):
            raise ValueError("columns of the same length are allowed")
        return self

    def columns(self) -> dict[str, Any]:
        """The columns as the gate takes them."""
        given: dict[str, Any] = {"asset": self.asset, "side": self.side}
        given |= {name: _floats(column) for name in _FLOATS if (column := getattr(self, name)) is not None}
        if self.reduce_only is not None:
            given["reduce_only"] = np.array(self.reduce_only, dtype=np.float64)
        return given


class Masks(BaseModel):
    """For each row the sum of `2**i` for each violated `rules[i]`, 2**29 held, 2**30 overflow, 2**31 engine halted.

    0 is what would be approved.
    """

    rules: list[str]
    masks: list[int]


@router.post("/orders/validate-batch")
@asks("propose")
async def validate_batch(request: Request, vault_id: VaultId, body: BatchBody) -> Masks:
    """What the gate would answer to each of many orders now; nothing changes."""
    desk = desk_of(request)
    masks = await desk.off_loop(desk.vault(vault_id).gate.validate_batch, body.columns())
    return Masks(rules=list(RULES), masks=masks.tolist())


def _floats(column: Sequence[str | None]) -> "np.ndarray[Any, np.dtype[np.float64]]":
    return np.array([np.nan if one is None else float(one) for one in column], dtype=np.float64)
