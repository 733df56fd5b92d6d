"""The documentation tells the truth: every example runs, every command exists, generated pages are current."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(#[^)\s]*)?\)")


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return [text for found, text in BLOCK.findall(page.read_text(encoding="utf-8")) if found == language]


def named(page: Path) -> str:
    """A page's path as a test id."""
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_python_blocks_run(page: Path) -> None:
    """All Python blocks of a page run, one after the other."""
    names: dict[str, object] = {"__name__": "page"}
    for text in blocks(page, "python"):
        exec(compile(text, named(page), "exec"), names)  # noqa: S102 (our own documentation)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_sessions_give_what_they_show(page: Path) -> None:
    """Interactive sessions print what the page says; those of a page are one session."""
    names: dict[str, object] = {}
    for text in blocks(page, "pycon"):
        test = doctest.DocTestParser().get_doctest(text, names, named(page), str(page), 0)
        assert doctest.DocTestRunner(verbose=False).run(test, clear_globs=False).failed == 0
        names = test.globs


def commands() -> list[str]:
    """Every command that a page shows after a `$`."""
    found = [line for page in PAGES for text in blocks(page, "console") for line in text.splitlines()]
    return sorted({line.removeprefix("$ ") for line in found if line.startswith("$ ")})


@pytest.mark.parametrize("command", commands())
def test_commands_run(command: str) -> None:
    """A shown command works. The make targets that call this test, or run for long, are only looked up."""
    program, *arguments = command.split()
    if program == "make" or program == "cargo" or "benches" in command:
        targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert program != "make" or arguments[0] in targets
        return
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [program, *arguments], cwd=ROOT, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    """A relative link names a file that is there."""
    links = [link for link, _ in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_generated_pages_are_current() -> None:
    """What the registries say is what the pages say: run `make docs` when this fails."""
    sys.path.insert(0, str(ROOT))
    try:
        from docs.generate import PAGES as GENERATED
    finally:
        sys.path.remove(str(ROOT))
    for name, page in GENERATED.items():
        assert (ROOT / "docs" / name).read_text(encoding="utf-8") == page(), f"docs/{name} is out of date"


# Those that take seconds run once, by the command that they name, where what they say is looked at too.
RUN_ELSEWHERE = {
    "ensemble.py": "tests/replay/test_examples.py",
    "momentum.py": "tests/replay/test_examples.py",
    "llm_agent.py": "tests/agent/llm/test_llm_example.py",
}
EXAMPLES = [one for one in sorted((ROOT / "examples").glob("*.py")) if one.name not in RUN_ELSEWHERE]


@pytest.mark.parametrize(("example", "test"), RUN_ELSEWHERE.items())
def test_other_examples_run_elsewhere(example: str, test: str) -> None:
    """Each is there, and its test names it."""
    assert (ROOT / "examples" / example).exists()
    assert example.removesuffix(".py") in (ROOT / test).read_text(encoding="utf-8")


@pytest.mark.parametrize("example", EXAMPLES, ids=named)
def test_examples_run(example: Path) -> None:
    """Each example is one command that works."""
    done = subprocess.run([sys.executable, str(example)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
