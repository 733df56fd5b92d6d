"""One decision: what was asked, what each rule said, what would have passed, and its place in the chain."""

from nicegui import Client

from gxrisk.dashboard.figures import measured, sentence
from gxrisk.dashboard.frame import Frame
from gxrisk.dashboard.markup import box, panel, words_in
from gxrisk.dashboard.pages.around import around
from gxrisk.dashboard.panels.asked import asked_panel, facts_panel
from gxrisk.dashboard.panels.verifying import Verifying
from gxrisk.dashboard.sessions import Person
from gxrisk.dashboard.table import Cell, Column, Row, Table
from gxrisk.dashboard.words import NOTHING, figure, marked, number, words
from gxrisk.server.routes.audit import Explanation, RuleShown
from gxrisk.server.routes.decision import DecisionDetail

_COLUMNS = (
    Column("Rule"),
    Column("Limit", is_number=True),
    Column("Observed", is_number=True),
    Column("Verdict"),
    Column("In words"),
)


async def page(client: Client, person: Person, vault_id: str, sequence: str) -> None:
    """Build it: a record does not change, so that it is read once."""
    number_ = int(sequence) if sequence.isascii() and sequence.isdigit() else 0
    frame = Frame(person, f"{vault_id}: decision {sequence}", "")
    with frame.main:
        around(person, vault_id, "")
        place = box()
    shown: list[DecisionDetail] = []

    async def refresh() -> None:
        if shown:
            return
        shown.append(await person.api.decision(vault_id, number_))
        with place:
            _show(person, vault_id, shown[0])

    await frame.follow(client, refresh)


def _show(person: Person, vault_id: str, one: DecisionDetail) -> None:
    words_in("p", _verdict(one), f"gx-verdict gx-verdict-{one.outcome}")
    with box("div", "gx-columns"):
        if one.explanation is not None:
            with panel("What each rule said", "gx-across"):
                words_in("p", _passing(one, one.explanation), "gx-note gx-passing")
                Table("Rules", _COLUMNS, empty="", is_whole=True).show(_rules(one.explanation))
        asked_panel(one)
        facts_panel(one)
        Verifying(person.api, vault_id).show(one.sequence, one.previous_hash, one.hash)


def _verdict(one: DecisionDetail) -> str:
    if one.explanation is None:
        return f"{marked('held')}: the model itself did nothing."
    asked = [rule for rule in one.explanation.rules if rule.applies]
    against = sum(not rule.passed for rule in asked)
    if one.outcome == "approved":
        return f"{marked('approved')}: all {len(asked)} rules that were asked passed."
    if one.outcome == "held":
        return (
            f"{marked('held')}: the model was not confident enough; {against} of {len(asked)} rules stood against it."
        )
    return f"{marked('rejected')}: {against} of the {len(asked)} rules that were asked stood against it."


def _passing(one: DecisionDetail, explained: Explanation) -> str:
    most = explained.max_quantity
    if most is None or not float(most):
        return "No quantity of this order would have passed."
    return f"Of this order at most {figure(most)} {one.asset} would have passed; {number(one.quantity)} were asked for."


def _rules(explained: Explanation) -> list[Row]:
    """Those that stood against it first, then those that passed, then those that were not asked."""
    in_order = sorted(explained.rules, key=lambda rule: (not rule.applies, rule.passed))
    return [(rule.rule, _rule(rule)) for rule in in_order]


def _rule(rule: RuleShown) -> list[Cell | str]:
    if not rule.applies:
        return [Cell(text, tone="quiet") for text in (words(rule.rule), NOTHING, NOTHING, "not asked", "")]
    figures = measured(rule.rule, rule.limit, rule.observed)
    if rule.passed:
        return [words(rule.rule), *figures, Cell("✓ passed", tone="good"), ""]
    return [words(rule.rule), *figures, Cell("✕ violated", tone="bad"), Cell(sentence(rule.message), tone="words")]
