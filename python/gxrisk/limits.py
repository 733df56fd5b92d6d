"""How limits are rebuilt from a pickle: through the same checks as from anywhere else."""

from typing import Any

from gxrisk._native import TIERS, Limits


def limits_from_dict(fields: dict[str, Any]) -> Limits:
    """Make limits of every field by name, as `Limits.to_dict` gives them. Raises `InvalidOrder`.

    >>> limits_from_dict(Limits.for_tier("growth").to_dict()) == Limits.for_tier("growth")
    True
    """
    return Limits.for_tier(TIERS[0]).replace(**fields)
