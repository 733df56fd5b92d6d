"""Real candles and an owner's key, as the tests of vaults have them."""

from tests.vaults.conftest import data_dir, owner, passphrase

__all__ = ["data_dir", "owner", "passphrase"]
