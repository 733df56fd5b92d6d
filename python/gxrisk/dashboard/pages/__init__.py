"""The pages, one file each. `register` puts them before NiceGUI; only those who are signed in get to see one."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from nicegui import Client, ui

from gxrisk.dashboard.pages import alerts, audit, controls, decision, fleet, stress, vault, vault_controls
from gxrisk.dashboard.sessions import Person, Sessions
from gxrisk.dashboard.sign_in import TOKEN

Page = Callable[..., Awaitable[None]]
PAGES: Final[dict[str, Page]] = {
    "/": fleet.page,
    "/alerts": alerts.page,
    "/controls": controls.page,
    "/vaults/{vault_id}": vault.page,
    "/vaults/{vault_id}/stress": stress.page,
    "/vaults/{vault_id}/audit": audit.page,
    "/vaults/{vault_id}/decisions/{sequence}": decision.page,
    "/vaults/{vault_id}/controls": vault_controls.page,
}
_BUILD_S: Final = 60.0


def register(sessions: Sessions) -> None:
    """Make every page."""
    for path, page in PAGES.items():
        ui.page(path, response_timeout=_BUILD_S)(_for_people(sessions, page))


def _for_people(sessions: Sessions, page: Page) -> Callable[..., Any]:
    async def shown(request: Request, client: Client) -> Response | None:
        person: Person | None = sessions.find(request.session.get(TOKEN))
        if person is None:
            return RedirectResponse("/sign-in")
        await page(client, person, **request.path_params)
        return None

    return shown
