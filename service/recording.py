"""Recordings: one MCAP file with every message as it arrived, the configuration and the truth.

Each topic is a channel; a message's log time is when it was received and its sequence the
journal number, so the exact order is kept. The truth, where a simulator knows it, stands in a
channel of its own that the engine never reads. The same content gives the same bytes.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import structlog
from mcap.exceptions import InvalidMagic, McapError
from mcap.records import Attachment, Channel, DataEnd, Header, McapRecord, Message
from mcap.stream_reader import CRCValidationError, StreamReader
from mcap.writer import MCAP0_MAGIC, Writer
from zstandard import ZstdError

from cart.events import Event
from sensors.store import Store, parse_store
from sensors.wire import WireError
from service.records import TICK, Entry
from service.restore import Pipeline

log = structlog.get_logger(__name__)

PROFILE = "openaisle"
TRUTH = "truth"
_STORE_FILE = "store.yaml"
_CODE_KEY = "code_key.pem"
_FACTS = "facts.json"
_CHUNK_BYTES = 256 * 1024
_HIGHEST_NUMBER = 2**32 - 1
_BROKEN = (McapError, CRCValidationError, ZstdError, struct.error, ValueError, MemoryError)


class RecordingError(Exception):
    """A file is not a recording that can be used; the message names it and says why."""


def write_recording(
    path: Path,
    entries: Iterable[Entry],
    store_text: str,
    code_key: str,
    facts: dict[str, Any],
    truth: bytes | None = None,
) -> None:
    """Write a recording; `path` appears when it is whole.

    `facts` is anything that JSON can hold. Raises RecordingError where entries do not ascend or
    the file cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as stream:
            _write(stream, entries, store_text, code_key, facts, truth)
        part.replace(path)
    except OSError as error:
        raise RecordingError(f"{path}: cannot be written: {error}") from error
    finally:
        part.unlink(missing_ok=True)


def _write(
    stream: Any,
    entries: Iterable[Entry],
    store_text: str,
    code_key: str,
    facts: dict[str, Any],
    truth: bytes | None,
) -> None:
    writer = Writer(stream, chunk_size=_CHUNK_BYTES, enable_data_crcs=True)
    writer.start(profile=PROFILE, library=PROFILE)
    for name, media_type, content in (
        (_STORE_FILE, "application/yaml", store_text.encode()),
        (_CODE_KEY, "application/x-pem-file", code_key.encode()),
        (_FACTS, "application/json", msgspec.json.encode(facts, order="deterministic")),
    ):
        writer.add_attachment(0, 0, name, media_type, content)
    if truth is not None:
        channel = writer.register_channel(TRUTH, "", 0)
        writer.add_message(channel, 0, truth, 0)
    channels: dict[str, int] = {}
    number = 0
    for entry in entries:
        if not number < entry.number <= _HIGHEST_NUMBER or entry.topic == TRUTH:
            raise RecordingError(f"entry {entry.number} ({entry.topic}) cannot follow {number}")
        number = entry.number
        if entry.topic not in channels:
            encoding = "" if entry.topic == TICK else "json"
            channels[entry.topic] = writer.register_channel(entry.topic, encoding, 0)
        writer.add_message(
            channels[entry.topic], entry.received_ns, entry.body, entry.received_ns, number
        )
    writer.finish()  # type: ignore[no-untyped-call]


