"""Recordings: one MCAP file with every message as it arrived, the configuration and the truth.

Each topic is a channel; a message's log time is when it was received and its sequence the
journal number, so the exact order is kept. What no device said stands in channels of their own,
as `Note`s: the index of every camera's video (`Recording.cameras`, pictures by
`Recording.frames`) and, where a simulator knows it, the truth, which the engine never reads. The
same content gives the same bytes. A truncated file is read as far as it is whole.
"""

from __future__ import annotations

import heapq
import os
import re
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

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
from service.video import Filmed, Picture, read_video, video_path

if TYPE_CHECKING:
    from simulator.picture_truth import TrueExposure

log = structlog.get_logger(__name__)

PROFILE = "openaisle"
TRUTH = "truth"
TRUE_EXPOSURES = "truth/exposures"
FRAMES = "frames/"  # + camera
_STORE_FILE = "store.yaml"
_CODE_KEY = "code_key.pem"
_FACTS = "facts.json"
_SCENE_FILE = "scene.yaml"
_WORLD_FILE = "world.yaml"
_CHUNK_BYTES = 256 * 1024
_HIGHEST_NUMBER = 2**32 - 1
_T = TypeVar("_T")
_BROKEN = (McapError, CRCValidationError, ZstdError, struct.error, ValueError, MemoryError)


class RecordingError(Exception):
    """A file is not a recording that can be used; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a recording tells besides what devices said; the engine never has it."""

    at_ns: int
    topic: str
    body: bytes


def write_recording(
    path: Path,
    entries: Iterable[Entry],
    store_text: str,
    code_key: str,
    facts: dict[str, Any],
    truth: bytes | None = None,
    *,
    notes: Iterable[Note] = (),
    scene_text: str | None = None,
    world_text: str | None = None,
) -> None:
    """Write a recording; `path` appears when it is whole. `notes` are in the order of their time.

    `facts` is anything that JSON can hold. Raises RecordingError where entries do not ascend or
    the file cannot be written.
    """
    texts = {_STORE_FILE: store_text, _CODE_KEY: code_key}
    texts |= {_SCENE_FILE: scene_text} if scene_text is not None else {}
    texts |= {_WORLD_FILE: world_text} if world_text is not None else {}
    if path.is_dir():
        raise RecordingError(f"{path}: is a folder; name a file")
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as stream:
            writer = Writer(stream, chunk_size=_CHUNK_BYTES, enable_data_crcs=True)
            writer.start(profile=PROFILE, library=PROFILE)
            _attach(writer, texts, facts)
            _write(writer, entries, notes, truth)
            writer.finish()  # type: ignore[no-untyped-call]
        part.replace(path)
    except OSError as error:
        raise RecordingError(f"{path}: cannot be written: {error}") from error
    finally:
        with suppress(OSError):
            part.unlink()


def _attach(writer: Writer, texts: Mapping[str, str], facts: dict[str, Any]) -> None:
    for name, text in texts.items():
        kind = "application/x-pem-file" if name == _CODE_KEY else "application/yaml"
        writer.add_attachment(0, 0, name, kind, text.encode())
    content = msgspec.json.encode(facts, order="deterministic")
    writer.add_attachment(0, 0, _FACTS, "application/json", content)


def _write(
    writer: Writer, entries: Iterable[Entry], notes: Iterable[Note], truth: bytes | None
) -> None:
    channels: dict[str, int] = {}
    if truth is not None:
        channels[TRUTH] = writer.register_channel(TRUTH, "", 0)
        writer.add_message(channels[TRUTH], 0, truth, 0)
    number = 0
    both: tuple[Iterable[Entry | Note], ...] = (entries, notes)
    for item in heapq.merge(*both, key=_time_of):
        if item.topic not in channels:
            encoding = "" if item.topic == TICK else "json"
            channels[item.topic] = writer.register_channel(item.topic, encoding, 0)
        at_ns, sequence = _time_of(item), 0
        if isinstance(item, Entry):
            if not number < item.number <= _HIGHEST_NUMBER or is_aside(item.topic):
                raise RecordingError(f"entry {item.number} ({item.topic}) cannot follow {number}")
            sequence = number = item.number
        writer.add_message(channels[item.topic], at_ns, item.body, at_ns, sequence)


def _time_of(item: Entry | Note) -> int:
    return item.received_ns if isinstance(item, Entry) else item.at_ns


def is_aside(topic: str) -> bool:
    """Whether a topic is that of notes or of the truth, and not a device's."""
    return topic == TRUTH or topic.startswith((TRUTH + "/", FRAMES))


