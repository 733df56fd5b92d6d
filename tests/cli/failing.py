"""What every failure of a command looks like."""

from collections.abc import Callable

from typer.testing import Result

Run = Callable[..., Result]


def one_line(result: Result, *parts: str) -> None:
    """A failure: exit code 1, nothing on stdout, one line on stderr."""
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("gxrisk: ")
    for part in parts:
        assert part in result.stderr


def usage(result: Result, *parts: str) -> None:
    assert result.exit_code == 2, result.output
    said = " ".join(result.stderr.replace("│", " ").split())
    for part in parts:
        assert part in said
