"""Venues: the protocol of a trading venue, which takes approvals alone, and the paper venue."""

from gxrisk.venues.paper import FundingRate, PaperAccount, PaperCosts, PaperError, PaperVenue, read_funding
from gxrisk.venues.protocol import (
    Accepted,
    Account,
    Cancelled,
    Failed,
    Filled,
    FundingPaid,
    InsufficientFunds,
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
    "FundingRate",
    "InsufficientFunds",
    "PaperAccount",
    "PaperCosts",
    "PaperError",
    "PaperVenue",
    "Redeem",
    "Report",
    "Statement",
    "Venue",
    "VenueError",
    "read_funding",
]
