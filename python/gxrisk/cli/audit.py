"""`gxrisk audit`: verify a journal, show its records, keep its head."""

import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gxrisk._native import RULES, Head, JournalError, JournalReader
from gxrisk.cli.arguments import AsJson, JournalFile, NoProgress, PassphraseFile, moment, nanoseconds, one_of
from gxrisk.cli.failures import failures
from gxrisk.cli.heads import check_replaceable, head_dict, read_head
from gxrisk.cli.lines import KINDS, header, line
from gxrisk.cli.output import as_json, check_writable, write_json
from gxrisk.cli.plain import plain
from gxrisk.cli.progress import progress_bar
from gxrisk.cli.reading import Record, before, journal_of, last_sequence, pages
from gxrisk.cli.screen import page_width
from gxrisk.cli.values import told, words

OUTCOMES: Final = ("approved", "rejected", "held")
# beside the table of the rules stands what a decision says where a number does not fit
VIOLATIONS: Final = (*RULES, "arithmetic_overflow")
_DIGITS_MAX: Final = 18

audit = typer.Typer(help="Verify a journal, show its records, keep its head.", no_args_is_help=True)


@audit.command()
def verify(
    file: JournalFile,
    head: Annotated[
        Path | None, typer.Option(metavar="HEAD.json", help="A head that was kept elsewhere: nothing may be cut off.")
    ] = None,
    json: AsJson = False,
    no_progress: NoProgress = False,
) -> None:
    """Check every hash and signature, and work out every decision and the state anew.

    A record that is not as it was written is named, and the exit code is 1.

    Example: gxrisk audit verify vault.gxr --head head.json
    """
    with failures():
        kept = None if head is None else read_head(head)
        reader = JournalReader(file)
        total = _records(reader)
        with progress_bar(total, shown=not no_progress, doing="Verifying", what="records") as on_progress:
            found = reader.verify(kept, progress=on_progress)
        if json:
            typer.echo(as_json({"vault_id": reader.vault_id} | found | {"head": head_dict(found["head"])}))
        else:
            _print_findings(reader.vault_id, found, kept)


@audit.command()
def replay(
    file: JournalFile,
    sequence: Annotated[
        int | None, typer.Argument(min=1, metavar="[SEQUENCE]", help="After which record; the last one if none.")
    ] = None,
    json: AsJson = False,
    no_progress: NoProgress = False,
) -> None:
    """Rebuild the vault as it was after a record, from the records alone, with the hash of its whole state.

    Example: gxrisk audit replay vault.gxr 120
    """
    with failures():
        reader = JournalReader(file)
        total = sequence or _records(reader)
        with progress_bar(total, shown=not no_progress, doing="Replaying", what="records") as on_progress:
            found = reader.replay(sequence, progress=on_progress)
        snapshot = found["snapshot"].to_dict()
        if json:
            about = {"vault_id": reader.vault_id, "sequence": found["sequence"], "state": found["state"]}
            typer.echo(as_json(about | {"snapshot": {name: told(value) for name, value in snapshot.items()}}))
            return
        typer.echo(f"{reader.vault_id} after record {found['sequence']}")
        for name, value in snapshot.items():
            typer.echo(f"{name:<16}  {plain(words(value))}")
        typer.echo(f"{'hash of the state':<16} {found['state']}")


