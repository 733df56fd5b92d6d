"""One vault: its gate, its account at the venue, its strategy, and what has to be done for it at each moment."""

import json
from decimal import Decimal
from typing import Final

from gxrisk._native import Decision, Gate, Order, VaultError
from gxrisk.agent.closing import close_strategy
from gxrisk.agent.strategy import Strategy
from gxrisk.protection.standing import Standings
from gxrisk.vaults.auto_pause import AutoPause
from gxrisk.vaults.certificate import TOPIC as CERTIFICATE
from gxrisk.vaults.client_orders import Answer, ClientOrders
from gxrisk.vaults.clients import Clients
from gxrisk.vaults.correlation import Correlation
from gxrisk.vaults.dealings import Dealings
from gxrisk.vaults.exits_only import WAY_OUT, Absent, settle
from gxrisk.vaults.graduation import Graduation
from gxrisk.vaults.market import Bars, Market
from gxrisk.vaults.notices import Notices, Notify
from gxrisk.vaults.paper import Paper
from gxrisk.vaults.proposals import Proposer, exit_order
from gxrisk.vaults.protecting import Protection
from gxrisk.vaults.questions import Attempt, Questions
from gxrisk.vaults.reconciliation import Difference
from gxrisk.vaults.settings import VaultSettings
from gxrisk.vaults.tier import Held, as_they_are, change_tier
from gxrisk.vaults.timings import Timings
from gxrisk.vaults.trailing import trailing
from gxrisk.vaults.turn import Turn
from gxrisk.vaults.volatility import Volatility
from gxrisk.vaults.withdrawal import Pending
from gxrisk.vaults.withdrawal_preview import WithdrawalPreview, preview
from gxrisk.venues.protocol import Account, VenueError

EQUITY: Final = "equity"
SAMPLE_MS: Final = 3_600_000
_ATR_MIN: Final = 1e-9
_NS_PER_MS: Final = 1_000_000


