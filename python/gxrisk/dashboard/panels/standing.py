"""How a vault stands: its state and its main numbers in one strip."""

from gxrisk.dashboard.markup import box, words_in
from gxrisk.dashboard.words import marked, money, number, percent, share
from gxrisk.server.routes.limits import LimitsShown
from gxrisk.server.routes.vaults import VaultShown

_NAMES = ("State", "Equity", "P&L today", "Drawdown", "Exposure, of equity", "Trades today", "Risk scale")


class Standing:
    """The strip."""

    def __init__(self) -> None:
        with box("dl", "gx-sums"):
            self._values = {}
            for name in _NAMES:
                with box("div"):
                    words_in("dt", name)
                    self._values[name] = words_in("dd", "–")

    def show(self, now: VaultShown, limits: LimitsShown) -> None:
        """These numbers."""
        state = "killed" if now.is_killed else now.state
        exposure = share(now.gross_exposure, now.equity)
        values = {
            "State": marked(state) + (" (paused)" if now.is_paused else ""),
            "Equity": money(now.equity),
            "P&L today": money(-now.day_loss, signed=True),
            "Drawdown": f"{percent(now.drawdown)} of {percent(float(str(limits.limits['max_drawdown'])))}",
            "Exposure, of equity": f"{money(now.gross_exposure)} ({percent(exposure, digits=0)})",
            "Trades today": f"{now.daily_trades} of {limits.limits['max_daily_trades'] or '∞'}",
            "Risk scale": number(now.risk_scale),
        }
        for name, text in values.items():
            self._values[name].text = text
        self._values["State"].classes(replace=f"gx-state gx-state-{state}")
