"""The tables of the outbox. Times are nanoseconds since 1970 (UTC)."""

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text, text

VERSION_TABLE: Final = "alerts_version"
metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _word(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, String(64), nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=text("0"))


# `version` goes up with everything that there is to tell; a thread knows which one its channel was told.
incidents: Final = Table(
    "alert_incidents",
    metadata,
    Column("id", Integer, primary_key=True),
    _word("vault"),
    _word("code"),
    _word("subject"),
    _word("severity"),
    _time("opened_ns"),
    _time("last_ns"),
    _count("count"),
    Column("text", Text, nullable=False),
    _count("version"),
    _count("escalations"),
    _time("escalate_ns", nullable=True),
    _time("acknowledged_ns", nullable=True),
    Column("acknowledged_by", Text),
    _time("resolved_ns", nullable=True),
    Column("resolved_by", Text),
    Index(
        "uq_alert_incidents_open",
        "vault",
        "code",
        "subject",
        unique=True,
        sqlite_where=text("resolved_ns IS NULL"),
        postgresql_where=text("resolved_ns IS NULL"),
    ),
    Index(None, "escalate_ns"),
)

# What vaults told, each once: `digest` is of all that a notice says.
notices: Final = Table(
    "alert_notices",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("incident", Integer, ForeignKey("alert_incidents.id"), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    _word("vault"),
    Column("number", BigInteger, nullable=False),
    _word("at"),
    _word("severity"),
    _word("code"),
    Column("text", Text, nullable=False),
    _time("received_ns"),
    Index(None, "incident", "id"),
)

# One incident on one channel: the outbox itself. Something waits where `due_ns` or `held_ns` is set.
threads: Final = Table(
    "alert_threads",
    metadata,
    Column("incident", Integer, ForeignKey("alert_incidents.id"), primary_key=True),
    Column("channel", String(32), primary_key=True),
    _time("due_ns", nullable=True),
    _time("claimed_ns", nullable=True),  # until when a sending has it
    _count("told_version"),
    _count("told_notice"),
    _time("told_ns", nullable=True),
    _count("held"),  # notices that wait for the digest
    _time("held_ns", nullable=True),  # when that is due
    _count("failures"),
    Column("error", Text),
    Index(None, "channel", "due_ns"),
    Index(None, "channel", "held_ns"),
)

# What was sent, or begun: without an outcome the process ended in between.
sendings: Final = Table(
    "alert_sendings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("channel", String(32), nullable=False),
    _word("kind"),
    _time("begun_ns"),
    _word("outcome", nullable=True),
    Column("title", Text, nullable=False),
    Column("words", Text),
    Index(None, "channel", "begun_ns"),
)
