"""How a vault comes to its strategy and its account: whole where both may be had, else for exits only."""

from typing import NamedTuple

from gxrisk._native import Gate, Limits, VaultError
from gxrisk.agent.predictions import Logged, PredictionLog
from gxrisk.agent.strategy import ModelError, Strategy
from gxrisk.vaults.certificate import GraduationError
from gxrisk.vaults.exits_only import Absent
from gxrisk.vaults.settings import VaultSettings
from gxrisk.vaults.version import StrategyVersion
from gxrisk.venues.bounded import Patience
from gxrisk.venues.exits import exits_alone
from gxrisk.venues.live import LiveVenue
from gxrisk.venues.paper import PaperVenue
from gxrisk.venues.protocol import Account, Venue

LACKS = (ModelError, GraduationError)
"""What is wrong with a strategy or a licence, and no reason to leave positions alone."""


class Admitted(NamedTuple):
    """What a vault works with; `strategy` is `Absent` where it is for exits only."""

    account: Account
    strategy: Strategy


class Admission:
    """The way to one venue. What does not answer at once is asked in bounded time.

    With `predictions` every answer of a strategy is kept there, under `model_id`.
    """

    def __init__(self, venue: Venue, predictions: PredictionLog | None = None) -> None:
        self._venue = venue
        self._predictions = predictions
        self._patience = Patience()
        self.answers_at_once = type(venue) is PaperVenue  # and is asked by every vault at every moment

    def check(self, vault_id: str, settings: VaultSettings, limits: Limits | None = None) -> Strategy:
        """The strategy of a vault that may trade here, freshly made.

        Raises `VaultError` for another kind of venue, `ModelError` and `GraduationError` where strategy or licence are
        not what they should be.
        """
        self._check_kind(vault_id, settings)
        if isinstance(self._venue, LiveVenue):
            self._venue.admit(vault_id, settings, limits)
        strategy = settings.strategy.make()
        if self._predictions is None or settings.strategy.is_external:
            return strategy
        return Logged(strategy, self._predictions, model_id(settings.strategy))

    async def admitted(self, gate: Gate, settings: VaultSettings) -> Admitted:
        """Whole, or for exits only. Raises `VaultError` for another kind of venue, and `VenueError`."""
        try:
            strategy = self.check(gate.vault_id, settings)
            return Admitted(await self.account(gate), strategy)
        except LACKS as lack:
            return Admitted(await self.account_for_exits(gate), Absent(str(lack)))

    async def account(self, gate: Gate) -> Account:
        """The account of a vault that may trade. Raises `GraduationError` and `ModelError` for one that may not."""
        if self.answers_at_once:
            return await self._venue.account(gate.vault_id, gate.redeem)
        return await self._patience.account(gate.vault_id, self._venue.account(gate.vault_id, gate.redeem))

    async def account_for_exits(self, gate: Gate) -> Account:
        """The account of a vault that may only leave."""
        if isinstance(self._venue, LiveVenue):
            opening = self._venue.account_for_exits(gate.vault_id, gate.redeem)
        else:
            opening = self._venue.account(gate.vault_id, exits_alone(gate.redeem))
        if self.answers_at_once:
            return await opening
        return await self._patience.account(gate.vault_id, opening)

    def _check_kind(self, vault_id: str, settings: VaultSettings) -> None:
        venue = self._venue
        if settings.is_live != venue.is_live:
            kind, other = ("live", "paper") if settings.is_live else ("paper", "live")
            raise VaultError(f"{vault_id} is a {kind} vault, {venue.name} a {other} venue")
        if settings.is_live and not isinstance(venue, LiveVenue):
            raise VaultError(f"{venue.name} is no LiveVenue, so nothing there asks for a graduation")


def model_id(strategy: StrategyVersion) -> str:
    """The name under which the prediction log has a strategy's answers: vaults of the same version share it.

    >>> model_id(StrategyVersion("my_models:Breakout", "2", "3f" * 32))
    'my_models:Breakout 2 3f3f3f3f3f3f'
    """
    return f"{strategy.name} {strategy.version} {strategy.content_hash[:12]}"
