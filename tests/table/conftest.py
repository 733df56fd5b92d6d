"""What the tables share."""

from __future__ import annotations

import pytest

from .vaults import Vault


@pytest.fixture
def vault() -> Vault:
    """A vault with 10,000 and every limit wide open."""
    return Vault()
