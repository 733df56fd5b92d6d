"""How many files a process may have open."""

from contextlib import suppress


def allow_many_files() -> None:
    """A vault keeps up to nine files open, and one at least: let the process have as many as it may have at all."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
