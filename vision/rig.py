"""The cameras of one worker as stacked arrays, so that all of them are computed at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sensors.camera import CameraModel
from sensors.lens import bend, bending, straighten

Array = NDArray[np.float64]


class Rig:
    """C cameras: `rotation` (C, 3, 3) world to camera, `position_m` (C, 3), `focal_px`,
    `centre_px`, `size_px` and `radial` (k1, k2) (C, 2), in the order of `ids`."""

    def __init__(self, cameras: Sequence[CameraModel]) -> None:
        count = len(cameras)
        self.ids = [c.id for c in cameras]
        self.index = {id: c for c, id in enumerate(self.ids)}
        self.rotation = np.array([c.rotation for c in cameras]).reshape(count, 3, 3)
        self.position_m = np.array([c.position_m for c in cameras]).reshape(count, 3)
        self.focal_px = np.array([(c.fx, c.fy) for c in cameras]).reshape(count, 2)
        self.centre_px = np.array([(c.cx, c.cy) for c in cameras]).reshape(count, 2)
        self.radial = np.array([(c.k1, c.k2) for c in cameras], dtype=np.float64).reshape(count, 2)
        size = [(c.width_px, c.height_px) for c in cameras]
        self.size_px = np.array(size, dtype=np.float64).reshape(count, 2)

    def __len__(self) -> int:
        return len(self.ids)

    def copy(self) -> Rig:
        """Another rig of the same cameras, whose poses can be changed apart from this one's."""
        other = Rig([])
        other.ids, other.index = self.ids, self.index
        other.focal_px, other.centre_px = self.focal_px, self.centre_px
        other.size_px, other.radial = self.size_px, self.radial
        other.rotation, other.position_m = self.rotation.copy(), self.position_m.copy()
        return other

    def rays(self, pixels: Array, which: NDArray[np.intp]) -> Array:
        """Directions (N, M, 3) in the world of pixels (N, M, 2), row n seen by camera `which[n]`;
        one metre deep along the optical axis, not unit."""
        bent = (pixels - self.centre_px[which, None]) / self.focal_px[which, None]
        flat = straighten(bent, self.radial[which, None])
        rotation = self.rotation[which]
        return np.asarray(flat @ rotation[:, :2] + rotation[:, 2:])

    def project(self, camera: int, points_m: Array) -> Array:
        """Pixels (N, 2) of points (N, 3) in one camera; NaN where behind it."""
        local = (points_m - self.position_m[camera]) @ self.rotation[camera].T
        depth = np.where(local[:, 2:] > 0.1, local[:, 2:], np.nan)
        flat = bend(local[:, :2] / depth, self.radial[camera])
        return np.asarray(flat * self.focal_px[camera] + self.centre_px[camera])

    def straightened(self, pixels: Array) -> Array:
        """Where the pixels (P, C, M, 2) of each camera would lie in its picture had its lens no
        distortion."""
        if not self.radial.any():
            return pixels
        centre, focal = self.centre_px[:, None], self.focal_px[:, None]
        flat = straighten((pixels - centre) / focal, self.radial[:, None])
        return np.asarray(flat * focal + centre)

    def stretch(self, pixels: Array, which: NDArray[np.intp]) -> Array | None:
        """How the straight picture moves with the pixel: the derivatives (N, M, 2, 2) of
        undistorted by true coordinates at pixels (N, M, 2); None where no lens distorts."""
        if not self.radial.any():
            return None
        radial = self.radial[which, None]
        bent = (pixels - self.centre_px[which, None]) / self.focal_px[which, None]
        return np.asarray(np.linalg.inv(bending(straighten(bent, radial), radial)))
