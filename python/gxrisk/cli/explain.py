"""`gxrisk explain`: one record of a journal as a page."""

from typing import Annotated

import typer
from rich.console import Console

from gxrisk._native import JournalReader
from gxrisk.cli.arguments import AsJson, JournalFile
from gxrisk.cli.failures import failures
from gxrisk.cli.output import as_json
from gxrisk.cli.page import decision_page, record_page
from gxrisk.cli.reading import record_at
from gxrisk.cli.screen import page_width


def explain(
    file: JournalFile,
    sequence: Annotated[int, typer.Argument(min=1, metavar="SEQUENCE", help="Which record.", show_default=False)],
    json: AsJson = False,
) -> None:
    """Explain a decision: what was asked, what each rule said, on which facts, and what would have passed.

    Of any other record, show all that it holds.

    Example: gxrisk explain vault.gxr 42
    """
    with failures():
        reader = JournalReader(file)
        record = record_at(reader, sequence)
        explained = reader.explain(sequence) if record["kind"] == "decision" else None
        if json:
            typer.echo(as_json({"vault_id": reader.vault_id, "record": record, "explanation": explained}))
            return
        width = page_width()
        console = Console(width=width, highlight=False)
        page = (
            record_page(reader.vault_id, record, width)
            if explained is None
            else decision_page(reader.vault_id, record, explained, width)
        )
        for part in page:
            console.print(part)
