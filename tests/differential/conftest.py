"""Shows what the differential run has met, passed or not."""

from __future__ import annotations

import pytest

LINES = pytest.StashKey[list[str]]()


@pytest.fixture
def report(request: pytest.FixtureRequest) -> list[str]:
    """Lines for the end of the run."""
    return request.config.stash.setdefault(LINES, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """After all tests."""
    if lines := config.stash.get(LINES, []):
        terminalreporter.section("differential")
        for line in lines:
            terminalreporter.write_line(line)
