"""What holds for every test: in CI nothing may be skipped, so that a missing part cannot hide."""

import os
import traceback
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis.errors import FlakyFailure

if TYPE_CHECKING:
    from tests.postgres import Server

# What lands must not hang on the draw of a seed; other runs search anew each time.
settings.register_profile("ci", derandomize=True, print_blob=True)
if os.environ.get("CI") == "true":
    settings.load_profile("ci")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where `CI=true`; of a failure that comes and goes, tell first what it was."""
    report = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, FlakyFailure):
        causes = ["".join(traceback.format_exception(cause)[-12:]) for cause in call.excinfo.value.exceptions]
        report.longrepr = "\n".join([f"failed once, and not again ({item.nodeid}):", *causes, str(report.longrepr)])
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and in CI a skip is a failure: {report.longrepr}"
    # What a test wrote goes from one process to another, where half a surrogate pair cannot go.
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session")
def postgres() -> "Iterator[Server]":
    """A PostgreSQL server, one for all tests of the run."""
    from tests.postgres import programs, running

    binaries = programs()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with running(binaries) as server:
        yield server
