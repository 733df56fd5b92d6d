"""What a vault was set up with, as its journal keeps it."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from gxrisk._native import TIERS, Limits, VaultError
from gxrisk.protection.settings import ProtectionSettings
from gxrisk.vaults.correlation import CorrelationSettings
from gxrisk.vaults.version import StrategyVersion

TOPIC: Final = "vault"


@dataclass(frozen=True, slots=True)
class VaultSettings:
    """A vault's tier, strategy, bars and venue; the strategy thinks in bars of `bar_s` seconds.

    `assets` are those that it trades, all of the feed where None. `is_live` says whether real money moves. `protection`
    are the guards before its gate, none where None; `correlation` says which assets count as one, none where None.

    >>> version = StrategyVersion("my_models:Breakout", "2", "00" * 32)
    >>> settings = VaultSettings("growth", version, bar_s=900)
    >>> VaultSettings.from_json(settings.to_json()) == settings
    True
    """

    tier: str
    strategy: StrategyVersion
    bar_s: int = 60
    assets: tuple[str, ...] | None = None
    venue: str = "paper"
    is_live: bool = False
    protection: ProtectionSettings | None = None
    correlation: CorrelationSettings | None = None

    def __post_init__(self) -> None:
        if self.correlation is not None and self.correlation.window is not None and self.assets is None:
            raise VaultError("correlation window: groups are found among the assets of the vault, which names none")

    def to_json(self) -> str:
        """As the note `vault` holds it."""
        kept = asdict(replace(self, protection=None))
        kept["protection"] = None if self.protection is None else self.protection.to_dict()
        return json.dumps(kept, sort_keys=True)

    @classmethod
    def from_json(cls, text: str | None) -> "VaultSettings":
        """Read the note `vault`. Raises `VaultError` where there is none or it is not one."""
        try:
            kept = json.loads(text or "")
            strategy = StrategyVersion(**kept.pop("strategy"))
            assets, guards = kept.pop("assets"), kept.pop("protection", None)
            correlation = CorrelationSettings.of_dict(kept.pop("correlation", None))
            protection = None if guards is None else ProtectionSettings.model_validate(guards)
            return cls(
                strategy=strategy,
                assets=None if assets is None else tuple(assets),
                protection=protection,
                correlation=correlation,
                **kept,
            )
        except (VaultError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise VaultError(f"the journal has no settings of a vault ({error}); it was not made by a fleet") from error


def tier_limits(tier: str) -> dict[str, Any]:
    """The limits that a tier sets: those in which tiers differ.

    >>> sorted(tier_limits("growth"))[:3]
    ['max_correlated_exposure', 'max_daily_loss', 'max_daily_trades']
    """
    chosen = Limits.for_tier(tier).to_dict()
    others = [Limits.for_tier(one).to_dict() for one in TIERS]
    return {name: value for name, value in chosen.items() if any(one[name] != value for one in others)}
