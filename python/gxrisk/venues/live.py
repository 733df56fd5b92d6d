"""What every venue with real money is built on: no account without a certificate of graduation."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, final

from gxrisk._native import Limits
from gxrisk.protection.settings import ProtectionSettings
from gxrisk.vaults.certificate import Certificate, GraduationError, check
from gxrisk.vaults.correlation import CorrelationSettings
from gxrisk.vaults.graduation import limits_hash
from gxrisk.vaults.settings import VaultSettings
from gxrisk.vaults.version import StrategyVersion, content_hash
from gxrisk.venues.exits import exits_alone
from gxrisk.venues.protocol import Account, Redeem

_SEALED: Final = ("account", "account_for_exits", "admit", "licensed", "is_live")


@dataclass(frozen=True, slots=True)
class Licence:
    """What a live vault may trade by: the paper vault's signed certificate, and what that is checked against."""

    token: bytes | None
    head_key: bytes
    paper_vault_id: str
    strategy: StrategyVersion
    tier: str
    protection: ProtectionSettings | None = None
    correlation: CorrelationSettings | None = None

    def check(self) -> Certificate:
        """Raises `GraduationError` unless the certificate holds for the strategy as it lies on the disk now."""
        certificate = check(
            self.token,
            self.head_key,
            self.paper_vault_id,
            self.strategy,
            self.tier,
            self.protection,
            self.correlation,
        )
        found = content_hash(self.strategy.name)
        if found != certificate.strategy.content_hash:
            raise GraduationError(
                "strategy_changed",
                f"{self.strategy.name} has changed since it graduated: its content hash is {found[:12]}, "
                f"the certificate's {certificate.strategy.content_hash[:12]}",
            )
        return certificate


class LiveVenue(ABC):
    """A venue where real money moves. A subclass says how an account is opened; whether it may be is decided here.

    `account` opens none for a vault that was not `licensed`, and checks the certificate anew each time; a fleet asks
    `admit` of each live vault first. Without a licence there is `account_for_exits` alone. A subclass that replaces
    these, or `is_live`, is refused when it is defined: that cannot happen by accident.
    """

    is_live: ClassVar[bool] = True

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name in _SEALED:
            owner = next(one for one in cls.__mro__ if name in one.__dict__)
            if owner is not LiveVenue:
                raise TypeError(f"{cls.__name__} may not replace {name!r} of LiveVenue")

    @property
    @abstractmethod
    def name(self) -> str:
        """For records and screens."""

    @final
    def licensed(self, vault_id: str, licence: Licence) -> Certificate:
        """Take the licence of a live vault. Raises `GraduationError` where it gives no right to trade."""
        certificate = licence.check()
        self._licences()[vault_id] = licence
        return certificate

    @final
    def admit(self, vault_id: str, settings: VaultSettings, limits: Limits | None = None) -> None:
        """Refuse a vault that is not what it is licensed for: strategy, tier, guards, groups, and `limits` where given.

        Raises `GraduationError`, as `account` does; a fleet calls this before it makes or opens a live vault.
        """
        licence = self._licences().get(vault_id)
        if licence is None:
            raise GraduationError("missing", f"{vault_id} has no certificate of graduation at {self.name}")
        certificate = replace(
            licence,
            strategy=settings.strategy,
            tier=settings.tier,
            protection=settings.protection,
            correlation=settings.correlation,
        ).check()
        if limits is not None and limits_hash(limits) != certificate.limits_hash:
            raise GraduationError("tier", f"{vault_id} is to have other limits than the strategy graduated in")

    @final
    async def account(self, vault_id: str, redeem: Redeem) -> Account:
        """The account of a vault. Raises `GraduationError` without a certificate that holds now."""
        licence = self._licences().get(vault_id)
        if licence is None:
            raise GraduationError("missing", f"{vault_id} has no certificate of graduation at {self.name}")
        licence.check()
        return await self._open(vault_id, redeem)

    @final
    async def account_for_exits(self, vault_id: str, redeem: Redeem) -> Account:
        """The account of a vault that may not trade, so that its positions are not left alone. No licence is asked for.

        That is no way around one: with what the account is given, only approvals of reductions can be redeemed.
        """
        return await self._open(vault_id, exits_alone(redeem))

    @abstractmethod
    async def _open(self, vault_id: str, redeem: Redeem) -> Account:
        """Open the account, which sends nothing but what `redeem` gives. Called by the two above alone."""

    def _licences(self) -> dict[str, Licence]:
        # Not set in __init__, which a subclass may forget to call.
        kept: dict[str, Licence] = self.__dict__.setdefault("_LiveVenue__licences", {})
        return kept
