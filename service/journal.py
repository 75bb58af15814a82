"""The journal of everything that arrived and the ledger of everything that came of it.

`Journal` owns one database: SQLite (WAL, synchronous FULL: a committed batch is on disk) or
PostgreSQL by URL. One process writes; others may read. Rows are only ever appended. A message
is known for ever by `(device, boot, seq)`: repeats are counted and skipped.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from cart.events import Event, from_json, to_json
from service.progress import Confirmation, MessageId, Progress, Run
from service.records import Arrival, DeadLetter, Entry, Snapshot
from service.tables import (
    DEAD_LETTERS,
    DEVICES,
    EVENTS,
    JOURNAL,
    META,
    METADATA,
    SNAPSHOTS,
    dead_letter_row,
    journal_row,
)

KEPT_SNAPSHOTS = 2
_READ_ROWS = 1000
_NAMES_AT_ONCE = 500
_BOOTS_KEPT = 20_000


def _runs_of(table: sa.Table) -> sa.Select[tuple[int, int]]:
    nth = sa.func.row_number().over(order_by=table.c.seq)
    rows = (
        sa.select(table.c.seq, (table.c.seq - nth).label("run"))
        .where(table.c.device == sa.bindparam("name"), table.c.boot == sa.bindparam("start"))
        .subquery()
    )
    return sa.select(sa.func.min(rows.c.seq), sa.func.max(rows.c.seq)).group_by(rows.c.run)


_RUNS: sa.Executable = sa.union_all(_runs_of(JOURNAL), _runs_of(DEAD_LETTERS))


class JournalError(Exception):
    """The database cannot be used; the message says which one and why."""


class Journal:
    """Append and read; every method that writes is one transaction. See the module's page.

    Raises JournalError where the database cannot be opened or written; nothing of the batch
    is then in it.
    """

    def __init__(self, url: str | Path) -> None:
        self.url = f"sqlite:///{url}" if isinstance(url, Path) else url
        self.duplicates = 0
        self.repeats: Counter[str] = Counter()
        self._progress: dict[tuple[str, str], Progress] = {}
        try:
            self._engine = sa.create_engine(self.url)
            if self._engine.dialect.name == "sqlite":
                sa.event.listen(self._engine, "connect", _set_up_sqlite)
            METADATA.create_all(self._engine)
            place = "?" if self._engine.dialect.name == "sqlite" else "%s"
            places = ", ".join([place] * len(JOURNAL.columns))
            self._insert_journal = f"INSERT INTO {JOURNAL.name} VALUES ({places})"
            self._last_journal = self._highest(JOURNAL.c.number)
            self._last_event = self._highest(EVENTS.c.number)
            self._last_received_ns = self._highest(JOURNAL.c.received_ns)
        except (SQLAlchemyError, ImportError) as error:
            raise JournalError(
                f"{self._name()}: cannot be opened as a journal: {_cause(error)}"
            ) from error

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    @property
    def last_journal_number(self) -> int:
        """The number of the last entry, 0 where there is none."""
        return self._last_journal

    @property
    def last_event_number(self) -> int:
        """The number of the last event, 0 where there is none."""
        return self._last_event

    def append(
        self,
        batch: Sequence[Arrival],
        dead_letters: Sequence[DeadLetter] = (),
        devices: Sequence[tuple[str, bytes]] = (),
    ) -> list[Entry]:
        """Journal a batch and its dead letters in one transaction; repeats are skipped.

        Returns the new entries, numbered without gaps; `received_ns` never decreases. `devices`,
        pairs of a name and what is known of it, take the place of what was kept before.
        """
        entries: list[Entry] = []
        rows: list[tuple[Any, ...]] = []
        fresh: set[MessageId] = set()
        received_ns = self._last_received_ns
        for arrival in batch:
            if self._is_new(arrival.identity, fresh):
                received_ns = max(received_ns, arrival.received_ns)
                number = self._last_journal + len(entries) + 1
                entry = Entry(number, received_ns, arrival.topic, arrival.body, arrival.payload)
                entries.append(entry)
                rows.append(journal_row(entry, arrival.identity))
        letters = [
            dead_letter_row(letter)
            for letter in dead_letters
            if self._is_new(letter.identity, fresh)
        ]
        if rows or letters or devices:
            with self._transaction() as connection:
                if rows:
                    connection.exec_driver_sql(self._insert_journal, rows)
                if letters:
                    connection.execute(sa.insert(DEAD_LETTERS), letters)
                if devices:
                    self._keep(connection, devices)
        self._last_journal += len(entries)
        self._last_received_ns = received_ns
        self.duplicates += len(batch) + len(dead_letters) - len(rows) - len(letters)
        for identity in fresh:
            self._of(identity).add(identity.seq)
        return entries

    def _is_new(self, identity: MessageId | None, fresh: set[MessageId]) -> bool:
        """Whether a message is neither settled nor in `fresh`, to which it is then added."""
        if identity is not None:
            if identity in fresh or self.is_settled(identity):
                self.repeats[identity.device] += 1
                return False
            fresh.add(identity)
        return True

    def _keep(self, connection: sa.Connection, devices: Sequence[tuple[str, bytes]]) -> None:
        names = [name for name, _ in devices]
        for n in range(0, len(names), _NAMES_AT_ONCE):
            some = names[n : n + _NAMES_AT_ONCE]
            connection.execute(sa.delete(DEVICES).where(DEVICES.c.device.in_(some)))
        rows = [{"device": name, "body": body} for name, body in devices]
        connection.execute(sa.insert(DEVICES), rows)

    def devices(self) -> list[bytes]:
        """What was kept of each device (`service.device_statistics`)."""
        with self._engine.connect() as connection:
            return list(connection.execute(sa.select(DEVICES.c.body)).scalars())

    def is_settled(self, identity: MessageId) -> bool:
        """Whether this very message is journaled, or kept as a dead letter."""
        return identity.seq in self._of(identity)

    def confirmation(self, identity: MessageId) -> Confirmation | None:
        """What to tell the device of a message: the whole run of settled ones around it."""
        run = self._of(identity).run_of(identity.seq)
        if run is None:
            return None
        return Confirmation(identity.device, identity.boot, seq=run[1], first=run[0])

    def missing(self, device: str, boot: str) -> int:
        """How many numbers a boot left out between the first and the last that are settled."""
        return self._of_boot(device, boot).missing

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Entries with a higher number, in order; as of now."""
        columns = (JOURNAL.c.number, JOURNAL.c.received_ns, JOURNAL.c.topic, JOURNAL.c.body)
        for row in self._read(columns, after):
            yield Entry(row.number, row.received_ns, row.topic, row.body)

    def dead_letters(self) -> list[DeadLetter]:
        """All dead letters, oldest first."""
        c = DEAD_LETTERS.c
        query = sa.select(c.received_ns, c.topic, c.body, c.reason, c.device, c.boot, c.seq)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(c.number)).all()
        return [
            DeadLetter(
                row.received_ns,
                row.topic,
                row.body,
                row.reason,
                None if row.seq is None else MessageId(row.device, row.boot, row.seq),
            )
            for row in rows
        ]

    def append_events(self, events: Iterable[tuple[int, Event]]) -> None:
        """Append to the ledger: pairs of the entry's number that led to an event, and the event.

        Raises JournalError where the events' numbers do not continue the ledger's.
        """
        rows: list[dict[str, Any]] = []
        for journal_number, event in events:
            expected = self._last_event + len(rows) + 1
            if event.number != expected:
                raise JournalError(f"event {event.number} cannot be appended as {expected}")
            rows.append(
                {
                    "number": event.number,
                    "journal_number": journal_number,
                    "kind": type(event).__name__,
                    "body": to_json(event),
                }
            )
        if rows:
            with self._transaction() as connection:
                connection.execute(sa.insert(EVENTS), rows)
            self._last_event += len(rows)

    def events(self, after: int = 0) -> Iterator[Event]:
        """The ledger's events with a higher number, in order."""
        return (event for _, event in self.ledger(after))

    def ledger(self, after: int = 0) -> Iterator[tuple[int, Event]]:
        """Like `events`, each with the number of the entry that led to it."""
        for row in self._read((EVENTS.c.number, EVENTS.c.journal_number, EVENTS.c.body), after):
            yield row.journal_number, from_json(row.body)

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a snapshot, and the one before it; older ones go."""
        row = {
            "journal_number": snapshot.journal_number,
            "event_number": snapshot.event_number,
            "key": snapshot.key,
            "digest": hashlib.sha256(snapshot.body).hexdigest(),
            "body": snapshot.body,
        }
        number = SNAPSHOTS.c.journal_number
        with self._transaction() as connection:
            connection.execute(sa.delete(SNAPSHOTS).where(number == snapshot.journal_number))
            connection.execute(sa.insert(SNAPSHOTS), row)
            newest = sa.select(number).order_by(number.desc()).limit(KEPT_SNAPSHOTS)
            kept = connection.execute(newest).scalars().all()
            connection.execute(sa.delete(SNAPSHOTS).where(number.not_in(kept)))

    def snapshots(self) -> list[Snapshot]:
        """Whole snapshots, newest first; those whose bytes do not match their digest are left."""
        query = sa.select(SNAPSHOTS).order_by(SNAPSHOTS.c.journal_number.desc())
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [
            Snapshot(row.journal_number, row.event_number, row.key, row.body)
            for row in rows
            if hashlib.sha256(row.body).hexdigest() == row.digest
        ]

    def meta(self) -> dict[str, str]:
        """What the journal says of itself: the store's text, the public key, the version."""
        with self._engine.connect() as connection:
            return {row.name: row.text for row in connection.execute(sa.select(META))}

    def set_meta(self, **texts: str) -> None:
        """Set some of it."""
        with self._transaction() as connection:
            connection.execute(sa.delete(META).where(META.c.name.in_(list(texts))))
            connection.execute(
                sa.insert(META), [{"name": name, "text": text} for name, text in texts.items()]
            )

    def _of(self, identity: MessageId) -> Progress:
        return self._of_boot(identity.device, identity.boot)

    def _of_boot(self, device: str, boot: str) -> Progress:
        key = (device, boot)
        progress = self._progress.get(key)
        if progress is None:
            progress = self._progress[key] = Progress(self._runs(device, boot))
            if len(self._progress) > _BOOTS_KEPT:  # it is read again when it is asked for
                del self._progress[next(iter(self._progress))]
        return progress

    def _runs(self, device: str, boot: str) -> list[Run]:
        """Unbroken runs of a boot's sequence numbers, found by the database."""
        with self._engine.connect() as connection:
            rows = connection.execute(_RUNS, {"name": device, "start": boot})
            return [(first, last) for first, last in rows]

    def _read(self, columns: tuple[Any, ...], after: int) -> Iterator[sa.Row[Any]]:
        """Rows by number in portions, so that no transaction stays open between them."""
        number = columns[0]
        while True:
            query = sa.select(*columns).where(number > after).order_by(number).limit(_READ_ROWS)
            with self._engine.connect() as connection:
                rows = connection.execute(query).all()
            if not rows:
                return
            yield from rows
            after = rows[-1][0]

    def _highest(self, column: sa.Column[int]) -> int:
        with self._engine.connect() as connection:
            return connection.execute(sa.select(sa.func.max(column))).scalar() or 0

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise JournalError(f"{self._name()}: cannot be written: {_cause(error)}") from error

    def _name(self) -> str:
        return sa.make_url(self.url).render_as_string(hide_password=True)


def _set_up_sqlite(connection: Any, _: Any) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}")


def _cause(error: Exception) -> object:
    """What the database itself said, without the statement around it."""
    return getattr(error, "orig", None) or error
