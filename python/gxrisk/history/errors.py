"""What goes wrong with a history."""

from gxrisk._native import GxriskError


class HistoryError(GxriskError):
    """A history that cannot be opened, written or continued as asked."""
