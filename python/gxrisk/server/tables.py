"""The server's own tables: who may call, who may not for a while, what was answered. Vaults are in journals."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text

metadata: Final = MetaData()
VERSION_TABLE: Final = "server_version"  # a history in the same database has alembic's own

api_keys: Final = Table(
    "api_keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("scope", String(16), nullable=False),
    Column("vaults", Text),  # JSON; null for all
    Column("digest", LargeBinary(32), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger),
    Column("revoked_ms", BigInteger),
    Column("used_ms", BigInteger),
)

# What was answered to a request with an idempotency key.
answers: Final = Table(
    "answers",
    metadata,
    Column("api_key", String(16), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("fingerprint", LargeBinary(32), nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", Text, nullable=False),  # JSON
    Column("body", LargeBinary, nullable=False),
    Index("ix_answers_until_ms", "until_ms"),
)

# From where nothing is heard for a while, and with which key's id; written when a lockout begins.
lockouts: Final = Table(
    "lockouts",
    metadata,
    Column("network", String(64), primary_key=True),
    Column("key_id", String(16), primary_key=True),
    Column("until_ms", BigInteger, nullable=False),
)
