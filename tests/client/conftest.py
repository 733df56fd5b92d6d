"""A server for the tests of clients."""

from collections.abc import Iterator

import pytest

from .serving import Serving


@pytest.fixture(autouse=True)
def _no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GXRISK_URL", "GXRISK_KEY", "GXRISK_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server with the vault `ann`, its money and a market, for a whole module."""
    one = Serving(tmp_path_factory.mktemp("server"))
    try:
        one.start()
        one.made()
        yield one
    finally:
        one.kill()
