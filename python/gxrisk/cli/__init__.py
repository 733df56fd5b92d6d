"""The `gxrisk` command."""

from gxrisk.cli.commands import app

__all__ = ["app"]
