"""How far a paper vault is on its way to real money."""

from decimal import Decimal

from gxrisk.dashboard.bars import Bar, Bars
from gxrisk.dashboard.markup import panel, words_in
from gxrisk.dashboard.table import Cell, Column, Table
from gxrisk.dashboard.words import figure, percent
from gxrisk.server.routes.graduation import GraduationShown

_COLUMNS = (
    Column(""),
    Column("Requirement"),
    Column("Required", is_number=True, wide=True),
    Column("Observed", is_number=True, wide=True),
)


class Progress:
    """The days, and what each requirement still lacks."""

    def __init__(self) -> None:
        with panel("Graduation", "gx-across"):
            self._said = words_in("p", "", "gx-note")
            self._bars = Bars("Graduation")
            self._table = Table("Requirements", _COLUMNS, empty="")

    def show(self, now: GraduationShown | None) -> None:
        """This; None for a live vault, which has none before it."""
        if now is None:
            self._said.text = "This vault trades for real money: nothing is before it."
            self._bars.show([])
            self._table.show([])
            return
        lacking = sum(not one.passed for one in now.requirements)
        self._said.text = (
            "Graduated." if now.has_graduated else f"Not yet: {lacking} of {len(now.requirements)} are open."
        )
        progress = Decimal(str(now.progress))
        figures = f"{percent(progress, digits=0)}, {now.days_left:.1f} days left"
        self._bars.show([Bar("Days on paper", progress, figures, is_plain=True)])
        self._table.show(
            [
                (
                    one.name,
                    [
                        Cell("✓ met", tone="good") if one.passed else Cell("◌ open", tone="warn"),
                        Cell(one.sentence, tone="words"),
                        one.required,
                        figure(one.observed),
                    ],
                )
                for one in now.requirements
            ]
        )
