"""Points in space from their pixels in several cameras, many points at once.

Pixels are straightened ones (`vision.people`): no lens distorts here.
Every pair of views proposes the point nearest to its two rays; the proposal that most views agree
with, by truncated reprojection error, is refined by Gauss–Newton over the views that agree
(Hartley & Zisserman, ch. 12; exhaustive RANSAC, as there are few views).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from vision.rig import Rig

Array = NDArray[np.float64]

OUTLIER = 9.0  # squared reprojection error in standard deviations
_STEPS = 2
_DAMPING = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """N triangulated points: `xyz_m` (N, 3), `covariance` (N, 3, 3) m², and `agree` (N, C), which
    cameras bear them out; fewer than two means that there is no point."""

    xyz_m: Array
    covariance: Array
    agree: NDArray[np.bool_]


class Triangulator:
    """Triangulates with the cameras of one rig."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        pairs = np.array(list(combinations(range(len(rig)), 2)), dtype=np.intp).reshape(-1, 2)
        self._first, self._second = pairs[:, 0], pairs[:, 1]

    def rays(self, pixels: Array) -> Array:
        """Unit directions (N, C, 3) in the world of pixels (N, C, 2), one per camera."""
        flat = (pixels - self._rig.centre_px) / self._rig.focal_px
        rotation = self._rig.rotation
        rays = (flat[:, :, None] @ rotation[:, :2])[:, :, 0] + rotation[:, 2]
        return np.asarray(rays / np.sqrt((rays**2).sum(axis=2, keepdims=True)))

    def triangulate(self, pixels: Array, sigma_px: Array) -> Points:
        """Points from `pixels` (N, C, 2) with noise `sigma_px` (N, C); infinite where unseen.

        Where views disagree more than the noise explains, the covariance grows (Birge's ratio).
        """
        count, cameras = sigma_px.shape
        seen = np.isfinite(sigma_px)
        weight: Array = np.where(seen, 1.0 / np.where(seen, sigma_px, 1.0) ** 2, 0.0)
        if not count or not len(self._first):
            return Points(
                np.full((count, 3), np.nan),
                np.full((count, 3, 3), np.nan),
                np.zeros((count, cameras), dtype=bool),
            )
        proposals = self._meet(self.rays(pixels))
        squared = self._errors(proposals, pixels, weight)
        votes = np.where(seen[:, None, :], np.minimum(squared, OUTLIER), 0.0).sum(axis=2)
        possible = seen[:, self._first] & seen[:, self._second]
        best = np.argmin(np.where(possible, votes, np.inf), axis=1)
        rows = np.arange(count)
        xyz = proposals[rows, best]
        agree = seen & (squared[rows, best] < OUTLIER)
        xyz, information = self._refine(xyz, pixels, weight * agree)
        agree[agree.sum(axis=1) < 2] = False
        information[~agree.any(axis=1)] = np.eye(3)
        covariance: Array = np.linalg.inv(information).astype(np.float64, copy=False)
        spread = (self._errors(xyz[:, None], pixels, weight * agree)[:, 0] * agree).sum(axis=1)
        excess = spread / np.maximum(2.0 * agree.sum(axis=1) - 3.0, 1.0)
        covariance *= np.maximum(1.0, excess)[:, None, None]
        return Points(xyz, covariance, agree)

    def _meet(self, rays: Array) -> Array:
        """Midpoints (N, P, 3) of the shortest segments between the rays of each pair of cameras."""
        u, v = rays[:, self._first], rays[:, self._second]
        base = self._rig.position_m[self._second] - self._rig.position_m[self._first]
        cosine = (u * v).sum(axis=2)
        along_u, along_v = (u * base).sum(axis=2), (v * base).sum(axis=2)
        sine = np.maximum(1.0 - cosine**2, 1e-9)
        s = np.clip((along_u - cosine * along_v) / sine, 0.0, 100.0)
        t = np.clip((cosine * along_u - along_v) / sine, 0.0, 100.0)
        ends = self._rig.position_m[self._first] + s[..., None] * u
        ends = ends + self._rig.position_m[self._second] + t[..., None] * v
        return np.asarray(ends / 2)

    def _errors(self, points: Array, pixels: Array, weight: Array) -> Array:
        """Squared reprojection errors (N, P, C) of points (N, P, 3), in standard deviations."""
        image, depth = self._project(points)
        squared = ((image - pixels[:, None]) ** 2).sum(axis=3) * weight[:, None]
        return np.where(depth > 0.1, squared, 2 * OUTLIER)

    def _project(self, points: Array) -> tuple[Array, Array]:
        local = self._local(points)
        depth = local[..., 2]
        flat = local[..., :2] / np.maximum(depth, 0.1)[..., None]
        return flat * self._rig.focal_px + self._rig.centre_px, depth

    def _local(self, points: Array) -> Array:
        """Camera coordinates (..., C, 3) of world points (..., 3)."""
        offset = points[..., None, :] - self._rig.position_m
        return np.asarray((self._rig.rotation @ offset[..., None])[..., 0])

    def _refine(self, xyz: Array, pixels: Array, weight: Array) -> tuple[Array, Array]:
        """Gauss–Newton on points (N, 3) with `weight` (N, C); also the information (N, 3, 3)."""
        information = np.zeros((len(xyz), 3, 3))
        for _ in range(_STEPS):
            local = self._local(xyz)
            depth = np.maximum(local[..., 2], 0.1)
            flat = local[..., :2] / depth[..., None]
            residual = pixels - (flat * self._rig.focal_px + self._rig.centre_px)
            scale = (self._rig.focal_px / depth[..., None])[..., None]
            jacobian = scale * (
                self._rig.rotation[None, :, :2, :]
                - flat[..., None] * self._rig.rotation[None, :, 2:, :]
            )
            weighted = jacobian * weight[..., None, None]
            information = np.einsum("ncki,nckj->nij", weighted, jacobian)
            gradient = np.einsum("ncki,nck->ni", weighted, residual)
            damped = information + _DAMPING * np.eye(3) + 1e-9
            xyz = xyz + np.linalg.solve(damped, gradient[..., None])[..., 0]
        return xyz, information
