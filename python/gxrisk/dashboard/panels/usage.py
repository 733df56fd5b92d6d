"""How much of each limit a vault uses now."""

from collections.abc import Mapping
from decimal import Decimal

from gxrisk.dashboard.bars import Bar, Bars
from gxrisk.dashboard.markup import panel
from gxrisk.dashboard.words import money, percent, share
from gxrisk.server.routes.limits import LimitsShown
from gxrisk.server.routes.positions import Holdings
from gxrisk.server.routes.vaults import VaultShown


class Usage:
    """Bars by limit."""

    def __init__(self) -> None:
        with panel("Limits used"):
            self._bars = Bars("Limits used")

    def show(self, now: VaultShown, held: Holdings, limits: LimitsShown) -> None:
        """These numbers."""
        values = limits.limits
        opening = now.equity + now.day_loss
        leverage_max, loss_max, drawdown_max = (
            Decimal(str(values[name])) for name in ("max_leverage", "max_daily_loss", "max_drawdown")
        )
        lost = share(now.day_loss, opening)
        bars = [
            Bar("Drawdown", share(now.drawdown, drawdown_max), f"{percent(now.drawdown)} of {percent(drawdown_max)}"),
            Bar(
                "Daily loss",
                None if lost is None else share(lost, loss_max),
                f"{percent(lost)} of {percent(loss_max)}",
            ),
            Bar(
                "Gross exposure",
                share(now.gross_exposure, leverage_max * now.equity),
                f"{money(now.gross_exposure)} of {money(leverage_max * now.equity)}",
            ),
            _largest(now, held, values),
            _count("Trades today", now.daily_trades, values["max_daily_trades"]),
            _count("Working orders", len(held.working), values["max_open_orders"]),
        ]
        self._bars.show(bars)


def _largest(now: VaultShown, held: Holdings, values: Mapping[str, object]) -> Bar:
    """The asset with the most in it, against what one asset may have."""
    allowed = Decimal(str(values["max_concentration"])) * now.risk_scale * now.equity
    worths = {one.asset: abs(one.quantity) * (one.mark or Decimal(0)) for one in held.positions}
    asset = max(worths, key=lambda one: worths[one], default=None)
    worth = Decimal(0) if asset is None else worths[asset]
    figures = f"{money(worth)} of {money(allowed)}"
    return Bar("Largest asset" if asset is None else f"Largest asset, {asset}", share(worth, allowed), figures)


def _count(name: str, used: int, limit: object) -> Bar:
    if limit is None:
        return Bar(name, None, f"{used}, no limit")
    return Bar(name, share(Decimal(used), Decimal(str(limit))), f"{used} of {limit}")
