"""The tables of a store's database."""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()

JOURNAL = sa.Table(
    "journal",
    METADATA,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("received_ns", sa.BigInteger, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("device", sa.Text),
    sa.Column("boot", sa.Text),
    sa.Column("seq", sa.BigInteger),
    sa.UniqueConstraint("device", "boot", "seq"),
)
DEAD_LETTERS = sa.Table(
    "dead_letters",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("received_ns", sa.BigInteger, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("device", sa.Text),
    sa.Column("boot", sa.Text),
    sa.Column("seq", sa.BigInteger),
    sa.UniqueConstraint("device", "boot", "seq"),
)
EVENTS = sa.Table(
    "events",
    METADATA,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("journal_number", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
SNAPSHOTS = sa.Table(
    "snapshots",
    METADATA,
    sa.Column("journal_number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("event_number", sa.BigInteger, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
META = sa.Table(
    "meta",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
)
