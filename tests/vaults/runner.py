"""A fleet of one vault that is run in a process of its own, to be killed at any moment and run again.

Each run replays the same minutes from the first one, as after any restart; what the vault has seen it passes over. The
owner's acts go by the number of the minute, and each is repeated after a restart as a careful owner would: the same
transfer, the same signed request.
"""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

from gxrisk import Limits, VaultError, WithdrawalError
from gxrisk.vaults import Fleet, Notice, Vault

from tests.vaults.fleets import NS_PER_MS, Owner, Tape, fleet, minutes, settings

Scenario = Literal["trading", "deposits", "withdrawals", "cancel-all", "automatic pause"]
SCENARIOS: tuple[Scenario, ...] = ("trading", "deposits", "withdrawals", "cancel-all", "automatic pause")
MINUTES = 180
WARM = 16
EVERY = 6  # minutes from one act to the next of its kind
VAULT = "ann"
FUNDED = Decimal(10_000)
TOP_UP = Decimal("1.5")
_STRATEGIES = {"cancel-all": "Bidder", "automatic pause": "Bidder"}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does, and where."""

    folder: Path
    scenario: Scenario
    requests: tuple[bytes, ...] = ()
    owner: Owner | None = None


async def opened(plan: Plan) -> tuple[Fleet, Vault]:
    """The fleet as it lies there, or a new one."""

    async def write_down(notice: Notice) -> None:
        with (plan.folder / "heard").open("a", encoding="utf-8") as file:
            file.write(f"{notice.number} {notice.code}\n")

    one = fleet(plan.folder, notify=write_down)
    await one.open_all()
    assert one.failed == {}, dict(one.failed)
    if VAULT not in one.vaults:
        limits = Limits.for_tier("growth").replace(max_daily_trades=100_000)
        if plan.scenario == "automatic pause":
            limits = limits.replace(max_drawdown="0.0002", max_daily_loss=1)
        chosen = settings(_STRATEGIES.get(plan.scenario, "Trader"))
        await one.create(VAULT, chosen, limits=limits, owner_key=None if plan.owner is None else plan.owner.public)
    vault = one.vaults[VAULT]
    if vault.withdrawal is None:
        await vault.fund("first", FUNDED)
    return one, vault


async def act(plan: Plan, vault: Vault, number: int, *, is_new: bool) -> None:
    """What the owner does before minute `number`."""
    turn, phase = divmod(number - WARM, EVERY)
    if plan.scenario == "deposits":
        await vault.fund(f"top-up {number}", TOP_UP)
    elif plan.scenario == "withdrawals" and turn >= 0 and phase == 1 and turn < len(plan.requests):
        with suppress(WithdrawalError):  # it was paid already
            vault.withdraw(plan.requests[turn])
    elif plan.scenario == "cancel-all" and is_new and phase == 3:
        vault.kill("a drill")
    elif plan.scenario == "cancel-all" and is_new and phase == 5:
        assert plan.owner is not None
        plan.owner.reactivates(vault)
    elif plan.scenario == "automatic pause" and is_new and phase == 5:
        assert plan.owner is not None
        with suppress(VaultError):  # nothing was tripped
            plan.owner.reactivates(vault, rebase=True)


async def run(plan: Plan, tell: Callable[[int], object]) -> tuple[Fleet, Vault]:
    """Everything, up to the last minute; `tell` hears the number of each minute that is new."""
    one, vault = await opened(plan)
    seen_ns = vault.gate.snapshot().time_ns
    for number, moment in enumerate(minutes(MINUTES, "BTC")):
        is_new = moment.at_ms * NS_PER_MS > seen_ns
        await act(plan, vault, number, is_new=is_new)
        await one.step(moment)
        assert one.failed == {}, dict(one.failed)
        if is_new:
            tell(number)
    return one, vault


def run_until_killed(plan: Plan, told: Connection) -> None:
    """The body of a process that is there to be killed."""

    async def whole() -> None:
        one, _ = await run(plan, lambda number: told.send_bytes(b"%d" % number))
        await one.close()
        told.send_bytes(b"end")

    asyncio.run(whole())


def run_until_told(folder: Path, told: Connection) -> None:
    """The body of a service: ends when it is sent SIGTERM."""

    async def service() -> None:
        one = fleet(folder)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, one.stop)
        one.market.bars(60)
        for name in ("ann", "bob", "cid"):
            vault = await one.create(name, settings("Trader"))
            await vault.fund("first", FUNDED)
        endless = Paced(told)
        await one.run(endless)
        await one.close()

    asyncio.run(service())


class Paced(Tape):
    """The recorded minutes, one in a hundredth of a second; says so when trading is under way, and never ends."""

    def __init__(self, told: Connection) -> None:
        super().__init__(minutes(MINUTES, "BTC"))
        self._told = told

    async def moments(self):  # type: ignore[no-untyped-def]
        """At a pace, and then nothing more, for ever."""
        for number, moment in enumerate(self._moments):
            await asyncio.sleep(0.01)
            yield moment
            if number == WARM + EVERY:
                self._told.send_bytes(b"trading")
        await asyncio.Event().wait()
