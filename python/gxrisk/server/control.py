"""Controls of a vault as a person asked for them: what was done, and by whom, lie side by side in its journal."""

import json
from typing import Any, Final

from fastapi import Request

from gxrisk.server.keys import ApiKey
from gxrisk.vaults import Vault

TOPIC: Final = "actor"


def note_actor(request: Request, vault: Vault, action: str, **details: Any) -> None:
    """Write down who asks for what, right before it is done.

    To be called in the same turn of the event loop as the control, with nothing awaited in between: then nothing comes
    between the note and the control's own record. A control that is refused leaves the note, which is right: it was
    asked for.
    """
    key: ApiKey = request.state.key
    told = {
        "action": action,
        "key": key.id,
        "name": key.name,
        "scope": key.scope,
        "request_id": request.state.request_id,
        "details": details,
    }
    vault.gate.note(TOPIC, json.dumps(told, sort_keys=True))
