"""The geometry of one camera: a pinhole with a pose on the store's floor frame.

World frame: metres, x and y on the floor, z up. Camera frame: x right, y down, z forward.
Method: Hartley & Zisserman, Multiple View Geometry, 2nd ed., ch. 6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CameraModel:
    """A calibrated camera.

    `rotation` (3×3) turns world directions into camera directions; `position_m` (3,) is the
    optical centre; focal lengths and principal point are in pixels.
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

    @staticmethod
    def looking_at(
        id: str,
        size_px: tuple[int, int],
        focal_px: tuple[float, float],
        centre_px: tuple[float, float],
        position_m: tuple[float, float, float],
        target_m: tuple[float, float, float],
    ) -> CameraModel:
        """Build a camera without roll that looks from `position_m` at `target_m`."""
        position = np.asarray(position_m, dtype=np.float64)
        forward = np.asarray(target_m, dtype=np.float64) - position
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, np.array([0.0, 0.0, 1.0]))
        right /= np.linalg.norm(right)
        down = np.cross(forward, right)
        return CameraModel(
            id, *size_px, *focal_px, *centre_px, np.stack([right, down, forward]), position
        )

    def project(self, points_m: Array) -> tuple[Array, Array]:
        """Project world points (N, 3) to pixels (N, 2) and depths in metres (N,).

        A depth ≤ 0 means that the point lies behind the camera; its pixel is meaningless.
        """
        local = (np.atleast_2d(points_m) - self.position_m) @ self.rotation.T
        depth = local[:, 2]
        safe = np.where(depth > 1e-6, depth, 1e-6)
        u = self.fx * local[:, 0] / safe + self.cx
        v = self.fy * local[:, 1] / safe + self.cy
        return np.stack([u, v], axis=1), depth

    def ray(self, pixels: Array) -> Array:
        """Unit directions (N, 3) in the world frame of pixels (N, 2)."""
        pixels = np.atleast_2d(pixels)
        local = np.stack(
            [
                (pixels[:, 0] - self.cx) / self.fx,
                (pixels[:, 1] - self.cy) / self.fy,
                np.ones(len(pixels)),
            ],
            axis=1,
        )
        directions: Array = local @ self.rotation
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        return directions

    def to_plane(self, pixels: Array, z_m: float = 0.0) -> Array:
        """Intersect pixels (N, 2) with the plane z = `z_m`; (N, 2) metres, NaN where above it."""
        directions = self.ray(pixels)
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = (z_m - self.position_m[2]) / directions[:, 2]
        points: Array = self.position_m[:2] + reach[:, None] * directions[:, :2]
        points[~(reach > 0)] = np.nan
        return points

    def plane_jacobian(self, pixel: Array, z_m: float = 0.0) -> Array:
        """∂(x, y)/∂(u, v) (2×2) at `pixel` (2,) for the plane z = `z_m`, by central differences."""
        steps = np.array([[0.5, 0.0], [-0.5, 0.0], [0.0, 0.5], [0.0, -0.5]])
        points = self.to_plane(np.asarray(pixel) + steps, z_m)
        return np.stack([points[0] - points[1], points[2] - points[3]], axis=1)
