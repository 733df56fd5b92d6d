"""The list of bugs still fits the tree: each has its one place, and the test that catches it is there."""

import pytest

from .bugs import LIST, ROOT, Bug, NamedTest, listed
from .trees import Ran, judged

BUGS = listed(LIST)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_has_one_place_and_a_test(bug: Bug) -> None:
    """Its text is in its file once, the bug changes it, and its test exists."""
    assert bug.planted(ROOT) != (ROOT / bug.file).read_text(encoding="utf-8")
    assert bug.test.exists(ROOT), f"there is no test {bug.test}"
    assert bug.field == " ".join(bug.field.split())
    assert bug.field.endswith(".")


def test_the_list_is_long_enough_and_names_differ() -> None:
    """At least 30 bugs, each with a name and a change of its own."""
    assert len(BUGS) >= 30
    assert len({bug.name for bug in BUGS}) == len(BUGS)
    assert len({(bug.file, bug.old, bug.new) for bug in BUGS}) == len(BUGS)


RUST = "running 1 test\ntest it_holds ... "
REFUSED = "error[E0624]: associated function is private\nerror: could not compile `gxrisk-core` (lib)"


@pytest.mark.parametrize(
    ("test", "compiler", "ran", "verdict"),
    [
        ("gxrisk-core a it_holds", None, Ran(101, RUST + "FAILED"), "caught"),
        ("gxrisk-core a it_holds", None, Ran(0, RUST + "ok"), "SURVIVED"),
        ("gxrisk-core a it_holds", None, Ran(101, "running 0 tests"), "ERROR: its test did not run"),
        ("gxrisk-core a it_holds", None, Ran(101, REFUSED), "ERROR: it does not compile"),
        ("gxrisk-core a it_holds", None, Ran(-1, RUST, hung=True), "ERROR: no end"),
        ("gxrisk-core a it_holds", "E0624", Ran(101, REFUSED), "caught"),
        ("gxrisk-core a it_holds", "E0451", Ran(101, REFUSED), "ERROR: it does not compile"),
        ("gxrisk-core a it_holds", "E0624", Ran(0, "Finished"), "SURVIVED"),
        ("tests/a.py::test_b", None, Ran(1, "1 failed in 0.1s"), "caught"),
        ("tests/a.py::test_b", None, Ran(0, "1 passed in 0.1s"), "SURVIVED"),
        ("tests/a.py::test_b", None, Ran(2, "1 error in 0.1s"), "ERROR: its test did not run"),
    ],
)
def test_only_a_failure_of_the_test_itself_catches(test: str, compiler: str | None, ran: Ran, verdict: str) -> None:
    """A compile error or a test that did not run is an error of the list, never a catch."""
    bug = Bug("a", "It is a bug.", "a.rs", "old", "new", NamedTest.of(test), compiler)
    assert judged(bug, ran).startswith(verdict)
