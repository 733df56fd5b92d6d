"""The page: one HTML file that asks nothing of any other place."""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gxrisk.vaults.report import words
from gxrisk.vaults.report.plots import drawdown_plot, equity_plot
from gxrisk.vaults.report.report import Report

_FILTERS: Final = (
    words.money, words.signed, words.percent, words.signed_percent, words.ratio, words.number, words.figure,
    words.price, words.moment, words.date, words.lasting, words.shown, words.brief,
)  # fmt: skip


def page(report: Report) -> str:
    """The report as HTML. All text in it is escaped, and its policy lets a browser load nothing."""
    style = _style()
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            report=report,
            style=style,
            style_hash=b64encode(sha256(style.encode()).digest()).decode("ascii"),
            equity_plot=equity_plot(report),
            drawdown_plot=drawdown_plot(report),
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("gxrisk.vaults.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {one.__name__: one for one in _FILTERS}
    return environment


@cache
def _style() -> Markup:
    return Markup((files("gxrisk.vaults.report") / "page.css").read_text(encoding="utf-8"))  # noqa: S704 (our own file)
