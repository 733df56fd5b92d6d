"""`gxrisk order`: propose one, ask without proposing, end one, see what works and what was decided."""

from dataclasses import asdict
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import uuid4

import typer

from gxrisk._native import GxriskError, Order
from gxrisk.cli.arguments import AsJson, decimal, one_of
from gxrisk.cli.failures import failures
from gxrisk.cli.plain import plain
from gxrisk.cli.remote import REFUSED, ApiKeyFile, Url, VaultId, agent, operator, print_table, tell

if TYPE_CHECKING:
    from gxrisk.client import RemoteDecision

_SIDES: Final = ("buy", "sell")
_OUTCOMES: Final = ("approved", "rejected", "held")

order = typer.Typer(help="Put orders before a vault's gate, as its agent; look at them.", no_args_is_help=True)

Asset = Annotated[str, typer.Argument(metavar="ASSET", help="What to trade.")]
Side = Annotated[str, typer.Argument(parser=one_of(_SIDES), metavar="SIDE", help="buy or sell.")]
Quantity = Annotated[Decimal, typer.Argument(parser=decimal, metavar="QUANTITY", help="In base units, above 0.")]
Confidence = Annotated[Decimal, typer.Option(parser=decimal, metavar="NUMBER", help="How sure you are, 0 to 1.")]
Reasoning = Annotated[str, typer.Option(metavar="TEXT", help="Why, in 1 to 4,000 characters.")]
Price = Annotated[
    Decimal | None, typer.Option(parser=decimal, metavar="NUMBER", help="A limit order's price; market without.")
]
Leverage = Annotated[Decimal, typer.Option(parser=decimal, metavar="NUMBER", help="Of this order.")]
StopLoss = Annotated[Decimal | None, typer.Option(parser=decimal, metavar="NUMBER", help="Where a loss ends.")]
TakeProfit = Annotated[Decimal | None, typer.Option(parser=decimal, metavar="NUMBER", help="Where a gain is taken.")]
ReduceOnly = Annotated[bool, typer.Option("--reduce-only", help="It may only make a position smaller.")]
ClientOrderId = Annotated[
    str | None, typer.Option(metavar="ID", help="Your own id: the same order under it is proposed once.")
]


@order.command()
def propose(
    vault: VaultId,
    asset: Asset,
    side: Side,
    quantity: Quantity,
    confidence: Confidence,
    reasoning: Reasoning,
    price: Price = None,
    leverage: Leverage = Decimal(1),
    stop_loss: StopLoss = None,
    take_profit: TakeProfit = None,
    reduce_only: ReduceOnly = False,
    client_order_id: ClientOrderId = None,
    json: AsJson = False,
    url: Url = None,
    key_file: ApiKeyFile = None,
) -> None:
    """Put an order before the gate; what passes goes to the venue. 3 if it is refused.

    Example: gxrisk order propose growth-1 BTC buy 0.03 --confidence 0.8 --reasoning breakout --stop-loss 63700
    """
    with failures():
        idea = _order(
            asset,
            side,
            quantity,
            confidence,
            reasoning,
            price,
            leverage,
            stop_loss,
            take_profit,
            reduce_only,
            client_order_id or f"cli-{uuid4().hex}",
        )
    with agent(vault, url, key_file) as client:
        try:
            decision = client.authorize(idea)
        except GxriskError as error:
            if getattr(error, "may_be_done", False):
                error.add_note(f"with --client-order-id {idea.client_order_id} the same command does it at most once")
            raise
    _tell(decision, json)


@order.command()
def validate(
    vault: VaultId,
    asset: Asset,
    side: Side,
    quantity: Quantity,
    confidence: Confidence,
    reasoning: Reasoning,
    price: Price = None,
    leverage: Leverage = Decimal(1),
    stop_loss: StopLoss = None,
    take_profit: TakeProfit = None,
    reduce_only: ReduceOnly = False,
    client_order_id: ClientOrderId = None,
    json: AsJson = False,
    url: Url = None,
    key_file: ApiKeyFile = None,
) -> None:
    """Say what the gate would answer now, and how much would pass; nothing changes. 3 if it would be refused.

    Example: gxrisk order validate growth-1 BTC buy 0.03 --confidence 0.8 --reasoning breakout --stop-loss 63700
    """
    with failures():
        idea = _order(
            asset,
            side,
            quantity,
            confidence,
            reasoning,
            price,
            leverage,
            stop_loss,
            take_profit,
            reduce_only,
            client_order_id,
        )
    with agent(vault, url, key_file) as client:
        decision, most = client.validate_order(idea), client.max_quantity(idea)
    _tell(decision, json, most)


