"""What a decision was asked, and on which facts it was decided."""

from collections.abc import Iterable
from decimal import Decimal

from gxrisk.dashboard.markup import box, panel, words_in
from gxrisk.dashboard.panels.decisions import asked
from gxrisk.dashboard.words import NOTHING, figure, moment, money, number, time_of, words
from gxrisk.server.routes.decision import DecisionDetail

_MONEY = frozenset({"equity", "day_opening", "base", "gross_exposure", "asset_exposure", "group_exposure"})


def asked_panel(one: DecisionDetail) -> None:
    """The order, and what the model said; its words are quoted, line by line as it wrote them."""
    with panel("What was asked"):
        facts = [
            ("Order", asked(one)),
            ("Leverage", number(one.leverage)),
            ("Stop-loss", number(one.stop_loss)),
            ("Take-profit", number(one.take_profit)),
            ("By", one.origin),
            ("Confidence", f"{one.confidence:.2f}"),
            ("Time", f"{moment(time_of(one.time))} UTC"),
            ("Its own id", one.client_order_id or NOTHING),
            ("Order id", one.order_id or NOTHING),
        ]
        _facts(facts)
        words_in("h3", "Its reasoning")
        words_in("blockquote", one.reasoning, "gx-quote")


def facts_panel(one: DecisionDetail) -> None:
    """The facts that the gate decided on."""
    if one.evidence is None:
        return
    with panel("Decided on"):
        shown = [(words(name), _fact(name, value)) for name, value in one.evidence.items() if _is_one(value)]
        _facts(shown)


def _facts(facts: Iterable[tuple[str, str]]) -> None:
    with box("dl", "gx-facts"):
        for name, value in facts:
            words_in("dt", name)
            words_in("dd", value)


def _is_one(value: object) -> bool:
    return not isinstance(value, list | dict)


def _fact(name: str, value: object) -> str:
    if name == "mark_time" and value is not None:
        return f"{moment(time_of(str(value)))} UTC"
    return money(Decimal(str(value))) if name in _MONEY and value is not None else figure(value)
