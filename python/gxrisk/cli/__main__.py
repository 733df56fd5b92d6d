"""`python -m gxrisk.cli`: the same command where no script is installed."""

from gxrisk.cli.commands import app

app()
