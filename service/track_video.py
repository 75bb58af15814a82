"""Tracks people in one video of an uncalibrated camera, and draws where they went: no pixel of
the video is in the drawing, only boxes and paths."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from service.film_source import FilmError, stills
from service.mot_files import write_results
from vision.box_tracker import BoxTracker
from vision.detector import Detector
from vision.frame import Picture

Array = NDArray[np.float64]

LASTING_S = 1.0  # shorter tracks are counted apart
_PAPER, _INK = (253, 252, 249), (24, 33, 29)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True, slots=True, eq=False)
class VideoTracks:
    """Tracks of one video: `rows` (R, 7) of frame from 1, id, left, top, width, height in px and
    score; `at_s` the time of each frame that was looked at, by its number."""

    name: str
    size_px: tuple[int, int]
    rows: Array
    at_s: dict[int, float]

    def lengths_s(self) -> dict[int, float]:
        """From its first to its last box, by track."""
        found = {}
        for track in np.unique(self.rows[:, 1]).astype(int).tolist():
            frames = self.rows[self.rows[:, 1] == track, 0]
            found[track] = self.at_s[int(frames[-1])] - self.at_s[int(frames[0])]
        return found

    @property
    def lasting(self) -> list[int]:
        """The tracks of a second or longer."""
        return [track for track, length in self.lengths_s().items() if length >= LASTING_S]


def track_video(
    source: str,
    detector: Detector,
    fps: float | None = None,
    progress: Callable[[float], None] | None = None,
) -> VideoTracks:
    """Detect and track through a video, folder or stream, at most `fps` frames a second.

    Raises FilmError where there is no picture.
    """
    tracker = BoxTracker()
    rows: list[Array] = [np.zeros((0, 7))]
    at_s: dict[int, float] = {}
    size_px: tuple[int, int] | None = None
    next_s = 0.0
    for still in stills(source):
        if fps is not None:
            if still.at_s < next_s - 1e-6:
                continue
            next_s = max(next_s + 1.0 / fps, still.at_s)
        size_px = still.rgb.shape[1], still.rgb.shape[0]
        found = detector.detect_all({"video": still.rgb})["video"]
        boxes = np.array([[*d.box, d.score] for d in found]).reshape(-1, 5)
        boxes[:, 2:4] -= boxes[:, :2]
        tracks = tracker.step(round(still.at_s * 1e9), boxes)
        frame = still.number + 1
        at_s[frame] = still.at_s
        numbers = np.full(len(tracks.ids), float(frame))
        rows.append(np.column_stack([numbers, tracks.ids, tracks.boxes, tracks.scores]))
        if progress is not None:
            progress(still.at_s)
    if size_px is None:
        raise FilmError(f"{source}: there is no picture in it")
    return VideoTracks(Path(source).name, size_px, np.concatenate(rows), at_s)


def write_tracks(path: Path, tracks: VideoTracks) -> None:
    """Write MOT results. Raises MotFileError."""
    write_results(path, tracks.rows.tolist())


def draw_tracks(tracks: VideoTracks) -> Picture:
    """Paths of the feet, and each track's box where it began (thin), midway and where it ended
    (bold), on white paper of the video's size; tracks under a second in grey."""
    wide, high = tracks.size_px
    canvas = np.full((high + 26, wide, 3), _PAPER, np.uint8)
    lasting = tracks.lasting
    order = sorted(
        np.unique(tracks.rows[:, 1]).astype(int).tolist(), key=lambda track: track in lasting
    )
    for track in order:
        own = tracks.rows[tracks.rows[:, 1] == track]
        colour = _colour(lasting.index(track)) if track in lasting else (190, 194, 190)
        feet = np.column_stack([own[:, 2] + own[:, 4] / 2, own[:, 3] + own[:, 5]])
        path = np.round(np.minimum(feet, (wide - 1, high - 1)) * 16).astype(np.int32)
        cv2.polylines(canvas, [path.reshape(-1, 1, 2)], False, colour, 2, cv2.LINE_AA, 4)
        for place, bold in ((0, 1), (len(own) // 2, 1), (len(own) - 1, 2)):
            x, y, w, h = own[place, 2:6]
            a, b = (round(x), round(y)), (round(x + w), min(high - 1, round(y + h)))
            cv2.rectangle(canvas, a, b, colour, bold, cv2.LINE_AA)
        x, y = own[len(own) // 2, 2:4]
        if track in lasting:
            where = (max(2, int(x) + 3), max(14, int(y) + 16))
            cv2.putText(canvas, str(track), where, _FONT, 0.5, colour, 1, cv2.LINE_AA)
    last_s = max(tracks.at_s.values())
    said = (
        f"{tracks.name}: {len(lasting)} tracks of {LASTING_S:g} s or longer in {last_s:.1f} s,"
        f" {len(order) - len(lasting)} shorter"
    )
    plain = said.encode("ascii", "replace").decode()
    cv2.putText(canvas, plain, (8, high + 18), _FONT, 0.42, _INK, 1, cv2.LINE_AA)
    return canvas


def _colour(number: int) -> tuple[int, int, int]:
    """Colours far apart for numbers that are near: golden steps around the wheel."""
    red, green, blue = colorsys.hsv_to_rgb(number * 0.618034 % 1.0, 0.85, 0.72)
    return round(255 * red), round(255 * green), round(255 * blue)
