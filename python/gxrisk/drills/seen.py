"""What a run is seen to do from outside."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from gxrisk.drills.plan import Plan
from gxrisk.drills.scenarios import Scenario
from gxrisk.vaults.notices import Notice
from gxrisk.venues.protocol import Filled


@dataclass(frozen=True, slots=True)
class Minute:
    """The account at one minute of the true market (UTC milliseconds), as the venue has it."""

    at_ms: int
    equity: Decimal
    prices: dict[str, Decimal]
    gross: Decimal


@dataclass(slots=True)
class Ran:
    """What a run left: the account minute by minute, the journal's records, the venue's fills, what was told.

    `told` is how many fills the venue told, each as often as it did; `blocked` are exits that the gate would not
    have let through, `differences` what gate and venue say differently at the end, `left` the positions that could
    not be closed, `failure` why the vault was taken out, `journal` what is wrong with the journal; empty or None
    where nothing is.
    """

    scenario: Scenario
    plan: Plan
    model: str
    minutes: list[Minute] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    fills: tuple[Filled, ...] = ()
    told: int = 0
    notices: list[Notice] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    differences: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    failure: str | None = None
    journal: str | None = None
