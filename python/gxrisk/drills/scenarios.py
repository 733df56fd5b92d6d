"""The scenarios: what the market does, what breaks beside it, and where its shape is from."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

from gxrisk.drills.feed_faults import FeedFault, corruption, outage
from gxrisk.drills.market import Level
from gxrisk.drills.model_faults import (
    FREEZE_PATIENCE_S,
    Freezing,
    Looping,
    ModelFault,
    Overconfident,
    Panicking,
)
from gxrisk.drills.venue_faults import FillingTwice, Hanging, Late, Rejecting, Repeating, VenueFault

OURS: Final = (
    "The shape is ours: a fall of 4.5 % in an hour and half of it back, as markets have it on a bad afternoon."
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One drill. `levels` begin at minute 0 at the price 1; faults of models and venues last from minute 5 to the end.

    `patience_s` is how long the model may think from minute 5 on, where that is not the vault's own half minute.
    """

    name: str
    title: str
    source: str
    begins: datetime
    levels: tuple[Level, ...]
    feed: FeedFault | None = None
    model: ModelFault | None = None
    venue: VenueFault | None = None
    patience_s: float | None = None

    @property
    def minutes(self) -> int:
        """How long the event lasts."""
        return self.levels[-1].minute


_CLOSE_1987: Final = 2246.74
_UNEASY: Final = (Level(0, 1.0, 8), Level(60, 0.955, 8), Level(100, 0.9775))
_BAD_AFTERNOON: Final = partial(Scenario, source=OURS, begins=datetime(2024, 3, 5, 12, tzinfo=UTC), levels=_UNEASY)

_ALL: Final = (
    Scenario(
        "black-monday",
        "19 October 1987: -22.6 % in a day",
        "Dow Jones Industrial Average: 200 points down soon after the opening bell, at about 2,046; above 2,100 by "
        "10 a.m.; some 200 down again with 75 minutes left, at 2:45 p.m.; 1,738.74 at the close, a loss of 508 points, "
        "22.6 % (CNNfn, The blackest of Mondays, 13 October 1997), so 2,246.74 the Friday before (Time, 2 November "
        "1987, has 2246.73). That the first 200 points are one gap is ours, and so is the noise in between.",
        datetime(1987, 10, 19, 13, 30, tzinfo=UTC),
        (
            Level(0, 1.0, 20),
            Level(0, 2046 / _CLOSE_1987, 20),
            Level(30, 2105 / _CLOSE_1987, 15),
            Level(315, 2046 / _CLOSE_1987, 25),
            Level(390, 1738.74 / _CLOSE_1987),
        ),
    ),
    Scenario(
        "flash-crash",
        "6 May 2010: down 5.5 % in five minutes and most of it back, within 36 minutes",
        "The fall is the E-Mini's (CFTC and SEC, Findings Regarding the Market Events of May 6, 2010, 30 September "
        "2010): a large sell program begins at 2:32 p.m.; some 3 % down from 2:41 to 2:44, 1.7 % more in 15 seconds to "
        "2:45:27, over 5 % in all; a pause of five seconds at 2:45:28. The way back rests on secondary pages alone: "
        "the Dow had most of its 600 points back by 3:07 p.m., 36 minutes after the beginning (Wikipedia, 2010 flash "
        "crash). Levels are rounded, the noise is ours.",
        datetime(2010, 5, 6, 18, 32, tzinfo=UTC),
        (
            Level(0, 1.0, 12),
            Level(9, 0.99, 20),
            Level(14, 0.935, 30),
            Level(20, 0.97, 20),
            Level(36, 0.985),
        ),
    ),
    Scenario(
        "slow-bleed",
        "-12 % in twelve hours, never fast",
        "The shape is ours: one percent an hour, so that nothing that looks for speed sees it. It crosses midnight "
        "UTC, when the daily loss starts anew and the drawdown does not.",
        datetime(2024, 3, 5, 18, tzinfo=UTC),
        (Level(0, 1.0, 3), Level(720, 0.88)),
    ),
    Scenario(
        "feed-outage",
        "The feed is silent for 35 minutes while the market falls 7 %",
        "The shape is ours; the venue goes on: its stops still fill.",
        datetime(2024, 3, 5, 12, tzinfo=UTC),
        (Level(0, 1.0, 6), Level(10, 1.001, 8), Level(40, 0.93, 8), Level(90, 0.95)),
        feed=outage,
    ),
    Scenario(
        "corrupted-feed",
        "The feed tells a phantom spike, a shifted decimal point and frozen prices",
        "The faults are those that data quality knows (docs/monitoring.md); the market itself is calm.",
        datetime(2024, 3, 5, 12, tzinfo=UTC),
        (Level(0, 1.0, 5), Level(90, 1.0)),
        feed=corruption,
    ),
    _BAD_AFTERNOON("model-panics", "The model raises at every question", model=Panicking),
    _BAD_AFTERNOON("model-loops", "The model opens and closes at every bar", model=Looping),
    _BAD_AFTERNOON("model-freezes", "The model never answers again", model=Freezing, patience_s=FREEZE_PATIENCE_S),
    _BAD_AFTERNOON("model-overconfident", "The model is certain and wants the most", model=Overconfident),
    _BAD_AFTERNOON("venue-rejects", "The venue takes no orders", venue=Rejecting),
    _BAD_AFTERNOON("venue-hangs", "The venue gives no answer; half of what was sent arrives", venue=Hanging),
    _BAD_AFTERNOON("venue-fills-late", "Orders are said to be cancelled, and fill three minutes later", venue=Late),
    _BAD_AFTERNOON("venue-repeats-fills", "The venue tells of every fill twice", venue=Repeating),
    _BAD_AFTERNOON("venue-fills-twice", "The venue executes an order a second time", venue=FillingTwice),
)
SCENARIOS: Final = {one.name: one for one in _ALL}
