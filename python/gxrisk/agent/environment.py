"""A Gymnasium environment around a real gate: learn to trade, and to hold, inside the limits (extra `rl`)."""

from collections.abc import Iterator, Sequence
from decimal import localcontext
from typing import Any, Final, SupportsFloat

import numpy as np
import numpy.typing as npt

from gxrisk._native import Gate, Order
from gxrisk.agent.choices import Choice, choices
from gxrisk.agent.episodes import WARM_BARS, EnvironmentSettings, check_episodes, drawn
from gxrisk.agent.observation import BOUND, FEATURES, observation
from gxrisk.agent.policy import HoldPolicy
from gxrisk.agent.reward import in_risks
from gxrisk.agent.stake import Stake
from gxrisk.agent.strategy import Action, Close, ModelError, Open, View
from gxrisk.feeds.candles import Candle, CandleSeries
from gxrisk.replay.desk import Question, order_of
from gxrisk.replay.gated import GatedDesk, VaultPlan
from gxrisk.replay.stage import EXACT, Stage

try:
    import gymnasium
except ModuleNotFoundError as error:
    raise ModelError("the environment needs Gymnasium: pip install 'gxrisk[rl]'") from error

ID: Final = "gxrisk/Gate-v0"

Observation = npt.NDArray[np.float32]


class _Chosen:
    """The strategy that answers what was chosen."""

    action: Action

    def decide(self, view: View) -> Action:
        return self.action


