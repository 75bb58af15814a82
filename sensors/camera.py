"""The geometry of one camera: a pinhole behind a lens, with a pose on the store's floor frame.

World frame: metres, x and y on the floor, z up. Camera frame: x right, y down, z forward.
Method: Hartley & Zisserman, Multiple View Geometry, 2nd ed., ch. 6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors.lens import bend, straighten

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CameraModel:
    """A calibrated camera.

    `rotation` (3×3) turns world directions into camera directions; `position_m` (3,) is the
    optical centre; focal lengths and principal point are in pixels; `k1` and `k2` are the
    lens's radial distortion (`sensors.lens`).
    """

    id: str
    width_px: int
    height_px: int
    fx: float
    fy: float
    cx: float
    cy: float
    rotation: Array
    position_m: Array
    k1: float = 0.0
    k2: float = 0.0

    @property
    def radial(self) -> Array:
        """k1 and k2, (2,)."""
        return np.array([self.k1, self.k2])

    @staticmethod
    def looking_at(
        id: str,
        size_px: tuple[int, int],
        focal_px: tuple[float, float],
        centre_px: tuple[float, float],
        position_m: tuple[float, float, float],
        target_m: tuple[float, float, float],
        radial: tuple[float, float] = (0.0, 0.0),
        roll_rad: float = 0.0,
    ) -> CameraModel:
        """Build a camera that looks from `position_m` at `target_m`; `radial` is k1 and k2.

        `roll_rad` turns it clockwise, seen from behind it, from upright.
        """
        position = np.asarray(position_m, dtype=np.float64)
        forward = np.asarray(target_m, dtype=np.float64) - position
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, np.array([0.0, 0.0, 1.0]))
        right /= np.linalg.norm(right)
        down = np.cross(forward, right)
        if roll_rad:
            c, s = np.cos(roll_rad), np.sin(roll_rad)
            right, down = c * right + s * down, c * down - s * right
        return CameraModel(
            id, *size_px, *focal_px, *centre_px, np.stack([right, down, forward]), position, *radial
        )

    def project(self, points_m: Array) -> tuple[Array, Array]:
        """Project world points (N, 3) to pixels (N, 2) and depths in metres (N,).

        A depth ≤ 0 means that the point lies behind the camera; its pixel is meaningless.
        """
        local = (np.atleast_2d(points_m) - self.position_m) @ self.rotation.T
        depth = local[:, 2]
        safe = np.where(depth > 1e-6, depth, 1e-6)
        flat = bend(local[:, :2] / safe[:, None], self.radial)
        return flat * (self.fx, self.fy) + (self.cx, self.cy), depth

    def ray(self, pixels: Array) -> Array:
        """Unit directions (N, 3) in the world frame of pixels (N, 2)."""
        local = np.column_stack([self.flat(pixels), np.ones(len(np.atleast_2d(pixels)))])
        directions: Array = local @ self.rotation
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        return directions

    def flat(self, pixels: Array) -> Array:
        """Where pixels (N, 2) would lie one metre before a camera without distortion: (N, 2),
        right and down."""
        bent = (np.atleast_2d(pixels) - (self.cx, self.cy)) / (self.fx, self.fy)
        return straighten(bent, self.radial)

    def to_plane(self, pixels: Array, z_m: float = 0.0) -> Array:
        """Intersect pixels (N, 2) with the plane z = `z_m`; (N, 2) metres, NaN where above it."""
        directions = self.ray(pixels)
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = (z_m - self.position_m[2]) / directions[:, 2]
        points: Array = self.position_m[:2] + reach[:, None] * directions[:, :2]
        points[~(reach > 0)] = np.nan
        return points
