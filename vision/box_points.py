"""Where people stand whose boxes alone are known: floor points with covariances from boxes' edges.

The four edges of a box are compared with those of a standing body's box, and its place is found by
least squares (Gauss–Newton) through the camera's perspective; the covariance is the inverse of the
normal matrix. An edge that the picture's border cuts off says nothing. How far edges are off is
learned from how far the boxes' heights are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.kalman import inverse
from vision.rig import Rig
from vision.visibility import BODY_M, WIDTH_OF_HEIGHT

Array = NDArray[np.float64]

_HEIGHT_SIGMA_M = 0.05
_WIDTH_SIGMA = 0.12  # of the width
_SIDE_OF_LEVEL = 0.5  # side edges are so much sharper than upper and lower ones
_ROUNDING_PX = 1.0
_BORDER_PX = 1.0
_CALIBRATION_M2 = 0.05**2
_HEIGHT_SPAN = 1.6  # boxes of nobody have any height in a range of so many e-folds
_HEIGHT_DOUBT = 0.05
_MOST_MISFIT = 14.0
_DISTANCES_M = np.geomspace(1.0, 45.0, 40)
_STEPS = 4
_MOST_STEP_M = 2.0


class EdgeNoise:
    """How far the upper and lower edges of boxes are off, as a share of their height."""

    _MEMORY = 0.99
    _MOST = 0.3
    _LEAST = 0.004

    def __init__(self) -> None:
        self._count = 30.0
        self._sum = self._count * 0.03**2

    @property
    def share(self) -> float:
        """Their standard deviation."""
        return max(float(np.sqrt(self._sum / self._count)), self._LEAST)

    def learn(self, misfits: Array) -> None:
        """Learn from heights (N,) of one instant's boxes, over the bodies' heights, less one."""
        misfits = np.clip(misfits, -self._MOST, self._MOST)
        self._sum = self._MEMORY * self._sum + float((misfits**2).sum()) / 2.0
        self._count = self._MEMORY * self._count + len(misfits)


@dataclass(frozen=True, slots=True, eq=False)
class BoxPoints:
    """Floor points of N boxes: `xy_m` (N, 2), `covariance` (N, 2, 2) m²; `misfit` (N,), heights
    of boxes over those of bodies there, less one, NaN where cut off; `fit` (N,), log-likelihood
    ratios that a box with its height is of a body at its foot rather than of nobody."""

    xy_m: Array
    covariance: Array
    misfit: Array
    fit: Array


def box_points(rig: Rig, camera: int, boxes: Array, noise: float) -> BoxPoints:
    """Floor points of `boxes` (N, 4) in pixels of one camera of `rig`; `noise` is how far lower
    and upper edges are off, as a share of the height."""
    if not len(boxes):
        return BoxPoints(np.zeros((0, 2)), np.zeros((0, 2, 2)), np.zeros(0), np.zeros(0))
    edges = _Edges(rig, camera, boxes, noise)
    along = edges.bearing()[:, None, :] * _DISTANCES_M[:, None]
    tried = rig.position_m[camera, :2] + along
    residual, information = edges.compare(tried)
    best = (residual**2 * information).sum(axis=-1).argmin(axis=1)
    xy = tried[np.arange(len(boxes)), best]
    for _ in range(_STEPS):
        residual, information = edges.compare(xy[:, None])
        slope = edges.slopes(xy)
        pulled = slope * information[:, 0, :, None]
        normal = slope.swapaxes(1, 2) @ pulled + 1e-3 * np.eye(2)
        step = (inverse(normal) @ (pulled.swapaxes(1, 2) @ residual[:, 0, :, None]))[..., 0]
        length = np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-9)
        xy = xy + step * np.minimum(1.0, _MOST_STEP_M / length)
    residual, information = edges.compare(xy[:, None])
    covariance = inverse(normal) + _CALIBRATION_M2 * np.eye(2)
    misfit = (residual[:, 0, :2] ** 2 * information[:, 0, :2]).sum(axis=1)
    sigma = np.sqrt(2.0) * noise + _HEIGHT_DOUBT
    surprise = -0.5 * np.minimum(misfit, _MOST_MISFIT)
    fit = surprise + np.log(_HEIGHT_SPAN / (np.sqrt(2 * np.pi) * sigma))
    height = edges.heights(xy)
    return BoxPoints(
        xy_m=xy,
        covariance=covariance,
        misfit=np.where(edges.whole, edges.height_px / height - 1.0, np.nan),
        fit=np.where(edges.whole, fit, 0.0),
    )


class _Edges:
    """N boxes of one camera, and what they would be were the people elsewhere."""

    def __init__(self, rig: Rig, camera: int, boxes: Array, noise: float) -> None:
        self._rig, self._camera = rig, camera
        corners = _straight(rig, camera, boxes.reshape(-1, 2)).reshape(-1, 4)
        left, self._top, right, self._bottom = corners.T
        width, height = rig.size_px[camera]
        cut_left, cut_right = boxes[:, 0] <= _BORDER_PX, boxes[:, 2] >= width - 1 - _BORDER_PX
        cut_top, cut_bottom = boxes[:, 1] <= _BORDER_PX, boxes[:, 3] >= height - 1 - _BORDER_PX
        self.whole = ~(cut_top | cut_bottom)
        self.height_px = np.maximum(self._bottom - self._top, 1.0)
        half = WIDTH_OF_HEIGHT * self.height_px / 2
        sides = ~(cut_left | cut_right)
        self._middle = np.where(
            cut_left & ~cut_right, right - half, np.where(cut_right & ~cut_left, left + half, 0.0)
        )
        self._middle = np.where(cut_left == cut_right, (left + right) / 2, self._middle)
        self._width = right - left
        level = (noise * self.height_px + _ROUNDING_PX) ** 2
        side = (_SIDE_OF_LEVEL * noise * self.height_px + _ROUNDING_PX) ** 2
        self._level = level
        self._cut_top, self._foot = cut_top, np.where(cut_bottom, 0.0, 1.0 / level)
        self._across = 1.0 / np.where(sides, side / 2, side + (_WIDTH_SIGMA * half) ** 2)
        spread = 2 * side + (2 * _WIDTH_SIGMA * half) ** 2
        self._breadth = np.where(sides, 1.0 / spread, 0.0)

    def bearing(self) -> Array:
        """Unit directions (N, 2) on the floor in which the boxes lie."""
        rig, c = self._rig, self._camera
        middle = np.stack([self._middle, (self._top + self._bottom) / 2], axis=1)
        flat = (middle - rig.centre_px[c]) / rig.focal_px[c]
        ray = flat @ rig.rotation[c, :2] + rig.rotation[c, 2]
        flat_ray: Array = ray[:, :2] / np.linalg.norm(ray[:, :2], axis=1, keepdims=True)
        return flat_ray

    def compare(self, xy: Array) -> tuple[Array, Array]:
        """Residuals and information (N, M, 4) of lower edge, upper edge, middle and width, were
        the bodies at `xy` (N, M, 2)."""
        foot, head = self._pixels(xy, 0.0), self._pixels(xy, BODY_M)
        height = np.maximum(foot[..., 1] - head[..., 1], 1.0)
        residual = np.stack(
            [
                self._bottom[:, None] - foot[..., 1],
                self._top[:, None] - head[..., 1],
                self._middle[:, None] - (foot[..., 0] + head[..., 0]) / 2,
                self._width[:, None] - WIDTH_OF_HEIGHT * height,
            ],
            axis=-1,
        )
        information = np.empty_like(residual)
        information[..., 0] = self._foot[:, None]
        tall = height * (_HEIGHT_SIGMA_M / BODY_M)
        information[..., 1] = np.where(
            self._cut_top[:, None], 0.0, 1.0 / (self._level[:, None] + tall**2)
        )
        information[..., 2] = self._across[:, None]
        information[..., 3] = self._breadth[:, None]
        return residual, information

    def slopes(self, xy: Array) -> Array:
        """How the four move (N, 4, 2) with the bodies' places (N, 2)."""
        foot, head = self._turn(xy, 0.0), self._turn(xy, BODY_M)
        return np.stack(
            [
                foot[:, 1],
                head[:, 1],
                (foot[:, 0] + head[:, 0]) / 2,
                WIDTH_OF_HEIGHT * (foot[:, 1] - head[:, 1]),
            ],
            axis=1,
        )

    def heights(self, xy: Array) -> Array:
        """Heights (N,) of bodies at `xy` (N, 2) in the picture."""
        tall: Array = self._pixels(xy, 0.0)[:, 1] - self._pixels(xy, BODY_M)[:, 1]
        return np.maximum(tall, 1.0)

    def _local(self, xy: Array, z_m: float) -> Array:
        rig, c = self._rig, self._camera
        flat = (xy - rig.position_m[c, :2]) @ rig.rotation[c, :, :2].T
        local: Array = flat + (z_m - rig.position_m[c, 2]) * rig.rotation[c, :, 2]
        local[..., 2] = np.maximum(local[..., 2], 0.05)
        return local

    def _pixels(self, xy: Array, z_m: float) -> Array:
        rig, c = self._rig, self._camera
        local = self._local(xy, z_m)
        return np.asarray(local[..., :2] / local[..., 2:] * rig.focal_px[c] + rig.centre_px[c])

    def _turn(self, xy: Array, z_m: float) -> Array:
        """Derivatives (N, 2, 2) of pixels by places."""
        rig, c = self._rig, self._camera
        local = self._local(xy, z_m)
        flat = local[:, :2] / local[:, 2:]
        axes = rig.rotation[c, :2, :2] - flat[..., None] * rig.rotation[c, 2, :2]
        return np.asarray(axes / local[:, 2:, None] * rig.focal_px[c][:, None])


def _straight(rig: Rig, camera: int, pixels: Array) -> Array:
    """Pixels (N, 2) as a lens without distortion would have put them."""
    if not rig.radial.any():
        return pixels
    every = np.repeat(pixels[None, None], len(rig), axis=1)
    return np.asarray(rig.straightened(every)[0, camera])
