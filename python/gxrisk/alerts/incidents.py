"""Which notices belong together: an incident is what one code says of one subject of one vault, until it ends."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gxrisk.vaults.notices import Severity

RANK: Final = MappingProxyType({"info": 0, "warning": 1, "critical": 2})

# The codes that a notice's code ends, beside `X_ended`, which ends X.
_ENDS: Final = MappingProxyType(
    {
        "feed_back": ("feed_silent",),
        "feed_returned": ("feed_suspended",),
        "guard_back": ("guard_failed",),
        "reconciled": ("reconciliation",),
        "withdrawal_paid": ("withdrawal_slow", "withdrawal_unpaid"),
        "withdrawal_refused": ("withdrawal_slow",),
    }
)


@dataclass(frozen=True, slots=True)
class Incident:
    """One thing that is or was wrong. Times in nanoseconds since 1970 (UTC); None for what did not happen."""

    id: int
    vault: str
    code: str
    subject: str
    severity: Severity
    opened_ns: int
    last_ns: int
    count: int
    text: str
    version: int
    escalations: int
    acknowledged_ns: int | None
    acknowledged_by: str | None
    resolved_ns: int | None
    resolved_by: str | None

    @property
    def is_open(self) -> bool:
        """Whether it goes on."""
        return self.resolved_ns is None

    @property
    def is_waiting(self) -> bool:
        """Whether somebody has to acknowledge it."""
        return self.is_open and self.severity == "critical" and self.acknowledged_ns is None


def ended_by(code: str) -> tuple[str, ...]:
    """The codes of the incidents that a notice of this code ends.

    >>> ended_by("feed_back"), ended_by("drawdown_ended"), ended_by("drawdown")
    (('feed_silent',), ('drawdown',), ())
    """
    if code.endswith("_ended"):
        return (code.removesuffix("_ended"),)
    return _ENDS.get(code, ())
