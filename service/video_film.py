"""What a recording keeps of the cameras: videos, the index of their frames, and the truth of each
exposure.

A `Film` is fed exposure by exposure while a scene is played. Videos are encoded on a thread of
their own, in order, so that painting the next pictures goes on meanwhile.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import msgspec

from sensors.store import Store
from service.eyes import Cast, Painter, Sight
from service.recording import FRAMES, TRUE_EXPOSURES, Note
from service.video import Filmed, Picture, VideoWriter, video_path
from simulator.picture_truth import TrueExposure
from simulator.player import Exposure

_WAITING = 8  # exposures that may wait for the encoder


class Film:
    """Collects `notes` for a recording; with `video`, films all cameras beside it.

    Raises VideoError where a video cannot be written.
    """

    def __init__(self, store: Store, recording: Path, video: bool) -> None:
        self.notes: list[Note] = []
        self._cast = Cast()
        self._writers: dict[str, VideoWriter] = {}
        self._encoder: ThreadPoolExecutor | None = None
        self._waiting: deque[Future[dict[str, Filmed]]] = deque()
        if video:
            self._encoder = ThreadPoolExecutor(1, "encoder")
            for camera in store.cameras:
                self._writers[camera.id] = VideoWriter(
                    video_path(recording, camera.id),
                    camera.width_px,
                    camera.height_px,
                    camera.fps,
                )

    @property
    def filming(self) -> bool:
        """Whether videos are made."""
        return self._encoder is not None

    def without_pictures(self, exposure: Exposure) -> None:
        """Keep the truth of an exposure of which no pictures were painted."""
        people = self._cast.truth(exposure)
        self._note_truth(TrueExposure(at_ns=exposure.at_ns, people=people, cameras={}))

    def take(self, painter: Painter, sight: Sight) -> None:
        """Keep the pictures of an exposure, and what they truly show."""
        if self._encoder is not None:
            pictures = {camera: frame.rgb for camera, frame in sight.frames.items()}
            at_ns = sight.exposure.at_ns
            self._waiting.append(self._encoder.submit(self._encode, at_ns, pictures))
        self._note_truth(painter.truth(sight))
        while len(self._waiting) > _WAITING:
            self._note_frames(self._waiting.popleft().result())

    def close(self) -> None:
        """Write the videos to their end; `notes` are then complete and in order."""
        if self._encoder is None:
            return
        try:
            while self._waiting:
                self._note_frames(self._waiting.popleft().result())
        finally:
            self._encoder.shutdown()
            for writer in self._writers.values():
                writer.close()
        self.notes.sort(key=lambda note: note.at_ns)

    def _encode(self, at_ns: int, pictures: dict[str, Picture]) -> dict[str, Filmed]:
        return {camera: self._writers[camera].add(at_ns, rgb) for camera, rgb in pictures.items()}

    def _note_frames(self, filmed: dict[str, Filmed]) -> None:
        for camera, frame in filmed.items():
            body = msgspec.json.encode(frame)
            self.notes.append(Note(frame.at_ns, FRAMES + camera, body))

    def _note_truth(self, truth: TrueExposure) -> None:
        self.notes.append(Note(truth.at_ns, TRUE_EXPOSURES, msgspec.json.encode(truth)))


def write_notes(recording: Path, notes: list[Note]) -> None:
    """Leave notes for whoever writes the recording, in another process."""
    _notes_path(recording).write_bytes(msgspec.msgpack.encode(notes))


def take_notes(recording: Path) -> list[Note]:
    """The notes that were left for a recording; none where nothing was filmed."""
    path = _notes_path(recording)
    if not path.is_file():
        return []
    notes = msgspec.msgpack.decode(path.read_bytes(), type=list[Note])
    path.unlink()
    return notes


def _notes_path(recording: Path) -> Path:
    return recording.with_name(f"{recording.stem}.notes")
