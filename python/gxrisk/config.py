"""The server's configuration: one TOML file, `GXRISK_*` variables over it, and nothing that is not known.

>>> config = load(environ={"GXRISK_HTTP__PORT": "9000"})
>>> config.http.port, config.mode
(9000, 'paper')
>>> load(environ={"GXRISK_HTP__PORT": "9000"})
Traceback (most recent call last):
    ...
gxrisk.config.ConfigError: GXRISK_HTP__PORT: no such setting; did you mean GXRISK_HTTP__PORT?
"""

import os
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from gxrisk._native import GxriskError, InvalidOrder, Limits
from gxrisk.alerts.settings import AlertSettings
from gxrisk.protection.settings import ProtectionSettings

PREFIX: Final = "GXRISK_"
_NESTED: Final = "__"
# The tables in [alerts], whose own keys are checked with them: names of channels are anybody's.
_ALERT_TABLES: Final = tuple(f"{PREFIX}ALERTS{_NESTED}{one}{_NESTED}" for one in ("CHANNELS", "ROUTES", "QUIET_HOURS"))
# Variables with the prefix that are other commands', not settings of the server.
OTHERS: Final = frozenset(
    {"GXRISK_CONFIG", "GXRISK_PASSPHRASE", "GXRISK_DATA_DIR", "GXRISK_URL", "GXRISK_KEY", "GXRISK_KEY_FILE"}
)


class ConfigError(GxriskError):
    """A configuration that cannot be used; one line for each thing that is wrong."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HttpConfig(_Section):
    """Where the server listens and what a request may be: sizes in bytes, times in seconds."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8780
    body_bytes_max: Annotated[int, Field(ge=1_024, le=64_000_000)] = 1_000_000
    json_depth_max: Annotated[int, Field(ge=4, le=100)] = 16
    headers_bytes_max: Annotated[int, Field(ge=1_024, le=1_000_000)] = 32_768
    headers_s: Annotated[float, Field(gt=0, le=600)] = 10
    body_s: Annotated[float, Field(gt=0, le=600)] = 10
    request_s: Annotated[float, Field(gt=0, le=600)] = 30
    shutdown_s: Annotated[int, Field(ge=1, le=600)] = 30
    connections_max: Annotated[int, Field(ge=1, le=100_000)] = 1_000


class KeysConfig(_Section):
    """What API keys may do: requests a minute of one key, and failures within `lockout_s` that lock out."""

    requests_per_minute: Annotated[int, Field(ge=1, le=10_000_000)] = 6_000
    failures_max: Annotated[int, Field(ge=1, le=1_000)] = 10
    address_failures_max: Annotated[int, Field(ge=1, le=100_000)] = 100
    lockout_s: Annotated[int, Field(ge=1, le=86_400)] = 900


class FeedConfig(_Section):
    """The pushed feed: the length of its candles in seconds, for how many prints a fault in it counts, its bounds."""

    bar_s: Annotated[int, Field(ge=1, le=86_400)] = 60
    quality_window: Annotated[int, Field(ge=1, le=100_000)] = 60
    moments_waiting_max: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    assets_max: Annotated[int, Field(ge=1, le=250)] = 250  # of more, a vault's note of suspensions could outgrow a note


class MetricsConfig(_Section):
    """Who may read `/metrics` without a key, and how many vaults and assets have labels of their own there."""

    loopback: bool = False
    vaults_max: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    assets_max: Annotated[int, Field(ge=1, le=10_000)] = 100