class Vault:
    """A running vault. `Fleet` makes, opens and drives it; an owner's and operator's controls are methods here.

    `gate` is the one thing that may approve; `step` is called for each moment of the feed, after the venue had it.
    `exits_only` says why the vault was opened without its strategy, None where it was not.
    Everything may be called from any task of the event loop: what awaits waits for its turn, and the controls that do
    not (`pause`, `kill`, `withdraw`, ...) act at once, between two such waits of others.
    """

    def __init__(
        self,
        gate: Gate,
        account: Account,
        strategy: Strategy,
        settings: VaultSettings,
        notify: Notify,
        standings: Standings | None = None,
        timings: Timings | None = None,
    ) -> None:
        self.gate = gate
        self.settings = settings
        self.notices = Notices(gate)
        self._notify = notify
        self._turn = Turn(gate.vault_id)
        self._dealings = Dealings(gate, account, self.notices)
        self.leave_only(strategy.reason if isinstance(strategy, Absent) else None)
        guards = settings.protection
        self.protection = None if guards is None else Protection(gate, guards, self.notices, standings)
        self._strategy = strategy
        self._proposer = Proposer(strategy, gate, account, self._turn.lock, protection=self.protection, timings=timings)
        self._questions = Questions(gate, self._proposer, self.protection)
        self._volatility = Volatility(gate)
        groups = settings.correlation
        self._correlation = None if groups is None else Correlation(gate, groups, settings.assets)
        self._auto_pause = AutoPause(gate, self.notices)
        self.paper = None if settings.is_live else Paper(gate, settings, self.notices)
        orders = ClientOrders(gate, self.protection, self._proposer.portfolio)
        self._clients = Clients(gate, settings, self._turn, self._dealings, orders)
        self._trailing = trailing(gate, self._dealings, self.protection, self.notices)
        self._looked_at = 0
        # What a recovered vault has seen is not asked again where a feed tells it again.
        self._seen_ns = gate.snapshot().time_ns if gate.recovery is not None else -1
        self._sampled_ms = json.loads(gate.notes.get(EQUITY, '{"at_ms": 0}'))["at_ms"]

    @property
    def vault_id(self) -> str:
        """The vault's id."""
        return self.gate.vault_id

    @property
    def withdrawal(self) -> Pending | None:
        """The withdrawal that is on its way."""
        return self._dealings.withdrawals.pending

    @property
    def reconciled_ns(self) -> int | None:
        """When gate and venue were compared last, by the computer's clock, in ns; None before the first time."""
        return self._dealings.reconciled_ns

    @property
    def auto_pause(self) -> str | None:
        """How far the automatic pause after a drawdown came: `cancelling`, `told`, or None."""
        return self._auto_pause.stage

    @property
    def patience_s(self) -> float:
        """How many seconds the strategy has for one question."""
        return self._proposer.asking.timeout_s

    @patience_s.setter
    def patience_s(self, seconds: float) -> None:
        self._proposer.asking.timeout_s = seconds

    # What the fleet calls

    async def connect(self, account: Account) -> None:
        """Take this account, which was opened anew at the venue; the next step begins with reconciling it."""
        async with self._turn:
            self._dealings.connect(account)
            self._proposer.account = account

    async def step(self, market: Market) -> None:
        """Take the feed's moment: fills first, then marks and duties.

        Breakers live on marks, so these do not wait for a venue that cannot be reached; that is raised last.
        """
        async with self._turn:
            await self._step(market)

    async def _step(self, market: Market) -> None:
        if self.paper is not None:
            self.paper.saw(market.moment.at_ms)
        unreachable = await self._hear()
        self._clients.orders.bars = bars = market.bars(self.settings.bar_s)
        self._mark(market, bars)
        if self.protection is not None:
            self.protection.scores = market.scores
        completed: list[str] = []
        if market.moment.at_ms * _NS_PER_MS > self._seen_ns:
            completed = [asset for asset in market.completed(self.settings.bar_s) if self._trades(asset)]
        if completed:
            volatilities = [bars.volatility(asset) for asset in bars.assets if self._trades(asset)]
            self._volatility.look(volatilities)
            if self._correlation is not None:
                self._correlation.look(bars)
            if self.protection is not None:
                await self.protection.look(volatilities)
            if self._trailing is not None:
                self._trailing.move(completed, bars)
        await self._attend(market.moment.at_ms)
        if unreachable is not None:
            raise unreachable
        if not self.settings.strategy.is_external and self.exits_only is None:
            self._questions.take(completed, bars)

    async def tick(self, now_ms: int) -> None:
        """Time went on and the feed told nothing: the venue's reports and what is due."""
        async with self._turn:
            unreachable = await self._hear()
            await self._attend(now_ms)
            if unreachable is not None:
                raise unreachable

    @property
    def has_questions(self) -> bool:
        """Whether the strategy has to be asked."""
        return self._questions.are_open

    async def ask(self, market: Market) -> None:
        """Ask the strategy about the bars that were completed, and wait for its answers."""
        await self._questions.answer(market.bars(self.settings.bar_s))

    def ask_beside(self, market: Market, attempt: Attempt) -> None:
        """Ask the strategy in a task of its own; `attempt` runs it."""
        self._questions.answer_beside(market.bars(self.settings.bar_s), attempt)

    async def finish_answers(self, within_s: float) -> None:
        """Wait for what is asked beside the moments."""
        await self._questions.finish(within_s)

    async def catch_up(self) -> None:
        """Book what the venue reported; before the first time, what a crash left open is settled and reconciled."""
        async with self._turn:
            await self._dealings.catch_up()

    async def close(self) -> None:
        """Write down what is known and let go of journal and account; nothing is sold or cancelled by it.

        A question that is not answered yet becomes a hold on record.
        """
        self._turn.end()
        await self._questions.end()
        await close_strategy(self._strategy)
        async with self._turn.lock:
            try:
                self._dealings.booking.note()
                if self.protection is not None:
                    self.protection.keep()
                if self.paper is not None:
                    self.paper.keep()
            finally:
                try:
                    await self._dealings.account.close()
                finally:
                    self.gate.close()

    # What a client calls whose strategy runs elsewhere

    async def propose(self, order: Order) -> Answer:
        """Put a client's order before guards and gate, and send what passes (`Clients.propose`)."""
        return await self._clients.propose(order)

    async def cancel(self, order_id: str) -> None:
        """Ask the venue for the end of what is left of an order. Raises `VaultError` for one that does not work."""
        await self._clients.cancel(order_id)

    # What owners and operators call

    async def fund(self, transfer_id: str, amount: Decimal) -> None:
        """Pay money in, once for each `transfer_id`. Raises `VaultError` while a withdrawal is on its way."""
        async with self._turn:
            if self._dealings.withdrawals.pending is not None:
                raise VaultError("a withdrawal is on its way; pay in when it is paid")
            await self._dealings.deposits.book(transfer_id, amount)
            self._dealings.is_busy = True

    async def close_position(self, asset: str, reasoning: str, client_order_id: str | None = None) -> Decision:
        """Close a whole position at the market, in every state of the vault; the venue's report tells what came of it.

        Raises `VaultError` where nothing is held, `VenueError` when it is not known whether the order arrived.
        """
        async with self._turn:
            await self._dealings.catch_up()
            position = self.gate.snapshot().positions.get(asset)
            if position is None:
                raise VaultError(f"{self.vault_id} holds no {asset}")
            order = exit_order(asset, position.quantity, 1, reasoning, client_order_id)
            decision = self.gate.authorize(order, origin="owner")
            await self._dealings.send(decision)
            return decision

    def preview_withdrawal(self, amount: Decimal) -> WithdrawalPreview:
        """What withdrawing `amount` would do, before it is signed; nothing changes."""
        groups = {} if self._correlation is None else self._correlation.groups
        return preview(self.gate.snapshot(), self.gate.limits, amount, groups)

    def withdraw(self, request: bytes | str) -> Pending:
        """Take a withdrawal that the owner signed: positions close at once, then it is paid (`Withdrawals.request`)."""
        if self._dealings.deposits.is_open:
            raise VaultError("a deposit is being booked; withdraw when it is")
        pending = self._dealings.withdrawals.request(request)
        self._dealings.is_busy = True
        return pending

    def pause(self) -> None:
        """Stop the strategy; exits by owner and protection still pass."""
        self._dealings.withdrawals.stay_paused()
        self.gate.pause()

    def resume(self) -> None:
        """End the pause and what an operator must end.

        Raises `VaultError` while a withdrawal is on its way, and for a vault that is open for exits only.
        """
        if self.exits_only is not None:
            raise VaultError(f"{self.vault_id} is open for exits only: {self.exits_only}; {WAY_OUT}")
        if self._dealings.withdrawals.pending is not None:
            raise VaultError("a withdrawal is on its way; the vault resumes by itself when it is paid")
        self.gate.resume()

    def leave_only(self, reason: str | None) -> None:
        """For whoever opens it: why that is for exits only, None for a vault that is whole; on record."""
        self.exits_only = settle(self.gate, self.notices, reason)
        if self.exits_only is not None:
            self._dealings.withdrawals.stay_paused()

    def kill(self, reason: str) -> None:
        """Halt, and cancel everything; only the owner's `reactivate` undoes it."""
        self.gate.kill(reason)
        self._dealings.is_busy = True

    def reactivate(self, *, rebase: bool = False, signed: bytes | str | None = None) -> None:
        """End a kill or a drawdown; with `rebase` today's equity is the new base.

        Raises `ReactivationError` where the vault has an owner's key and `signed` is not the owner's for this stop.
        """
        self.gate.reactivate(rebase, signed=signed)
        self._dealings.is_busy = True

    def review_model(self, by: str, reason: str) -> None:
        """A person lets the model begin anew: its record, and with it its health and edge, start from here.

        Raises `VaultError` for a vault without protection.
        """
        if self.protection is None:
            raise VaultError(f"{self.vault_id} has no protection; there is no record to begin anew")
        self.protection.review(by, reason)

    def change_tier(self, tier: str, held: Held = as_they_are) -> None:
        """Take what another tier sets, held to an operator's ceiling; limits that do not depend on the tier stay.

        Raises `VaultError` unless the vault is flat and nothing works, and for a live one: that has the tier that its
        strategy graduated in, and tighter limits by `gate.set_limits`.
        """
        if self.settings.is_live:
            raise VaultError(f"{self.vault_id} is live and keeps the tier it graduated in; graduate on paper in {tier}")
        self.settings = change_tier(self.gate, self.settings, tier, held)

    def graduation(self, now_ms: int) -> Graduation:
        """What the paper period has shown so far and what is missing, at that time of the feed.

        Raises `VaultError` for a live vault, which has none.
        """
        return self._on_paper().judged(now_ms)

    def certificate(self) -> bytes:
        """The signed certificate of graduation, for `Licence` at a live venue. Raises `VaultError` without one."""
        return self.gate.attest(CERTIFICATE)

    def explain_gap(self, from_ms: int, reason: str) -> None:
        """Put on record why the feed told nothing from that time on, so that the gap does not count."""
        self._on_paper().explain(from_ms, reason)

    async def reconcile(self) -> tuple[Difference, ...]:
        """Compare with the venue, after booking all it reported; a difference restricts the vault and is told.

        What was redeemed and never reached the venue, since a crash came between, is ended here.
        """
        async with self._turn:
            return await self._dealings.reconcile()

    def _on_paper(self) -> Paper:
        if self.paper is None:
            raise VaultError(f"{self.vault_id} is a live vault; only paper vaults graduate")
        return self.paper

    # What a moment consists of

    async def _hear(self) -> VenueError | None:
        try:
            await self._dealings.catch_up()
        except VenueError as error:
            return error
        return None

    async def _attend(self, now_ms: int) -> None:
        """Do what is due: cancels, the automatic pause, a withdrawal, the hourly sample, notices."""
        try:
            await self._do_duties(now_ms)
        finally:
            if self.notices.waiting:
                await self.notices.deliver(self._notify)

    async def _do_duties(self, now_ms: int) -> None:
        if self._dealings.is_busy or self.gate.sequence != self._looked_at:
            snapshot = self.gate.snapshot()
            # First, since a control may act while this waits: that is looked at the next time.
            self._dealings.is_busy, self._looked_at = False, snapshot.sequence
            self._auto_pause.look(snapshot)
            await self._dealings.attend(snapshot, now_ms)
        if self._trailing is not None:
            await self._trailing.watch(now_ms)
        if now_ms - self._sampled_ms >= SAMPLE_MS:
            self._sample(now_ms)

    def _mark(self, market: Market, bars: Bars) -> None:
        for candle in market.moment.closed:
            self._tell(candle.asset, candle.close, candle.end_ms, bars)
        for trade in market.moment.trades:
            self._tell(trade.asset, trade.price, trade.at_ms, bars)

    def _tell(self, asset: str, price: Decimal, at_ms: int, bars: Bars) -> None:
        if self._trades(asset):
            atr = bars.atr(asset)
            known = atr if atr is not None and atr >= _ATR_MIN else None
            self.gate.mark(asset, price, atr=known, at=at_ms * _NS_PER_MS)

    def _trades(self, asset: str) -> bool:
        return self.settings.assets is None or asset in self.settings.assets

    def _sample(self, now_ms: int) -> None:
        snapshot = self.gate.snapshot()
        is_looked_at = self._looked_at == snapshot.sequence
        sample = {
            "at_ms": now_ms,
            "equity": str(snapshot.equity),
            "drawdown": str(snapshot.drawdown),
            "gross_exposure": str(snapshot.gross_exposure),
        }
        self._dealings.booking.note()
        self.gate.note(EQUITY, json.dumps(sample))
        self._sampled_ms = now_ms
        if self.paper is not None:
            self.paper.hour(now_ms)
        if is_looked_at:
            self._looked_at = self.gate.sequence  # its own records are no news
