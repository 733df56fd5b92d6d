"""Where Prometheus' programs lie."""

import pytest

from tests.metrics.prometheus import program


def _installed(name: str) -> str:
    found = program(name)
    if found is None:
        pytest.skip(f"{name} is not installed: make servers")
    return found


@pytest.fixture(scope="session")
def promtool() -> str:
    """The checker of rules."""
    return _installed("promtool")


@pytest.fixture(scope="session")
def prometheus() -> str:
    """The server."""
    return _installed("prometheus")
