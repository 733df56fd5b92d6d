"""Kinds of records: every one that a gate can write is known, and one that is not is kept."""

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from gxrisk import Gate, JournalReader, Limits, ManualClock
from gxrisk.history import History, Projector, projection

from .desk import START, Desk, all_of


def test_every_kind_that_a_gate_writes_is_projected() -> None:
    """The names in the native source and the ones here are the same."""
    source = (Path(__file__).parents[2] / "rust/python/src/events.rs").read_text(encoding="utf-8")
    names = source.partition("fn kind(")[2].partition("\n}\n")[0]
    written = set(re.findall(r'=> "(\w+)"', names))
    assert len(written) > 30
    assert written == set(projection.KINDS)


def test_an_unknown_kind_is_kept_and_stops_nothing(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record of a newer gate is kept whole, and the ones after it are told; a later version tells it by a rebuild."""
    desk = Desk(tmp_path / "desk.gxr", seed=3)
    desk.work(200)
    desk.close()
    with monkeypatch.context() as older:
        for kind in ("hold", "risk_scale"):
            older.delitem(projection.KINDS, kind)
        projector = Projector(history, [desk.file])
        projector.catch_up()
        projector.raise_failures()
    records = [record for record in JournalReader(desk.file).events() if record["kind"] in ("hold", "risk_scale")]
    kept = list(history.every(history.unknown, "desk"))
    assert {row.kind for row in kept} == {"hold", "risk_scale"}
    assert [(row.sequence, row.kind) for row in kept] == [(record["sequence"], record["kind"]) for record in records]
    for row, record in zip(kept, records, strict=True):
        assert json.loads(row.record) == json.loads(projection.as_json(record))
    projector.rebuild(desk.file)
    assert all_of(history, "desk")["unknown"] == []


def test_notes_of_equity_are_points_and_all_others_stay_as_they_are(history: History, tmp_path: Path) -> None:
    """A sample that cannot be read is kept among the notes."""
    good = '{"equity": "10000.5", "drawdown": "0.01", "gross_exposure": "2500"}'
    bad = ["{}", "[]", "null", good.replace("10000.5", "x"), good.replace("0.01", "NaN"), "", "[" * 10_000]
    bad += [good.replace("2500", "1e999999"), good.replace('"2500"', "[]")]
    with Gate("notes", Limits.for_tier("growth"), clock=ManualClock(START), journal=tmp_path / "notes.gxr") as gate:
        gate.deposit(10)
        gate.note("equity", good)
        gate.note("plan", good)
        for text in bad:
            gate.note("equity", text)
    projector = Projector(history, [tmp_path / "notes.gxr"])
    projector.catch_up()
    projector.raise_failures()
    (point,) = history.equity("notes").rows
    assert (point.source, point.equity, point.drawdown, point.gross_exposure) == (
        "note", Decimal("10000.5"), Decimal("0.01"), Decimal(2500),
    )  # fmt: skip
    notes = history.notes("notes", newest_first=False).rows
    assert [(note.topic, note.text) for note in notes] == [("plan", good), *(("equity", text) for text in bad)]
    (vault,) = history.vaults()
    assert (vault.equity, vault.drawdown, vault.equity_ns) == (point.equity, point.drawdown, point.time_ns)
