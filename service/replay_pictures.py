"""A recording's pictures for the page: what every camera showed at the moment that is shown.

A thread of its own decodes the videos around the player's moment, finds the people in the newest
picture of each camera, covers their heads and draws them in, with the names of the shoppers whom
the page shows at those places.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
import structlog

from sensors.camera import CameraModel
from service.eyes import MODEL
from service.recording import Recording
from service.replay_player import Player
from service.video import Filmed, Picture, VideoError
from vision.detector import Detection, load_eyes
from vision.overlay import draw, to_jpeg

PERIOD_S = 0.1
AHEAD = 30  # frames that are sooner decoded on the way than sought
JPEG_QUALITY = 80

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _Named:
    """A detection with the name that is drawn beside it."""

    detection: Detection
    tracklet: str | None


class FilmedPictures:
    """The newest annotated picture of every camera; a context manager that runs its thread."""

    def __init__(
        self, recording: Recording, index: dict[str, list[Filmed]], player: Player
    ) -> None:
        models = {c.id: c.model() for c in player.reel.store.cameras}
        self._player = player
        self._detector = load_eyes(MODEL)
        self._reels = {c: _Film(recording, c, index[c], models[c]) for c in index if c in models}
        self._shown: dict[str, tuple[int, bytes]] = {}
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pictures", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leaving.set()
        self._thread.join(5.0)

    @property
    def cameras(self) -> tuple[str, ...]:
        """The cameras that were filmed."""
        return tuple(self._reels)

    def get(self, camera_id: str) -> tuple[int, bytes] | None:
        """The newest picture and its version; None before the first."""
        return self._shown.get(camera_id)

    def _run(self) -> None:
        while not self._leaving.wait(PERIOD_S):
            for camera, film in list(self._reels.items()):
                try:
                    taken = film.at(self._player.at_ns)
                except VideoError as error:
                    log.warning(str(error))
                    del self._reels[camera]
                    continue
                if taken is not None and not self._leaving.is_set():
                    version = self._shown.get(camera, (0, b""))[0] + 1
                    self._shown[camera] = version, self._annotated(film, taken)

    def _annotated(self, film: _Film, picture: Picture) -> bytes:
        people = self._player.live.snapshot()["floor"]["people"]
        found = self._detector.detect_all({film.camera: picture})[film.camera]
        names = _names(film.model, found, people)
        shown = [_Named(one, name) for one, name in zip(found, names, strict=True)]
        return to_jpeg(draw(picture, shown), JPEG_QUALITY)


class _Film:
    """One camera's video and where in it the last picture was taken."""

    def __init__(
        self, recording: Recording, camera: str, index: list[Filmed], model: CameraModel
    ) -> None:
        self.camera, self.model = camera, model
        self._recording, self._index = recording, index
        self._times = [filmed.at_ns for filmed in index]
        self._frames: Iterator[tuple[Filmed, Picture]] = iter(())
        self._next = len(index) + 1  # nothing is open yet
        self._shown: int | None = None

    def at(self, now_ns: int) -> Picture | None:
        """The last picture at a moment; None where that has been given already, or none is.

        Raises VideoError where the video cannot be read.
        """
        wanted = max(bisect_right(self._times, now_ns) - 1, 0)
        if wanted == self._shown:
            return None
        if not self._next <= wanted <= self._next + AHEAD:
            self._frames = self._recording.frames(self.camera, self._index, self._times[wanted])
            self._next = wanted
        found = None
        while self._next <= wanted:
            found = next(self._frames, None)
            self._next += 1
        self._shown = wanted
        return None if found is None else found[1]


def _names(
    model: CameraModel, found: list[Detection], people: list[dict[str, Any]]
) -> list[str | None]:
    """For every detection the shopper whose place on the floor lies at its feet, nearest first."""
    names: list[str | None] = [None] * len(found)
    if not found or not people:
        return names
    floor = np.array([[p["x"], p["y"], 0.0] for p in people])
    feet, depth = model.project(floor)
    head, _ = model.project(floor + np.array([0.0, 0.0, 1.7]))
    tall_px = np.linalg.norm(head - feet, axis=1)
    pairs = [
        (float(np.hypot(*(feet[p] - (one.box[[0, 2]].mean(), one.box[3])))), d, p)
        for d, one in enumerate(found)
        for p in range(len(people))
        if depth[p] > 0.0
    ]
    taken: set[int] = set()
    for distance_px, d, p in sorted(pairs):
        if names[d] is None and p not in taken and distance_px < 0.5 * tall_px[p]:
            names[d] = people[p].get("shopper", people[p]["tracklet"])
            taken.add(p)
    return names
