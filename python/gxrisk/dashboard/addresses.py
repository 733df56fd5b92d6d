"""The dashboard's own addresses."""

from urllib.parse import quote


def vault_at(vault_id: str, part: str = "") -> str:
    """A vault's page, or a part of it.

    >>> vault_at("growth-1"), vault_at("growth-1", "stress"), vault_at("a/../b")
    ('/vaults/growth-1', '/vaults/growth-1/stress', '/vaults/a%2F..%2Fb')
    """
    return f"/vaults/{quote(vault_id, safe='')}{f'/{part}' if part else ''}"


def decision_at(vault_id: str, sequence: int) -> str:
    """A decision's page.

    >>> decision_at("growth-1", 42)
    '/vaults/growth-1/decisions/42'
    """
    return vault_at(vault_id, f"decisions/{sequence}")
