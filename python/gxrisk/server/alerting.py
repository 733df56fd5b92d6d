"""What people must hear of: the fleet's notices, what breakers do, and what happens to the server itself."""

import logging
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from gxrisk.alerts import AlertSettings, AlertSink, Asked, Incident
from gxrisk.alerts.settings import OUTBOX
from gxrisk.config import Config
from gxrisk.vaults.fleet_notes import FLEET
from gxrisk.vaults.notices import Notice, Severity, log_notice

RUNNING: Final = "server.running"
CRASHED: Final = "server_crashed"
FLEET_FAILED: Final = "fleet_failed"
VAULT_FAILED: Final = "vault_failed"
_log = logging.getLogger("gxrisk.server")


class Alerting:
    """Notices, logged and kept in the outbox of `[alerts]`, which is in the server's folder unless it says otherwise.

    Without `[alerts]` they are kept all the same, to be looked at, and sent to nobody. Raises `AlertError` where the
    outbox cannot be opened.
    """

    def __init__(self, config: Config) -> None:
        self._marker = config.folder / RUNNING
        if config.alerts is None:
            _log.warning("no alert is sent to anybody: the configuration has no [alerts]")
            settings = AlertSettings.kept_only(str(config.folder / OUTBOX))
        else:
            settings = config.alerts.kept_in(config.folder)
        self.sink = AlertSink(settings)
        if settings.url.get_secret_value() == str(config.folder / OUTBOX):
            (config.folder / OUTBOX).chmod(0o600)

    async def notify(self, notice: Notice) -> None:
        """What a fleet calls: once this returns, the notice is durable."""
        await log_notice(notice)
        await self.sink.notify(notice)

    async def tell(self, severity: Severity, code: str, text: str, subject: str = "") -> None:
        """Tell of the server itself. What the outbox cannot take now is in the log at least."""
        now_ns = time.time_ns()
        at = datetime.fromtimestamp(now_ns / 1e9, UTC).isoformat()
        try:
            await self.notify(Notice(FLEET, now_ns, at, severity, code, text, subject))
        except Exception:
            _log.exception("could not be told: %s", text)

    async def open_codes(self) -> set[tuple[str, str]]:
        """Vault and code of every incident that is open."""
        return {(one.vault, one.code) for one in await self._open()}

    async def resolve(self, code: str, subjects: Collection[str], why: str) -> None:
        """End what is open of a code, about some of what it can be about."""
        for one in await self._open():
            if one.code == code and one.subject in subjects:
                await self.sink.resolve(one.id, why)

    async def _open(self) -> list[Incident]:
        found: list[Incident] = []
        while some := await self.sink.incidents(Asked(before=found[-1].id if found else None)):
            found += [one for one, _ in some]
        return found

    @asynccontextmanager
    async def marked(self) -> AsyncIterator[None]:
        """Know at the next start whether this one came to its end."""
        since = _read(self._marker)
        if since is not None:
            text = f"the server that was started at {since} ended without being stopped; it runs again"
            await self.tell("warning", CRASHED, text)
        self._marker.write_text(datetime.now(UTC).isoformat(timespec="seconds"), encoding="ascii")
        yield
        self._marker.unlink(missing_ok=True)


def _read(marker: Path) -> str | None:
    try:
        return marker.read_text(encoding="ascii", errors="replace")[:40]
    except FileNotFoundError:
        return None
