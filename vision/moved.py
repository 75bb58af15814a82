"""Notices that a camera was moved, or that something covers its lens.

Every ten seconds the picture's corners are compared with landmarks of the background that were
learned when watching began (vision/landmarks.py): some 15 ms a look, 0.15 % of a core for each
camera. A finding takes several looks in a row, so that nobody walking by is taken for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sensors.camera import CameraModel
from vision.frame import Picture
from vision.landmarks import MOST, NOTHING, Found, Landmarks, find_again, spot, staying

Array = NDArray[np.float64]
State = Literal["moved", "covered"]

LOOK_EVERY_NS = 10_000_000_000
SHIFT_OF_DIAGONAL = 0.0019  # 1.5 pixels of 640×480: 0.2° through a lens of 400 pixels
_LEARNING_LOOKS = 3
_MOVED_LOOKS = 2
_LOST_LOOKS = 3  # somebody close before the lens is gone by then
_SAME_SHIFT = 0.4  # two looks at one movement differ by less than this share of it
_DARK = 20.0  # grey levels of 255
_FLAT = 6.0  # standard deviation of grey levels: a lens that is covered shows no more
_BARE = 0.2  # of the landmarks' number: a picture with fewer corners shows nothing
_LEAST_LANDMARKS = 50  # with fewer nothing can be told: learning goes on
_FORGET_LOOKS = 60


@dataclass(frozen=True, slots=True)
class Moved:
    """A camera does not show what it showed when watching began.

    `shift_px` is how far the background moved in the picture, root mean square over it, and
    `turn_deg` the turn that would do this; both None where too little of the old view is left to
    tell, or the lens is covered.
    `since_ns` is the first look that differed, `at_ns` the last; `note` says it in words.
    """

    camera: str
    state: State
    shift_px: float | None
    turn_deg: float | None
    since_ns: int
    at_ns: int
    note: str


@dataclass(slots=True)
class _Watch:
    """What is known of one camera; `unseen` counts looks since each landmark was found."""

    landmarks: Landmarks = NOTHING
    unseen: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    learned: int = 0
    last: Landmarks | None = None
    looked_ns: int | None = None
    odd: list[tuple[int, float | None]] = field(default_factory=list)
    finding: Moved | None = None


class MovedCheck:
    """Watches cameras, in pixels alone or, for those among `cameras`, in degrees too."""

    def __init__(self, cameras: Sequence[CameraModel] = (), every_ns: int = LOOK_EVERY_NS) -> None:
        self._models = {camera.id: camera for camera in cameras}
        self._every_ns = every_ns
        self._watches: dict[str, _Watch] = {}

    def look(self, camera: str, rgb: Picture, at_ns: int) -> Moved | None:
        """What is wrong with how the camera looks, None if nothing; call it with any picture
        (H, W, 3): most calls return the last finding at once."""
        watch = self._watches.setdefault(camera, _Watch())
        if watch.looked_ns is not None and 0 <= at_ns - watch.looked_ns < self._every_ns:
            return watch.finding
        watch.looked_ns = at_ns
        seen = spot(rgb)
        if watch.learned < _LEARNING_LOOKS or len(watch.landmarks) < _LEAST_LANDMARKS:
            _learn(watch, seen)
            found = None
            if _covered(rgb, seen, _LEAST_LANDMARKS) is None:
                watch.odd.clear()
                watch.finding = None
                return None
        else:
            found = find_again(watch.landmarks, seen)
        size_px = (rgb.shape[1], rgb.shape[0])
        shift_px = None if found is None else found.shift_px(size_px)
        if found is not None and shift_px is not None and shift_px < _limit_px(size_px):
            watch.odd.clear()
            watch.finding = None
            _refresh(watch, seen, found)
        else:
            watch.odd.append((at_ns, shift_px))
            watch.finding = self._judge(camera, watch, rgb, seen, found) or watch.finding
        watch.last = seen
        return watch.finding

    def know(self, camera: str, landmarks: Landmarks) -> None:
        """Compare with landmarks that were learned before, as `learned` gave them."""
        unseen = np.zeros(len(landmarks), dtype=np.intp)
        self._watches[camera] = _Watch(landmarks, unseen, _LEARNING_LOOKS)

    def learned(self, camera: str) -> Landmarks | None:
        """A camera's landmarks; None while too few are known, or it shows something else."""
        watch = self._watches.get(camera)
        if watch is None or watch.learned < _LEARNING_LOOKS or watch.odd:
            return None
        return watch.landmarks if len(watch.landmarks) >= _LEAST_LANDMARKS else None

    def relearn(self, camera: str) -> None:
        """Take how the camera looks from now on for right, after it was calibrated anew."""
        self._watches.pop(camera, None)

    def _judge(
        self, camera: str, watch: _Watch, rgb: Picture, seen: Landmarks, found: Found | None
    ) -> Moved | None:
        """A finding, if the last odd looks in a row bear it out."""
        at_ns, shift_px = watch.odd[-1]
        alike = 0
        for _, other in reversed(watch.odd):
            if not _alike(other, shift_px):
                break
            alike += 1
        if alike < (_LOST_LOOKS if shift_px is None else _MOVED_LOOKS):
            return None
        since_ns = watch.odd[-alike][0]
        del watch.odd[:-alike]
        del watch.odd[1:-_LOST_LOOKS]
        if found is not None and shift_px is not None:
            model = self._models.get(camera)
            turn_deg = None if model is None else _turn_deg(model, found)
            by = f"{shift_px:.1f} pixels" + ("" if turn_deg is None else f" ({turn_deg:.1f}°)")
            note = f"the camera was moved: its background lies {by} from where it was"
            return Moved(camera, "moved", shift_px, turn_deg, since_ns, at_ns, note)
        covered = _covered(rgb, seen, len(watch.landmarks))
        if covered is not None:
            return Moved(camera, "covered", None, None, since_ns, at_ns, covered)
        note = "the camera was moved: nothing of its old view is found"
        return Moved(camera, "moved", None, None, since_ns, at_ns, note)


