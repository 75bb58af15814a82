"""An engine's state after a restart: the last snapshot, and the journal replayed over it.

The ledger is the witness: events that come out again must be the ones that it holds, and those
that a crash kept from it are appended.
"""

from __future__ import annotations

import hashlib
import pickle
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import structlog

import cart
import fusion
import sensors
from cart.events import Event, to_json
from sensors.store import Store, parse_store
from service.journal import Journal
from service.records import Entry, Snapshot

log = structlog.get_logger(__name__)


class RestoreError(Exception):
    """The journal does not lead to the ledger beside it, or belongs to another store."""


class Pipeline(Protocol):
    """Entries in, events out: deterministic, and picklable between two entries."""

    def feed(self, entry: Entry) -> list[Event]:
        """The events that an entry leads to."""


PipelineFactory = Callable[[Store, str], Pipeline]


def snapshot_key(store_text: str, code_key: str, factory: PipelineFactory) -> str:
    """The hash of all that decides what a pipeline is: code, versions and configuration."""
    digest = hashlib.sha256()
    paths = [Path(__file__).with_name("pipeline.py")]
    for package in (cart, sensors, fusion):
        paths += sorted(Path(next(iter(package.__path__))).rglob("*.py"))
    for path in paths:
        if path.is_file():
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    name = f"{factory.__module__}.{getattr(factory, '__qualname__', type(factory).__qualname__)}"
    for text in (name, sys.version, version("numpy"), version("scipy"), store_text, code_key):
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()


def check_meta(journal: Journal, store_text: str, code_key: str) -> None:
    """Note in a new journal whose it is; RestoreError where an old one is another store's."""
    meta = journal.meta()
    if not meta:
        journal.set_meta(store_text=store_text, code_key=code_key, version=version("openaisle"))
        return
    for name, text, what in (
        ("store_text", store_text, "store file"),
        ("code_key", code_key, "key for entry codes"),
    ):
        if meta.get(name) != text:
            raise RestoreError(
                f"this journal was written with another {what}: go back to that one, or begin "
                "a new data directory"
            )


def restore(
    journal: Journal, store_text: str, code_key: str, factory: PipelineFactory, key: str
) -> Pipeline:
    """The pipeline as after the last entry, with the ledger complete.

    Raises RestoreError where an event differs from the ledger's; the ledger stays as it is.
    """
    pipeline, entry_number, event_number = _from_snapshot(journal, key)
    if pipeline is None:
        pipeline = factory(parse_store(store_text), code_key)
    witness = journal.ledger(event_number)
    missing: list[tuple[int, Event]] = []
    replayed = 0
    for entry in journal.entries(entry_number):
        _compare(entry, pipeline.feed(entry), witness, missing)
        replayed += 1
    left = next(witness, None)
    if left is not None:
        raise RestoreError(
            f"the ledger holds event {left[1].number}, which the journal does not lead to"
        )
    journal.append_events(missing)
    log.info(
        "engine restored",
        from_entry=entry_number,
        replayed=replayed,
        events=journal.last_event_number,
        missing_events=len(missing),
    )
    return pipeline


def take_snapshot(journal: Journal, pipeline: Pipeline, key: str) -> None:
    """Save the pipeline as it is after the journal's last entry."""
    body = pickle.dumps(pipeline, protocol=pickle.HIGHEST_PROTOCOL)
    journal.save_snapshot(
        Snapshot(journal.last_journal_number, journal.last_event_number, key, body)
    )


def _from_snapshot(journal: Journal, key: str) -> tuple[Pipeline | None, int, int]:
    for snapshot in journal.snapshots():
        if snapshot.key != key:
            log.info("snapshot of other code or configuration left", entry=snapshot.journal_number)
            continue
        if (
            snapshot.journal_number > journal.last_journal_number
            or snapshot.event_number > journal.last_event_number
        ):
            log.warning("snapshot ahead of the journal left", entry=snapshot.journal_number)
            continue
        try:
            pipeline: Pipeline = pickle.loads(snapshot.body)
        except Exception as error:
            log.warning("snapshot unreadable", entry=snapshot.journal_number, error=repr(error))
            continue
        return pipeline, snapshot.journal_number, snapshot.event_number
    return None, 0, 0


def _compare(
    entry: Entry,
    events: Sequence[Event],
    witness: Iterator[tuple[int, Event]],
    missing: list[tuple[int, Event]],
) -> None:
    for event in events:
        held = None if missing else next(witness, None)
        if held is None:
            missing.append((entry.number, event))
        elif held[0] != entry.number or to_json(held[1]) != to_json(event):
            raise RestoreError(
                f"journal entry {entry.number} leads to {type(event).__name__} {event.number}, "
                f"but the ledger holds {type(held[1]).__name__} {held[1].number} of entry "
                f"{held[0]} there: the engine's code has changed since, or the database was "
                "edited. Run the version that wrote it, or begin a new data directory"
            )
