"""Corrects the believed camera poses from the people who walk through the store.

A joint that several cameras see lies at one point, and ankles lie near the floor; what
contradicts this is put down to small turns and shifts of the cameras. Bundle adjustment with the
points eliminated (Triggs et al., 1999, §6), linear about the belief and held to it by its prior.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision.floor import CALIBRATION_M, CALIBRATION_RAD
from vision.people import Joints
from vision.rig import Rig
from vision.triangulation import Triangulator

Array = NDArray[np.float64]

PARAMETERS = 6  # per camera: turn about its own axes in radians, shift in the store in metres
_JOINTS = np.array([5, 6, 11, 12, 13, 14, 15, 16])  # shoulders to ankles
_ANKLES = np.array([6, 7])  # among them
_ANKLE_Z_M, _ANKLE_SIGMA_M = 0.095, 0.04
_SURE = 0.6
_NOISE_PX = 4.0
_NOISE_OF_BOX = 0.02
_REPEATS = 6.0  # successive looks at one person err alike: so many count as one
_EVERY_NS = 500_000_000
_MOST_LOOKS = 3000.0  # older looks fade, so that a camera that is moved is learned anew


class SelfCalibration:
    """Keeps the corrections of `rig`, which it rewrites in place, against a fixed belief."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._belief = rig.copy()
        self._triangulator = Triangulator(self._belief)
        count = len(rig)
        sigma = np.tile([*[CALIBRATION_RAD] * 3, *[CALIBRATION_M] * 3], count)
        self._prior: Array = np.diag(1.0 / sigma**2)
        self._information = np.zeros_like(self._prior)
        self._vector = np.zeros(len(sigma))
        self._looked_ns: int | None = None
        self.corrections = np.zeros((count, PARAMETERS))

    def look(self, at_ns: int, joints: Joints) -> None:
        """Learn from people's joints at `at_ns`; most calls do nothing, looks are half a second
        apart."""
        if self._looked_ns is not None and at_ns - self._looked_ns < _EVERY_NS:
            return
        pixels = joints.pixels[:, :, _JOINTS].swapaxes(1, 2)
        confidence = joints.confidence[:, :, _JOINTS].swapaxes(1, 2)
        noise = (_NOISE_PX + _NOISE_OF_BOX * joints.heights_px)[:, None]
        sigma = np.where(confidence >= _SURE, noise, np.inf)
        rows = np.flatnonzero((np.isfinite(sigma).sum(axis=2) >= 2).ravel())
        if not len(rows):
            return
        self._looked_ns = at_ns
        ankle = np.isin(rows % len(_JOINTS), _ANKLES)
        count = len(self._rig)
        self._learn(pixels.reshape(-1, count, 2)[rows], sigma.reshape(-1, count)[rows], ankle)
        solution = np.linalg.solve(self._prior + self._information, self._vector)
        self.corrections[:] = solution.reshape(-1, PARAMETERS)
        self._apply()

    def _learn(self, pixels: Array, sigma_px: Array, ankle: NDArray[np.bool_]) -> None:
        belief = self._belief
        points = self._triangulator.triangulate(pixels, sigma_px)
        kept = points.agree.any(axis=1)
        if not kept.any():
            return
        xyz, agree, ankle = points.xyz_m[kept], points.agree[kept], ankle[kept]
        pixels, sigma_px = pixels[kept], sigma_px[kept]
        weight = np.where(agree, 1.0 / np.where(agree, sigma_px, 1.0) ** 2, 0.0) / _REPEATS
        local = (belief.rotation @ (xyz[:, None, :] - belief.position_m)[..., None])[..., 0]
        depth = np.maximum(local[..., 2], 0.1)
        flat = local[..., :2] / depth[..., None]
        residual = pixels - (flat * belief.focal_px + belief.centre_px)
        project = np.zeros((*local.shape[:2], 2, 3))
        project[..., 0, 0] = project[..., 1, 1] = 1.0
        project[..., 2] = -flat
        project *= (belief.focal_px / depth[..., None])[..., None]
        by_point = project @ belief.rotation
        by_camera = np.concatenate([-project @ _cross(local), -by_point], axis=3)
        floor = np.where(ankle, 1.0 / (_REPEATS * _ANKLE_SIGMA_M**2), 0.0)

        weighted = by_camera * weight[..., None, None]
        inner = np.einsum("ncki,nckj,nc->nij", by_point, by_point, weight) + 1e-9 * np.eye(3)
        inner[:, 2, 2] += floor
        pull = np.einsum("ncki,nck,nc->ni", by_point, residual, weight)
        pull[:, 2] += floor * (_ANKLE_Z_M - xyz[:, 2])
        mixed = np.einsum("ncki,nckj->ncij", weighted, by_point).reshape(len(xyz), -1, 3)
        solved = mixed @ np.linalg.inv(inner)
        information = -np.einsum("nai,nbi->ab", solved, mixed)
        for c in range(len(belief)):
            own = slice(c * PARAMETERS, (c + 1) * PARAMETERS)
            information[own, own] += np.einsum("nki,nkj->ij", weighted[:, c], by_camera[:, c])
        fade = 1.0 - 1.0 / _MOST_LOOKS
        vector = np.einsum("ncki,nck->ci", weighted, residual).ravel()
        self._information = fade * self._information + information
        self._vector = fade * self._vector + vector - np.einsum("nai,ni->a", solved, pull)

    def _apply(self) -> None:
        for c, correction in enumerate(self.corrections):
            self._rig.rotation[c] = turn(correction[:3]) @ self._belief.rotation[c]
            self._rig.position_m[c] = self._belief.position_m[c] + correction[3:]


def turn(vector: Array) -> Array:
    """The rotation (3, 3) by |vector| radians about `vector` (3,), by Rodrigues' formula."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-12:
        return np.eye(3)
    cross = _cross(vector / angle)
    turned: Array = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return turned


def _cross(vectors: Array) -> Array:
    """Matrices (..., 3, 3) whose product with a vector is the cross product."""
    result = np.zeros((*vectors.shape, 3))
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    result[..., 0, 1], result[..., 0, 2] = -z, y
    result[..., 1, 0], result[..., 1, 2] = z, -x
    result[..., 2, 0], result[..., 2, 1] = -y, x
    return result