class Recording:
    """A recording on disk; its entries are read anew each time they are asked for.

    `warnings` counts the places where a truncated recording, opened with `partial`, ended early.
    """

    def __init__(self, path: Path, partial: bool, attachments: dict[str, bytes]) -> None:
        self.path = path
        self.warnings = 0
        self.truth: bytes | None = None
        self._partial = partial
        try:
            self.store_text = attachments[_STORE_FILE].decode()
            self.code_key = attachments[_CODE_KEY].decode()
            self.facts: dict[str, Any] = msgspec.json.decode(
                attachments[_FACTS], type=dict[str, Any]
            )
        except KeyError as error:
            raise RecordingError(f"{path}: the recording has no {error}") from None
        except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
            raise RecordingError(f"{path}: configuration unreadable: {error}") from error

    @classmethod
    def open(cls, path: Path, *, partial: bool = False) -> Recording:
        """Read the configuration and the truth.

        Raises RecordingError where it is no recording, or is truncated and not `partial`.
        """
        attachments: dict[str, bytes] = {}
        truth: bytes | None = None
        truth_channel: int | None = None
        try:
            for record in _records(path):
                if isinstance(record, Attachment):
                    attachments[record.name] = record.data
                elif isinstance(record, Channel) and record.topic == TRUTH:
                    truth_channel = record.id
                elif isinstance(record, Message):
                    truth = record.data if record.channel_id == truth_channel else None
                    break
        except _Truncated as error:
            if not attachments:
                raise RecordingError(str(error)) from error
        recording = cls(path, partial, attachments)
        recording.truth = truth
        if not partial and not _is_whole(path):
            raise RecordingError(
                f"{path}: the recording is truncated; it can be read up to there as a partial one"
            )
        return recording

    def entries(self) -> Iterator[Entry]:
        """The journal entries in their order; the truth is not among them.

        A truncated recording, opened with `partial`, ends where it stops being whole, and
        `warnings` says so; otherwise RecordingError.
        """
        topics: dict[int, str] = {}
        number = 0
        try:
            for record in _records(self.path):
                if isinstance(record, Channel):
                    topics[record.id] = record.topic
                elif isinstance(record, Message):
                    topic = topics.get(record.channel_id)
                    if topic is None:
                        raise RecordingError(
                            f"{self.path}: damaged: entry {record.sequence} is in channel "
                            f"{record.channel_id}, which nothing describes"
                        )
                    if topic == TRUTH:
                        continue
                    number = record.sequence
                    yield Entry(number, record.log_time, topic, bytes(record.data))
        except _Truncated as error:
            if not self._partial:
                raise RecordingError(str(error)) from error
            self.warnings += 1
            log.warning("recording ends early", path=str(self.path), last_entry=number)


def replay(
    recording: Recording, pipeline_factory: Callable[[Store, str], Pipeline]
) -> Iterator[Event]:
    """The events that a recording leads to.

    Raises StoreFileError for its store file, RecordingError for all else that cannot be used.
    """
    store = parse_store(recording.store_text, f"{recording.path}: {_STORE_FILE}")
    try:
        pipeline = pipeline_factory(store, recording.code_key)
    except ValueError as error:
        raise RecordingError(f"{recording.path}: {_CODE_KEY}: {error}") from error
    for entry in recording.entries():
        try:
            yield from pipeline.feed(entry)
        except WireError as error:
            raise RecordingError(f"{recording.path}: entry {entry.number}: {error}") from error


class _Truncated(Exception):
    """The file stops being a whole recording at some place."""


def _records(path: Path) -> Iterator[McapRecord]:
    """Records up to the end of the data. Raises RecordingError for a foreign file."""
    try:
        with path.open("rb") as stream:
            reader = iter(StreamReader(stream, validate_crcs=True).records)
            header = next(reader, None)
            if not isinstance(header, Header) or header.profile != PROFILE:
                raise RecordingError(f"{path}: an MCAP file, but not a recording of OpenAisle")
            for record in reader:
                if isinstance(record, DataEnd):
                    return
                yield record
            raise _Truncated(f"{path}: the recording is truncated")
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error}") from error
    except _BROKEN as error:
        if path.stat().st_size == 0 or isinstance(error, InvalidMagic):
            raise RecordingError(f"{path}: not a recording (MCAP file)") from error
        raise _Truncated(f"{path}: the recording is truncated or damaged: {error}") from error


def _is_whole(path: Path) -> bool:
    """Whether the file ends as a finished MCAP file does."""
    with path.open("rb") as stream:
        stream.seek(-min(len(MCAP0_MAGIC), path.stat().st_size), os.SEEK_END)
        return stream.read() == MCAP0_MAGIC
