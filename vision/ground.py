"""Owns the ground plane of one camera: where a foot point in the picture stands on the floor.

Works with a homography alone, so that a camera of which only that is known can be used; the noise
of a point is carried through the homography's Jacobian (UCMCTrack, AAAI 2024).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ground:
    """`to_plane` (3, 3) takes homogeneous pixels to homogeneous metres on the floor, with a
    positive scale for points below the horizon."""

    to_plane: Array

    @classmethod
    def from_plane_to_image(cls, homography: Array) -> Ground:
        """From the homography (3, 3) of metres on the floor to pixels. Raises ValueError."""
        if not np.isfinite(homography).all() or abs(np.linalg.det(homography)) < 1e-9:
            raise ValueError("the camera sees the floor edge-on: no ground plane can be had")
        return cls(np.asarray(np.linalg.inv(homography), dtype=np.float64))

    def places(self, pixels: Array, noise_px: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Floor places (N, 2) of pixels (N, 2), their covariances (N, 2, 2) from standard
        deviations `noise_px` (N, 2), and which of them lie below the horizon."""
        homogeneous = pixels @ self.to_plane[:, :2].T + self.to_plane[:, 2]
        scale = homogeneous[:, 2:]
        valid = scale[:, 0] > 1e-9
        safe = np.where(valid[:, None], scale, 1.0)
        place = homogeneous[:, :2] / safe
        jacobian = (
            self.to_plane[None, :2, :2] - place[:, :, None] * self.to_plane[None, 2:, :2]
        ) / safe[:, :, None]
        spread = jacobian * noise_px[:, None, :]
        return place, spread @ spread.swapaxes(1, 2), valid
