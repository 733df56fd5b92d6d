"""The list of bugs: what each is, where it is planted, and the test that must catch it."""

from __future__ import annotations

import ast
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_name("bugs.toml")


@dataclass(frozen=True, order=True)
class NamedTest:
    """A test: of a crate (`gxrisk-core boundaries name`, with `lib` for its unit tests), or a pytest id."""

    suite: str
    """The crate and its target, or empty for pytest."""
    name: str

    @classmethod
    def of(cls, text: str) -> NamedTest:
        """The test that a text names."""
        if "::test_" in text:
            return cls("", text)
        crate, target, name = text.split()
        return cls(f"{crate} {target}", name)

    @property
    def cargo(self) -> list[str]:
        """What tells cargo of its suite."""
        crate, target = self.suite.split()
        return ["-p", crate, *(["--lib"] if target == "lib" else ["--test", target])]

    def __str__(self) -> str:
        return f"{self.suite} {self.name}".strip()

    def exists(self, root: Path = ROOT) -> bool:
        """Whether the text of the tree has it."""
        if not self.suite:
            path, name = self.name.split("::")
            file = root / path
            return file.exists() and name.partition("[")[0] in functions(file)
        crate, target = self.suite.split()
        folder = root / "rust" / crate.removeprefix("gxrisk-")
        files = (folder / "src").rglob("*.rs") if target == "lib" else [folder / "tests" / f"{target}.rs"]
        declared = re.compile(rf"#\[test\]\s+fn {re.escape(self.name.rpartition('::')[2])}\(")
        return any(file.exists() and declared.search(file.read_text(encoding="utf-8")) for file in files)


def functions(file: Path) -> set[str]:
    """The names of a module's functions."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@dataclass(frozen=True)
class Bug:
    """One bug."""

    name: str
    field: str
    """What it would mean in the field."""
    file: str
    old: str
    new: str
    test: NamedTest
    compiler: str | None = None
    """The error with which the compiler refuses it, where it is the compiler that catches it."""

    def planted(self, root: Path = ROOT) -> str:
        """The file's text with the bug in it. Raises `ValueError` where its place is not one."""
        text = (root / self.file).read_text(encoding="utf-8")
        if (count := text.count(self.old)) != 1:
            raise ValueError(f"{self.name}: {self.file} has its text {count} times, not once")
        return text.replace(self.old, self.new)


def listed(path: Path = LIST) -> list[Bug]:
    """Every bug of the list."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["bug"]
    return [Bug(**entry | {"test": NamedTest.of(entry["test"])}) for entry in entries]
