"""The feed: marks are pushed here, and a person lets a suspended asset return."""

from decimal import Decimal
from typing import Annotated, Self

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, model_validator

from gxrisk.feeds.candles import Candle
from gxrisk.feeds.timeline import Trade
from gxrisk.server.access import asks, changes
from gxrisk.server.control import note_actor
from gxrisk.server.guard import Guarded
from gxrisk.server.shapes import Asset, Body, Positive, Reason, Time, desk_of, time_ms, time_of

router = APIRouter(route_class=Guarded, prefix="/v1", tags=["feed"])
_NS_PER_MS = 1_000_000


class CandleBody(Body):
    """A completed candle from `start` on, of the feed's length; `volume` in base units."""

    asset: Asset
    start: Time
    open: Positive
    high: Positive
    low: Positive
    close: Positive
    volume: Annotated[str, Field(pattern=r"^[0-9]{1,18}(\.[0-9]{1,9})?$")] = "0"

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        opened, high, low, close = map(Decimal, (self.open, self.high, self.low, self.close))
        if not low <= min(opened, close) <= max(opened, close) <= high:
            raise ValueError("open and close lie from low to high")
        return self

    def candle(self, bar_ms: int) -> Candle:
        """The candle."""
        opened, high, low, close = map(Decimal, (self.open, self.high, self.low, self.close))
        return Candle(self.asset, time_ms(self.start), bar_ms, opened, high, low, close, float(self.volume))


class TradeBody(Body):
    """One trade at the market: a price between two candles."""

    asset: Asset
    at: Time
    price: Positive
    quantity: Positive

    def trade(self) -> Trade:
        """The trade."""
        return Trade(self.asset, time_ms(self.at), Decimal(self.price), Decimal(self.quantity))


class Marks(Body):
    """What the market did since the last push."""

    candles: Annotated[list[CandleBody], Field(max_length=5_000, default_factory=list)]
    trades: Annotated[list[TradeBody], Field(max_length=5_000, default_factory=list)]


class Taken(BaseModel):
    """Every vault has had them; `ignored` candles were known already, or older than one that was."""

    taken: int
    ignored: int


class SuspensionShown(BaseModel):
    """An asset whose prices are not believed until a person has looked."""

    asset: str
    since: str | None
    reason: str


class FeedShown(BaseModel):
    """Of which assets the feed has told, and which are suspended."""

    bar_s: int
    assets: list[str]
    suspended: list[SuspensionShown]


class Review(Body):
    """A person looked at a suspended asset, and why it may return."""

    asset: Asset
    reason: Reason


@router.post("/marks")
@changes("feed")
async def push_marks(request: Request, body: Marks) -> Taken:
    """Tell the market's prices; the answer comes when all vaults have marked them. Candles bring the ATR."""
    feed = desk_of(request).feed
    candles = [one.candle(feed.bar_ms) for one in body.candles]
    ignored = await feed.push(candles, [one.trade() for one in body.trades])
    return Taken(taken=len(candles) + len(body.trades) - ignored, ignored=ignored)


@router.get("/feed")
@asks("read", "feed", "operate", "admin")
async def show_feed(request: Request) -> FeedShown:
    """What the feed tells of."""
    desk = desk_of(request)
    suspended = [
        SuspensionShown(asset=asset, since=time_of(one.since_ms * _NS_PER_MS), reason=one.reason)
        for asset, one in desk.quality.suspended.items()
    ]
    return FeedShown(bar_s=desk.config.feed.bar_s, assets=list(desk.feed.assets), suspended=suspended)


@router.post("/feed/reviews")
@changes("operate")
async def review_feed(request: Request, body: Review) -> FeedShown:
    """Let a suspended asset return; one that is still wrong is suspended again by its next price."""
    desk = desk_of(request)
    for vault in tuple(desk.fleet.vaults.values()):
        if vault.settings.assets is None or body.asset in vault.settings.assets:
            note_actor(request, vault, "review_feed", asset=body.asset, reason=body.reason)
    desk.quality.review(body.asset, request.state.key.name, body.reason)
    return await show_feed(request)
