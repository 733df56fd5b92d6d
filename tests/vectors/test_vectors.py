"""The vectors hold: for gxrisk through its public names, and for a second implementation of the formats."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from gxrisk import verify_approval

from .canonical import spans
from .generate import FOLDER, files, text
from .reading import check_approval, check_reactivation, check_withdrawal, read_approval, read_reactivation
from .scenario import code_of, play

APPROVALS = json.loads((FOLDER / "approvals.json").read_text(encoding="utf-8"))["cases"]
WITHDRAWALS = json.loads((FOLDER / "withdrawals.json").read_text(encoding="utf-8"))["cases"]
OF_STOPS = json.loads((FOLDER / "reactivations.json").read_text(encoding="utf-8"))
REACTIVATIONS = OF_STOPS["cases"]
SCENARIOS = [*json.loads((FOLDER / "redeem.json").read_text(encoding="utf-8"))["scenarios"], *OF_STOPS["scenarios"]]
Case = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def named(case: Case) -> str:
    """A case's name as a test id."""
    return str(case["name"])


def runs() -> list[Any]:
    """Each scenario in memory and durably, with approvals as objects and as bytes, where that differs."""
    found = []
    for scenario in SCENARIOS:
        steps = json.dumps(scenario["steps"])
        for durable in (True,) if "durable" in scenario else (False, True):
            for as_object in (False, True) if '"redeem"' in steps or '"redeem_at_once"' in steps else (False,):
                where, how = "durable" if durable else "memory", "object" if as_object else "bytes"
                found.append(pytest.param(scenario, durable, as_object, id=f"{scenario['name']}, {where}, {how}"))
    return found


@pytest.mark.parametrize("case", APPROVALS, ids=named)
def test_an_approval_is_checked_by_the_gate_s_library(case: Case) -> None:
    """`verify_approval`, given bytes or hexadecimal digits; what it reads is what was written."""
    token, key = bytes.fromhex(case["token"]), bytes.fromhex(case["wallet_key"])
    for arguments in ((token, key), (case["token"], case["wallet_key"])):
        if case["expect"] != "ok":
            assert code_of(lambda given=arguments: verify_approval(*given, case["vault_id"])) == case["expect"]
            continue
        seen = verify_approval(*arguments, case["vault_id"])
        expected = case["reads"]
        order, wanted = seen["order"], expected["order"]
        for name in ("sequence", "epoch"):
            assert str(seen[name]) == expected[name]
        for name in ("nonce", "limits_hash", "origin"):
            assert seen[name] == expected[name]
        assert seen["expires_at"] == EPOCH + timedelta(microseconds=int(expected["expires"]) // 1000)
        assert seen["order_id"] == f"gx-{expected['sequence']}"
        for name in ("asset", "side", "reasoning", "client_order_id", "reduce_only"):
            assert getattr(order, name) == wanted[name]
        for name in ("quantity", "price", "leverage", "stop_loss", "take_profit", "confidence"):
            number = getattr(order, name)
            assert (None if number is None else str(int(number.scaleb(9)))) == wanted[name]


@pytest.mark.parametrize("case", APPROVALS, ids=named)
def test_an_approval_is_checked_by_python_alone(case: Case) -> None:
    """The second implementation says the same, and writes what it reads byte for byte."""
    token = bytes.fromhex(case["token"])
    assert check_approval(token, bytes.fromhex(case["wallet_key"]), case["vault_id"]) == case["expect"]
    if case["expect"] == "ok":
        approval = read_approval(token)
        assert approval.reads() == case["reads"]
        assert b"".join(approval.parts().values()) == token[:-64]
        assert max(end for _, end in spans(approval.parts()).values()) == len(token)


@pytest.mark.parametrize("case", WITHDRAWALS, ids=named)
def test_a_withdrawal_is_checked_by_python_alone(case: Case) -> None:
    """Form, signature and vault; the rest is the gate's."""
    request, key = bytes.fromhex(case["request"]), bytes.fromhex(case["owner_key"])
    assert check_withdrawal(request, key, case["vault_id"]) == case["check"]


@pytest.mark.parametrize("durable", [False, True], ids=["memory", "durable"])
@pytest.mark.parametrize("case", WITHDRAWALS, ids=named)
def test_a_withdrawal_is_judged_by_the_gate(case: Case, durable: bool, tmp_path: Path) -> None:
    """Refused with its code, or booked once."""
    again = {"op": "withdraw", "request": case["request"], "expect": "replayed"}
    asked = {"op": "withdraw", "request": case["request"], "expect": case["expect"]}
    # All of it was taken once, so that the second asking is a replay, too.
    play([*case["state"], asked, again if case["expect"] == "ok" else asked], tmp_path, durable=durable)


@pytest.mark.parametrize("case", REACTIVATIONS, ids=named)
def test_a_reactivation_is_checked_by_python_alone(case: Case) -> None:
    """Form, signature and vault; the rest is the gate's. What is read is written byte for byte."""
    request, key = bytes.fromhex(case["request"]), bytes.fromhex(case["owner_key"])
    assert check_reactivation(request, key, case["vault_id"]) == case["check"]
    if case["check"] == "ok":
        assert b"".join(read_reactivation(request).parts().values()) == request[:-64]


@pytest.mark.parametrize("case", REACTIVATIONS, ids=named)
def test_a_reactivation_is_judged_by_the_gate(case: Case, tmp_path: Path) -> None:
    """Refused with its code, or done once. In memory, where the stop is the record that the cases name."""
    again = {"op": "reactivate", "request": case["request"], "expect": "other_stop"}
    asked = {"op": "reactivate", "request": case["request"], "expect": case["expect"]}
    play([*case["state"], asked, again if case["expect"] == "ok" else asked], tmp_path, durable=False)


@pytest.mark.parametrize(("scenario", "durable", "as_object"), runs())
def test_a_scenario_comes_to_what_it_says(scenario: Case, durable: bool, as_object: bool, tmp_path: Path) -> None:
    """Step by step, in memory and durably, with approvals as objects and as bytes."""
    play(scenario["steps"], tmp_path, durable=durable, as_object=as_object)


@pytest.mark.parametrize("name", files())
def test_the_files_are_what_the_generator_gives(name: str) -> None:
    """Run `python -m tests.vectors.generate` when this fails, and look at the difference."""
    assert (FOLDER / name).read_text(encoding="utf-8") == text(files()[name])


def test_most_vectors_are_refusals() -> None:
    """At least 150, three quarters of them refused; names are used once; every code of a refusal is met."""
    kinds = (APPROVALS, WITHDRAWALS, REACTIVATIONS)
    expected = [case["expect"] for kind in kinds for case in kind]
    steps = [step for scenario in SCENARIOS for step in scenario["steps"]]
    told = [step["expect"] for step in steps if step["op"] in ("redeem", "withdraw", "rotate_owner", "reactivate")]
    assert len(expected) >= 150
    for kind in kinds:
        assert sum(case["expect"] != "ok" for case in kind) >= 0.75 * len(kind)
    names = [[named(one) for one in some] for some in (*kinds, SCENARIOS)]
    assert all(len(set(some)) == len(some) for some in names)
    assert {*expected, *told} >= {
        "ok", "malformed", "vault", "signature", "expired", "used", "ended", "cancel_requested", "stricter_state",
        "replayed", "not_flat", "overdrawn", "no_owner", "amount", "unsigned", "rebase", "other_stop",
    }  # fmt: skip
