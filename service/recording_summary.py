"""What is in a recording: how long, who spoke how often, what was filmed, what is known of it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import av
import msgspec
from av.error import FFmpegError

from sensors.store import parse_store
from service.recording import TRUE_EXPOSURES, Recording, is_aside
from service.records import TICK
from service.video import video_path


class CameraSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A camera's frames in the index, and how many of them its video still has (None: no video)."""

    frames: int
    in_video: int | None
    first_s: float
    last_s: float


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A whole recording; seconds count from its first message.

    `messages` is by topic, of devices and people alone; `truth` says which layers of it there
    are: `bills` (visits, moves, stock), `exposures`, `pictures`.
    """

    path: str
    whole: bool
    store: str
    begins: str
    seconds: float
    ticks: int
    messages: dict[str, int]
    devices: list[str]
    cameras: dict[str, CameraSummary]
    truth: list[str]
    facts: dict[str, Any]
    has_scene: bool
    has_world: bool


def summarise(recording: Recording) -> Summary:
    """Read a recording through. Raises RecordingError, or StoreFileError for its store file."""
    store = parse_store(recording.store_text, f"{recording.path}: store.yaml")
    counts: Counter[str] = Counter()
    first_ns = last_ns = exposures = pictures = 0
    for note, topic in recording.messages():
        if topic == TRUE_EXPOSURES:
            exposures += 1
            pictures += b'"cameras":{}' not in note.data
        elif not is_aside(topic):
            counts[topic] += 1
            first_ns = first_ns or note.log_time
            last_ns = note.log_time
    index = recording.cameras()
    layers = {"bills": recording.truth is not None, "exposures": exposures, "pictures": pictures}
    ticks = counts.pop(TICK, 0)
    return Summary(
        path=str(recording.path),
        whole=not recording.truncated,
        store=store.id,
        begins=datetime.fromtimestamp(first_ns / 1e9, UTC).isoformat(timespec="milliseconds"),
        seconds=round((last_ns - first_ns) / 1e9, 3),
        ticks=ticks,
        messages=dict(sorted(counts.items())),
        devices=sorted({topic.split("/")[-1] for topic in counts}),
        cameras={
            camera: CameraSummary(
                frames=len(frames),
                in_video=_frames_in(recording, camera),
                first_s=round((frames[0].at_ns - first_ns) / 1e9, 3),
                last_s=round((frames[-1].at_ns - first_ns) / 1e9, 3),
            )
            for camera, frames in sorted(index.items())
        },
        truth=[layer for layer, there in layers.items() if there],
        facts=recording.facts,
        has_scene=recording.scene_text is not None,
        has_world=recording.world_text is not None,
    )


def _frames_in(recording: Recording, camera: str) -> int | None:
    """Frames that a camera's video has, whole or not; None where there is no such video."""
    count = 0
    try:
        with av.open(str(video_path(recording.path, camera))) as container:
            for packet in container.demux(video=0):
                count += packet.pts is not None
    except (FFmpegError, OSError, IndexError):
        return count or None
    return count
