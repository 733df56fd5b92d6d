"""What an overview tells of each vault."""

from typing import Literal

from pydantic import BaseModel

from gxrisk.server.shapes import Amount, Share


class TripLine(BaseModel):
    """A tripped breaker; `until` is null where no time ends it."""

    breaker: str
    since: str | None
    until: str | None


class LastDecisionLine(BaseModel):
    """The newest decision or hold, and the rules that it violated."""

    sequence: int
    time: str | None
    outcome: str
    asset: str | None
    side: str | None
    rules: list[str]


class QualityLine(BaseModel):
    """The worst feed of the vault's assets; `score` is null before its first price."""

    score: Share | None
    level: Literal["low", "elevated", "high", "critical"] | None
    suspended: list[str]


class Standing(BaseModel):
    """A vault that runs. Money in the account's currency; `day_pnl` is what was gained since 00:00 UTC.

    `day_loss_limit` and `drawdown_limit` are where breakers trip: money, and a fraction of the base. `confidence` is
    the mean of the agent's last 20 decisions and holds.
    """

    tier: str
    strategy: str
    is_live: bool
    time: str | None
    sequence: int
    state: Literal["active", "reduce_only", "halted"]
    is_paused: bool
    is_killed: bool
    is_withdrawing: bool
    equity: Amount
    collateral: Amount
    day_pnl: Amount
    day_loss_limit: Amount
    drawdown: Amount
    drawdown_limit: Amount
    gross_exposure: Amount
    positions: int
    working: int
    daily_trades: int
    daily_trades_limit: int
    risk_scale: Amount
    confidence: Share | None
    last_decision: LastDecisionLine | None
    trips: list[TripLine]
    data_quality: QualityLine


Status = Literal["running", "exits_only", "failed", "retired"]


class FleetLine(BaseModel):
    """A vault; `standing` is null for one that does not run."""

    vault_id: str
    status: Status
    standing: Standing | None


class FleetShown(BaseModel):
    """The vaults that the key is for, by name, as of at most a second ago; `next_cursor` is null at the end."""

    time: str | None
    vaults: list[FleetLine]
    next_cursor: str | None
