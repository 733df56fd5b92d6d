"""The end of a vault: closed for good once it is empty, on record; its journal can still be read."""

from decimal import Decimal
from typing import Final

from gxrisk._native import Gate, VaultError
from gxrisk.vaults.withdrawal import Pending

RETIRED: Final = "retired"
_UNIT: Final = Decimal("1e-9")


class Retired(VaultError):
    """The vault was closed for good; its journal can still be read."""


def retire(gate: Gate, withdrawal: Pending | None, reason: str) -> None:
    """Put it on record. Raises `VaultError` while the vault holds anything: positions, orders, or money.

    Less than the ninth digit after the point, which trading leaves, is no money: nobody can withdraw it.

    >>> from gxrisk import Limits, ManualClock
    >>> gate = Gate("demo", Limits.for_tier("growth"), clock=ManualClock(0))
    >>> retire(gate, None, "enough")
    >>> gate.notes["retired"]
    'enough'
    """
    snapshot = gate.snapshot()
    held = [*snapshot.positions, *(one.order_id for one in snapshot.working)]
    if abs(snapshot.equity) >= _UNIT:
        held.append(f"{snapshot.equity} in money")
    if held or withdrawal is not None:
        what = ", ".join(held) or "a withdrawal that is on its way"
        raise VaultError(f"{gate.vault_id} can be retired once it is empty; it has {what}: withdraw everything first")
    gate.note(RETIRED, reason or "no reason was given")
