"""Venues: the protocol of a trading venue, which takes approvals alone."""

from gxrisk.venues.protocol import (
    Accepted,
    Account,
    Cancelled,
    Failed,
    Filled,
    FundingPaid,
    Redeem,
    Report,
    Statement,
    Venue,
    VenueError,
)

__all__ = [
    "Accepted",
    "Account",
    "Cancelled",
    "Failed",
    "Filled",
    "FundingPaid",
    "Redeem",
    "Report",
    "Statement",
    "Venue",
    "VenueError",
]
