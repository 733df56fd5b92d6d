"""The tables of the outbox."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Spelled out here, since a revision stays what it was when the code goes on.
NUMBER = sa.BigInteger()
TEXT = sa.Text()
WORD = sa.String(64)
CHANNEL = sa.String(32)


def _needed(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False) for name in names]


def _optional(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind) for name in names]


def _counts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False) for name in names]


def _id(table: str) -> tuple[sa.Column[Any], sa.PrimaryKeyConstraint]:
    return sa.Column("id", sa.Integer(), nullable=False), sa.PrimaryKeyConstraint("id", name=f"pk_{table}")


def _of_incident(table: str) -> tuple[sa.Column[Any], sa.ForeignKeyConstraint]:
    return (
        sa.Column("incident", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["incident"], ["alert_incidents.id"], name=f"fk_{table}_incident"),
    )


def upgrade() -> None:
    """Bring the schema here."""
    _incidents()
    op.create_table(
        "alert_notices",
        *_id("alert_notices"),
        *_of_incident("alert_notices"),
        *_needed(WORD, "digest", "vault"),
        *_needed(NUMBER, "number"),
        *_needed(WORD, "at", "severity", "code"),
        *_needed(TEXT, "text"),
        *_needed(NUMBER, "received_ns"),
        sa.UniqueConstraint("digest", name="uq_alert_notices_digest"),
    )
    op.create_index("ix_alert_notices_incident_id", "alert_notices", ["incident", "id"])
    op.create_table(
        "alert_threads",
        *_of_incident("alert_threads"),
        *_needed(CHANNEL, "channel"),
        *_optional(NUMBER, "due_ns", "claimed_ns", "told_ns", "held_ns"),
        *_counts("told_version", "told_notice", "held", "failures"),
        *_optional(TEXT, "error"),
        sa.PrimaryKeyConstraint("incident", "channel", name="pk_alert_threads"),
    )
    op.create_index("ix_alert_threads_channel_due_ns", "alert_threads", ["channel", "due_ns"])
    op.create_index("ix_alert_threads_channel_held_ns", "alert_threads", ["channel", "held_ns"])
    op.create_table(
        "alert_sendings",
        *_id("alert_sendings"),
        *_needed(CHANNEL, "channel"),
        *_needed(WORD, "kind"),
        *_needed(NUMBER, "begun_ns"),
        *_optional(WORD, "outcome"),
        *_needed(TEXT, "title"),
        *_optional(TEXT, "words"),
    )
    op.create_index("ix_alert_sendings_channel_begun_ns", "alert_sendings", ["channel", "begun_ns"])


def _incidents() -> None:
    op.create_table(
        "alert_incidents",
        *_id("alert_incidents"),
        *_needed(WORD, "vault", "code", "subject", "severity"),
        *_needed(NUMBER, "opened_ns", "last_ns"),
        *_counts("count", "version", "escalations"),
        *_needed(TEXT, "text"),
        *_optional(NUMBER, "escalate_ns", "acknowledged_ns", "resolved_ns"),
        *_optional(TEXT, "acknowledged_by", "resolved_by"),
    )
    is_open = sa.text("resolved_ns IS NULL")
    op.create_index(
        "uq_alert_incidents_open",
        "alert_incidents",
        ["vault", "code", "subject"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_index("ix_alert_incidents_escalate_ns", "alert_incidents", ["escalate_ns"])


def downgrade() -> None:
    """Take it back."""
    for name in ("alert_sendings", "alert_threads", "alert_notices", "alert_incidents"):
        op.drop_table(name)