@audit.command()
def show(
    file: JournalFile,
    vault: Annotated[str | None, typer.Option(metavar="ID", help="Refuse the journal of another vault.")] = None,
    rule: Annotated[
        str | None, typer.Option(parser=one_of(VIOLATIONS), metavar="CODE", help="Decisions that this rule refused.")
    ] = None,
    outcome: Annotated[
        str | None,
        typer.Option(parser=one_of(OUTCOMES), metavar="|".join(OUTCOMES), help="Decisions, and a model's own holds."),
    ] = None,
    kind: Annotated[
        str | None, typer.Option(parser=one_of(tuple(KINDS)), metavar="KIND", help="Records of this kind.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="SEQUENCE|TIME", help="After this record, or from this RFC 3339 time on.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="The first so many of them.")] = None,
    json: AsJson = False,
) -> None:
    """Print the records, one a line; with --json one object a line. It only reads: `verify` checks.

    Example: gxrisk audit show vault.gxr --outcome rejected --since 2020-03-12T10:00:00Z
    """
    with failures():
        reader = journal_of(file, vault)
        after = 0 if since is None else _after(reader, since)
        left, is_first = limit, True
        for page in pages(reader, after):
            found = [record for record in page if _matches(record, rule, outcome, kind)][:left]
            if found:
                if is_first and not json and sys.stdout.isatty():
                    typer.echo(header())  # for who looks at it, not for what reads it line by line
                is_first = False
                typer.echo("\n".join(as_json(record, indent=None) if json else line(record) for record in found))
            if left is not None:
                left -= len(found)
                if not left:
                    break
        if is_first:
            typer.echo("gxrisk: no record is like that", err=True)


@audit.command("head")
def head_command(
    file: JournalFile,
    out: Annotated[Path | None, typer.Option(metavar="HEAD.json", help="Write it there, whole or not at all.")] = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Print where the chain ends, as JSON. Kept elsewhere, it shows later whether records were cut off.

    Example: gxrisk audit head vault.gxr --out /mnt/elsewhere/head.json
    """
    with failures():
        if out is not None:
            check_writable(out, "--out")
        head = JournalReader(file).head(passphrase_file=passphrase_file)
        if out is None:
            typer.echo(as_json(head_dict(head)))
        else:
            check_replaceable(out, head)
            write_json(head_dict(head), out)
        if head.signature is None:
            typer.echo(
                f"gxrisk: the head is not signed, so it does not prove who made it. {_how_to_sign(file)}", err=True
            )


def _records(reader: JournalReader) -> int | None:
    try:
        return last_sequence(reader)
    except JournalError:
        return None  # damaged: the verification says where


def _print_findings(vault_id: str, found: dict[str, Any], kept: Head | None) -> None:
    head = found["head"]
    rows: list[tuple[str, str]] = [
        ("vault", vault_id),
        ("records", f"{found['records']:,}"),
        ("decisions worked out anew", f"{found['decisions']:,}"),
        ("  of them approvals", f"{found['approvals']:,}"),
        ("signatures checked", f"{found['signatures']:,}"),
        ("checkpoints matched", f"{found['checkpoints']:,}"),
        ("hash of the chain", head.hash.hex()),
        ("hash of the state", found["state"]),
    ]
    if kept is not None:
        signed = "signed by the vault's head key" if kept.signature is not None else "not signed"
        rows.append(("kept head", f"record {kept.sequence:,} is on the chain; {signed}"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, show_header=False)
    for label, value in rows:
        table.add_row(Text(label), Text(value, overflow="fold"))
    console = Console(width=page_width(), highlight=False)
    console.print(table)
    console.print(Text("Every record follows on the ones before it, every decision on its facts.", style="green"))
    if kept is None:
        console.print(
            Text("Whether its end was cut off, or all of it written anew, only a head kept elsewhere shows: --head.")
        )


def _after(reader: JournalReader, since: str) -> int:
    if since.isascii() and since.isdigit() and len(since) <= _DIGITS_MAX:
        return int(since)
    return before(reader, nanoseconds(moment(since)))


def _matches(record: Record, rule: str | None, outcome: str | None, kind: str | None) -> bool:
    if kind is not None and record["kind"] != kind:
        return False
    if outcome is not None and _outcome(record) != outcome:
        return False
    return rule is None or any(one["rule"] == rule for one in record.get("violations", ()))


def _outcome(record: Record) -> str | None:
    if record["kind"] == "hold":
        return "held"
    outcome: str | None = record.get("outcome")
    return outcome


def _how_to_sign(file: Path) -> str:
    if Path(f"{file}.key").exists():
        return (
            "Give the passphrase of the vault's keys: --passphrase-file, GXRISK_PASSPHRASE_FILE or GXRISK_PASSPHRASE."
        )
    return (
        f"The vault has no sealed keys beside {file}: open it once with a passphrase "
        "(Gate.open with passphrase_file=...), and give the same one here."
    )
