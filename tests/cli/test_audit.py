"""`gxrisk audit` and `gxrisk explain`: on journals that real gates wrote, whole and damaged."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gxrisk import RULES, Gate, Head, JournalReader, Limits, ManualClock, order
from gxrisk.cli.lines import KINDS
from gxrisk.cli.reading import PAGE_RECORDS, before, last_sequence
from typer.testing import Result

from .failing import Run, one_line, usage
from .journals import START, Written


def words(result: Result) -> str:
    return " ".join(result.stdout.split())


def check_safe(text: str) -> None:
    """Nothing that a terminal would act on, and no line wider than the page."""
    assert all(one.isprintable() or one == "\n" for one in text)
    assert "\x1b" not in text


def test_the_journal_of_these_tests_has_every_kind(journal: Written) -> None:
    assert {record["kind"] for record in JournalReader(journal.file).events()} == set(KINDS)


def test_every_kind_of_the_native_side_has_its_words() -> None:
    source = (Path(__file__).parents[2] / "rust/python/src/events.rs").read_text()
    body = source[source.index("fn kind(") : source.index("fn fill_in")]
    assert set(re.findall(r'=> "([a-z_]+)"', body)) == set(KINDS)


def test_verify_says_what_it_checked(run: Run, journal: Written) -> None:
    result = run("audit", "verify", journal.file)
    assert result.exit_code == 0, result.output
    found = JournalReader(journal.file).verify()
    assert words(result).startswith(f"vault demo records {found['records']} decisions")
    for label, name in (
        ("decisions worked out anew", "decisions"),
        ("of them approvals", "approvals"),
        ("signatures checked", "signatures"),
        ("checkpoints matched", "checkpoints"),
    ):
        assert f"{label} {found[name]} " in words(result)
        assert found[name] > 0
    assert f"hash of the chain {found['head'].hash.hex()}" in words(result)
    assert f"hash of the state {found['state']}" in words(result)
    assert "only a head kept elsewhere shows" in words(result)
    assert max(map(len, result.stdout.splitlines())) <= 100
    assert result.stderr == ""


def test_verify_as_json(run: Run, journal: Written) -> None:
    result = run("audit", "verify", journal.file, "--json")
    found = JournalReader(journal.file).verify()
    data = json.loads(result.stdout)
    assert list(data) == ["vault_id", *found]
    assert (data["vault_id"], data["records"], data["state"]) == ("demo", found["records"], found["state"])
    assert data["head"]["hash"] == found["head"].hash.hex()


@pytest.mark.parametrize("column", ["frame", "hash"])
@pytest.mark.parametrize("at", [0, 11, 20, -1])
def test_a_flipped_bit_is_named_by_its_record(run: Run, journal: Written, column: str, at: int) -> None:
    sequence = journal.first("decision", "rejected")
    journal.flip(column, sequence, at)
    one_line(run("audit", "verify", journal.file), f"damaged at record {sequence}")
    one_line(run("audit", "verify", journal.file, "--json"), f"damaged at record {sequence}")
    one_line(run("audit", "head", journal.file), f"damaged at record {sequence}")


def test_a_record_that_was_taken_out_is_named(run: Run, journal: Written) -> None:
    sequence = journal.first("fill")
    journal.edit("DELETE FROM records WHERE sequence = ?", sequence)
    one_line(run("audit", "verify", journal.file), f"damaged at record {sequence}", "missing")


def test_a_chain_cut_at_its_end_is_found_by_the_head(run: Run, journal: Written, passphrase: Path) -> None:
    head = journal.file.with_name("head.json")
    assert run("audit", "head", journal.file, "--out", head, "--passphrase-file", passphrase).exit_code == 0
    whole = run("audit", "verify", journal.file, "--head", head)
    last = json.loads(head.read_text())["sequence"]
    assert whole.exit_code == 0, whole.output
    assert f"kept head record {last} is on the chain; signed by the vault's head key" in words(whole)
    journal.edit("DELETE FROM records WHERE sequence > ?", last - 2)
    journal.edit("DELETE FROM checkpoints")
    assert run("audit", "verify", journal.file).exit_code == 0  # a shorter chain is a whole chain, too
    one_line(run("audit", "verify", journal.file, "--head", head), f"record {last}", "cut off")
    shorter = run("audit", "head", journal.file, "--out", head, "--passphrase-file", passphrase)
    one_line(shorter, f"head of record {last}", "choose another name")
    assert json.loads(head.read_text())["sequence"] == last


def test_a_head_in_the_middle_and_one_that_is_not_signed(run: Run, journal: Written, tmp_path: Path) -> None:
    reader = JournalReader(journal.file)
    middle = reader.events(4, 1)[0]
    file = tmp_path / "middle.json"
    head = {"vault_id": "demo", **{name: middle[name] for name in ("sequence", "epoch", "hash")}}
    file.write_text(json.dumps(head | {"key": None, "signature": None}))
    result = run("audit", "verify", journal.file, "--head", file)
    assert "kept head record 5 is on the chain; not signed" in words(result)
    file.write_text(json.dumps(head | {"hash": "00" * 32, "key": None, "signature": None}))
    one_line(run("audit", "verify", journal.file, "--head", file), "record 5", "00" * 32)
    file.write_text(json.dumps(head | {"key": "00" * 32, "signature": "00" * 64}))
    one_line(run("audit", "verify", journal.file, "--head", file), "signature")
    file.write_text(json.dumps(head | {"vault_id": "other", "key": None, "signature": None}))
    one_line(run("audit", "verify", journal.file, "--head", file), "other", "demo")


# (what is wrong, what the file holds, part of the message)
NO_HEADS = [
    ("no JSON", "{", "no JSON"),
    ("no text", b"\xff\xfe", "no JSON"),
    ("deep", "[" * 9_000, "no JSON"),
    ("long", " " * 10_001, "longer than 10,000 bytes"),
    ("a list", "[]", "a head has vault_id"),
    ("a field too few", '{"vault_id": "demo"}', "a head has vault_id"),
    ("a field too many", {"more": 1}, "a head has vault_id"),
    ("sequence as text", {"sequence": "5"}, "its sequence is '5'"),
    ("sequence true", {"sequence": True}, "its sequence is True"),
    ("sequence negative", {"sequence": -1}, "holds no head"),
    ("sequence too large", {"sequence": 2**64}, "holds no head"),
    ("hash short", {"hash": "00"}, "hash"),
    ("hash no hex", {"hash": "zz" * 32}, "hash"),
    ("key a number", {"key": 7}, "key"),
    ("vault without a name", {"vault_id": ""}, "vault_id"),
]


@pytest.mark.parametrize(("content", "part"), [row[1:] for row in NO_HEADS], ids=[row[0] for row in NO_HEADS])
def test_a_file_without_a_head(run: Run, journal: Written, tmp_path: Path, content: Any, part: str) -> None:
    good = {"vault_id": "demo", "sequence": 5, "epoch": 0, "hash": "00" * 32, "key": None, "signature": None}
    file = tmp_path / "head.json"
    text = json.dumps(good | content) if isinstance(content, dict) else content
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    one_line(run("audit", "verify", journal.file, "--head", file), f"{file} holds no head", part)
    one_line(run("audit", "head", journal.file, "--out", file), f"{file} holds no head", part)
    assert file.read_bytes() == (text if isinstance(text, bytes) else text.encode())


@pytest.mark.parametrize("command", [["audit", "verify"], ["audit", "show"], ["audit", "head"], ["explain"]])
def test_a_file_that_is_no_journal(run: Run, tmp_path: Path, command: list[str]) -> None:
    after = ["1"] if command == ["explain"] else []
    one_line(run(*command, tmp_path / "nowhere.gxr", *after), "nowhere.gxr does not exist")
    text = tmp_path / "text.gxr"
    text.write_text("no journal " * 1000)
    one_line(run(*command, text, *after), "text.gxr")
    one_line(run(*command, tmp_path, *after), str(tmp_path))


def test_show_prints_one_safe_line_a_record(run: Run, journal: Written) -> None:
    result = run("audit", "show", journal.file)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    records = JournalReader(journal.file).events()
    assert [int(line.split()[0]) for line in lines] == [record["sequence"] for record in records]
    assert [line.split()[3] for line in lines] == [record["kind"] for record in records]
    check_safe(result.stdout)
    said = result.stdout
    for part in (
        "2020-03-12 00:00:00.000  opened       vault demo",
        "flow         10,000",
        "lot_steps    BTC 0.001",
        "correlation_groups  majors: BTC ETH",
        "market       BTC 8,000",
        "approved: buy 0.1 BTC, gx-",
        "approved: sell 0.1 BTC at 7,990, reduce-only, by owner, gx-",
        "rejected: buy 2 BTC; leverage, position_size",
        "held: buy 0.1 BTC, confidence 0.1",
        r"hold         BTC, confidence 0.9: waits\x07 for the range",
        "fill         buy 0.1 BTC at 8,001.5, fee 0.4, gx-",
        "fill         sell 0.1 BTC at 8,000, fee 0, ours, fill f-9, NOT APPROVED",
        r"venue says \x1b]0;no\x07 xxx",
        r"killed       owner says \x1b[31mstop",
        "trip         volatility: ",
        "end          volatility",
        "day          2020-03-13, opening equity ",
        "withdrawal   2,500 to account-1",
        "risk_scale   0.5",
        "restarted    epoch 1",
        "owner_key    ",
        "signed by the one before",
    ):
        assert part in said, part


def test_show_as_json_is_the_records_exactly(run: Run, journal: Written) -> None:
    result = run("audit", "show", journal.file, "--json")
    shown = [json.loads(line) for line in result.stdout.splitlines()]
    records = JournalReader(journal.file).events()
    check_safe(result.stdout)
    assert [row["hash"] for row in shown] == [row["hash"] for row in records]
    fill = shown[journal.first("fill") - 1]
    assert (fill["price"], fill["fee"], fill["sequence"]) == ("8001.5", "0.4", journal.first("fill"))
    reasoning = records[journal.first("decision", "rejected") - 1]["order"]["reasoning"]
    assert shown[journal.first("decision", "rejected") - 1]["order"]["reasoning"] == reasoning


# (the options, which records remain)
FILTERS: list[tuple[list[str], Callable[[dict[str, Any]], bool]]] = [
    (["--outcome", "approved"], lambda row: row.get("outcome") == "approved"),
    (["--outcome", "rejected"], lambda row: row.get("outcome") == "rejected"),
    (["--outcome", "held"], lambda row: row.get("outcome") == "held" or row["kind"] == "hold"),
    (["--kind", "fill"], lambda row: row["kind"] == "fill"),
    (["--kind", "fill", "--outcome", "held"], lambda row: False),
    (["--rule", "leverage"], lambda row: any(one["rule"] == "leverage" for one in row.get("violations", ()))),
    (["--rule", "leverage", "--outcome", "approved"], lambda row: False),
    (["--rule", "arithmetic_overflow"], lambda row: False),
    (["--vault", "demo", "--since", "10"], lambda row: row["sequence"] > 10),
    (["--since", "0", "--limit", "3"], lambda row: row["sequence"] <= 3),
    (["--since", "999999999999999999"], lambda row: False),
    (["--since", "2020-03-13T00:00:00Z"], lambda row: row["time"] >= "2020-03-13"),
    (["--since", "2020-03-12T01:00:00.5+01:00"], lambda row: row["time"] > "2020-03-12T00:00:00Z"),
    (["--since", "2019-01-01T00:00:00Z"], lambda row: True),
    (["--since", "2030-01-01T00:00:00Z"], lambda row: False),
]


@pytest.mark.parametrize(("options", "keeps"), FILTERS, ids=[" ".join(row[0]) for row in FILTERS])
def test_show_filters(run: Run, journal: Written, options: list[str], keeps: Callable[[dict[str, Any]], bool]) -> None:
    result = run("audit", "show", journal.file, "--json", *options)
    assert result.exit_code == 0, result.output
    expected = [row["sequence"] for row in JournalReader(journal.file).events() if keeps(row)]
    assert [json.loads(line)["sequence"] for line in result.stdout.splitlines()] == expected


def test_show_names_what_is_allowed(run: Run, journal: Written) -> None:
    usage(run("audit", "show", journal.file, "--rule", "leverge"), "'leverge' was given", "leverage", "open_orders")
    usage(run("audit", "show", journal.file, "--outcome", "maybe"), "'maybe'", "approved, rejected, held")
    usage(run("audit", "show", journal.file, "--kind", "mark"), "'mark'", "opened, market")
    usage(run("audit", "show", journal.file, "--limit", "0"), "--limit")
    for since in ("soon", "2020-03-12T00:00:00", "-1", "0001-01-01T00:00:00+14:00", "9" * 30):
        usage(run("audit", "show", journal.file, "--since", since), "2020-03-12T10:55:00Z")
    one_line(run("audit", "show", journal.file, "--vault", "other"), "journal of demo", "other")


def test_show_goes_up_to_the_damage(run: Run, journal: Written) -> None:
    sequence = journal.first("fill")
    journal.flip("frame", sequence, 4)
    result = run("audit", "show", journal.file)
    assert result.exit_code == 1
    assert f"record {sequence}" in result.stderr


def test_pages_and_the_last_record_of_a_longer_journal(tmp_path: Path) -> None:
    clock = ManualClock(START)
    with Gate("long", Limits.for_tier("growth"), clock=clock, journal=tmp_path / "long.gxr") as gate:
        for _ in range(40):
            clock.advance(1)
            gate.deposit(1)
        reader = JournalReader(tmp_path / "long.gxr")
        records = reader.events()
        assert last_sequence(reader) == records[-1]["sequence"]
        for record in records:
            first = next(row["sequence"] for row in records if row["time_ns"] == record["time_ns"])
            assert before(reader, record["time_ns"]) == first - 1
            assert before(reader, record["time_ns"] + 1) >= record["sequence"]


def test_show_reads_page_by_page(run: Run, journal: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run("audit", "show", journal.file).stdout
    assert len(whole.splitlines()) < PAGE_RECORDS
    monkeypatch.setattr("gxrisk.cli.reading.PAGE_RECORDS", 7)
    assert run("audit", "show", journal.file).stdout == whole
    assert run("audit", "show", journal.file, "--limit", 20).stdout.splitlines() == whole.splitlines()[:20]


def test_explain_a_rejection(run: Run, journal: Written) -> None:
    sequence = journal.first("decision", "rejected")
    result = run("explain", journal.file, sequence)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    check_safe(result.stdout)
    record = JournalReader(journal.file).events(sequence - 1, 1)[0]
    explained = JournalReader(journal.file).explain(sequence)
    assert lines[0] == f"Record {sequence} of demo: rejected, 2020-03-12T00:00:00Z"
    said = words(result)
    assert "The agent asked to buy 2 BTC at the market, leverage 9, stop-loss 7,900, no take-profit." in said
    assert "Confidence 0.8; its own id greedy." in said
    assert r"  | \x1b[2J[bold red]buy it[/]\u202e\x9b" in lines
    assert "  | Record 9 of demo: approved" in lines
    refused = [one for one in explained["rules"] if one["applies"] and not one["passed"]]
    of = sum(one["applies"] for one in explained["rules"])
    assert len(refused) >= 3
    assert f"Rejected: {len(refused)} of the {of} rules that were asked stood against it:" in said
    for violation in record["violations"]:
        assert f"{violation['rule']}: {violation['message']}" in said
    rows = {line.split()[0]: line.rstrip() for line in lines if re.search(r"(not asked|passed|violated) *$", line)}
    assert tuple(rows) == RULES
    for one in explained["rules"]:
        result_word = "not asked" if not one["applies"] else "passed" if one["passed"] else "violated"
        assert rows[one["rule"]].endswith(result_word), one
    assert re.search(r"leverage +5 +9 +violated", rows["leverage"])
    assert re.search(r"equity +9,9\d\d\.\d+ ", result.stdout)
    assert re.search(r"ATR +50\n", result.stdout)
    assert re.search(r"position +0\.1\n", result.stdout)
    assert re.search(r"mark +8,000\n", result.stdout)
    assert record["hash"] in said
    assert f"record {sequence}, epoch {record['epoch']}" in said


def test_explain_an_approval_a_hold_and_an_exit(run: Run, journal: Written) -> None:
    approved = journal.first("decision", "approved")
    page = run("explain", journal.file, approved)
    said = words(page)
    assert re.search(r"duplicate_order +- +- +passed", page.stdout)
    assert f"Approved as gx-{approved}, to be used before 2020-03-12T00:00:05Z: all " in said
    assert "its own id [red]first." in said
    assert "take-profit 9,000" in said
    assert re.search(r"Of this order at most [\d.]+ BTC would have passed\.", said)
    held = words(run("explain", journal.file, journal.first("decision", "held")))
    assert "Held: the model was not confident enough to open anything; all " in held
    assert "No quantity of this order would have passed." in held
    waited = run("explain", journal.file, journal.first("hold"))
    assert re.search(r"asset +BTC *\n", waited.stdout)
    owners = next(row["sequence"] for row in journal.records if row.get("origin") == "owner")
    out = run("explain", journal.file, owners)
    assert "The owner asked to sell 0.1 BTC at 7,990, reduce-only, leverage 1, no stop-loss" in words(out)
    assert re.search(r"position_size +- +- +not asked", out.stdout)
    assert re.search(r"duplicate_order +- +- +not asked", out.stdout)


def test_what_would_have_passed_passes_and_no_more(run: Run, journal: Written) -> None:
    sequence = journal.first("decision", "approved")
    data = json.loads(run("explain", journal.file, sequence, "--json").stdout)
    most = Decimal(data["explanation"]["max_quantity"])
    with Gate("again", Limits.for_tier("growth"), clock=ManualClock(START)) as gate:
        gate.deposit(10_000)
        gate.mark("BTC", 8_000, atr=50)
        idea = order("BTC", "buy", most, confidence=0.8, reasoning="breakout", stop_loss=7_900, leverage=2)
        assert gate.validate_order(idea).approved
        assert not gate.validate_order(idea.replace(quantity=most + Decimal("1e-9"))).approved


def test_explain_as_json(run: Run, journal: Written) -> None:
    sequence = journal.first("decision", "rejected")
    data = json.loads(run("explain", journal.file, sequence, "--json").stdout)
    assert list(data) == ["vault_id", "record", "explanation"]
    assert (data["vault_id"], data["record"]["sequence"]) == ("demo", sequence)
    assert [one["rule"] for one in data["explanation"]["rules"]] == list(RULES)
    flow = json.loads(run("explain", journal.file, journal.first("flow"), "--json").stdout)
    assert (flow["record"]["amount"], flow["explanation"]) == ("10000", None)


def test_explain_every_other_record(run: Run, journal: Written) -> None:
    for record in JournalReader(journal.file).events():
        result = run("explain", journal.file, record["sequence"])
        assert result.exit_code == 0, result.output
        check_safe(result.stdout)
        assert max(map(len, result.stdout.splitlines())) <= 100, record["kind"]
        assert record["hash"] in result.stdout
        if record["kind"] != "decision":
            assert result.stdout.startswith(f"Record {record['sequence']} of demo: {record['kind']}, {record['time']}")
    failed = run("explain", journal.file, journal.first("failed")).stdout
    assert r"  | venue says \x1b]0;no\x07 " in failed
    decided = next(row for row in journal.records if row["kind"] == "failed")["order_id"].removeprefix("gx-")
    assert f"The order was decided on in record {decided}." in failed
    fill = next(row["sequence"] for row in journal.records if row["kind"] == "fill" and not row["approved"])
    assert "was decided on" not in run("explain", journal.file, fill).stdout
    assert "limits.max_leverage 5 limits" in words(run("explain", journal.file, 1))


def test_explain_refuses_what_is_not_there(run: Run, journal: Written) -> None:
    last = last_sequence(JournalReader(journal.file))
    one_line(run("explain", journal.file, last + 1), f"there is no record {last + 1}; this journal has 1 to {last}")
    usage(run("explain", journal.file, 0), "SEQUENCE")
    usage(run("explain", journal.file, "first"), "SEQUENCE")
    usage(run("explain", journal.file), "SEQUENCE")


def test_huge_and_tiny_numbers_fit_the_page(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "odd.gxr"
    with Gate("odd", Limits.for_tier("growth"), clock=ManualClock(START), journal=file) as gate:
        gate.deposit("100000000000000000.123456789")
        gate.mark("[bold]PEPE", "0.000000001", atr="0.000000001")
        idea = order(
            "[bold]PEPE", "buy", "123456789012345678.123456789", confidence="0.5", reasoning="x",
            stop_loss="0.000000002", price="0.000000123",
        )  # fmt: skip
        sequence = gate.agent().authorize(idea).sequence
    result = run("explain", file, sequence)
    assert max(map(len, result.stdout.splitlines())) <= 100
    assert "…" not in result.stdout
    assert "[bold]PEPE" in result.stdout
    assert "0.000000123" in result.stdout
    assert re.search(r"equity +~100,000,000,000,000,000 ", result.stdout)
    assert re.search(r"position_size +~25,000,000,000,000,000\.030864 ", result.stdout)


def test_head_is_json_and_signed_where_the_keys_open(run: Run, journal: Written, passphrase: Path) -> None:
    result = run("audit", "head", journal.file, "--passphrase-file", passphrase)
    assert (result.exit_code, result.stderr) == (0, "")
    data = json.loads(result.stdout)
    assert list(data) == ["vault_id", "sequence", "epoch", "hash", "key", "signature"]
    head = JournalReader(journal.file).head(passphrase_file=passphrase)
    assert Head(**data) == head
    assert head.signature is not None
    assert JournalReader(journal.file).verify(Head(**data))["head"].hash == head.hash


def test_head_warns_where_it_is_not_signed(
    run: Run, journal: Written, unsealed: Path, passphrase: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = run("audit", "head", journal.file)
    assert without.exit_code == 0
    assert json.loads(without.stdout)["signature"] is None
    assert "not signed" in without.stderr
    assert "--passphrase-file" in without.stderr
    monkeypatch.setenv("GXRISK_PASSPHRASE_FILE", str(passphrase))
    assert run("audit", "head", journal.file).stderr == ""
    never = run("audit", "head", unsealed)
    assert json.loads(never.stdout)["key"] is None
    assert "no sealed keys" in never.stderr
    wrong = passphrase.with_name("wrong")
    wrong.touch(mode=0o600)
    wrong.write_text("not the right one at all")
    one_line(run("audit", "head", journal.file, "--passphrase-file", wrong), "demo.gxr.key")


def test_head_is_written_whole_and_only_forward(run: Run, unsealed: Path, tmp_path: Path) -> None:
    out = tmp_path / "kept" / "head.json"
    one_line(run("audit", "head", unsealed, "--out", out), "--out: there is no folder")
    out.parent.mkdir()
    one_line(run("audit", "head", unsealed, "--out", out.parent), "is a folder")
    first = run("audit", "head", unsealed, "--out", out)
    assert (first.exit_code, first.stdout) == (0, "")
    before_it = json.loads(out.read_text())
    assert run("audit", "head", unsealed, "--out", out).exit_code == 0  # the same again
    with Gate.open(unsealed, clock=ManualClock(START)) as gate:
        gate.deposit(1)
    assert run("audit", "head", unsealed, "--out", out).exit_code == 0
    assert json.loads(out.read_text())["sequence"] > before_it["sequence"]
    assert [file.name for file in out.parent.iterdir()] == ["head.json"]
    one_line(run("audit", "head", unsealed, "--out", unsealed), "holds no head")
    out.write_text(json.dumps(before_it | {"vault_id": "other"}))
    one_line(run("audit", "head", unsealed, "--out", out), "of other")
    out.write_text(json.dumps(before_it | {"sequence": 99}))
    one_line(run("audit", "head", unsealed, "--out", out), "record 99")


def test_an_interrupt_leaves_130(run: Run, journal: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: object) -> str:
        raise KeyboardInterrupt

    @contextmanager
    def interrupted_bar(*args: object, **options: object) -> Iterator[Callable[[int], None]]:
        yield interrupted  # type: ignore[misc]
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["gxrisk.cli.audit"], "line", interrupted)
    monkeypatch.setattr(sys.modules["gxrisk.cli.audit"], "progress_bar", interrupted_bar)
    for command in ("verify", "show"):
        result = run("audit", command, journal.file)
        assert (result.exit_code, result.stdout, result.stderr) == (130, "", "gxrisk: interrupted\n")


def test_a_reader_that_had_enough_ends_it_quietly(journal: Written) -> None:
    command = [sys.executable, "-m", "gxrisk.cli", "audit", "show", str(journal.file), "--json"]
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(writing)
    assert done.returncode == 1
    assert done.stderr == ""


COMMANDS = [
    ["audit"], ["audit", "verify"], ["audit", "show"], ["audit", "head"], ["explain"],
    ["keys"], ["keys", "new"], ["keys", "show"], ["keys", "successor"], ["withdraw"], ["withdraw", "sign"],
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_has_an_example(run: Run, command: list[str]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    if len(command) > 1 or command == ["explain"]:
        assert f"Example: gxrisk {' '.join(command)} " in " ".join(result.stdout.replace("│", " ").split())
    else:
        assert run(*command).exit_code == 2