def _covered(rgb: Picture, seen: Landmarks, landmarks: int) -> str | None:
    """Why a picture shows nothing, in words; None where it shows something."""
    if float(rgb.mean()) < _DARK:
        return "the picture is dark: the lens is covered or the lights are out"
    if float(rgb.mean(axis=2).std()) < _FLAT or len(seen) < _BARE * landmarks:
        return "the lens is covered: the picture shows hardly any detail"
    return None


def _limit_px(size_px: tuple[int, int]) -> float:
    return SHIFT_OF_DIAGONAL * float(np.hypot(*size_px))


def _alike(first: float | None, second: float | None) -> bool:
    if first is None or second is None:
        return first is None and second is None
    return abs(first - second) <= _SAME_SHIFT * max(first, second)


def _learn(watch: _Watch, seen: Landmarks) -> None:
    """Take corners that two looks have at one place for landmarks."""
    if watch.last is not None:
        steady = seen.chosen(staying(watch.last, seen))
        new = steady.chosen(~staying(watch.landmarks, steady))
        watch.landmarks = watch.landmarks.joined(new)
        watch.unseen = np.zeros(len(watch.landmarks), dtype=np.intp)
    watch.last = seen
    watch.learned += 1


def _refresh(watch: _Watch, seen: Landmarks, found: Found) -> None:
    """Let new corners that stay in for landmarks long unseen: shelves are filled and emptied.

    New ones are put where they would have been before any slow slipping of the camera.
    """
    watch.unseen += 1
    watch.unseen[found.which] = 0
    kept = watch.unseen <= _FORGET_LOOKS
    landmarks, unseen = watch.landmarks.chosen(kept), watch.unseen[kept]
    room = MOST - len(landmarks)
    if watch.last is not None and room > 0:
        steady = seen.chosen(staying(watch.last, seen))
        new = steady.chosen(~staying(landmarks, steady))
        slip_px = found.way_px(new.places_px)
        new = Landmarks((new.places_px - slip_px)[:room], new.bits[:room])
        landmarks = landmarks.joined(new)
        unseen = np.concatenate([unseen, np.zeros(len(new), dtype=np.intp)])
    watch.landmarks, watch.unseen = landmarks, unseen


def _turn_deg(camera: CameraModel, found: Found) -> float:
    """The one turn that best takes the landmarks' old directions to the new ones (Kabsch)."""
    before, now = camera.ray(found.before_px), camera.ray(found.now_px)
    u, _, vt = np.linalg.svd(now.T @ before)
    flip = np.diag([1.0, 1.0, float(np.sign(np.linalg.det(u @ vt)))])
    turn: Array = u @ flip @ vt
    return float(np.degrees(np.arccos(np.clip((np.trace(turn) - 1.0) / 2.0, -1.0, 1.0))))
