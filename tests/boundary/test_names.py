"""Names and words at and past their edges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from gxrisk import Gate, Limits, ManualClock, Order, VaultError, order

from .arguments import START, proposal, refusal, vault


def held(name: Any) -> Any:
    """The asset of a hold, as its record says it."""
    gate = vault()
    gate.agent().hold(1, "waits", asset=name)
    return gate.events()[-1]["asset"]


NAMES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "Order.asset": (lambda name: proposal(Order, asset=name).asset, "asset"),
    "order.asset": (lambda name: proposal(asset=name).asset, "asset"),
    "client_order_id": (lambda name: proposal(client_order_id=name).client_order_id, "client_order_id"),
    "vault_id": (lambda name: Gate(name, Limits.for_tier("growth")).vault_id, "vault_id"),
    "mark": (lambda name: vault().mark(name, 1), "asset"),
    "funding": (lambda name: vault().funding(name, 1), "asset"),
    "hold": (held, "asset"),
    "headroom": (lambda name: vault().headroom(name, "buy"), "asset"),
    "lot step": (lambda name: vault().set_lot_steps({name: 1}), "asset"),
    "group": (lambda name: vault().set_correlation_groups({name: ["BTC"]}), "group"),
    "member": (lambda name: vault().set_correlation_groups({"all": [name]}), "asset"),
    "allow-list": (lambda name: Limits.for_tier("growth").replace(assets=[name]).assets, "asset"),
    "order_id": (lambda name: vault().apply_fill(name, "f", 1, 1, asset="BTC", side="buy"), "order_id"),
    "fill_id": (lambda name: vault().apply_fill("o", name, 1, 1, asset="BTC", side="buy"), "fill_id"),
    "fill asset": (lambda name: vault().apply_fill("o", "f", 1, 1, asset=name, side="buy"), "asset"),
    "batch asset": (
        lambda name: vault().validate_batch({"asset": name, "side": "buy", "quantity": [1.0], "confidence": [1.0]}),
        "asset",
    ),
    "batch assets": (
        lambda name: vault().validate_batch({"asset": [name], "side": "buy", "quantity": [1.0], "confidence": [1.0]}),
        "asset",
    ),
}
MALFORMED = {
    "empty": "",
    "65 characters": "A" * 65,
    "1 MB": "A" * 1_000_000,
    "a space": "BTC USD",
    "a space before": " BTC",
    "a newline": "BTC\n",
    "a tab": "BTC\t",
    "NUL": "B\x00TC",
    "escape": "\x1b[31mBTC",
    "delete": "BTC\x7f",
    "Cyrillic": "B\u0422C",
    "an emoji": "\U0001f680",
    "a surrogate": "BTC\ud800",
    "right to left": "\u202eBTC",
    "bytes": b"BTC",
    "tuple": ("BTC",),
    "float": 1.5,
    "bool": True,
}


# A tuple is no name, but a column like any other.
PAIRS = [(place, label) for place in NAMES for label in MALFORMED if (place, label) != ("batch asset", "tuple")]


@pytest.mark.parametrize(("place", "malformed"), PAIRS)
def test_a_malformed_name_is_refused_wherever_it_stands(place: str, malformed: str) -> None:
    give, field = NAMES[place]
    value = MALFORMED[malformed]
    message = refusal(lambda: give(value), field)
    assert "must be" in message


@pytest.mark.parametrize("place", NAMES)
@pytest.mark.parametrize("name", ["A", "A" * 64, "BTC/USDT:USDT-250627-100000-C", "!~\"'\\%", "<b>", "..;--"])
def test_printable_ascii_is_kept_as_it_is(place: str, name: str) -> None:
    held = NAMES[place][0](name)
    assert held in (name, (name,), True, None) or not isinstance(held, str)


@pytest.mark.parametrize("number", [0, 1, 2**64 - 1])
def test_ids_may_be_whole_numbers(number: int) -> None:
    gate = vault()
    assert gate.apply_fill(number, number, 1, 100, asset="BTC", side="buy") is True
    assert gate.apply_fill(str(number), str(number), 1, 100, asset="BTC", side="buy") is False


@pytest.mark.parametrize("number", [-1, 2**64, 10**30, 1.0, True, None])
def test_what_is_no_id_is_refused(number: Any) -> None:
    gate = vault()
    for act in (gate.order_accepted, gate.order_cancelled, lambda name: gate.order_failed(name, "why")):
        refusal(lambda act=act: act(number), "order_id")
    refusal(lambda: gate.apply_fill("o", number, 1, 1, asset="BTC", side="buy"), "fill_id")


@pytest.mark.parametrize("side", ["", "BUY", "Buy", "long", "buy ", "b", None, 1, True, b"buy", ["buy"], "\ud800"])
def test_a_side_is_buy_or_sell(side: Any) -> None:
    acts: list[Callable[[], Any]] = [
        lambda: order("BTC", side, 1, confidence=1, reasoning="x"),
        lambda: vault().headroom("BTC", side),
        lambda: vault().validate_batch({"asset": "BTC", "side": [side], "quantity": [1.0], "confidence": [1.0]}),
    ]
    if side is not None:
        acts.append(lambda: vault().apply_fill("o", "f", 1, 1, asset="BTC", side=side))
    for act in acts[: 2 if side in (1, True) else None]:
        refusal(act, "side")


@pytest.mark.parametrize("origin", ["", "AGENT", "operator", 1, b"agent"])
def test_an_origin_is_one_of_three(origin: Any) -> None:
    for act in (vault().validate_order, vault().authorize):
        refusal(lambda act=act: act(proposal(), origin=origin), "origin")


@pytest.mark.parametrize(
    "words", ["x", "x" * 4000, "\U0001f680" * 4000, "a\x00b", "'; DROP TABLE orders; --", "\n\t\x1b"]
)
def test_a_reasoning_is_kept_as_data(words: str) -> None:
    gate = vault()
    assert proposal(reasoning=words).reasoning == words
    gate.authorize(proposal(reasoning=words))
    gate.hold(1, words)
    assert gate.events()[-1]["reasoning"] == words
    assert gate.events()[-2]["order"]["reasoning"] == words


@pytest.mark.parametrize(
    "words", ["", "x" * 4001, "\U0001f680" * 4001, "x" * 1_000_000, "a\ud800", None, 1, b"why", ["why"]]
)
def test_a_reasoning_has_1_to_4000_characters(words: Any) -> None:
    for act in (lambda: proposal(reasoning=words), lambda: vault().hold(1, words)):
        refusal(act, "reasoning")
    refusal(lambda: vault().kill(words), "reason")


@pytest.mark.parametrize("exit_flag", ["yes", "", 0, 1, 1.0, [], "False"])
def test_reduce_only_is_a_bool(exit_flag: Any) -> None:
    refusal(lambda: proposal(reduce_only=exit_flag), "reduce_only")


def test_unknown_orders_are_named() -> None:
    gate = vault()
    before = gate.events()
    for act in (gate.order_accepted, gate.order_cancelled, lambda name: gate.order_failed(name, "why")):
        with pytest.raises(VaultError, match="gx-7"):
            act("gx-7")
    with pytest.raises(VaultError, match="name the fill's asset and side"):
        gate.apply_fill("gx-7", "f", 1, 1)
    assert gate.events() == before


@pytest.mark.parametrize("name", ["gx-3", "gx-03", "gx-+3", "gx- 3", "GX-3", "gx-3 ", "3", "gx-"])
def test_only_the_exact_id_names_an_order(name: str) -> None:
    gate = Gate("v", Limits.for_tier("growth"), clock=ManualClock(START))
    gate.deposit(10_000)
    gate.mark("BTC", 100, atr=1)
    known = gate.authorize(proposal()).order_id
    if name == known or " " in name:
        return
    with pytest.raises(VaultError):
        gate.order_accepted(name)
