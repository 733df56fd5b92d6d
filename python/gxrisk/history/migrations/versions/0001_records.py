"""The tables of what a journal's records become."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Spelled out here, since a revision stays what it was when the code goes on.
AMOUNT = sa.String().with_variant(sa.Numeric(), "postgresql")
NUMBER = sa.BigInteger()
TEXT = sa.Text()
TRUTH = sa.Boolean()
WORD = sa.String(64)


def _needed(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False) for name in names]


def _optional(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind) for name in names]


def _table(name: str, key: Sequence[sa.Column[Any]], *columns: sa.Column[Any]) -> None:
    op.create_table(
        name,
        sa.Column("vault", sa.Integer(), nullable=False),
        *key,
        *columns,
        sa.ForeignKeyConstraint(["vault"], ["vaults.id"], name=f"fk_{name}_vault"),
        sa.PrimaryKeyConstraint("vault", *(column.name for column in key), name=f"pk_{name}"),
    )


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_vault_{'_'.join(columns)}", table, ["vault", *columns])


def _sequence() -> sa.Column[Any]:
    return sa.Column("sequence", NUMBER, nullable=False, autoincrement=False)


def _facts(name: str, *columns: sa.Column[Any]) -> None:
    _table(name, [_sequence()], *_needed(NUMBER, "time_ns"), *columns)


def upgrade() -> None:
    """Bring the schema here."""
    op.create_table(
        "vaults",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", WORD, nullable=False),
        sa.Column("sequence", NUMBER, server_default=sa.text("0"), nullable=False),
        sa.Column("hash", WORD),
        sa.Column("time_ns", NUMBER),
        sa.Column("paused", TRUTH, server_default=sa.false(), nullable=False),
        sa.Column("killed", TRUTH, server_default=sa.false(), nullable=False),
        *_optional(AMOUNT, "equity", "drawdown", "gross_exposure"),
        sa.Column("equity_ns", NUMBER),
        sa.PrimaryKeyConstraint("id", name="pk_vaults"),
        sa.UniqueConstraint("name", name="uq_vaults_name"),
    )
    _decisions()
    _orders_and_fills()
    _round_trips()
    _account()


def _decisions() -> None:
    _facts(
        "decisions",
        *_needed(WORD, "outcome", "origin"),
        *_optional(WORD, "asset", "side"),
        *_optional(AMOUNT, "quantity", "price", "leverage", "stop_loss", "take_profit"),
        *_needed(TRUTH, "reduce_only"),
        *_needed(AMOUNT, "confidence"),
        *_needed(TEXT, "reasoning"),
        *_optional(WORD, "client_order_id", "order_id"),
    )
    _index("decisions", "outcome", "sequence")
    _index("decisions", "time_ns", "sequence")
    place = sa.Column("place", sa.Integer(), nullable=False, autoincrement=False)
    broken = [*_needed(WORD, "rule"), *_optional(TEXT, "limit", "observed"), *_needed(TEXT, "message")]
    _table("violations", [_sequence(), place], *broken)
    _index("violations", "rule", "sequence")


def _orders_and_fills() -> None:
    _facts(
        "orders",
        *_needed(WORD, "order_id", "asset", "side"),
        *_needed(AMOUNT, "quantity"),
        *_optional(AMOUNT, "price"),
        *_needed(TRUTH, "reduce_only"),
        *_needed(WORD, "state"),
        *_needed(AMOUNT, "filled", "value", "fees"),
        *_needed(TRUTH, "cancel_requested"),
        *_optional(TEXT, "reason"),
        *_needed(NUMBER, "updated_ns"),
    )
    _index("orders", "state", "sequence")
    _facts(
        "fills",
        *_needed(WORD, "order_id", "fill_id"),
        *_needed(TRUTH, "approved"),
        *_needed(WORD, "asset", "side"),
        *_needed(AMOUNT, "quantity", "price", "fee"),
    )
    _index("fills", "order_id")
    _index("fills", "time_ns", "sequence")


def _round_trips() -> None:
    _table(
        "positions",
        _needed(WORD, "asset"),
        *_needed(AMOUNT, "quantity", "cost", "profit", "fees", "entered", "entry_value", "exit_value"),
        *_needed(sa.Integer(), "fills"),
        *_needed(NUMBER, "opened_ns", "opened"),
        *_optional(NUMBER, "decision"),
    )
    _facts(
        "trades",
        *_needed(WORD, "asset", "side"),
        *_needed(AMOUNT, "quantity", "entry_value", "exit_value", "profit", "fees"),
        *_needed(sa.Integer(), "fills"),
        *_needed(NUMBER, "opened_ns", "opened"),
        *_optional(NUMBER, "decision"),
    )
    _index("trades", "time_ns", "sequence")
    _index("trades", "asset", "sequence")


def _account() -> None:
    _facts(
        "equity",
        *_needed(WORD, "source"),
        *_needed(AMOUNT, "equity"),
        *_optional(AMOUNT, "drawdown", "gross_exposure"),
    )
    _index("equity", "time_ns", "sequence")
    _facts(
        "trips",
        *_needed(WORD, "breaker"),
        *_optional(NUMBER, "until_ns", "ended_ns"),
        *_optional(TEXT, "limit", "observed"),
        *_needed(TEXT, "cause"),
    )
    _index("trips", "ended_ns", "sequence")
    _facts(
        "flows",
        *_needed(WORD, "kind"),
        *_optional(WORD, "asset"),
        *_needed(AMOUNT, "amount"),
        *_optional(NUMBER, "paid_ns"),
        *_optional(sa.String(128), "destination"),
    )
    _index("flows", "kind", "sequence")
    _index("flows", "time_ns", "sequence")
    _facts("controls", *_needed(WORD, "kind"), *_needed(TEXT, "details"))
    _index("controls", "kind", "sequence")
    _facts("unknown", *_needed(TEXT, "kind", "record"))


def downgrade() -> None:
    """Take it back."""
    for name in (
        "unknown", "controls", "flows", "trips", "equity", "trades", "positions", "fills", "orders", "violations",
        "decisions", "vaults",
    ):  # fmt: skip
        op.drop_table(name)
