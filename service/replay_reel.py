"""What is played when a recording is billed again: its messages, with the store that had them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from cart.events import Event
from sensors.store import Store, parse_store
from sensors.wire import WireError
from service.pipeline import Pipeline
from service.recording import Recording, RecordingError
from service.records import Entry
from simulator.truth import Truth


@dataclass(frozen=True, slots=True)
class Reel:
    """A recording's entries in order, as they are or with something changed.

    `entries` can be gone through again and again, and may be read from disk each time. Seconds
    of a reel count from the arrival of the recording's first message, `start_ns`.
    """

    name: str
    store: Store
    code_key: str
    start_ns: int
    entries: Iterable[Entry]
    truth: Truth | None
    changes: tuple[str, ...] = ()

    def seconds(self, at_ns: int) -> float:
        """A moment as seconds of the reel."""
        return (at_ns - self.start_ns) / 1e9

    def until(self, to_s: float) -> Reel:
        """The reel up to a moment. Raises RecordingError where nothing lies before it."""
        kept = [e for e in self.entries if self.seconds(e.received_ns) <= to_s]
        if not kept:
            raise RecordingError(f"--to {to_s:g}: {self.name} has nothing before that")
        return replace(self, entries=kept)

    def pipeline(self) -> Pipeline:
        """A fresh pipeline for it. Raises RecordingError where the code key is none."""
        try:
            return Pipeline(self.store, self.code_key)
        except ValueError as error:
            raise RecordingError(f"{self.name}: code_key.pem: {error}") from error

    def feed(self, pipeline: Pipeline, entry: Entry) -> list[Event]:
        """The events of one entry. Raises RecordingError for a message that cannot be used."""
        try:
            return pipeline.feed(entry)
        except WireError as error:
            raise RecordingError(f"{self.name}: entry {entry.number}: {error}") from error

    def events(self) -> Iterator[Event]:
        """All events that the entries lead to."""
        pipeline = self.pipeline()
        for entry in self.entries:
            yield from self.feed(pipeline, entry)


@dataclass(frozen=True, slots=True)
class _OnDisk:
    """The entries of a recording, read anew each time."""

    recording: Recording

    def __iter__(self) -> Iterator[Entry]:
        return self.recording.entries()


def reel_of(recording: Recording, truth: Truth | None) -> Reel:
    """A recording as it is, with the truth that it carries.

    Raises StoreFileError for its store file, RecordingError for what else cannot be used.
    """
    store = parse_store(recording.store_text, f"{recording.path}: store.yaml")
    first = next(recording.entries(), None)
    if first is None:
        raise RecordingError(f"{recording.path}: the recording has no messages")
    name, entries = str(recording.path), _OnDisk(recording)
    return Reel(name, store, recording.code_key, first.received_ns, entries, truth)
