"""What requests and answers are made of: decimals and ids as text, times as RFC 3339 in UTC."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import Path, Query, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer

from gxrisk.history.amounts import plain
from gxrisk.history.times import written

# The desk is made of parts that use these shapes.
if TYPE_CHECKING:
    from gxrisk.server.desk import Desk

_DIGITS = r"[0-9]{1,18}(\.[0-9]{1,9})?"
_WORD = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"


class Body(BaseModel):
    """A request's body: nothing unknown passes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _above_zero(text: str) -> str:
    if not Decimal(text):
        raise ValueError("a number above 0 is allowed")
    return text


def _moment(text: str) -> str:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("a time like 2026-03-12T10:55:00Z is allowed") from None
    if time.tzinfo is None or not 1971 <= time.year < 2200:
        raise ValueError("a time with its zone, from 1971 to 2199, is allowed")
    return text


Positive = Annotated[
    str,
    Field(pattern=f"^{_DIGITS}$", examples=["0.25"], description="A decimal above 0, as text."),
    AfterValidator(_above_zero),
]
Confidence = Annotated[str, Field(pattern=r"^(0(\.[0-9]{1,9})?|1(\.0{1,9})?)$", examples=["0.8"])]
Asset = Annotated[str, Field(pattern=r"^[!-~]{1,64}$", examples=["BTC"])]
Word = Annotated[str, Field(pattern=_WORD)]
VaultId = Annotated[str, Path(pattern=_WORD, examples=["growth-1"])]
VaultCursor = Annotated[str | None, Query(pattern=_WORD, description="`next_cursor` of the page before.")]
VAULTS_A_PAGE_MAX: Final = 1_000
VaultsAPage = Annotated[int, Query(ge=1, le=VAULTS_A_PAGE_MAX)]
Reason = Annotated[str, Field(min_length=1, max_length=200)]
Time = Annotated[str, Field(examples=["2026-03-12T10:55:00Z"]), AfterValidator(_moment)]
Amount = Annotated[Decimal, PlainSerializer(plain, return_type=str)]
# A statistic that was never exact: six significant digits, as text like every number.
Share = Annotated[float, PlainSerializer(lambda value: f"{value:.6g}", return_type=str)]


def time_ms(text: str) -> int:
    """Milliseconds since 1970 of a `Time`."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def time_of(value: datetime | int | None) -> str | None:
    """A time as RFC 3339 in UTC; an integer is nanoseconds since 1970."""
    if value is None or isinstance(value, int):
        return None if value is None else written(value)
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def text_of(value: Any) -> str | None:
    """A limit or an observed value, which may be a number or a word."""
    return plain(value) if isinstance(value, Decimal) else None if value is None else str(value)


def desk_of(request: Request) -> "Desk":
    """What the server owns."""
    desk: Desk = request.app.state.desk
    return desk
