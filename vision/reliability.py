"""How far each camera's detections can be relied on: how many of the people that it should find it
finds, and how many detections show nobody. Both are learned while tracking, so that one set of
parameters serves a sharp detector and a poor one."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray

from vision.rig import Rig

Array = NDArray[np.float64]

# What is believed at first of people of whom up to a quarter, a half, … is seen, and as if after
# how many looks.
_FOUND, _FOUND_LOOKS = np.array([0.3, 0.6, 0.75, 0.8]), 8.0
_CLUTTER, _CLUTTER_LOOKS = 0.3, 4.0
_FOUND_MEMORY = 0.995  # per look
_CLUTTER_MEMORY = 0.99
_FOUND_RANGE = (0.2, 0.985)
_LEAST_CLUTTER = 0.01
_LEAST_SEEN = 0.1  # of whom less is seen is found as much more rarely


class Reliability:
    """Per camera of a rig `found` (C, 4), the share that it finds of the people of whom up to a
    quarter, a half, … is seen, and `clutter` (C,), how many detections of nobody a picture has."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        count = len(rig)
        self._hits = np.tile(_FOUND * _FOUND_LOOKS, (count, 1))
        self._tries = np.full((count, len(_FOUND)), _FOUND_LOOKS)
        self._strays = np.full(count, _CLUTTER * _CLUTTER_LOOKS)
        self._pictures = np.full(count, _CLUTTER_LOOKS)
        self.found = np.tile(_FOUND, (count, 1))
        self.clutter = np.full(count, _CLUTTER)

    def learn(
        self, camera: int, weight: float, shares: Array, hits: NDArray[np.bool_], strays: float
    ) -> None:
        """Learn from one picture: whether each of the people of whom it should show `shares` (N,)
        was found, and how many detections showed nobody; `weight` is what the look counts for."""
        part = _part(shares)
        tries = np.bincount(part, minlength=len(_FOUND))
        found = np.bincount(part, weights=hits, minlength=len(_FOUND))
        keep = _FOUND_MEMORY ** (weight * (tries > 0))
        self._hits[camera] = keep * self._hits[camera] + weight * found
        self._tries[camera] = keep * self._tries[camera] + weight * tries
        self.found[camera] = np.clip(self._hits[camera] / self._tries[camera], *_FOUND_RANGE)
        keep = _CLUTTER_MEMORY**weight
        self._strays[camera] = keep * self._strays[camera] + weight * strays
        self._pictures[camera] = keep * self._pictures[camera] + weight
        clutter = self._strays[camera] / self._pictures[camera]
        self.clutter[camera] = max(clutter, _LEAST_CLUTTER)

    def chance(self, camera: int | NDArray[np.intp], shares: Array) -> Array:
        """How likely each camera finds people of whom it sees `shares` (N,)."""
        return np.asarray(self.found[camera, _part(shares)] * np.minimum(1.0, shares / _LEAST_SEEN))

    def stray_density(self, camera: int, xy_m: Array) -> Array:
        """Log density (N,) per m² with which detections of nobody fall on places (N, 2).

        They are taken to be even over the picture; a square metre of floor at depth d fills
        f_x·f_y·h/d³ pixels of it, seen from height h (Hartley & Zisserman, ch. 8).
        """
        rig = self._rig
        eye, axis = rig.position_m[camera], rig.rotation[camera, 2]
        depth = np.maximum((xy_m - eye[:2]) @ axis[:2] - eye[2] * axis[2], 0.3)
        share = rig.focal_px[camera].prod() * max(eye[2], 0.1) / rig.size_px[camera].prod()
        return np.asarray(np.log(self.clutter[camera] * share) - 3.0 * np.log(depth))


def _part(shares: Array) -> NDArray[np.intp]:
    """Which quarter shares (N,) lie in."""
    return np.minimum((shares * len(_FOUND)).astype(np.intp), len(_FOUND) - 1)


def sharpest_first(covariances: Sequence[Array]) -> list[int]:
    """Indices of views, the one whose places (N, 2, 2) are surest first; empty ones last."""
    spread = [median((c[:, 0, 0] + c[:, 1, 1]).tolist()) if len(c) else np.inf for c in covariances]
    return sorted(range(len(spread)), key=lambda i: spread[i])
