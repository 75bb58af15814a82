"""The tables of a store's database, and how records lie in them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from service.progress import MessageId
from service.records import DeadLetter, Entry

DEAD_LETTER_BYTES = 4096

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
DEVICES = sa.Table(
    "devices",
    METADATA,
    sa.Column("device", sa.Text, primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
META = sa.Table(
    "meta",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
)


def _identity_columns(identity: MessageId | None) -> dict[str, Any]:
    if identity is None:
        return {"device": None, "boot": None, "seq": None}
    return {"device": identity.device, "boot": identity.boot, "seq": identity.seq}


def journal_row(entry: Entry, identity: MessageId | None) -> tuple[Any, ...]:
    """How an entry lies in the journal: one value for each column."""
    if identity is None:
        return (entry.number, entry.received_ns, entry.topic, entry.body, None, None, None)
    return (
        entry.number,
        entry.received_ns,
        entry.topic,
        entry.body,
        identity.device,
        identity.boot,
        identity.seq,
    )


def dead_letter_row(letter: DeadLetter) -> dict[str, Any]:
    """How a dead letter is kept: its first 4 KiB; `?` for NUL, which PostgreSQL cannot hold."""
    return {
        "received_ns": letter.received_ns,
        "topic": letter.topic.replace("\0", "?"),
        "body": letter.body[:DEAD_LETTER_BYTES],
        "reason": letter.reason.replace("\0", "?"),
        **_identity_columns(letter.identity),
    }
