"""What goes wrong with alerts."""

from gxrisk._native import GxriskError


class AlertError(GxriskError):
    """Alerts that cannot be set up, kept or acknowledged as asked. Its text never holds a channel's address."""