class LogsConfig(_Section):
    """From which level on, and whether each request has a line."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    requests: bool = True


class StreamsConfig(_Section):
    """What stays open, event streams and order streams: how many one key has, how many there are; times in seconds.

    A client that takes nothing for `stall_s` is cut off, and a stream ends after `lasts_s`; both may come back.
    `orders_per_minute` is for all order streams of a key, `orders_in_flight_max` for each of them.
    """

    of_key_max: Annotated[int, Field(ge=1, le=100_000)] = 16
    streams_max: Annotated[int, Field(ge=1, le=100_000)] = 500
    heartbeat_s: Annotated[float, Field(gt=0, le=600)] = 15
    stall_s: Annotated[float, Field(gt=0, le=600)] = 10
    lasts_s: Annotated[float, Field(gt=0, le=604_800)] = 86_400
    orders_per_minute: Annotated[int, Field(ge=1, le=100_000_000)] = 600_000
    orders_in_flight_max: Annotated[int, Field(ge=1, le=1_000)] = 64


class Config(BaseSettings):
    """Everything `gxrisk serve` can be told. `load` reads it.

    `limits` are ceilings over every vault, by the names of `Limits`: the tighter of tier and ceiling holds.
    `protection` are the guards of vaults that are made with them.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter=_NESTED, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    mode: Literal["paper", "live"] = "paper"
    live_venue: str | None = None
    folder: Path = Path("gxrisk-data")
    passphrase_file: Path | None = None
    database_url: SecretStr | None = None
    history_url: SecretStr | None = None
    redis_url: SecretStr | None = None
    idempotency_s: Annotated[int, Field(ge=60, le=2_592_000)] = 86_400
    http: HttpConfig = HttpConfig()
    keys: KeysConfig = KeysConfig()
    feed: FeedConfig = FeedConfig()
    metrics: MetricsConfig = MetricsConfig()
    logs: LogsConfig = LogsConfig()
    streams: StreamsConfig = StreamsConfig()
    limits: dict[str, Any] = Field(default_factory=dict)
    alerts: AlertSettings | None = None
    protection: ProtectionSettings = ProtectionSettings()

    @field_validator("limits")
    @classmethod
    def _are_limits(cls, limits: dict[str, Any]) -> dict[str, Any]:
        try:
            Limits.for_tier("high_octane").replace(**limits)
        except InvalidOrder as error:
            raise ValueError(str(error)) from None
        return limits

    @model_validator(mode="after")
    def _is_live_or_not(self) -> "Config":
        if self.mode == "live" and self.live_venue is None:
            raise ValueError('mode "live" needs live_venue = "MODULE:NAME", what makes a venue for real money')
        if self.mode == "paper" and self.live_venue is not None:
            raise ValueError('live_venue is set while mode is "paper"; set mode = "live" or leave it out')
        return self

    @property
    def database(self) -> str:
        """Where API keys and idempotency records are: a URL, by default a SQLite file in the folder."""
        return self.database_url.get_secret_value() if self.database_url else str(self.folder / "server.db")

    @property
    def history(self) -> str:
        """Where the history is."""
        return self.history_url.get_secret_value() if self.history_url else str(self.folder / "history.db")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What `load` gives, and nothing that is lying about."""
        return (init_settings,)


def load(file: Path | None = None, *, environ: Mapping[str, str] | None = None) -> Config:
    """Read the file, where one is given, and the variables over it. Raises `ConfigError`, which says all that is wrong.

    `environ` stands in for the process's variables.
    """
    environment = os.environ if environ is None else environ
    told = {} if file is None else _read(file)
    unknown = [f"{name}: no such setting{_meant(name)}" for name in sorted(environment) if not _is_known(name)]
    if unknown:
        raise ConfigError("\n".join(unknown))
    try:
        return Config(**_merged(told, _from_environment(environment)))
    except ValidationError as error:
        raise ConfigError("\n".join(_lines(error, told, file, environment))) from None
    except SettingsError as error:
        raise ConfigError(str(error)) from None


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    source = EnvSettingsSource(Config)
    source.env_vars = {name.lower(): value for name, value in environ.items()}
    return source()


def _merged(under: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for name, value in over.items():
        below = merged.get(name)
        merged[name] = _merged(below, value) if isinstance(below, dict) and isinstance(value, Mapping) else value
    return merged


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            return tomllib.load(stream, parse_float=lambda text: text)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: no TOML: {error}") from None


def variables() -> list[str]:
    """Every variable that is a setting; limits are `GXRISK_LIMITS__` and a limit's name."""
    names = []
    for name, one in Config.model_fields.items():
        if isinstance(one.annotation, type) and issubclass(one.annotation, BaseModel):
            names += [f"{name}{_NESTED}{inner}" for inner in one.annotation.model_fields]
        elif name == "alerts":
            names += [f"{name}{_NESTED}{inner}" for inner in AlertSettings.model_fields]
        elif name == "limits":
            names += [f"{name}{_NESTED}{inner}" for inner in Limits.for_tier("growth").to_dict()]
        else:
            names.append(name)
    return [PREFIX + name.upper() for name in names]


def _is_known(name: str) -> bool:
    if not name.upper().startswith(PREFIX) or name in OTHERS or name.upper() in variables():
        return True
    return name.upper().startswith(_ALERT_TABLES)


def _meant(name: str) -> str:
    near = get_close_matches(name.upper(), variables(), n=1)
    return f"; did you mean {near[0]}?" if near else f"; allowed are {', '.join(variables())}"


def _lines(error: ValidationError, told: Any, file: Path | None, environ: Mapping[str, str]) -> list[str]:
    lines = []
    for one in error.errors(include_url=False):
        path = [str(part) for part in one["loc"]]
        if path == ["limits"]:  # the limit that is wrong is the first word of what is said
            path.append(one["msg"].removeprefix("Value error, ").split()[0])
        variable = PREFIX + _NESTED.join(path).upper()
        where = variable if variable in environ else f"{file or 'the configuration'}: {'.'.join(path) or 'the whole'}"
        if one["type"] == "extra_forbidden":
            allowed = _fields_at(path[:-1])
            near = get_close_matches(path[-1], allowed, n=1)
            lines.append(f"{where}: no such setting; {f'did you mean {near[0]}?' if near else _list(allowed)}")
        else:
            is_secret = bool(path) and (path[0].endswith("_url") or path[0] == "alerts")
            seen = "" if is_secret else _seen(path, told, environ)
            lines.append(f"{where}: {seen}{one['msg'].removeprefix('Value error, ')}")
    return lines


def _fields_at(path: list[str]) -> list[str]:
    model: Any = Config
    for part in path:
        model = AlertSettings if part == "alerts" else model.model_fields[part].annotation
        model = getattr(model, "__args__", (model,))[0]  # of what may be None
    return list(model.model_fields)


def _list(allowed: list[str]) -> str:
    return f"allowed are {', '.join(allowed)}"


def _seen(path: list[str], told: Any, environ: Mapping[str, str]) -> str:
    variable = PREFIX + _NESTED.join(path).upper()
    if variable in environ:
        return f"{environ[variable]!r} was given; "
    for part in path:
        told = told.get(part) if isinstance(told, dict) else None
    return "" if told is None or isinstance(told, dict) else f"{told!r} was given; "


# Published tighter values of a trading desk's production profile. docs/server.md says why each stands where it does.
PRODUCTION: Final[dict[str, Any]] = {
    "limits": {
        "stop_risk_budget": Decimal("0.015"),
        "max_position_fraction": Decimal("0.03"),
        "max_daily_loss": Decimal("0.03"),
        "max_daily_trades": 50,
    },
    "feed": {"quality_window": 200},
}
PROFILES: Final[dict[str, dict[str, Any]]] = {"default": {}, "production": PRODUCTION}
