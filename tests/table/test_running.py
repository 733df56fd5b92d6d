"""What whoever runs a vault tells its gate: notes, payments of funding, what the venue shows otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
from gxrisk import Gate, InvalidOrder, JournalReader, Limits, ManualClock, VaultError, verify_note

START = "2020-03-12T00:00:00Z"


def gate(journal: Path | None = None) -> Gate:
    made = Gate("alpha", Limits.for_tier("growth"), clock=ManualClock(START), journal=journal)
    made.deposit(10_000)
    return made


def test_the_newest_text_of_a_topic_survives_a_restart(tmp_path: Path) -> None:
    journal = tmp_path / "alpha.gxr"
    with gate(journal) as made:
        made.note("strategy", "one")
        made.note("strategy", "two")
        made.note("ended", "soon")
        made.note("ended", "")
    with Gate.open(journal, clock=ManualClock(START)) as opened:
        assert opened.notes == {"strategy": "two"}
    noted = [event for event in JournalReader(journal).events() if event["kind"] == "note"]
    assert [(event["topic"], event["text"]) for event in noted] == [
        ("strategy", "one"), ("strategy", "two"), ("ended", "soon"), ("ended", ""),
    ]  # fmt: skip
    JournalReader(journal).verify()


def test_a_note_can_be_shown_to_whoever_has_no_journal(tmp_path: Path) -> None:
    with gate(tmp_path / "alpha.gxr") as made:
        made.note("certificate", '{"sharpe": "1.5"}')
        token, key = made.attest("certificate"), made.head().key
        assert key is not None
        told = verify_note(token, key, "alpha")
        assert (told["topic"], told["text"]) == ("certificate", '{"sharpe": "1.5"}')
        (kept,) = [one for one in JournalReader(tmp_path / "alpha.gxr").events() if one["kind"] == "note"]
        assert (told["sequence"], told["hash"]) == (kept["sequence"], kept["hash"])
        with pytest.raises(VaultError, match="another vault"):
            verify_note(token, key, "beta")
        with pytest.raises(VaultError, match="head key"):
            verify_note(token, made.wallet_key, "alpha")
        with pytest.raises(VaultError, match='no note "other"'):
            made.attest("other")


@pytest.mark.parametrize(
    ("topic", "text", "error"),
    [
        ("", "text", InvalidOrder),
        ("two words", "text", InvalidOrder),
        ("long", "x" * 65_536, None),
        ("long", "x" * 65_537, VaultError),
        ("long", "é" * 32_769, VaultError),
    ],
)
def test_notes_are_bounded(topic: str, text: str, error: type[Exception] | None) -> None:
    made = gate()
    if error is None:
        made.note(topic, text)
        assert made.notes == {topic: text}
    else:
        with pytest.raises(error):
            made.note(topic, text)
        assert made.notes == {}


def test_funding_of_a_time_counts_once() -> None:
    made = gate()
    times = ["2020-03-12T00:00:00Z", "2020-03-12T00:00:00Z", "2020-03-11T16:00:00Z", "2020-03-12T08:00:00Z"]
    assert [made.funding("BTC", 5, at=time) for time in times] == [True, False, False, True]
    assert made.funding("ETH", -1, at=times[0]) is True
    assert [made.funding("BTC", 1), made.funding("BTC", 1)] == [True, True]
    assert made.snapshot().funding == 11


def test_what_the_venue_shows_otherwise_restricts_the_vault() -> None:
    made = gate()
    made.report_mismatch("the venue holds 1 BTC, the gate 0")
    assert made.state == "reduce_only"
    (trip,) = made.trips
    assert (trip.breaker, trip.cause) == ("fill_mismatch", "the venue holds 1 BTC, the gate 0")
    made.resume()
    assert made.state == "active"
