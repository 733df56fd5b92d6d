"""One run of one scenario: fleet, venue and journal as they are for real, and what was seen from outside."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from gxrisk._native import JournalError, JournalReader, ManualClock, Order
from gxrisk.drills.losses import gauge_of
from gxrisk.drills.market import tapes
from gxrisk.drills.model_faults import Faulty, faulty_version
from gxrisk.drills.plan import Plan
from gxrisk.drills.scenarios import Scenario
from gxrisk.drills.seen import Minute, Ran
from gxrisk.drills.venue import DrillVenue
from gxrisk.drills.venue_faults import Faulted
from gxrisk.feeds.reconstruction import MINUTE_MS
from gxrisk.feeds.timeline import Moment, timeline
from gxrisk.protection.data_quality import DataQuality
from gxrisk.snapshot import Snapshot
from gxrisk.vaults.fleet import JOURNAL, Fleet
from gxrisk.vaults.notices import Notice
from gxrisk.vaults.proposals import exit_order, send
from gxrisk.vaults.reconciliation import differences
from gxrisk.vaults.settings import VaultSettings
from gxrisk.vaults.vault import Vault
from gxrisk.vaults.version import StrategyVersion
from gxrisk.venues.paper.account import PaperAccount
from gxrisk.venues.protocol import Filled, VenueError

VAULT: Final = "drill"
WARM_BARS: Final = 40
WARM_MINUTES: Final = 120
TRADING_MINUTES: Final = 60
FAULT_MINUTE: Final = 5
_NS_PER_MS: Final = 1_000_000


Wrapped = Callable[[Faulted], Faulted]


async def run(
    scenario: Scenario,
    plan: Plan,
    model: str,
    folder: Path,
    *,
    gives_up: bool = False,
    around: Wrapped | None = None,
) -> Ran:
    """Take a vault with this model through the scenario; its journal is left in `folder`.

    With `gives_up` the run ends once the operator's own `max_daily_loss` or `max_drawdown` is passed. `around` wraps
    the account once more: for tests that tamper with what the venue says.
    """
    one = _Run(scenario, plan, model, folder, gives_up, around)
    try:
        await one.play()
    finally:
        await one.close()
    one.ran.events, one.ran.journal = read_journal(folder)
    return one.ran


def read_journal(folder: Path) -> tuple[list[dict[str, Any]], str | None]:
    """The records of the run that was left in `folder`, and what is wrong with them, None where nothing is."""
    reader = JournalReader(folder / VAULT / JOURNAL)
    try:
        reader.verify()
    except JournalError as error:
        return [], str(error)
    return reader.events(), None


class _Run:
    def __init__(
        self, scenario: Scenario, plan: Plan, model: str, folder: Path, gives_up: bool, around: Wrapped | None
    ) -> None:
        self.scenario = scenario
        self.plan = plan
        self.ran = Ran(scenario, plan, model)
        self.folder = folder
        self._gives_up = gives_up
        self._around = around
        self._gauge = gauge_of(plan)
        self._is_beyond = False
        self._begins_ms = int(scenario.begins.timestamp()) * 1000
        self._ends_ms = self._begins_ms + scenario.minutes * MINUTE_MS
        warm = max(WARM_MINUTES, WARM_BARS * plan.bar_s // 60)
        self._trades_ms = self._begins_ms - max(TRADING_MINUTES, 4 * plan.bar_s // 60) * MINUTE_MS
        starts_ms = self._trades_ms - warm * MINUTE_MS
        lead = (self._begins_ms - starts_ms) // MINUTE_MS
        truth = list(timeline(tapes(scenario.levels, self._begins_ms, lead, plan.assets, plan.seed)))
        self._told = scenario.feed(truth, self._begins_ms) if scenario.feed else truth
        self._clock = ManualClock(starts_ms * _NS_PER_MS)
        self._venue = DrillVenue(truth, self._clock, self._wrap, seed=plan.seed, watch=self._watch)
        self._fleet = Fleet(
            folder,
            self._venue,
            clock=self._clock,
            notify=self._hear,
            data_quality=DataQuality() if plan.data_quality else None,
        )
        self._vault: Vault | None = None
        self._account: PaperAccount | None = None
        self._through: Faulted | None = None
        self._models: list[Faulty] = []

    async def play(self) -> None:
        self._fleet.market.bars(self.plan.bar_s)  # so that the model finds bars from before its time
        for moment in self._told:
            if self._vault is None and moment.at_ms >= self._trades_ms:
                self._vault = await self._create()
            if self._vault is not None and moment.at_ms >= self._ends_ms:
                await self._leave(self._vault, moment)
            elif self._vault is not None:
                self._be_patient(self._vault, moment)
            await self._fleet.step(moment)
            if self._is_beyond and self._gives_up:
                return
        if self._vault is not None and not self._fleet.failed:
            await self._compare(self._vault)

    async def close(self) -> None:
        for model in self._models:
            model.let_go()
        if self._account is not None and self._account.failure is None:
            if self._through is not None:
                with suppress(VenueError):  # given up while the fault lasts, and the fault is that it says nothing
                    self.ran.told = sum(isinstance(one, Filled) for one in await self._through.reports(0))
            self.ran.fills = tuple(one for one in await self._account.reports(0) if isinstance(one, Filled))
        await self._fleet.close()
        self.ran.failure = self._fleet.failed.get(VAULT)

    async def _create(self) -> Vault:
        version = StrategyVersion.of(self.ran.model, "drill")
        if self.scenario.model is not None:
            version = faulty_version(version, self._fault)
        settings = VaultSettings(self.plan.tier, version, bar_s=self.plan.bar_s)
        vault = await self._fleet.create(VAULT, settings, limits=self.plan.limits)
        vault.gate.set_correlation_groups(self.plan.groups)
        await vault.fund("first", self.plan.deposit)
        return vault

    def _fault(self, strategy: Any) -> Faulty:
        assert self.scenario.model is not None
        since = datetime.fromtimestamp(self._fault_ms / 1000, UTC)
        model = self.scenario.model(strategy, since, self.plan.limits)
        self._models.append(model)
        return model

    @property
    def _fault_ms(self) -> int:
        return self._begins_ms + FAULT_MINUTE * MINUTE_MS

    def _wrap(self, account: PaperAccount) -> Faulted:
        lasts = range(self._fault_ms, self._ends_ms)
        through = self.scenario.venue(account, lasts) if self.scenario.venue else Faulted(account, lasts)
        self._account = account
        self._through = self._around(through) if self._around else through
        return self._through

    async def _hear(self, notice: Notice) -> None:
        self.ran.notices.append(notice)

    def _be_patient(self, vault: Vault, moment: Moment) -> None:
        if self.scenario.patience_s is not None and moment.at_ms >= self._fault_ms:
            vault.patience_s = self.scenario.patience_s

    def _watch(self, at_ms: int) -> None:
        """What the account is worth at this minute, and whether its owner could leave."""
        if self._vault is None or self._account is None or self._fleet.failed:
            return
        ledger, prices = self._account.book.ledger, self._venue.prices
        self.ran.minutes.append(minute := Minute(at_ms, ledger.equity(prices), dict(prices), ledger.gross(prices)))
        day, drawdown = self._gauge.take(minute)
        limits = self.plan.limits
        self._is_beyond |= day > limits.max_daily_loss or drawdown > limits.max_drawdown
        gate = self._vault.gate
        for exit_ in _exits(gate.snapshot()):
            decision = gate.validate_order(exit_, origin="owner")
            if not decision:
                rules = ", ".join(one.rule for one in decision.violations)
                self.ran.blocked.append(f"{exit_.side} {exit_.quantity} {exit_.asset} in state {gate.state}: {rules}")

    async def _leave(self, vault: Vault, moment: Moment) -> None:
        """The owner ends the drill: everything is cancelled and closed."""
        if self._fleet.failed:
            return
        if moment.at_ms == self._ends_ms:
            vault.kill("the drill is over")
        for exit_ in _exits(vault.gate.snapshot()):
            decision = vault.gate.authorize(exit_, origin="owner")
            if decision:
                account = await self._venue.account(VAULT, vault.gate.redeem)
                try:
                    await send(decision, account)
                except VenueError:  # as in a fleet: what is not known is reconciled, and the next moment tries again
                    await vault.connect(account)
                    return

    async def _compare(self, vault: Vault) -> None:
        try:
            await vault.catch_up()
            statement = await (await self._venue.account(VAULT, vault.gate.redeem)).statement()
        except VenueError as error:
            self.ran.differences = (f"the venue could not be asked: {error}",)
            return
        snapshot = vault.gate.snapshot()
        self.ran.differences = tuple(str(one) for one in differences(snapshot, statement))
        self.ran.left = tuple(f"{quantity} {asset}" for asset, quantity in snapshot.positions.items())


def _exits(snapshot: Snapshot) -> list[Order]:
    """What closes each position, less what is on its way already."""
    found = []
    for asset, position in snapshot.positions.items():
        reducing = sum(one.remaining for one in snapshot.working if one.order.asset == asset and one.order.reduce_only)
        left = abs(position) - reducing
        if left > 0:
            quantity = left if position > 0 else -left
            found.append(exit_order(asset, quantity, 1.0, "the owner leaves"))
    return found
