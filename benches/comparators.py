"""What the gate is held against: an empty call, a validator in plain Python, the same checks in numpy.

All of them make eight checks (leverage, position size, stop required, stop distance, daily loss, drawdown,
concentration, correlation) of the gate's nineteen rules, know no working orders, and, but for `Decimal`, compute in
floats. They are as fast as they can honestly be made: whatever depends on the vault alone is worked out beforehand.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from benches import vaults

Floats: TypeAlias = npt.NDArray[np.float64]
Masks: TypeAlias = npt.NDArray[np.uint8]
Number = TypeVar("Number", float, Decimal)


def empty(_order: object) -> None:
    """The unit of the table."""


def empty_with_fields(
    asset: object,
    side: object,
    quantity: object,
    *,
    confidence: object,
    reasoning: object,
    price: object = None,
    leverage: object = 1,
    stop_loss: object = None,
    take_profit: object = None,
    reduce_only: object = False,
    client_order_id: object = None,
) -> None:
    """An empty call with the arguments of `order(...)`: what passing them costs by itself."""


@dataclass(slots=True)
class PlainOrder(Generic[Number]):
    """An order of the plain validator."""

    asset: str
    side: int
    quantity: Number
    price: Number
    leverage: Number
    stop_loss: Number | None


@dataclass(slots=True)
class PlainVault(Generic[Number]):
    """A vault in plain Python, with its caps worked out beforehand."""

    one: Number
    leverage_max: Number
    gross_max: Number
    notional_max: Number
    asset_max: Number
    group_max: Number
    day_loss_max: Number
    drawdown_max: Number
    stop_atr_min: Number
    stop_atr_max: Number
    day_loss: Number
    loss: Number
    gross: Number
    mark: dict[str, Number]
    atr: dict[str, Number]
    position: dict[str, Number]
    exposure: dict[str, Number]
    group: dict[str, str]
    group_exposure: dict[str, Number]

    @classmethod
    def held(cls, number: type[Number], positions: int = vaults.POSITIONS) -> "PlainVault[Number]":
        """The vault of `vaults.held`, in floats or in `Decimal`."""
        limits, equity, mark = vaults.LIMITS, number(vaults.DEPOSIT), number(vaults.MARK)
        names = [vaults.asset(index) for index in range(positions)]

        def share(name: str) -> Number:
            return number(getattr(limits, name)) * equity

        return cls(
            one=number(1),
            leverage_max=number(limits.max_leverage),
            gross_max=share("max_leverage"),
            notional_max=share("max_position_fraction"),
            asset_max=share("max_concentration"),
            group_max=share("max_correlated_exposure"),
            day_loss_max=share("max_daily_loss"),
            drawdown_max=share("max_drawdown"),
            stop_atr_min=number(limits.stop_atr_min),
            stop_atr_max=number(limits.stop_atr_max),
            day_loss=number(0),
            loss=number(0),
            gross=mark * positions,
            mark=dict.fromkeys(names, mark),
            atr=dict.fromkeys(names, number(vaults.ATR)),
            position=dict.fromkeys(names, number(1)),
            exposure=dict.fromkeys(names, mark),
            group={name: name for name in names},
            group_exposure=dict.fromkeys(names, mark),
        )

    def validate(self, order: PlainOrder[Number]) -> list[str]:
        """The violated checks."""
        violations = []
        asset, side, quantity, price = order.asset, order.side, order.quantity, order.price
        mark, exposure, position = self.mark[asset], self.exposure[asset], self.position[asset]
        after = max(abs(position), abs(position + side * quantity)) * mark
        if not self.one <= order.leverage <= self.leverage_max or self.gross - exposure + after > self.gross_max:
            violations.append("leverage")
        if quantity * max(price, mark) > self.notional_max:
            violations.append("position_size")
        stop = order.stop_loss
        distance = None if stop is None else side * (price - stop)
        if distance is None or distance <= 0:
            violations.append("stop_loss_required")
        else:
            atr = self.atr[asset]
            if not self.stop_atr_min * atr <= distance <= self.stop_atr_max * atr:
                violations.append("stop_loss_distance")
        if self.day_loss >= self.day_loss_max:
            violations.append("daily_loss")
        if self.loss >= self.drawdown_max:
            violations.append("drawdown")
        if after > self.asset_max:
            violations.append("concentration")
        if self.group_exposure[self.group[asset]] - exposure + after > self.group_max:
            violations.append("correlated_exposure")
        return violations


def plain_order(number: type[Number]) -> PlainOrder[Number]:
    """`vaults.small` for the plain validator."""
    mark = number(vaults.MARK)
    return PlainOrder(vaults.asset(3), 1, number(1), mark, number(2), mark - 2 * number(vaults.ATR))


LEVERAGE, POSITION_SIZE, STOP_REQUIRED, STOP_DISTANCE, DAILY_LOSS, DRAWDOWN, CONCENTRATION, CORRELATION = (
    np.uint8(1 << bit) for bit in range(8)
)


@dataclass(slots=True)
class Caps:
    """What depends on the vault alone, an entry an asset: the position in units, the stop's distance in price.

    An asset whose position is too large already gets a limit below zero, which no order meets.
    """

    mark: Floats
    position: Floats
    leverage_max: float
    notional_max: float
    stop_min: Floats
    stop_max: Floats
    gross_units: Floats
    asset_units: Floats
    group_units: Floats
    account: np.uint8

    @classmethod
    def of(cls, vault: PlainVault[float]) -> "Caps":
        """The caps of a vault."""
        names = list(vault.mark)
        mark, position = (np.array([table[name] for name in names]) for table in (vault.mark, vault.position))
        atr, exposure = (np.array([table[name] for name in names]) for table in (vault.atr, vault.exposure))
        group = np.array([vault.group_exposure[vault.group[name]] for name in names])

        def units(money: Floats) -> Floats:
            most = money / mark
            return np.where(np.abs(position) > most, -1.0, most)

        account = (DAILY_LOSS if vault.day_loss >= vault.day_loss_max else np.uint8(0)) | (
            DRAWDOWN if vault.loss >= vault.drawdown_max else np.uint8(0)
        )
        return cls(
            mark=mark,
            position=position,
            leverage_max=vault.leverage_max,
            notional_max=vault.notional_max,
            stop_min=vault.stop_atr_min * atr,
            stop_max=vault.stop_atr_max * atr,
            gross_units=units(vault.gross_max - vault.gross + exposure),
            asset_units=units(np.full(len(names), vault.asset_max)),
            group_units=units(vault.group_max - group + exposure),
            account=account,
        )


def plain_numpy(caps: Caps, columns: dict[str, Any]) -> Masks:
    """The eight checks over whole arrays, as one would write them first."""
    code, side, quantity, price = (columns[name] for name in ("asset", "side", "quantity", "price"))
    after = np.abs(caps.position[code] + side * quantity)
    distance = side * (price - columns["stop_loss"])
    leverage = columns["leverage"]
    checks = (
        (LEVERAGE, (leverage < 1) | (leverage > caps.leverage_max) | (after > caps.gross_units[code])),
        (POSITION_SIZE, quantity * np.maximum(price, caps.mark[code]) > caps.notional_max),
        (STOP_REQUIRED, ~(distance > 0)),
        (STOP_DISTANCE, (distance < caps.stop_min[code]) | (distance > caps.stop_max[code])),
        (CONCENTRATION, after > caps.asset_units[code]),
        (CORRELATION, after > caps.group_units[code]),
    )
    masks = np.full(len(code), caps.account, dtype=np.uint8)
    for bit, violated in checks:
        masks |= violated * bit
    return masks


@dataclass(slots=True)
class BlockedNumpy:
    """The same in blocks that stay in the second-level cache, with nothing allocated in the loop but views."""

    caps: Caps
    block: int
    floats: Floats
    flags: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, caps: Caps, block: int = 8_192) -> "BlockedNumpy":
        """With its buffers."""
        return cls(caps, block, np.empty((3, block)), np.empty((2, block), dtype=np.bool_))

    def __call__(self, columns: dict[str, Any]) -> Masks:
        """One mask a row."""
        masks = np.empty(len(columns["asset"]), dtype=np.uint8)
        for first in range(0, len(masks), self.block):
            self._judge(columns, slice(first, first + self.block), masks[first : first + self.block])
        return masks

    def _judge(self, columns: dict[str, Any], rows: slice, masks: Masks) -> None:
        caps, size = self.caps, len(masks)
        code, side, quantity = columns["asset"][rows], columns["side"][rows], columns["quantity"][rows]
        price, leverage, stop = columns["price"][rows], columns["leverage"][rows], columns["stop_loss"][rows]
        a, b, c = self.floats[0, :size], self.floats[1, :size], self.floats[2, :size]
        flag, other = self.flags[0, :size], self.flags[1, :size]
        bits, mark = flag.view(np.uint8), b

        def note(bit: np.uint8) -> None:
            np.multiply(bits, bit, out=bits)
            np.bitwise_or(masks, bits, out=masks)

        # Notional against its cap.
        caps.mark.take(code, out=mark, mode="clip")
        np.maximum(price, mark, out=a)
        np.multiply(a, quantity, out=a)
        np.greater(a, caps.notional_max, out=flag)
        np.multiply(bits, POSITION_SIZE, out=masks)
        if caps.account:
            np.bitwise_or(masks, caps.account, out=masks)
        # The position after, against three caps in units.
        caps.position.take(code, out=b, mode="clip")
        np.multiply(side, quantity, out=a)
        np.add(a, b, out=a)
        np.absolute(a, out=a)
        caps.asset_units.take(code, out=b, mode="clip")
        np.greater(a, b, out=flag)
        note(CONCENTRATION)
        caps.group_units.take(code, out=b, mode="clip")
        np.greater(a, b, out=flag)
        note(CORRELATION)
        caps.gross_units.take(code, out=b, mode="clip")
        np.greater(a, b, out=flag)
        np.less(leverage, 1.0, out=other)
        np.logical_or(flag, other, out=flag)
        np.greater(leverage, caps.leverage_max, out=other)
        np.logical_or(flag, other, out=flag)
        note(LEVERAGE)
        # The stop: not (distance > 0) is also true of a missing one.
        np.subtract(price, stop, out=c)
        np.multiply(c, side, out=c)
        np.greater(c, 0.0, out=flag)
        np.logical_not(flag, out=flag)
        note(STOP_REQUIRED)
        caps.stop_min.take(code, out=b, mode="clip")
        np.less(c, b, out=flag)
        caps.stop_max.take(code, out=b, mode="clip")
        np.greater(c, b, out=other)
        np.logical_or(flag, other, out=flag)
        note(STOP_DISTANCE)


BLOCKS = {f"numpy, blocks of {block:,} rows": block for block in (4_096, 8_192, 16_384, 32_768, 65_536)}
VERSIONS = ("numpy, whole arrays", *BLOCKS)


def numpy_versions(caps: Caps) -> dict[str, Callable[[dict[str, Any]], Masks]]:
    """Every numpy version by name; which is the fastest is measured, not assumed."""
    blocked = {name: BlockedNumpy.of(caps, block) for name, block in BLOCKS.items()}
    return {VERSIONS[0]: lambda columns: plain_numpy(caps, columns), **blocked}
