"""How bad it is: the words that all guards share."""

from typing import Final, Literal, get_args

RiskLevel = Literal["low", "elevated", "high", "critical"]
RISK_LEVELS: Final[tuple[RiskLevel, ...]] = get_args(RiskLevel)


def worst(levels: list[RiskLevel]) -> RiskLevel:
    """The worst of `levels`; low of none.

    >>> worst(["low", "high", "elevated"]), worst([])
    ('high', 'low')
    """
    return max(levels, key=RISK_LEVELS.index, default="low")
