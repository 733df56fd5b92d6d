"""The part file's lock: two fetches never write one file, and a dead one never bars the next."""

import fcntl
from pathlib import Path

import pytest
from gxrisk.feeds.exchange import FetchError
from gxrisk.feeds.part import PartFile

SINCE_MS = 1_583_971_200_000
MINUTE_MS = 60_000
SPAN = range(SINCE_MS, SINCE_MS + 86_400_000)
ROW = [str(SINCE_MS), "7900", "7910", "7890", "7905", "1.5"]


def test_the_lock_ends_with_its_holder(tmp_path: Path) -> None:
    file = tmp_path / ".btc.csv.part"
    with PartFile(file, MINUTE_MS, SPAN) as part:
        part.append([ROW])
        with file.open("rb") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with pytest.raises(FetchError, match="another fetch is writing"):
            PartFile(file, MINUTE_MS, SPAN)
    with PartFile(file, MINUTE_MS, SPAN) as part:
        assert (part.rows, part.last_ms) == (1, SINCE_MS)