class Recording:
    """A recording on disk; its entries are read anew each time they are asked for.

    `truncated` says whether the file stops before its end: whatever is whole is then read, and
    `warnings` counts how often that was warned of. `scene_text` and `world_text` are what a
    simulation was played from.
    """

    def __init__(self, path: Path, attachments: dict[str, bytes]) -> None:
        self.path = path
        self.warnings = 0
        self.truncated = not _is_whole(path)
        self.truth: bytes | None = None
        try:
            self.store_text = attachments[_STORE_FILE].decode()
            self.code_key = attachments[_CODE_KEY].decode()
            self.facts: dict[str, Any] = msgspec.json.decode(
                attachments[_FACTS], type=dict[str, Any]
            )
            self.scene_text = _text(attachments, _SCENE_FILE)
            self.world_text = _text(attachments, _WORLD_FILE)
        except KeyError as error:
            raise RecordingError(f"{path}: the recording has no {error}") from None
        except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
            raise RecordingError(f"{path}: configuration unreadable: {error}") from error

    @classmethod
    def open(cls, path: Path) -> Recording:
        """Read the configuration and the truth.

        Raises RecordingError where it is no recording, or is cut off before the configuration.
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
            if _FACTS not in attachments:
                raise RecordingError(f"{error}, before anything that could be used") from error
        recording = cls(path, attachments)
        recording.truth = truth
        return recording

    def entries(self) -> Iterator[Entry]:
        """The journal entries in their order; neither notes nor the truth are among them.

        A truncated or damaged recording ends where it stops being whole; a warning says so.
        """
        for message, topic in self.messages():
            if not is_aside(topic):
                yield Entry(message.sequence, message.log_time, topic, bytes(message.data))

    def notes(self) -> Iterator[Note]:
        """What the recording tells besides, in the order of time, but for `truth`."""
        for message, topic in self.messages():
            if is_aside(topic) and topic != TRUTH:
                yield Note(message.log_time, topic, bytes(message.data))

    def exposures(self) -> Iterator[TrueExposure]:
        """The truth of every exposure, where a simulator told it. Raises RecordingError."""
        from simulator.picture_truth import TrueExposure  # noqa: PLC0415 - no engine needs it

        return self._told(TRUE_EXPOSURES, TrueExposure)

    def cameras(self) -> dict[str, list[Filmed]]:
        """The index of every camera's video; empty without videos. Raises RecordingError."""
        index: dict[str, list[Filmed]] = {}
        for note in self.notes():
            if note.topic.startswith(FRAMES):
                camera = note.topic.removeprefix(FRAMES)
                if not re.fullmatch("[A-Za-z0-9_-]{1,64}", camera):  # it becomes part of a path
                    raise RecordingError(f"{self.path}: {note.topic}: names no camera")
                index.setdefault(camera, []).append(_decode(self.path, note, Filmed))
        return index

    def frames(
        self, camera: str, index: list[Filmed], from_ns: int = 0
    ) -> Iterator[tuple[Filmed, Picture]]:
        """A camera's pictures that were taken at `from_ns` or later, by its index of `cameras`.

        Raises VideoError where the video is missing or none; one that ends early is warned of.
        """
        return read_video(video_path(self.path, camera), index, from_ns)

    def _told(self, topic: str, kind: type[_T]) -> Iterator[_T]:
        for note in self.notes():
            if note.topic == topic:
                yield _decode(self.path, note, kind)

    def messages(self) -> Iterator[tuple[Message, str]]:
        """All there is, with its topic, up to where the file stops being whole."""
        topics: dict[int, str] = {}
        count = last_ns = 0
        first_ns: int | None = None
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
                    count += 1
                    if topic != TRUTH:
                        last_ns = record.log_time
                        first_ns = last_ns if first_ns is None else first_ns
                    yield record, topic
        except _Truncated as error:
            self.truncated = True
            if not self.warnings:
                seconds = (last_ns - (first_ns or 0)) / 1e9
                log.warning(
                    f"{error}; read up to there: {count} messages, {seconds:.1f} s",
                )
            self.warnings += 1


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
        raise RecordingError(f"{path}: cannot be read: {error.strerror}") from error
    except _BROKEN as error:
        if path.stat().st_size == 0 or isinstance(error, InvalidMagic):
            raise RecordingError(f"{path}: not a recording (MCAP file)") from error
        why = f"damaged: {error}" if str(error) else "truncated"
        raise _Truncated(f"{path}: the recording is {why}") from error


def _text(attachments: dict[str, bytes], name: str) -> str | None:
    return attachments[name].decode() if name in attachments else None


def _decode(path: Path, note: Note, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(note.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordingError(f"{path}: {note.topic} at {note.at_ns}: {error}") from error


def _is_whole(path: Path) -> bool:
    """Whether the file ends as a finished MCAP file does."""
    with path.open("rb") as stream:
        stream.seek(-min(len(MCAP0_MAGIC), path.stat().st_size), os.SEEK_END)
        return stream.read() == MCAP0_MAGIC