class GateEnvironment(gymnasium.Env[Observation, np.int64]):
    """One asset of recorded candles before a vault's gate, with the fills, costs and stops of `gxrisk replay`.

    An episode plays one of `series` from a start that the seed draws (`options={"series": 0, "start": 0}` fixes them).
    One step is one completed bar: the choice is put to the gate, and judged when the next bar is complete.

    - observation: `observation`, a Box of 11 numbers; causal, since the view is
    - action: a number in `self.choices`; openings below the limits' `min_confidence` become holds (`HoldPolicy`)
    - `info["action_mask"]`, `action_masks()`: 1 for what the gate would let through now, 0 for what it would refuse; a
      choice that is masked out may be taken all the same, is on record as refused, and adds nothing
    - reward: by how much the step changed `Reward.trade` of the trade so far, net of costs (`Stake`); for an opening
      that was held for its low confidence, but would have passed with more, `Reward.hold` of its move to the next
      close, or to its stop if that comes first
    - terminated: liquidated, or the gate's drawdown breaker tripped; truncated: `steps_max`, or the candles are over

    The gate is the native one in memory with a manual clock, and all randomness is the seed's, so that the same seed
    and choices give the same episode. Raises `ReplayError` for candles that are too few or too coarse.

    >>> from gxrisk.feeds import reconstruct
    >>> environment = GateEnvironment([reconstruct()], EnvironmentSettings(bar_ms=900_000))
    >>> seen, info = environment.reset(seed=7)
    >>> seen.shape, [str(environment.choices[number]) for number in np.flatnonzero(info["action_mask"])][:2]
    ((11,), ['hold', 'buy 10% of equity, confidence 0.1'])
    >>> environment.close()
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (Gymnasium's own form)

    def __init__(
        self,
        series: Sequence[CandleSeries],
        settings: EnvironmentSettings | None = None,
        *,
        render_mode: None = None,
    ) -> None:
        self.render_mode = render_mode
        self.settings = settings or EnvironmentSettings()
        self._series = tuple(series)
        check_episodes(self._series, self.settings)
        limits = self.settings.limits
        self.choices = choices(
            self.settings.fractions, self.settings.confidences, self.settings.stop_atr, limits.min_confidence
        )
        self.action_space = gymnasium.spaces.Discrete(len(self.choices))
        self.observation_space = gymnasium.spaces.Box(-BOUND, BOUND, (len(FEATURES),), np.float32)
        self._chosen = _Chosen()
        self._desk: GatedDesk | None = None
        self._is_over = True

    @property
    def gate(self) -> Gate | None:
        """The vault's gate, whose records tell the episode; None before the first one and once closed."""
        return None if self._desk is None else self._desk.gate

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode with a new vault, at the first bar at which all features are known."""
        super().reset(seed=seed)
        self.close()
        series = drawn(self._series, self.settings, self.np_random, options or {})
        with localcontext(EXACT):
            self._desk = GatedDesk(
                VaultPlan("learning", self.settings.limits),
                HoldPolicy(self._chosen, self.settings.limits.min_confidence),
                self.settings.costs,
                self.settings.deposit,
                series.candles[0].start_ms,
                {},
            )
            stage = Stage([series], [self._desk], self.settings.bar_of(series))
            self._questions = (question for asked in stage.moments() for question in asked)
            self._question = _warmed(self._questions)
            self._is_over = False
            self._steps = 0
            self._stake = Stake()
            return self._told(self._desk, "none")

    def step(self, action: np.int64) -> tuple[Observation, SupportsFloat, bool, bool, dict[str, Any]]:
        """Put a choice to the gate and play to the next completed bar."""
        desk = self._running()
        if not self.action_space.contains(action):
            raise gymnasium.error.InvalidAction(f"{action!r} was chosen, 0 to {len(self.choices) - 1} are allowed")
        with localcontext(EXACT):
            view = desk.view(self._question)
            outcome, held = self._put(desk, self.choices[int(action)], view)
            following = next(self._questions, None)
            reward = self._earned(desk, view)
            if following is not None:
                reward += self._forgone(held, view, following.candles[-1])
                self._question = following
            self._steps += 1
            terminated = desk.tally.liquidated is not None or any(one.breaker == "drawdown" for one in desk.gate.trips)
            truncated = following is None or self._steps >= self.settings.steps_max
            self._is_over = terminated or truncated
            seen, info = self._told(desk, outcome)
            return seen, reward, terminated, truncated, info

    def action_masks(self) -> npt.NDArray[np.bool_]:
        """For each choice whether the gate would let it through now; to hold is always allowed."""
        desk = self._running()
        with localcontext(EXACT):
            return self._mask(desk, desk.view(self._question))

    def close(self) -> None:
        """Let go of the vault; nothing of it is kept."""
        if self._desk is not None:
            self._desk.gate.close()
        self._desk, self._is_over = None, True

    def _running(self) -> GatedDesk:
        if self._desk is None or self._is_over:
            raise gymnasium.error.ResetNeeded("the episode is over or has not begun; call reset")
        return self._desk

    def _told(self, desk: GatedDesk, outcome: str) -> tuple[Observation, dict[str, Any]]:
        view = desk.view(self._question)
        info = {
            "action_mask": self._mask(desk, view).astype(np.int8),
            "outcome": outcome,
            "asset": view.asset,
            "at": view.at.isoformat(),
            "equity": float(view.portfolio.equity),
            "state": view.portfolio.state,
        }
        return observation(view), info

    def _mask(self, desk: GatedDesk, view: View) -> npt.NDArray[np.bool_]:
        return np.array([self._passes(desk, choice, view) for choice in self.choices])

    def _passes(self, desk: GatedDesk, choice: Choice, view: View) -> bool:
        if choice.kind == "hold":
            return True
        order = _order(choice, view)
        return order is not None and (self._is_unsure(order) or bool(desk.gate.validate_order(order)))

    def _is_unsure(self, order: Order) -> bool:
        return not order.reduce_only and order.confidence < self.settings.limits.min_confidence

    def _put(self, desk: GatedDesk, choice: Choice, view: View) -> tuple[str, Order | None]:
        """What became of a choice, and the opening that was held for nothing but its confidence."""
        order = _order(choice, view)
        held = None
        if order is not None and self._is_unsure(order) and desk.gate.validate_order(order.replace(confidence=1)):
            held = order
        approved, rejected = desk.tally.approved, desk.tally.rejected
        self._chosen.action = choice.action(view)
        desk.decide(self._question)
        if desk.tally.approved > approved:
            if order is not None and not order.reduce_only:
                self._open(order, view)
            return "approved", None
        return "rejected" if desk.tally.rejected > rejected else "held", held

    def _open(self, order: Order, view: View) -> None:
        """The order that was approved opens the trade, or adds to it: all of the position, from close to stop."""
        before = view.portfolio.quantity(view.asset)
        after = before + (order.quantity if order.side == "buy" else -order.quantity)
        if order.stop_loss is not None and (after > 0) == (order.side == "buy"):
            self._stake.open(abs(after) * abs(view.candles[-1].close - order.stop_loss), float(order.confidence))

    def _earned(self, desk: GatedDesk, view: View) -> float:
        """What the step was worth to the trade that is open; one that ended leaves the next with nothing."""
        earned = self._stake.step(desk.equity() - view.portfolio.equity, self.settings.reward)
        if not desk.account.quantity(view.asset):
            self._stake = Stake()
        return earned

    def _forgone(self, held: Order | None, view: View, bar: Candle) -> float:
        """The reward of having held an opening, by what the next bar would have made of it."""
        if held is None or held.stop_loss is None:
            return 0.0
        entry, stop = view.candles[-1].close, held.stop_loss
        if held.side == "buy":
            made = (min(stop, bar.open) if bar.low <= stop else bar.close) - entry
        else:
            made = entry - (max(stop, bar.open) if bar.high >= stop else bar.close)
        outcome = in_risks(float(made), 1, float(entry), float(stop))
        return self.settings.reward.hold(outcome, float(held.confidence))


def _order(choice: Choice, view: View) -> Order | None:
    """The very order that the choice puts to the gate; None where it puts none."""
    action, position = choice.action(view), view.portfolio.quantity(view.asset)
    if isinstance(action, Open) or (isinstance(action, Close) and position):
        return order_of(view.asset, action, position)
    return None


def _warmed(questions: Iterator[Question]) -> Question:
    """The first question at which every feature is known; nothing was asked before it."""
    return next(question for question in questions if len(question.candles) >= WARM_BARS)


gymnasium.register(ID, entry_point="gxrisk.agent.environment:GateEnvironment")
