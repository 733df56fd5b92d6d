"""What protects a vault: which guards stand before its gate, and how each is set. Part of what graduates."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from gxrisk._native import Limits
from gxrisk.protection.adaptive import AdaptiveLimits
from gxrisk.protection.drift import DriftSettings
from gxrisk.protection.health_settings import HealthSettings
from gxrisk.protection.risk import RiskLevel
from gxrisk.protection.sizing import PositionSizer
from gxrisk.protection.stops import DynamicStops

_ANY_LIMITS = Limits.for_tier("growth")  # settings are checked by making their guard, for which any limits do
WINDOW_MAX: Final = 300
ROWS_SEEN_MAX: Final = 936  # of the thousand bars of a view those that have features
STAGES: Final = ("breakers", "adaptive", "stop", "size", "portfolio", "health", "drift", "predictor")
RefuseFrom = Literal["elevated", "high", "critical"]
Fraction = Annotated[Decimal, Field(gt=0, le=1)]


def _without(given: Any, switches: Iterable[str] = ()) -> Any:
    """What was given, where `false` leaves something out: TOML has no null. `switches` really are true or false."""
    if not isinstance(given, dict):
        return given
    return {name: None if one is False and name not in switches else one for name, one in given.items()}


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
    """Of `DynamicStops`: the range of the stop's distance before the regime's multiplier, and the venue's tick.

    With `trail` the stop of what is held follows the market at each completed bar, one way only.
    """

    base_min: Decimal = Decimal("0.02")
    base_max: Decimal = Decimal("0.05")
    tick: Decimal = Decimal("1e-9")
    trail: bool = False

    @model_validator(mode="after")
    def _check(self) -> "StopSettings":
        self.guard(_ANY_LIMITS)
        return self

    def guard(self, limits: Limits) -> DynamicStops:
        """The guard that these settings make."""
        return DynamicStops(limits, **self.model_dump(exclude={"trail"}))


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

    @field_validator("bounds", mode="before")
    @classmethod
    def _false_is_none(cls, given: Any) -> Any:
        return _without(given)

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


class _ReferenceSettings(_Settings):
    """A `DriftReference`, and how many rows of what is judged are compared with it."""

    file: str = Field(min_length=1)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    rows: int = Field(default=100, ge=10, le=900)
    every: int = Field(default=1, ge=1, le=90)
    bounds: DriftSettings = DriftSettings()

    @model_validator(mode="after")
    def _check(self) -> "_ReferenceSettings":
        if self.rows < self.bounds.rows_min:
            raise ValueError(
                f"rows: {self.rows} was given, bounds.rows_min ({self.bounds.rows_min}) or more is allowed"
            )
        if self.rows * self.every > ROWS_SEEN_MAX:
            seen = f"rows x every: {self.rows} x {self.every} was given"
            raise ValueError(f"{seen}, at most {ROWS_SEEN_MAX} bars are in a view")
        return self


class PredictionDriftSettings(_ReferenceSettings):
    """A `DriftReference` of a model's signed predictions: its file and the SHA-256 of `write_reference`.

    `rows` of the vault's last predictions (`gxrisk.vaults.signed_predictions`) are compared with it by `bounds`, every
    `every`-th from the last one back.
    """


class DriftGuardSettings(_ReferenceSettings):
    """A `DriftReference` of the features of the model's training: its file and the SHA-256 of `write_reference`.

    `rows` of the view's bars are compared with it by `bounds`, every `every`-th from the last one back. The features of
    bars next to each other overlap, and drift's idea of chance is of independent rows: thin them by `every`, and take
    the bounds from stretches of the training that are as long. Without `predictions` the market alone is judged.
    """

    every: int = Field(default=4, ge=1, le=90)
    refuse_from: RefuseFrom = "high"
    predictions: PredictionDriftSettings | None = None

    @field_validator("predictions", mode="before")
    @classmethod
    def _false_is_none(cls, given: Any) -> Any:
        return None if given is False else given

    @model_serializer(mode="wrap")
    def _as_before(self, to_dict: SerializerFunctionWrapHandler) -> dict[str, Any]:
        kept: dict[str, Any] = to_dict(self)
        if kept.get("predictions") is None:  # as certificates have it that are older than these
            kept.pop("predictions", None)
        return kept


class ProtectionSettings(_Settings):
    """Which guards stand before a vault's gate; a stage that is None is left out. On are all that need no file.

    In a file `false` leaves a stage out.

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

    _SWITCHES: ClassVar[tuple[str, ...]] = ("breakers", "asks_idle")

    breakers: bool = True
    adaptive: AdaptiveSettings | None = AdaptiveSettings()
    stop: StopSettings | None = StopSettings()
    size: SizeSettings | None = SizeSettings()
    portfolio: PortfolioSettings | None = PortfolioSettings()
    health: HealthGuardSettings | None = HealthGuardSettings()
    drift: DriftGuardSettings | None = None
    predictor: PredictorGuardSettings | None = None
    asks_idle: bool = False
    standing_s: int = Field(default=60, ge=1, le=3600)
    answer_s: float = Field(default=2.0, gt=0, le=30)

    @model_validator(mode="before")
    @classmethod
    def _false_is_none(cls, given: Any) -> Any:
        return _without(given, cls._SWITCHES)

    @property
    def stages(self) -> list[str]:
        """The names of the stages that are on, in the order in which they are asked; the gate comes after them.

        >>> ProtectionSettings(stop=None).stages
        ['breakers', 'adaptive', 'size', 'portfolio', 'health']
        """
        return [name for name in STAGES if getattr(self, name)]

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
