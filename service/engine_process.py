"""The engine of one store: restore, then entries from the bus through the pipeline to the ledger.

`run_engine` is what a process or a thread runs; it owns the data directory while it does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cart.events import Event
from sensors.store import parse_store
from service.bus import BrokerAddress
from service.ingest import Ingest
from service.journal import Journal
from service.lock import DataLock
from service.progress import identify
from service.records import TICK, Arrival, Entry
from service.restore import (
    Pipeline,
    PipelineFactory,
    check_meta,
    restore,
    snapshot_key,
    take_snapshot,
)

SNAPSHOT_NS = 30_000_000_000
SNAPSHOT_ENTRIES = 5000


class Engine:
    """Feeds a restored pipeline and keeps the ledger and the snapshots up with it."""

    def __init__(
        self,
        journal: Journal,
        pipeline: Pipeline,
        key: str,
        *,
        on_entry: Callable[[Entry], None] | None = None,
        on_events: Callable[[list[Event]], None] | None = None,
        at_moment: Callable[[str], None] | None = None,
    ) -> None:
        self._journal = journal
        self._pipeline = pipeline
        self._key = key
        self._on_entry = on_entry
        self._on_events = on_events
        self._at_moment = at_moment or (lambda _: None)
        self._saved_number = journal.last_journal_number
        self._saved_ns: int | None = None

    def take(self, entries: list[Entry]) -> None:
        """Feed new entries and append their events to the ledger in one transaction."""
        found: list[tuple[int, Event]] = []
        for entry in entries:
            found += [(entry.number, event) for event in self._pipeline.feed(entry)]
            if self._on_entry is not None:
                self._on_entry(entry)
        self._at_moment("fed")
        if found:
            self._journal.append_events(found)
            self._at_moment("in ledger")
            if self._on_events is not None:
                self._on_events([event for _, event in found])
        if entries:
            self._save_when_due(entries[-1])

    def save(self) -> None:
        """Take a snapshot now."""
        take_snapshot(self._journal, self._pipeline, self._key)
        self._saved_number = self._journal.last_journal_number
        self._at_moment("saved")

    def _save_when_due(self, last: Entry) -> None:
        if self._saved_ns is None:
            self._saved_ns = last.received_ns
        many = last.number - self._saved_number >= SNAPSHOT_ENTRIES
        if many or last.received_ns - self._saved_ns >= SNAPSHOT_NS:
            self.save()
            self._saved_ns = last.received_ns


@dataclass(frozen=True, slots=True)
class Running:
    """The parts of an engine that is restored and about to listen; `ingest.stop` ends it."""

    journal: Journal
    pipeline: Pipeline
    ingest: Ingest


def run_engine(
    data_dir: Path,
    store_text: str,
    code_key: str,
    broker: BrokerAddress,
    pipeline_factory: PipelineFactory,
    *,
    journal_url: str | None = None,
    on_entry: Callable[[Entry], None] | None = None,
    on_events: Callable[[list[Event]], None] | None = None,
    on_ready: Callable[[Running], None] | None = None,
    at_moment: Callable[[str], None] | None = None,
    ingest_of: Callable[..., Ingest] = Ingest,
) -> None:
    """Run the engine of a store until `ingest.stop` of what `on_ready` gets is called.

    `on_events` first gets all events that the ledger already holds, in order. `journal_url`
    names another database than `journal.sqlite` in `data_dir`, `ingest_of` another ingest.

    Raises AlreadyRunningError, JournalError, RestoreError or StoreFileError.
    """
    store = parse_store(store_text)
    key = snapshot_key(store_text, code_key, pipeline_factory)
    with DataLock(data_dir):
        journal = Journal(journal_url or data_dir / "journal.sqlite")
        try:
            check_meta(journal, store_text, code_key)
            pipeline = restore(journal, store_text, code_key, pipeline_factory, key)
            if on_events is not None:
                on_events(list(journal.events()))
            engine = Engine(
                journal, pipeline, key, on_entry=on_entry, on_events=on_events, at_moment=at_moment
            )
            engine.save()
            ingest = ingest_of(store, journal, broker, engine.take, at_moment=at_moment)
            if on_ready is not None:
                on_ready(Running(journal, pipeline, ingest))
            ingest.run()
            engine.save()
        finally:
            journal.close()


def feed_offline(
    data_dir: Path, messages: list[tuple[int, str, bytes]], pipeline_factory: PipelineFactory
) -> list[Event]:
    """Journal messages (received_ns, topic, body) of a store that is not running, and think.

    A tick follows the last one, so that what it brings about comes out at once. Returns the new
    events. Raises AlreadyRunningError, JournalError, RestoreError or StoreFileError.
    """
    with DataLock(data_dir):
        journal = Journal(data_dir / "journal.sqlite")
        try:
            meta = journal.meta()
            store_text, code_key = meta["store_text"], meta["code_key"]
            key = snapshot_key(store_text, code_key, pipeline_factory)
            pipeline = restore(journal, store_text, code_key, pipeline_factory, key)
            before = journal.last_event_number
            wait_ns = round(parse_store(store_text).policy.lateness_s * 1e9)
            arrivals = [
                Arrival(received_ns, topic, body, identify(topic, body))
                for received_ns, topic, body in messages
            ]
            arrivals.append(Arrival(messages[-1][0] + wait_ns, TICK, b""))
            Engine(journal, pipeline, key).take(journal.append(arrivals))
            return list(journal.events(before))
        finally:
            journal.close()
