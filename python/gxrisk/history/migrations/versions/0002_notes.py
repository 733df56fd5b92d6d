"""The table of a vault service's notes."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Bring the schema here."""
    op.create_table(
        "notes",
        sa.Column("vault", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("time_ns", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["vault"], ["vaults.id"], name="fk_notes_vault"),
        sa.PrimaryKeyConstraint("vault", "sequence", name="pk_notes"),
    )
    op.create_index("ix_notes_vault_topic_sequence", "notes", ["vault", "topic", "sequence"])


def downgrade() -> None:
    """Take it back."""
    op.drop_table("notes")
