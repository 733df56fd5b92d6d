"""A record of a journal as a page of 80 to 100 columns, for a trader to read."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gxrisk.cli.lines import asked, number, stamp
from gxrisk.cli.plain import plain, shortened
from gxrisk.cli.reading import Record

_PLACE: Final = ("sequence", "time", "time_ns", "kind", "epoch", "hash")
_QUOTE: Final = "  | "
_LONG: Final = 64
# Beside two figures in a row of the rules, and beside two facts in a row of the facts.
_RULE_WORDS: Final = 40
_FACT_WORDS: Final = 50
_ASSET_WIDTH: Final = 21
_STYLES: Final = {"approved": "bold green", "rejected": "bold red", "held": "bold yellow"}
_NOTHING: Final = "-"


def decision_page(vault_id: str, record: Record, explained: Mapping[str, Any], width: int) -> Iterator[RenderableType]:
    """What was asked, the outcome, every rule, the facts, what would have passed, the place in the chain."""
    order, outcome = record["order"], record["outcome"]
    yield _title(vault_id, record, outcome, _STYLES[outcome])
    yield Text(f"The {record['origin']} asked to {_wish(order)}.")
    yield Text(_details(order))
    yield Text("Its reasoning:")
    yield _quoted(order["reasoning"], width)
    yield Text()
    yield Text(_verdict(record, explained["rules"]), style="bold")
    for violation in record["violations"]:
        yield Padding(Text(plain(f"{violation['rule']}: {violation['message']}")), (0, 0, 0, 2))
    yield Text()
    yield _rule_table(explained["rules"], (width - _RULE_WORDS) // 2)
    yield Text()
    yield Text("Decided on:")
    yield _fact_table(order["asset"], record["evidence"], (width - _FACT_WORDS) // 2)
    yield Text()
    yield Text(_passing(order, explained["max_quantity"]), style="bold")
    yield from _place(record)


def record_page(vault_id: str, record: Record, width: int) -> Iterator[RenderableType]:
    """What a record holds that is no decision, and its place in the chain."""
    yield _title(vault_id, record, record["kind"], "bold")
    fields = [(name, value) for name, value in _flat(record) if name not in _PLACE]
    short = [(name, value) for name, value in fields if len(value) <= _LONG]
    if short:
        table = _table()
        for name, value in short:
            table.add_row(Text(plain(name)), Text(plain(value)))
        yield table
    for name, value in fields:
        if len(value) > _LONG:
            yield Text(f"{plain(name)}:")
            yield _quoted(value, width)
    if (decided := _decided_in(record)) is not None:
        yield Text(f"The order was decided on in record {decided}.")
    yield from _place(record)


def figure(value: Decimal | int | str | None, width: int) -> str:
    """A limit or an observed value in so many columns; a tilde marks the rare number that is cut to fit.

    >>> figure(Decimal("1234.5"), 28), figure(Decimal("1234.123456789123456789"), 12), figure(None, 28)
    ('1,234.5', '~1,234.12346', '-')
    """
    if value is None:
        return _NOTHING
    if isinstance(value, str):
        return plain(value)
    exact = number(value)
    if len(exact) <= width:
        return exact
    digits = max(width - len(exact.partition(".")[0]) - 2, 0)
    rounded = f"~{value:,.{digits}f}"
    return rounded if len(rounded) <= width else f"~{value:.{width - 8}e}"


def _title(vault_id: str, record: Record, outcome: str, style: str) -> Text:
    before = (f"Record {record['sequence']} of {plain(vault_id)}: ", "bold")
    return Text.assemble(before, (outcome, style), f", {record['time']}\n")


def _wish(order: Mapping[str, Any]) -> str:
    words = plain(asked(order))
    if order["price"] is None:
        words += " at the market"
    words += f", leverage {number(order['leverage'])}"
    for name, label in (("stop_loss", "stop-loss"), ("take_profit", "take-profit")):
        words += f", {f'no {label}' if order[name] is None else f'{label} {number(order[name])}'}"
    return words


def _details(order: Mapping[str, Any]) -> str:
    name = order["client_order_id"]
    its_id = "no id of its own" if name is None else f"its own id {plain(name)}"
    return f"Confidence {number(order['confidence'])}; {its_id}."


def _verdict(record: Record, rules: Sequence[Mapping[str, Any]]) -> str:
    said = [one["passed"] for one in rules if one["applies"]]
    passed = f"all {len(said)} rules that were asked passed"
    stood = f"{said.count(False)} of the {len(said)} rules that were asked stood against it"
    if record["outcome"] == "approved":
        return f"Approved as {record['order_id']}, to be used before {record['expires']}: {passed}."
    if record["outcome"] == "held":
        unsure = "Held: the model was not confident enough to open anything"
        return f"{unsure}; and {stood}:" if record["violations"] else f"{unsure}; {passed}."
    return f"Rejected: {stood}:"


def _rule_table(rules: Sequence[Mapping[str, Any]], figure_width: int) -> Table:
    table = _table("rule", _right("limit"), _right("observed"), "")
    for one in rules:
        if not one["applies"]:
            table.add_row(Text(one["rule"]), _right(_NOTHING), _right(_NOTHING), Text("not asked"), style="dim")
            continue
        said = Text("passed", style="green") if one["passed"] else Text("violated", style="bold red")
        observed = one["observed"]
        if one["passed"] and isinstance(observed, str):
            observed = None  # the word for what would have stood against it
        limit = figure(one["limit"], figure_width)
        table.add_row(Text(one["rule"]), _right(limit), _right(figure(observed, figure_width)), said)
    return table


def _fact_table(asset: str, evidence: Mapping[str, Any], figure_width: int) -> Table:
    def fact(label: str, name: str) -> tuple[str, str]:
        return label, figure(evidence[name], figure_width)

    vault = (
        fact("trading state", "state"),
        fact("equity", "equity"),
        fact("day's opening equity", "day_opening"),
        fact("drawdown base", "base"),
        fact("gross exposure", "gross_exposure"),
        fact("working orders", "working"),
        fact("opening trades today", "daily_trades"),
        fact("risk scale", "risk_scale"),
    )
    held = (
        fact("mark", "mark"),
        ("  of", _NOTHING if evidence["mark_time"] is None else _moment(evidence["mark_time"], figure_width)),
        fact("ATR", "atr"),
        fact("position", "position"),
        fact("working buys", "working_buys"),
        fact("working sells", "working_sells"),
        fact("exposure", "asset_exposure"),
        fact("exposure of its group", "group_exposure"),
    )
    table = _table("the vault", "", shortened(asset, _ASSET_WIDTH), "")
    for (name, value), (other, its_value) in zip(vault, held, strict=True):
        table.add_row(Text(name), _right(value), Text(other), _right(its_value))
    return table


def _moment(time: str, width: int) -> str:
    whole = stamp(time)
    return whole if len(whole) <= width else whole[len("2020-") : -len(".000")]


def _passing(order: Mapping[str, Any], quantity: Decimal) -> str:
    if not quantity:
        return "No quantity of this order would have passed."
    return plain(f"Of this order at most {number(quantity)} {order['asset']} would have passed.")


def _place(record: Record) -> Iterator[Text]:
    yield Text()
    yield Text(f"In the chain: record {record['sequence']}, epoch {record['epoch']}, hash", style="dim")
    yield Text(f"  {record['hash']}", style="dim")


def _quoted(text: str, width: int) -> Text:
    """Words of a model or a venue, each line marked, so that none can be taken for the page's own."""
    console = Console(width=width)
    lines = [wrapped for one in text.splitlines() for wrapped in Text(plain(one)).wrap(console, width - len(_QUOTE))]
    return Text("\n").join(Text(_QUOTE) + one for one in lines)


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, one in value.items():
        name = f"{prefix}{key}"
        if isinstance(one, Mapping):
            yield from _flat(one, f"{name}.")
        elif isinstance(one, (list, tuple)):
            if all(isinstance(item, Mapping) for item in one) and one:
                for index, item in enumerate(one, 1):
                    yield from _flat(item, f"{name}.{index}.")
            else:
                yield name, " ".join(map(str, one)) or _NOTHING
        else:
            yield name, _shown(one)


def _shown(value: object) -> str:
    if value is None:
        return _NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(value) if isinstance(value, (Decimal, int)) else str(value)


def _decided_in(record: Record) -> int | None:
    digits = str(record.get("order_id", "")).removeprefix("gx-")
    is_known = record.get("approved", True) and digits.isascii() and digits.isdigit()
    return int(digits) if is_known else None


def _right(text: str) -> Text:
    return Text(text, justify="right")


def _table(*header: str | Text) -> Table:
    # texts, not strings: in a string rich would look for markup
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, show_header=bool(header))
    for name in header:
        table.add_column(Text(name) if isinstance(name, str) else name, no_wrap=True)
    return table
