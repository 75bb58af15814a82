"""How surely a camera can show whoever stands at a place: not where the picture ends, behind a
rack, or behind somebody nearer to the camera."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision.coverage import Coverage
from vision.rig import Rig

Array = NDArray[np.float64]

BODY_M = 1.78  # the height of a body's box
WIDTH_OF_HEIGHT = 0.30
_BEFORE_M = 0.15  # how much nearer somebody must be to hide another
_COVERED_FROM, _COVERED_TO = 0.5, 0.85  # shares of a body that others hide
_STILL_FOUND = 0.25  # of the wholly hidden, so many are found nevertheless


class Visibility:
    """Looks from all cameras of a rig at people on the floor."""

    def __init__(self, rig: Rig, coverage: Coverage) -> None:
        self._rig = rig
        self._coverage = coverage

    def shares(self, xy_m: Array, cameras: Sequence[str], others: Array, weight: Array) -> Array:
        """For people at `xy_m` (N, 2) the factor (C, N), 0 to 1, by which being hidden lowers each
        camera's chance to find them.

        `others` (M, 2) stand there with probability `weight` (M,); those of them who are the
        people themselves hide nobody, being no nearer.
        """
        seen = self._coverage.seen(xy_m, cameras).astype(np.float64)
        for c, camera in enumerate(cameras):
            near = np.flatnonzero(seen[c])
            if not len(near) or not len(others):
                continue
            index = self._rig.index[camera]
            size = self._rig.size_px[index]
            before, depth_before = body_boxes(self._rig, index, others)
            if xy_m is others:
                body, depth = before[near], depth_before[near]
            else:
                body, depth = body_boxes(self._rig, index, xy_m[near])
            body = np.clip(body, 0.0, np.tile(size, 2))
            low = np.maximum(body[:, None, :2], before[None, :, :2])
            high = np.minimum(body[:, None, 2:], before[None, :, 2:])
            common = np.maximum(high - low, 0.0).prod(axis=2)
            area = np.maximum((body[:, 2:] - body[:, :2]).prod(axis=1), 1.0)
            nearer = depth_before[None] < depth[:, None] - _BEFORE_M
            covered = np.where(nearer, common / area[:, None] * weight, 0.0).max(axis=1)
            hidden = np.clip((covered - _COVERED_FROM) / (_COVERED_TO - _COVERED_FROM), 0.0, 1.0)
            seen[c, near] = 1.0 - (1.0 - _STILL_FOUND) * hidden
        return seen


def body_boxes(rig: Rig, camera: int, xy_m: Array) -> tuple[Array, Array]:
    """Boxes (N, 4) of standing bodies at `xy_m` (N, 2) in one camera, in pixels, and how deep in
    the picture they are (N,) in metres; empty boxes, infinitely deep, behind the camera."""
    count = len(xy_m)
    ends = np.zeros((2 * count, 3))
    ends[:count, :2] = ends[count:, :2] = xy_m
    ends[count:, 2] = BODY_M
    pixels = rig.project(camera, ends)
    foot, head = pixels[:count], pixels[count:]
    height = foot[:, 1] - head[:, 1]
    middle, half = (foot[:, 0] + head[:, 0]) / 2, WIDTH_OF_HEIGHT * height / 2
    boxes = np.stack([middle - half, head[:, 1], middle + half, foot[:, 1]], axis=1)
    depth = (xy_m - rig.position_m[camera, :2]) @ rig.rotation[camera, 2, :2]
    depth -= rig.position_m[camera, 2] * rig.rotation[camera, 2, 2]
    unseen = ~np.isfinite(boxes).all(axis=1) | (height <= 0)
    boxes[unseen], depth[unseen] = 0.0, np.inf
    return boxes, depth
