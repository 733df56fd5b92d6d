"""Certificates: issued once, refused for whatever they were not issued for; and the live venue that asks for them."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gxrisk import Gate, ManualClock
from gxrisk.protection import ProtectionSettings
from gxrisk.protection.settings import SizeSettings
from gxrisk.vaults.certificate import Certificate, GraduationError, check, issue
from gxrisk.vaults.correlation import CorrelationSettings
from gxrisk.vaults.evidence import PaperRecord
from gxrisk.vaults.graduation import Graduation, judge
from gxrisk.vaults.settings import VaultSettings
from gxrisk.vaults.version import StrategyVersion
from gxrisk.venues import Account, PaperVenue, Redeem
from gxrisk.venues.live import Licence, LiveVenue

from .paper import GROWTH, SETTINGS, START_MS, VERSION, Paper

NAME = "gxrisk.agent.momentum:Momentum"


@pytest.fixture(scope="module")
def graduated() -> tuple[Paper, Graduation]:
    """A week that graduates, not certified yet."""
    paper = Paper()
    paper.week()
    return paper, judge(paper.record, GROWTH, paper.now_ms)


def fresh(settings: VaultSettings = SETTINGS, **changes: Any) -> Gate:
    """A gate that a graduation can be certified at."""
    gate = Gate(changes.pop("vault_id", "paper"), GROWTH.replace(**changes), clock=ManualClock(START_MS * 1_000_000))
    gate.note("vault", settings.to_json())
    return gate


def signed(gate: Gate, topic: str = "certificate") -> tuple[bytes, bytes]:
    """A token, and the key that it is signed by."""
    key = gate.head().key
    assert key is not None
    return gate.attest(topic), key


def test_a_certificate_says_what_it_rests_on(graduated: tuple[Paper, Graduation]) -> None:
    _, graduation = graduated
    gate = fresh()
    head = gate.head()
    certificate = issue(gate, SETTINGS, graduation)
    assert (certificate.vault_id, certificate.strategy, certificate.tier) == ("paper", VERSION, "growth")
    assert (certificate.sequence, certificate.hash) == (head.sequence, head.hash.hex())
    assert (certificate.from_ms, certificate.until_ms) == (graduation.from_ms, graduation.until_ms)
    assert [one["name"] for one in certificate.evidence["requirements"]] == [
        "days", "profit", "drawdown", "round_trips",
    ]  # fmt: skip
    assert certificate.evidence["profit"] == "10"
    assert certificate.evidence["win_rate"] == "1"
    assert Certificate.from_json(certificate.to_json()) == certificate


def test_asking_again_gives_the_same_one_and_writes_nothing(
    graduated: tuple[Paper, Graduation], tmp_path: Path
) -> None:
    """Also after a crash between the note and the answer, and when more evidence has come since."""
    _, graduation = graduated
    clock, file = ManualClock(START_MS * 1_000_000), tmp_path / "paper.gxr"
    with Gate("paper", GROWTH, clock=clock, journal=file) as gate:
        first = issue(gate, SETTINGS, graduation)
        after = gate.sequence
        assert issue(gate, SETTINGS, graduation) == first
        assert gate.sequence == after
    with Gate.open(file, clock=clock) as gate:
        later = replace(graduation, served_ms=graduation.served_ms + 1, sequence=graduation.sequence + 9)
        assert issue(gate, SETTINGS, later) == first
        notes = [one for one in gate.events() if one["kind"] == "note" and one["topic"] == "certificate"]
        assert len(notes) == 1
        token, key = signed(gate)
        assert check(token, key, "paper", VERSION, "growth") == first


def test_another_version_gets_one_of_its_own(graduated: tuple[Paper, Graduation]) -> None:
    _, graduation = graduated
    gate = fresh()
    issue(gate, SETTINGS, graduation)
    second = replace(SETTINGS, strategy=replace(VERSION, version="2"))
    certificate = issue(gate, second, replace(graduation, settings=second))
    assert certificate.strategy.version == "2"
    token, key = signed(gate)
    with pytest.raises(GraduationError) as refused:
        check(token, key, "paper", VERSION, "growth")
    assert refused.value.code == "strategy_changed"


def test_other_guards_are_another_graduation(graduated: tuple[Paper, Graduation]) -> None:
    """In the certificate, at the check, in a licence; and a new paper period."""
    paper, graduation = graduated
    guards = ProtectionSettings()
    guarded = replace(SETTINGS, protection=guards)
    gate = fresh(guarded)
    bare = issue(gate, SETTINGS, graduation)
    certificate = issue(gate, guarded, replace(graduation, settings=guarded))
    assert (bare.protection, certificate.protection) == (None, guards.to_dict())
    assert Certificate.from_json(certificate.to_json()) == certificate
    token, key = signed(gate)
    assert check(token, key, "paper", VERSION, "growth", guards) == certificate
    Licence(token, key, "paper", VERSION, "growth", guards).check()
    for other in (None, ProtectionSettings(stop=None), ProtectionSettings(size=SizeSettings(floor="0.049"))):
        with pytest.raises(GraduationError, match="other guards") as refused:
            Licence(token, key, "paper", VERSION, "growth", other).check()
        assert refused.value.code == "protection"
    record = PaperRecord.from_json(paper.record.to_json())
    assert record.time.first_ms is not None
    record.fold({"sequence": record.sequence + 1, "kind": "note", "topic": "vault", "text": guarded.to_json()})
    assert (record.settings, record.time.first_ms) == (guarded, None), "begins anew"


def test_other_groups_are_another_graduation(graduated: tuple[Paper, Graduation]) -> None:
    """A live vault may not call apart what counted as one on paper."""
    _, graduation = graduated
    groups = CorrelationSettings({"majors": ["BTC", "ETH"]})
    grouped = replace(SETTINGS, correlation=groups)
    gate = fresh(grouped)
    issue(gate, grouped, replace(graduation, settings=grouped))
    token, key = signed(gate)
    licence = Licence(token, key, "paper", VERSION, "growth", correlation=groups)
    assert licence.check().correlation == groups.to_dict()
    for other in (None, CorrelationSettings({"majors": ["BTC"]}), CorrelationSettings({"majors": ["BTC", "ETH"]}, 60)):
        with pytest.raises(GraduationError, match="other correlation groups") as refused:
            replace(licence, correlation=other).check()
        assert refused.value.code == "correlation"


def test_a_certificate_from_before_there_were_guards_still_holds(graduated: tuple[Paper, Graduation]) -> None:
    gate = fresh()
    text = json.loads(issue(gate, SETTINGS, graduated[1]).to_json())
    del text["protection"], text["correlation"]
    kept = Certificate.from_json(json.dumps(text))
    assert (kept.protection, kept.correlation) == (None, None)


# What the vault is by now | why nothing is issued
UNFIT: list[tuple[str, VaultSettings, dict[str, Any], str]] = [
    ("another version", replace(SETTINGS, strategy=replace(VERSION, version="2")), {}, "strategy_changed"),
    ("other content", replace(SETTINGS, strategy=replace(VERSION, content_hash="00" * 32)), {}, "strategy_changed"),
    ("another tier", replace(SETTINGS, tier="high_octane"), {}, "tier"),
    ("other limits", SETTINGS, {"max_drawdown": "0.16"}, "tier"),
    ("other guards", replace(SETTINGS, protection=ProtectionSettings()), {}, "protection"),
    ("other groups", replace(SETTINGS, correlation=CorrelationSettings({"a": ["BTC"]})), {}, "correlation"),
]


@pytest.mark.parametrize(("settings", "limits", "code"), [row[1:] for row in UNFIT], ids=[row[0] for row in UNFIT])
def test_nothing_is_issued_for_what_was_not_judged(
    graduated: tuple[Paper, Graduation], settings: VaultSettings, limits: dict[str, Any], code: str
) -> None:
    gate = fresh(settings, **limits)
    with pytest.raises(GraduationError) as refused:
        issue(gate, settings, graduated[1])
    assert refused.value.code == code
    assert "certificate" not in gate.notes


def test_nothing_is_issued_before_every_requirement_is_met() -> None:
    paper = Paper()
    paper.week(trips=9)
    with pytest.raises(GraduationError, match="9 round trips") as refused:
        issue(paper.gate, SETTINGS, judge(paper.record, GROWTH, paper.now_ms))
    assert refused.value.code == "not_graduated"
    assert "certificate" not in paper.gate.notes


@pytest.fixture(scope="module")
def certified(graduated: tuple[Paper, Graduation]) -> tuple[Gate, bytes, bytes]:
    """A gate with a certificate, the token, the key."""
    gate = fresh()
    issue(gate, SETTINGS, graduated[1])
    gate.note("other", gate.notes["certificate"])
    return gate, *signed(gate)


def edited(text: str, **changes: Any) -> str:
    """The certificate with some fields changed, as whoever controls a gate could write it."""
    return json.dumps(json.loads(text) | changes)


REFUSED = [
    ("missing", None), ("missing", b""), ("malformed", b"x"), ("malformed", b"gxrisk note v1\n" + bytes(200)),
]  # fmt: skip


@pytest.mark.parametrize(("code", "token"), REFUSED)
def test_tokens_that_are_none(certified: tuple[Gate, bytes, bytes], code: str, token: bytes | None) -> None:
    with pytest.raises(GraduationError) as refused:
        check(token, certified[2], "paper", VERSION, "growth")
    assert refused.value.code == code


def test_every_altered_byte_is_refused(certified: tuple[Gate, bytes, bytes]) -> None:
    _, token, key = certified
    assert check(token, key, "paper", VERSION, "growth").vault_id == "paper"
    for index in range(len(token)):
        altered = token[:index] + bytes([token[index] ^ 1]) + token[index + 1 :]
        with pytest.raises(GraduationError) as refused:
            check(altered, key, "paper", VERSION, "growth")
        assert refused.value.code in {"malformed", "vault", "signature"}


def test_what_a_certificate_is_not_for(certified: tuple[Gate, bytes, bytes]) -> None:
    gate, token, key = certified
    _, other_key = signed(certified_elsewhere(gate))
    foreign, foreign_key = signed(certified_elsewhere(gate, "elsewhere"))
    rows: list[tuple[str, bytes, bytes, str, StrategyVersion, str]] = [
        ("signature", token, other_key, "paper", VERSION, "growth"),
        ("signature", token, gate.wallet_key, "paper", VERSION, "growth"),
        ("vault", token, key, "elsewhere", VERSION, "growth"),
        ("vault", foreign, foreign_key, "elsewhere", VERSION, "growth"),
        ("strategy_changed", token, key, "paper", replace(VERSION, content_hash="00" * 32), "growth"),
        ("strategy_changed", token, key, "paper", replace(VERSION, version="2"), "growth"),
        ("strategy_changed", token, key, "paper", replace(VERSION, name="a:B"), "growth"),
        ("tier", token, key, "paper", VERSION, "high_octane"),
        ("malformed", signed(gate, "other")[0], key, "paper", VERSION, "growth"),
        ("malformed", token, b"short", "paper", VERSION, "growth"),
    ]
    for code, *asked in rows:
        with pytest.raises(GraduationError) as refused:
            check(*asked)  # type: ignore[arg-type]
        assert refused.value.code == code, asked


def certified_elsewhere(gate: Gate, vault_id: str = "paper") -> Gate:
    """Another gate that took over the text of the certificate."""
    other = fresh(vault_id=vault_id)
    other.note("certificate", gate.notes["certificate"])
    return other


FORGED: list[dict[str, Any]] = [
    {"format": 2}, {"strategy": None}, {"strategy": {}}, {"evidence": {}}, {"more": 1}, {"evidence": None},
    {"evidence": {"requirements": []}}, {"evidence": {"requirements": [{"passed": False}]}},
    {"evidence": {"requirements": [{"passed": "yes"}]}},
]  # fmt: skip


@pytest.mark.parametrize("changes", FORGED)
def test_signed_nonsense_is_no_certificate(certified: tuple[Gate, bytes, bytes], changes: dict[str, Any]) -> None:
    gate = fresh()
    gate.note("certificate", edited(certified[0].notes["certificate"], **changes))
    token, key = signed(gate)
    with pytest.raises(GraduationError) as refused:
        check(token, key, "paper", VERSION, "growth")
    assert refused.value.code == "malformed"


# The live side


class Loopback(LiveVenue):
    """A live venue whose market is the paper venue: everything real but the money."""

    name = "loopback"

    def __init__(self) -> None:  # forgets super().__init__ on purpose
        self.opened: list[str] = []
        self._paper = PaperVenue()

    async def _open(self, vault_id: str, redeem: Redeem) -> Account:
        self.opened.append(vault_id)
        return await self._paper.account(vault_id, redeem)


def opened(venue: LiveVenue, gate: Gate) -> Account:
    """The account, from a call that never waits."""
    call = venue.account(gate.vault_id, gate.redeem)
    try:
        call.send(None)
    except StopIteration as end:
        account: Account = end.value
        return account
    raise AssertionError("the loopback venue waited")


def test_a_live_venue_opens_no_account_without_a_certificate(certified: tuple[Gate, bytes, bytes]) -> None:
    _, token, key = certified
    venue, live = Loopback(), fresh(vault_id="live")
    assert venue.is_live
    with pytest.raises(GraduationError) as refused:
        opened(venue, live)
    assert refused.value.code == "missing"
    with pytest.raises(GraduationError) as refused:
        venue.licensed("live", Licence(None, key, "paper", VERSION, "growth"))
    assert refused.value.code == "missing"
    with pytest.raises(GraduationError) as refused:
        opened(venue, live)  # a licence that was refused is none
    assert venue.opened == []
    venue.licensed("live", Licence(token, key, "paper", VERSION, "growth"))
    opened(venue, live)
    assert venue.opened == ["live"]
    with pytest.raises(GraduationError):
        opened(venue, fresh(vault_id="another"))


def test_a_changed_strategy_loses_its_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte in the strategy's file, with everything else as it was."""
    file = tmp_path / "graduate.py"
    file.write_text(f"from {NAME.split(':')[0]} import Momentum as Breakout\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "graduate", raising=False)
    strategy = StrategyVersion.of("graduate:Breakout", "1")
    paper = Paper(replace(SETTINGS, strategy=strategy))
    paper.week()
    issue(paper.gate, paper.record.settings, judge(paper.record, GROWTH, paper.now_ms))
    token, key = signed(paper.gate)
    venue, live = Loopback(), fresh(vault_id="live")
    venue.licensed("live", Licence(token, key, "paper", strategy, "growth"))
    opened(venue, live)
    file.write_text(file.read_text() + "\n")
    with pytest.raises(GraduationError, match="has changed") as refused:
        opened(venue, live)
    assert refused.value.code == "strategy_changed"
    with pytest.raises(GraduationError, match="changed strategy begins anew"):
        venue.licensed("live", Licence(token, key, "paper", StrategyVersion.of("graduate:Breakout", "1"), "growth"))
    assert venue.opened == ["live"]
    sys.modules.pop("graduate", None)


@pytest.mark.parametrize("name", ["account", "licensed", "is_live"])
def test_a_subclass_cannot_skip_the_check(name: str) -> None:
    with pytest.raises(TypeError, match=f"may not replace '{name}'"):
        type("Careless", (Loopback,), {name: False})
    mixin = type("Mixin", (), {name: False})
    with pytest.raises(TypeError, match=f"may not replace '{name}'"):
        type("Careless", (mixin, Loopback), {})
