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

_FOUND, _FOUND_LOOKS = 0.8, 8.0  # what is believed at first, and as if after how many looks
_CLUTTER, _CLUTTER_LOOKS = 0.3, 4.0
_FOUND_MEMORY = 0.995  # per look
_CLUTTER_MEMORY = 0.99
_FOUND_RANGE = (0.2, 0.985)
_LEAST_CLUTTER = 0.01


class Reliability:
    """Per camera of a rig `found` (C,), the share of unhidden people that it finds, and `clutter`
    (C,), how many detections of nobody a picture has."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        count = len(rig)
        self._hits = np.full(count, _FOUND * _FOUND_LOOKS)
        self._tries = np.full(count, _FOUND_LOOKS)
        self._strays = np.full(count, _CLUTTER * _CLUTTER_LOOKS)
        self._pictures = np.full(count, _CLUTTER_LOOKS)
        self.found = np.full(count, _FOUND)
        self.clutter = np.full(count, _CLUTTER)

    def learn(self, camera: int, weight: float, hits: NDArray[np.bool_], strays: float) -> None:
        """Learn from one picture: whether each of the people whom it should show was found, and
        how many detections showed nobody; `weight` is what the look counts for."""
        keep = _FOUND_MEMORY**weight
        self._hits[camera] = keep * self._hits[camera] + weight * float(hits.sum())
        self._tries[camera] = keep * self._tries[camera] + weight * len(hits)
        keep = _CLUTTER_MEMORY**weight
        self._strays[camera] = keep * self._strays[camera] + weight * strays
        self._pictures[camera] = keep * self._pictures[camera] + weight
        found = self._hits[camera] / self._tries[camera]
        self.found[camera] = np.clip(found, *_FOUND_RANGE)
        clutter = self._strays[camera] / self._pictures[camera]
        self.clutter[camera] = max(clutter, _LEAST_CLUTTER)

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


def sharpest_first(covariances: Sequence[Array]) -> list[int]:
    """Indices of views, the one whose places (N, 2, 2) are surest first; empty ones last."""
    spread = [median((c[:, 0, 0] + c[:, 1, 1]).tolist()) if len(c) else np.inf for c in covariances]
    return sorted(range(len(spread)), key=lambda i: spread[i])
