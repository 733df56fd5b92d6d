"""Which scopes an operation is open to. A route without that cannot be made."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from gxrisk.server.keys import ApiKey, Scope

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
READERS: Final[tuple[Scope, ...]] = ("read", "propose", "operate", "own", "admin")
_ATTRIBUTE: Final = "gxrisk_access"


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call an operation, and whether it changes anything; none of `scopes` means everyone, without a key.

    `is_whole` says that it tells of all vaults at once, so that a key for some of them is not enough; `is_local` that
    the configuration can open it to this machine without a key.
    """

    scopes: tuple[Scope, ...]
    changes: bool
    is_whole: bool = False
    is_local: bool = False

    def allows(self, key: ApiKey, vault_id: str | None) -> bool:
        """Whether this key may call it, for this vault where it is about one."""
        if self.is_whole and key.vaults is not None:
            return False
        return key.scope in self.scopes and (vault_id is None or key.covers(vault_id))


def asks(*scopes: Scope, is_whole: bool = False, is_local: bool = False) -> Callable[[Endpoint], Endpoint]:
    """An operation that changes nothing."""
    return _declare(Access(scopes, changes=False, is_whole=is_whole, is_local=is_local))


def changes(*scopes: Scope) -> Callable[[Endpoint], Endpoint]:
    """An operation that changes something, and so needs an `Idempotency-Key`."""
    return _declare(Access(scopes, changes=True))


def public(endpoint: Endpoint) -> Endpoint:
    """An operation that needs no key."""
    return _declare(Access((), changes=False))(endpoint)


def access_of(endpoint: Callable[..., Any]) -> Access:
    """What was declared. Raises `TypeError` where nothing was: nobody may call that.

    >>> access_of(asks("read")(lambda: None)).scopes
    ('read',)
    """
    found = getattr(endpoint, _ATTRIBUTE, None)
    if not isinstance(found, Access):
        raise TypeError(f"{endpoint.__name__} does not say who may call it: put @asks, @changes or @public over it")
    return found


def _declare(access: Access) -> Callable[[Endpoint], Endpoint]:
    def over(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _ATTRIBUTE, access)
        return endpoint

    return over
