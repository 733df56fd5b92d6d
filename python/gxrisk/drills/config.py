"""The file that says what an operator drills: TOML, checked at this edge, anything unknown refused."""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from gxrisk._native import TIERS, GxriskError, InvalidOrder, Limits
from gxrisk.agent.loading import load_model
from gxrisk.agent.strategy import ModelError
from gxrisk.drills.plan import Plan

EXAMPLE: Final = """\
# What gxrisk drill runs. Every key but limits may be left out; an unknown one is refused.

# A tier, a file of limits (Limits.from_toml; relative to this file), or a table of limits as below.
limits = "growth"

deposit = "100000"                               # in the quote currency
models = ["gxrisk.agent.momentum:Momentum"]      # MODULE:NAME; gxrisk.drills.models:Stubborn asks of the limits alone
assets = ["BTC"]                                 # names; they fall together, each with noise of its own
bar_s = 60                                       # the model is asked once for each bar of so many seconds
seed = 1                                         # of the noise; the same seed gives the same answer
data_quality = false                             # judge the feed, as Fleet(..., data_quality=DataQuality()) does

# [groups]                                       # correlation groups
# majors = ["BTC", "ETH"]

# [limits]                                       # instead of the line above
# tier = "growth"
# max_concentration = 0.4
"""
_Asset = Annotated[str, Field(pattern=r"^[!-~]{1,64}$")]


class ConfigError(GxriskError):
    """A file that says no drill."""


class DrillConfig(BaseModel):
    """The file's keys. `limits` is a tier, a file's path or a table; `bar_s` a whole number of minutes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limits: str | dict[str, Any]
    deposit: Annotated[Decimal, Field(gt=0, le=10**12, decimal_places=9)] = Decimal(100_000)
    models: Annotated[tuple[str, ...], Field(min_length=1, max_length=16)] = ("gxrisk.agent.momentum:Momentum",)
    assets: Annotated[tuple[_Asset, ...], Field(min_length=1, max_length=8)] = ("BTC",)
    bar_s: Annotated[int, Field(ge=60, le=3600, multiple_of=60)] = 60
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 1
    data_quality: bool = False
    groups: dict[str, tuple[_Asset, ...]] = Field(default_factory=dict)

    @field_validator("models", "assets")
    @classmethod
    def _once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) != len(names):
            raise ValueError(f"{', '.join(names)}: each may be named once")
        return names

    @model_validator(mode="after")
    def _known(self) -> "DrillConfig":
        unknown = {asset for group in self.groups.values() for asset in group} - set(self.assets)
        if unknown:
            raise ValueError(f"groups: {', '.join(sorted(unknown))} is not among assets ({', '.join(self.assets)})")
        return self


def read_config(file: Path) -> Plan:
    """The plan that a TOML file says. Raises `ConfigError` naming the key, what was seen and what is allowed."""
    try:
        keys = tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
        config = DrillConfig.model_validate(keys)
        for name in config.models:
            load_model(name)
        tier, limits = _limits(config.limits, file.parent)
    except ValidationError as error:
        raise ConfigError(f"{file}: {'; '.join(_said(one) for one in error.errors())}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, InvalidOrder, ModelError) as error:
        raise ConfigError(f"{file}: {error}") from error
    return Plan(
        limits,
        tier,
        config.deposit,
        config.models,
        config.assets,
        config.bar_s,
        config.seed,
        config.data_quality,
        config.groups,
    )


def _limits(chosen: str | dict[str, Any], folder: Path) -> tuple[str, Limits]:
    """The limits, and the tier that the vault is founded in."""
    if isinstance(chosen, dict):
        fields = dict(chosen)
        tier = fields.pop("tier", TIERS[0])
        if tier not in TIERS:
            raise InvalidOrder(f"limits.tier: {tier!r} was given, {', '.join(TIERS)} are allowed")
        return tier, Limits.for_tier(tier).replace(**fields)
    if chosen in TIERS:
        return chosen, Limits.for_tier(chosen)
    file = folder / chosen
    if not file.is_file():
        raise InvalidOrder(f"limits: {chosen!r} was given, a tier ({', '.join(TIERS)}) or a file of limits is allowed")
    return TIERS[0], Limits.from_toml(file)


def _said(error: Any) -> str:
    key = ".".join(str(one) for one in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{key}: there is no such key; there are {', '.join(DrillConfig.model_fields)}"
    if error["type"] == "missing":
        return f"{key}: missing"
    seen = "" if error["type"] == "value_error" and not key else f": {error['input']!r} was given"
    return f"{key}{seen}: {error['msg']}".removeprefix(": ")