@order.command()
def cancel(
    vault: VaultId,
    order_id: Annotated[str, typer.Argument(metavar="ORDER", help="The order's id, like gx-17.")],
    json: AsJson = False,
    url: Url = None,
    key_file: ApiKeyFile = None,
) -> None:
    """Ask the venue to end what is left of an order.

    Example: gxrisk order cancel growth-1 gx-17
    """
    with operator(url, key_file) as server:
        told = server.cancel(vault, order_id)
    tell(told, json=json, words=f"{plain(order_id)}: the venue was asked to cancel it")


@order.command("list")
def list_orders(vault: VaultId, json: AsJson = False, url: Url = None, key_file: ApiKeyFile = None) -> None:
    """Print the orders that work: approved and not finished.

    Example: gxrisk order list growth-1
    """
    with operator(url, key_file) as server:
        working = server.positions(vault)["working"]
    if json:
        tell(working, json=True, words="")
        return
    names = ("order_id", "asset", "side", "quantity", "remaining", "price", "status")
    print_table(names, [[one[name] for name in names] for one in working], none="no order works")


@order.command()
def decisions(
    vault: VaultId,
    outcome: Annotated[
        str | None,
        typer.Option(parser=one_of(_OUTCOMES), metavar="WORD", help=f"Only these: {', '.join(_OUTCOMES)}."),
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=100_000, help="How many, newest first.")] = 20,
    json: AsJson = False,
    url: Url = None,
    key_file: ApiKeyFile = None,
) -> None:
    """Print what was decided, newest first.

    Example: gxrisk order decisions growth-1 --outcome rejected
    """
    with operator(url, key_file) as server:
        found = list(islice(server.decisions(vault, outcome=outcome), count))
    if json:
        tell(found, json=True, words="")
        return
    rows = [
        (one["sequence"], one["time"], one["outcome"], _asked(one), [broken["rule"] for broken in one["violations"]])
        for one in found
    ]
    print_table(("record", "time", "outcome", "order", "rules"), rows, none="no decision is like that")


def _order(
    asset: str,
    side: Any,
    quantity: Decimal,
    confidence: Decimal,
    reasoning: str,
    price: Decimal | None,
    leverage: Decimal,
    stop_loss: Decimal | None,
    take_profit: Decimal | None,
    reduce_only: bool,
    client_order_id: str | None,
) -> Order:
    return Order(
        asset,
        side,
        quantity,
        confidence=confidence,
        reasoning=reasoning,
        price=price,
        leverage=leverage,
        stop_loss=stop_loss,
        take_profit=take_profit,
        reduce_only=reduce_only,
        client_order_id=client_order_id,
    )


def _tell(decision: "RemoteDecision", json: bool, most: Decimal | None = None) -> None:
    """The decision; ends the command with `REFUSED` where it is no approval."""
    told = asdict(decision)
    where = "" if decision.sequence is None else f", record {decision.sequence}"
    words = [f"{decision.outcome}{f', {plain(decision.order_id)}' if decision.order_id else ''}{where}"]
    words += [f"  {plain(one.rule)}: {plain(one.message)}" for one in decision.violations]
    if most is not None:
        told["max_quantity"] = most
        words.append(f"the most that would pass: {most:f}")
    tell(told, json=json, words="\n".join(words))
    if not decision:
        raise typer.Exit(REFUSED)


def _asked(one: dict[str, Any]) -> str:
    if one["side"] is None:
        return "hold" if one["asset"] is None else f"hold {one['asset']}"
    return f"{one['side']} {one['quantity']} {one['asset']}"
