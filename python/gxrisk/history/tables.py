"""The tables of a history. What each row is, its key says: the record it was made from."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
    text,
)

from gxrisk.history.amounts import Amount

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _vault() -> Column[int]:
    return Column("vault", Integer, ForeignKey("vaults.id"), primary_key=True)


def _sequence() -> Column[int]:
    return Column("sequence", BigInteger, primary_key=True, autoincrement=False)


def _time() -> Column[int]:
    return Column("time_ns", BigInteger, nullable=False)


def _word(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, String(64), nullable=nullable)


# One row a vault: how far its journal is projected, and how it stood there.
vaults: Final = Table(
    "vaults",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("sequence", BigInteger, nullable=False, server_default=text("0")),
    Column("hash", String(64)),
    Column("time_ns", BigInteger),
    Column("paused", Boolean, nullable=False, server_default=false()),
    Column("killed", Boolean, nullable=False, server_default=false()),
    Column("equity", Amount),
    Column("drawdown", Amount),
    Column("gross_exposure", Amount),
    Column("equity_ns", BigInteger),
)

decisions: Final = Table(
    "decisions",
    metadata,
    _vault(),
    _sequence(),
    _time(),
    _word("outcome"),
    _word("origin"),
    _word("asset", nullable=True),
    _word("side", nullable=True),
    Column("quantity", Amount),
    Column("price", Amount),
    Column("leverage", Amount),
    Column("stop_loss", Amount),
    Column("take_profit", Amount),
    Column("reduce_only", Boolean, nullable=False),
    Column("confidence", Amount, nullable=False),
    Column("reasoning", Text, nullable=False),
    _word("client_order_id", nullable=True),
    _word("order_id", nullable=True),
    Index(None, "vault", "outcome", "sequence"),
    Index(None, "vault", "time_ns", "sequence"),
)

violations: Final = Table(
    "violations",
    metadata,
    _vault(),
    _sequence(),
    Column("place", Integer, primary_key=True, autoincrement=False),
    _word("rule"),
    Column("limit", Text),
    Column("observed", Text),
    Column("message", Text, nullable=False),
    Index(None, "vault", "rule", "sequence"),
)

# The key is the decision that approved the order.
orders: Final = Table(
    "orders",
    metadata,
    _vault(),
    _sequence(),
    _time(),
    _word("order_id"),
    _word("asset"),
    _word("side"),
    Column("quantity", Amount, nullable=False),
    Column("price", Amount),
    Column("reduce_only", Boolean, nullable=False),
    _word("state"),
    Column("filled", Amount, nullable=False),
    Column("value", Amount, nullable=False),
    Column("fees", Amount, nullable=False),
    Column("cancel_requested", Boolean, nullable=False),
    Column("reason", Text),
    Column("updated_ns", BigInteger, nullable=False),
    Index(None, "vault", "state", "sequence"),
)

fills: Final = Table(
    "fills",
    metadata,
    _vault(),
    _sequence(),
    _time(),
    _word("order_id"),
    _word("fill_id"),
    Column("approved", Boolean, nullable=False),
    _word("asset"),
    _word("side"),
    Column("quantity", Amount, nullable=False),
    Column("price", Amount, nullable=False),
    Column("fee", Amount, nullable=False),
    Index(None, "vault", "order_id"),
    Index(None, "vault", "time_ns", "sequence"),
)

# What is held now, and the round trip that it belongs to.
positions: Final = Table(
    "positions",
    metadata,
    _vault(),
    Column("asset", String(64), primary_key=True),
    Column("quantity", Amount, nullable=False),
    Column("cost", Amount, nullable=False),
    Column("profit", Amount, nullable=False),
    Column("fees", Amount, nullable=False),
    Column("entered", Amount, nullable=False),
    Column("entry_value", Amount, nullable=False),
    Column("exit_value", Amount, nullable=False),
    Column("fills", Integer, nullable=False),
    Column("opened_ns", BigInteger, nullable=False),
    Column("opened", BigInteger, nullable=False),
    Column("decision", BigInteger),
)

# A round trip from flat to flat; the key is the fill that ended it.
trades: Final = Table(
    "trades",
    metadata,
    _vault(),
    _sequence(),
    _time(),
    _word("asset"),
    _word("side"),
    Column("quantity", Amount, nullable=False),
    Column("entry_value", Amount, nullable=False),
    Column("exit_value", Amount, nullable=False),
    Column("profit", Amount, nullable=False),
    Column("fees", Amount, nullable=False),
    Column("fills", Integer, nullable=False),
    Column("opened_ns", BigInteger, nullable=False),
    Column("opened", BigInteger, nullable=False),
    Column("decision", BigInteger),
    Index(None, "vault", "time_ns", "sequence"),
    Index(None, "vault", "asset", "sequence"),
)

equity: Final = Table(
    "equity",
    metadata,
    _vault(),
    _sequence(),
    _time(),
    _word("source"),
    Column("equity", Amount, nullable=False),
    Column("drawdown", Amount),
    Column("gross_exposure", Amount),
    Index(None, "vault", "time_ns", "sequence"),
)

trips: Final = Table(
    "trips",
    metadata,
    _vault(),
    _sequence(),
    _time(),
    _word("breaker"),
    Column("until_ns", BigInteger),
    Column("ended_ns", BigInteger),
    Column("limit", Text),
    Column("observed", Text),
    Column("cause", Text, nullable=False),
    Index(None, "vault", "ended_ns", "sequence"),
)

flows: Final = Table(
    "flows",
    metadata,
    _vault(),
    _sequence(),
    _time(),
    _word("kind"),
    _word("asset", nullable=True),
    Column("amount", Amount, nullable=False),
    Column("paid_ns", BigInteger),
    Column("destination", String(128)),
    Index(None, "vault", "kind", "sequence"),
    Index(None, "vault", "time_ns", "sequence"),
)

controls: Final = Table(
    "controls",
    metadata,
    _vault(),
    _sequence(),
    _time(),
    _word("kind"),
    Column("details", Text, nullable=False),
    Index(None, "vault", "kind", "sequence"),
)

notes: Final = Table(
    "notes",
    metadata,
    _vault(),
    _sequence(),
    _time(),
    Column("topic", Text, nullable=False),
    Column("text", Text, nullable=False),
    Index(None, "vault", "topic", "sequence"),
)

# Records of kinds that this version does not know, whole.
unknown: Final = Table(
    "unknown",
    metadata,
    _vault(),
    _sequence(),
    _time(),
    Column("kind", Text, nullable=False),
    Column("record", Text, nullable=False),
)

OF_A_VAULT: Final = tuple(table for table in metadata.sorted_tables if table is not vaults)
