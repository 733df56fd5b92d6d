"""What protects a vault: which guards stand before its gate, and how each is set. Part of what graduates."""

from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gxrisk._native import Limits
from gxrisk.protection.adaptive import AdaptiveLimits
from gxrisk.protection.health_settings import HealthSettings
from gxrisk.protection.risk import RiskLevel
from gxrisk.protection.sizing import PositionSizer
from gxrisk.protection.stops import DynamicStops

_ANY_LIMITS = Limits.for_tier("growth")  # settings are checked by making their guard, for which any limits do
WINDOW_MAX: Final = 300
RefuseFrom = Literal["elevated", "high", "critical"]
Fraction = Annotated[Decimal, Field(gt=0, le=1)]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AdaptiveSettings(_Settings):
    """Of `AdaptiveLimits`. `volatility_normal` is annualised; the default is what a year of Bitcoin has by custom."""

    volatility_normal: Decimal = Decimal("0.8")
    scale_min: Decimal = Decimal("0.1")
    step: Decimal = Decimal("0.05")
    loosen_per_day: Decimal = Decimal("0.25")
    window: int = 20
    trades_min: int = 10

    @model_validator(mode="after")
    def _check(self) -> "AdaptiveSettings":
        self.guard(_ANY_LIMITS)
        return self

    def guard(self, limits: Limits) -> AdaptiveLimits:
        """The guard that these settings make."""
        return AdaptiveLimits(limits, **self.model_dump())


class StopSettings(_Settings):
    """Of `DynamicStops`: the range of the stop's distance before the regime's multiplier, and the venue's tick."""

    base_min: Decimal = Decimal("0.02")
    base_max: Decimal = Decimal("0.05")
    tick: Decimal = Decimal("1e-9")

    @model_validator(mode="after")
    def _check(self) -> "StopSettings":
        self.guard(_ANY_LIMITS)
        return self

    def guard(self, limits: Limits) -> DynamicStops:
        """The guard that these settings make."""
        return DynamicStops(limits, **self.model_dump())


class SizeSettings(_Settings):
    """Of `PositionSizer`. `floor` is not 0 here: without any trade a record never begins."""

    kelly_share: Decimal = Decimal("0.25")
    buffer: Decimal = Decimal("0.1")
    fraction_max: Decimal = Decimal("0.25")
    volatility_max: Decimal = Decimal("0.02")
    volatility_floor: Decimal = Decimal("0.001")
    risk_max: Decimal = Decimal("0.02")
    floor: Decimal = Decimal("0.05")

    @model_validator(mode="after")
    def _check(self) -> "SizeSettings":
        self.guard()
        return self

    def guard(self) -> PositionSizer:
        """The guard that these settings make."""
        return PositionSizer(**self.model_dump())


class PortfolioSettings(_Settings):
    """The account after the order: its liquidation risk stays under `refuse_from`, and it survives a gap of `gap`."""

    refuse_from: RefuseFrom = "critical"
    gap: Fraction = Decimal("0.2")


class HealthGuardSettings(_Settings):
    """The bounds of the model's health, and the level from which on it may open nothing.

    The Sharpe ratio is not among them by default: of 20 trades in a day, annualised, it has a standard error of 20, so
    half of all models without an edge would be refused by chance. A window keeps at most 300 trades, which fit a note.
    """

    refuse_from: RefuseFrom = "critical"
    bounds: HealthSettings = HealthSettings(sharpe=None)

    @model_validator(mode="after")
    def _check(self) -> "HealthGuardSettings":
        if self.bounds.window > WINDOW_MAX:
            raise ValueError(f"bounds.window: {self.bounds.window} was given, up to {WINDOW_MAX} is allowed")
        return self


class PredictorGuardSettings(_Settings):
    """A trained `FailurePredictor` of `gxrisk.agent.features`: its file and the SHA-256 that `save` gave."""

    file: str = Field(min_length=1)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    refuse_from: RefuseFrom = "high"


class ProtectionSettings(_Settings):
    """Which guards stand before a vault's gate; a stage that is None is left out. Everything but the predictor is on.

    `breakers` asks the gate's state before all else. `asks_idle` False saves the question to the model while the vault
    is flat and could open nothing; what was found out about that counts for `standing_s` seconds. `answer_s` is how
    long all guards together may take; later is no answer, and no opening.

    Raises `ValueError` (pydantic's) that names the field, what was given and what is allowed.

    >>> settings = ProtectionSettings(size=SizeSettings(risk_max="0.01"), stop=None)
    >>> ProtectionSettings.model_validate_json(settings.model_dump_json()) == settings
    True
    >>> from pydantic import ValidationError
    >>> try:
    ...     SizeSettings(risk_max="0.5")
    ... except ValidationError as error:
    ...     print(error.errors()[0]["msg"])
    Value error, risk_max: 0.5 was given, 0 to 0.05 is allowed
    """

    breakers: bool = True
    adaptive: AdaptiveSettings | None = AdaptiveSettings()
    stop: StopSettings | None = StopSettings()
    size: SizeSettings | None = SizeSettings()
    portfolio: PortfolioSettings | None = PortfolioSettings()
    health: HealthGuardSettings | None = HealthGuardSettings()
    predictor: PredictorGuardSettings | None = None
    asks_idle: bool = False
    standing_s: int = Field(default=60, ge=1, le=3600)
    answer_s: float = Field(default=2.0, gt=0, le=30)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: numbers as text, so that they come back exactly."""
        return self.model_dump(mode="json")


def at_least(level: RiskLevel | None, bound: RefuseFrom) -> bool:
    """Whether a level is `bound` or worse; what is unknown is not.

    >>> at_least("critical", "high"), at_least("elevated", "high"), at_least(None, "elevated")
    (True, False, False)
    """
    order: tuple[RiskLevel | None, ...] = ("low", "elevated", "high", "critical")
    return level is not None and order.index(level) >= order.index(bound)
