"""A log's score: per asset and in total, what was made against doing nothing, and what doing nothing was worth."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal, localcontext
from math import fsum
from typing import Any, Final

from gxrisk.agent.reward import Reward, in_risks
from gxrisk.history.amounts import EXACT
from gxrisk.history.rows import Decision, Trade
from gxrisk.scoring.log import Log
from gxrisk.vaults.report.avoided import Avoided, Forgone, forgone, sums
from gxrisk.vaults.report.health import health
from gxrisk.vaults.report.watched import Watched, watched

SCHEMA: Final = "gxrisk.score/1"
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class AssetScore:
    """One asset, or all of them where `asset` is None; money in the quote currency.

    Doing nothing makes 0, so `made` (the profit of finished trades, net of fees) is the difference to it; None where
    the log has no trades. `forgone` are the sums of what was held for low confidence, by policy or gate, and of what
    was rejected. `holds` are the model's own, which name no side. `reward` is the sum of `Reward.trade` over
    the trades and `Reward.hold` over the held openings that no rule would have refused, `rewarded` of them; `brier` the
    mean of (confidence - won)^2 over `judged_trades`, `brier_base` what always saying their win rate would have scored.
    """

    asset: str | None
    trades: int
    won: int
    made: Decimal | None
    forgone: tuple[Avoided, ...]
    holds: int
    reward: float
    rewarded: int
    judged_trades: int
    brier: Decimal | None
    brier_base: Decimal | None


@dataclass(frozen=True, slots=True)
class Score:
    """The score of a log: every asset by name, and the total, in which holds that name no asset are too.

    `watched` says by asset what the price did after the model's own holds: buying would have lost the falls, selling
    the rises.
    """

    name: str
    reward: Reward
    assets: tuple[AssetScore, ...]
    total: AssetScore
    watched: tuple[Watched, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON, schema `gxrisk.score/1`: amounts as Decimals, rewards as floats; None is what is not known."""
        return {"schema": SCHEMA, **asdict(self)}


def score(log: Log, reward: Reward | None = None) -> Score:
    """Score the agent's decisions of a log.

    An opening that did not pass is judged as in the weekly report (`gxrisk.vaults.report.avoided`): filled at the mark
    that it was decided with, without fees, until the next order in its asset or the first mark beyond its stop-loss.
    """
    used = reward or Reward()
    with localcontext(EXACT):
        by_sequence = {one.sequence: one for one in log.decisions}
        asked = [one for one in log.decisions if one.origin == "agent"]
        trades = [one for one in log.trades or () if _is_agents(one, by_sequence)]
        lost = forgone([one for one in log.decisions if not one.is_hold], log.recorded, log.until_ns)
        names = {one.asset for one in asked if one.asset is not None} | {one.asset for one in trades}

        def of(asset: str | None) -> AssetScore:
            return _scored(
                asset,
                [one for one in asked if asset in (None, one.asset)],
                None if log.trades is None else [one for one in trades if asset in (None, one.asset)],
                [one for one in lost if asset in (None, one.asset)],
                by_sequence,
                used,
            )

        held_back = watched(log.decisions, log.recorded, log.until_ns)
        return Score(log.name, used, tuple(of(asset) for asset in sorted(names)), of(None), tuple(held_back))


def _is_agents(trade: Trade, by_sequence: Mapping[int, Decision]) -> bool:
    opening = by_sequence.get(trade.decision) if trade.decision is not None else None
    return opening is not None and opening.origin == "agent"


def _scored(
    asset: str | None,
    asked: Sequence[Decision],
    trades: Sequence[Trade] | None,
    lost: Sequence[Forgone],
    by_sequence: Mapping[int, Decision],
    reward: Reward,
) -> AssetScore:
    finished = trades or ()
    health_of = health(asked, finished, by_sequence)
    rewards = [_of_trade(one, by_sequence, reward) for one in finished]
    rewards += [_of_hold(one, by_sequence[one.sequence], reward) for one in lost if one.outcome == "held"]
    known = [one for one in rewards if one is not None]
    return AssetScore(
        asset=asset,
        trades=len(finished),
        won=sum(one.profit > 0 for one in finished),
        made=None if trades is None else sum((one.profit for one in finished), _ZERO),
        forgone=tuple(sums(lost)),
        holds=sum(one.is_hold for one in asked),
        reward=fsum(known),
        rewarded=len(known),
        judged_trades=health_of.judged_trades,
        brier=health_of.brier,
        brier_base=health_of.brier_base,
    )


def _of_trade(trade: Trade, by_sequence: Mapping[int, Decision], reward: Reward) -> float | None:
    opening = by_sequence.get(trade.decision) if trade.decision is not None else None
    if opening is None:
        return None
    outcome = _in_risks(trade.profit, trade.quantity, trade.entry_price, opening.stop_loss)
    return reward.trade(outcome, float(opening.confidence))


def _of_hold(held: Forgone, decision: Decision, reward: Reward) -> float | None:
    """None where it cannot be judged, and where a rule would have refused it: that avoided nothing."""
    if held.outcome_amount is None or held.mark is None or decision.violations:
        return None
    outcome = _in_risks(held.outcome_amount, held.quantity, held.mark, decision.stop_loss)
    return reward.hold(outcome, float(decision.confidence))


def _in_risks(amount: Decimal, quantity: Decimal, entry: Decimal, stop_loss: Decimal | None) -> float:
    stop = None if stop_loss is None else float(stop_loss)
    return in_risks(float(amount), float(quantity), float(entry), stop)
