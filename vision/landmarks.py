"""What of a camera's view stays: ORB features of the background, found again in later pictures.

Only places and 256-bit descriptors of corners are kept, no picture and nothing of people: what
does not stay where it was from look to look is dropped. Features: Rublee et al., ORB: an
efficient alternative to SIFT or SURF, ICCV 2011; agreement: RANSAC on a homography.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.frame import Picture

Array = NDArray[np.float64]

MOST = 800  # features of one picture
_LEVELS, _STEP, _FAST = 6, 1.2, 12
_SAME_BITS = 50  # of 256 that may differ between two pictures of one corner
_AGREE_PX = 3.0
_LEAST_FOUND = 25
_LEAST_SHARE = 0.5  # of the matches that must agree on one movement of the picture
_STAYS_PX = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Landmarks:
    """Corners of one view: `places_px` (N, 2) and `bits` (N, 32) uint8."""

    places_px: Array
    bits: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.places_px)

    def chosen(self, which: NDArray[np.bool_]) -> Landmarks:
        """Those of them for which `which` (N,) holds."""
        return Landmarks(self.places_px[which], self.bits[which])

    def joined(self, others: Landmarks) -> Landmarks:
        """These and others, in this order."""
        return Landmarks(
            np.concatenate([self.places_px, others.places_px]),
            np.concatenate([self.bits, others.bits]),
        )


NOTHING = Landmarks(np.zeros((0, 2)), np.zeros((0, 32), np.uint8))


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Landmarks found again: `before_px` and `now_px` (M, 2) of those that agree on one movement
    of the whole picture, and `which` (N,) of the landmarks they are."""

    before_px: Array
    now_px: Array
    which: NDArray[np.bool_]

    def way_px(self, places_px: Array) -> Array:
        """How far (K, 2) the background at places (K, 2) of the picture moved: by the turn, shift
        and growth of the picture that fit best (Umeyama, PAMI 1991)."""
        before, now = self.before_px.mean(axis=0), self.now_px.mean(axis=0)
        ways = (self.before_px - before) @ np.array([1.0, 1j])
        gone = (self.now_px - now) @ np.array([1.0, 1j])
        turn = np.vdot(ways, gone) / max(np.vdot(ways, ways).real, 1e-9)
        moved = ((places_px - before) @ np.array([1.0, 1j])) * turn
        return np.asarray(np.column_stack([moved.real, moved.imag]) + now - places_px)

    def shift_px(self, size_px: tuple[int, int]) -> float:
        """The root mean square way over a picture of a size (width, height)."""
        wide, high = np.meshgrid(*(np.linspace(0.0, side, 5) for side in size_px))
        ways = self.way_px(np.column_stack([wide.ravel(), high.ravel()]))
        return float(np.sqrt((ways**2).sum(axis=1).mean()))


def spot(rgb: Picture) -> Landmarks:
    """The corners of a picture (H, W, 3), sure and unsure ones, at most `MOST`."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    orb = cv2.ORB.create(MOST, _STEP, _LEVELS, fastThreshold=_FAST)
    keypoints, bits = orb.detectAndCompute(grey, None)
    if bits is None or not len(keypoints):
        return NOTHING
    places = np.array([k.pt for k in keypoints], dtype=np.float64)
    return Landmarks(places, np.asarray(bits, np.uint8))


def find_again(landmarks: Landmarks, seen: Landmarks) -> Found | None:
    """The landmarks among the corners `seen`; None where too few agree on any movement."""
    mine, theirs = _pairs(landmarks, seen)
    if len(mine) < _LEAST_FOUND:
        return None
    before, now = landmarks.places_px[mine], seen.places_px[theirs]
    _, agreeing = cv2.findHomography(before, now, cv2.RANSAC, _AGREE_PX, maxIters=500)
    if agreeing is None:
        return None
    agree = agreeing.ravel() > 0
    if agree.sum() < max(_LEAST_FOUND, _LEAST_SHARE * len(mine)):
        return None
    which = np.zeros(len(landmarks), dtype=np.bool_)
    which[mine[agree]] = True
    return Found(before[agree], now[agree], which)


def staying(earlier: Landmarks, later: Landmarks) -> NDArray[np.bool_]:
    """Which (N,) of the `later` corners were at the same place among the `earlier` ones."""
    which = np.zeros(len(later), dtype=np.bool_)
    theirs, mine = _pairs(earlier, later)
    way = later.places_px[mine] - earlier.places_px[theirs]
    which[mine[np.hypot(way[:, 0], way[:, 1]) < _STAYS_PX]] = True
    return which


def _pairs(first: Landmarks, second: Landmarks) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of corners that are each other's likest and alike enough."""
    none = np.zeros(0, dtype=np.intp)
    if not len(first) or not len(second):
        return none, none
    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(first.bits, second.bits)
    kept = [(m.queryIdx, m.trainIdx) for m in matches if m.distance <= _SAME_BITS]
    pairs = np.array(kept, dtype=np.intp).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]
