"""Where alerts go, and how often: the table `[alerts]` of the server's configuration."""

import tomllib
from datetime import time
from ipaddress import IPv4Network, IPv6Network
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from gxrisk.alerts.errors import AlertError
from gxrisk.vaults.notices import Severity

MESSAGES_A_DAY: Final = 50  # a channel gets fewer in any 24 hours, whatever the settings
OUTBOX: Final = "alerts.db"
_DAY_S: Final = 86_400
_DIGESTS: Final = 2  # two may fall into 24 hours, when the first was held up by its receiver
_WARNING: Final = ("slack", "mail")
_INFO: Final = ("slack",)
_CONFIG: Final = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

ChannelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]


class Routes(BaseModel):
    """The channels of each severity, by name. What is not given has its default; see `AlertSettings.channels_of`."""

    model_config = _CONFIG

    critical: tuple[ChannelName, ...] | None = None
    warning: tuple[ChannelName, ...] | None = None
    info: tuple[ChannelName, ...] | None = None
    escalation: tuple[ChannelName, ...] | None = None


class QuietHours(BaseModel):
    """From `start` to `end`, each day in `zone`, only what is critical is sent; the rest follows at the end."""

    model_config = _CONFIG

    start: time
    end: time
    zone: str = "UTC"

    @field_validator("zone")
    @classmethod
    def _is_known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("a time zone of the IANA database is allowed, like Europe/Berlin") from None
        return zone

    @model_validator(mode="after")
    def _are_hours(self) -> Self:
        if self.start == self.end or self.start.tzinfo or self.end.tzinfo:
            raise ValueError("start and end are two different times of the day, like 22:00 and 07:00")
        return self


class AlertSettings(BaseModel):
    """Channels, routes and pace. Times in seconds. An address holds tokens, so it is a secret everywhere.

    `channels` are addresses in apprise's notation, by a name of yours. `url` is the outbox: a SQLite file, or
    `postgresql://...`; a server's is in its folder unless given. `allowed_networks` are private networks that a channel
    may reach all the same.

    >>> settings = AlertSettings(channels={"slack": "slack://T1JJ/B1JJ/c4n4ry", "sms": "bulksms://user:pass@+4915112345"})
    >>> settings.channels_of("critical"), settings.channels_of("info")
    (('slack', 'sms'), ('slack',))
    >>> "c4n4ry" in repr(settings)
    False
    """

    model_config = _CONFIG

    channels: dict[ChannelName, SecretStr] = Field(min_length=1)
    routes: Routes = Routes()
    url: SecretStr = SecretStr(OUTBOX)
    allowed_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    timeout_s: float = Field(10.0, gt=0, le=60)  # of a whole sending
    retry_s: float = Field(5.0, ge=1, le=600)  # before the first repetition; twice that before the next, ...
    retry_max_s: float = Field(600.0, ge=1, le=_DAY_S)
    quiet_s: float = Field(900.0, ge=60, le=_DAY_S)  # between two messages of one incident
    quiet_hours: QuietHours | None = None
    escalate_s: float = Field(900.0, ge=60, le=_DAY_S)  # until a critical incident is told again
    expire_s: float = Field(float(_DAY_S), ge=60, le=30 * _DAY_S)  # of silence, that end what no notice ends
    keep_days: int = Field(90, ge=2, le=36_500)  # what is over is forgotten so many days later
    daily_max: int = Field(12, ge=1)  # messages that are not critical, of a channel in 24 hours
    critical_burst: int = Field(10, ge=1)  # critical ones in 24 hours that wait for nothing; then
    critical_every_s: float = Field(3600.0, ge=60, le=_DAY_S)  # one, with all that waits, each so many seconds

    @field_validator("channels")
    @classmethod
    def _are_addresses(cls, channels: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, address in channels.items():
            scheme, separator, rest = address.get_secret_value().partition("://")
            if not (separator and scheme.isalnum() and rest.isprintable()):
                raise ValueError(f"{name} is no address in apprise's notation, like slack://... or mailto://...")
        return channels

    @model_validator(mode="after")
    def _routes_lead_somewhere(self) -> Self:
        for severity in ("critical", "warning", "info", "escalation"):
            named = getattr(self.routes, severity)
            if unknown := sorted(set(named or ()) - set(self.channels)):
                allowed = ", ".join(self.channels)
                raise ValueError(f"routes.{severity} names {', '.join(unknown)}; the channels are {allowed}")
            if not self._route(severity):
                raise ValueError(
                    f"routes.{severity} leads nowhere: name its channels (by default info goes to slack, warning to "
                    "slack and mail, critical everywhere)"
                )
        return self

    @model_validator(mode="after")
    def _are_not_many(self) -> Self:
        most = self.daily_max + self.critical_burst + int(_DAY_S // self.critical_every_s) + _DIGESTS
        if most >= MESSAGES_A_DAY:
            raise ValueError(
                f"daily_max, critical_burst and critical_every_s let {most} messages a day through to one channel, "
                f"fewer than {MESSAGES_A_DAY} are allowed"
            )
        return self

    def channels_of(self, severity: Severity) -> tuple[str, ...]:
        """The channels of a severity: by default all for critical, `slack` and `mail` for warning, `slack` for info."""
        return self._route(severity)

    @property
    def escalation(self) -> tuple[str, ...]:
        """The channels that are told again while nobody acknowledges: by default those of critical."""
        return self._route("escalation")

    def _route(self, name: str) -> tuple[str, ...]:
        given: tuple[str, ...] | None = getattr(self.routes, name)
        if given is not None:
            return given
        defaults = {"warning": _WARNING, "info": _INFO}
        if name == "escalation":
            return self._route("critical")
        return tuple(one for one in self.channels if one in defaults.get(name, self.channels))

    @classmethod
    def kept_only(cls, url: str) -> Self:
        """Without any channel: incidents are kept and can be looked at, and nothing is sent.

        >>> AlertSettings.kept_only("alerts.db").channels_of("critical")
        ()
        """
        return cls.model_construct(channels={}, url=SecretStr(url))

    def kept_in(self, folder: Path) -> Self:
        """With the outbox in a folder, where the settings name no other place.

        >>> settings = AlertSettings(channels={"slack": "slack://T1JJ/B1JJ/token"})
        >>> settings.kept_in(Path("data")).url.get_secret_value()
        'data/alerts.db'
        """
        if "url" in self.model_fields_set:
            return self
        return self.model_copy(update={"url": SecretStr(str(folder / OUTBOX))})

    @classmethod
    def of(cls, table: dict[str, Any]) -> Self:
        """The settings of a table of TOML. Raises `AlertError`, which says what is wrong and repeats no value."""
        try:
            return cls.model_validate(table)
        except ValidationError as error:
            wrong = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}".removeprefix(": ") for one in error.errors())
            raise AlertError(f"[alerts]: {'; '.join(wrong)}") from None

    @classmethod
    def from_toml(cls, file: str | PathLike[str]) -> Self:
        """The table `[alerts]` of a TOML file, with the outbox in the server's `folder` where it has one.

        Raises `AlertError`.
        """
        try:
            whole = tomllib.loads(Path(file).read_text(encoding="utf-8"))
        except OSError as error:
            raise AlertError(f"{file} cannot be read: {error.strerror}") from None
        except ValueError:
            raise AlertError(f"{file} is no TOML in UTF-8") from None
        table, folder = whole.get("alerts"), whole.get("folder")
        if not isinstance(table, dict):
            raise AlertError(f"{file} has no table [alerts]")
        settings = cls.of(table)
        return settings.kept_in(Path(folder)) if isinstance(folder, str) else settings
