"""How far a paper vault is on its way to real money."""

from decimal import Decimal

from gxrisk.dashboard.addresses import vault_at
from gxrisk.dashboard.bars import Bar, Bars
from gxrisk.dashboard.markup import link, panel, words_in
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

    def __init__(self, vault_id: str) -> None:
        with panel("Graduation", "gx-across"):
            self._said = words_in("p", "", "gx-note")
            self._bars = Bars("Graduation")
            self._table = Table("Requirements", _COLUMNS, empty="")
            self._certificate = link("Download the certificate", vault_at(vault_id, "certificate"))
            self._certificate.props["download"] = f"{vault_id}.certificate"
            self._none = words_in(
                "p", "The certificate can be downloaded here once every requirement is met.", "gx-note"
            )

    def show(self, now: GraduationShown | None) -> None:
        """This; None for a live vault, which has none before it."""
        self._certificate.visible = now is not None and now.has_certificate
        self._none.visible = now is not None and not now.has_certificate
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
