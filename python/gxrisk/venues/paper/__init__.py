"""The paper venue: vaults trade on real market data with estimated fills and no real money."""

from gxrisk.venues.paper.account import PaperAccount
from gxrisk.venues.paper.costs import PaperCosts, PaperError
from gxrisk.venues.paper.funding import FundingRate, read_funding
from gxrisk.venues.paper.venue import PaperVenue

__all__ = ["FundingRate", "PaperAccount", "PaperCosts", "PaperError", "PaperVenue", "read_funding"]
