"""Where a detected person stands: floor points with covariances, from ankles, hips and shoulders.

Each part of the body is met with a horizontal plane at its usual height, which gives a floor
point whose error is stretched along the line of sight; the parts are joined by their information
(Hartley & Zisserman, ch. 6; noise model after UCMCTrack, AAAI 2024).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.kalman import inverse
from vision.rig import Rig

Array = NDArray[np.float64]

SURE = 0.5  # confidence from which a joint is taken to be where it is said to be
CALIBRATION_RAD = np.radians(0.3)
CALIBRATION_M = 0.02
_EDGE_PX = 3.0
_JOINT_PX = 2.0
_JOINT_OF_BOX = 0.012  # joint noise grows with the body's size in the picture


@dataclass(frozen=True, slots=True)
class _Part:
    """A pair of joints at a usual height; `lean_m`: how far they sway from above the feet."""

    joints: tuple[int, int]
    z_m: float
    z_sigma_m: float
    lean_m: float
    lean_of_one_m: float


_PARTS = (
    _Part((15, 16), 0.095, 0.03, 0.03, 0.16),
    _Part((11, 12), 0.895, 0.06, 0.09, 0.13),
    _Part((5, 6), 1.40, 0.09, 0.16, 0.22),
)
_JOINTS = np.array([p.joints for p in _PARTS])
_HEIGHTS = np.array([p.z_m for p in _PARTS])
_HEIGHT_VARIANCES = np.array([p.z_sigma_m**2 for p in _PARTS])
_LEAN_BOTH = np.array([p.lean_m**2 for p in _PARTS])
_LEAN_ONE = np.array([p.lean_of_one_m**2 for p in _PARTS])
_BOX_LEAN_M = 0.25
_LEAST_FALL = 0.02  # of a ray one metre deep: nearer to the horizon there is no floor
_BELOW_BOX = 0.04  # a joint that much of the box's height below it is hidden, its place a guess
_HIDDEN = 4.0  # how much noisier a guess is
_HIPS_OF_SHOULDERS = 0.25  # hips follow bent shoulders by half
_EYE = np.eye(2)


@dataclass(frozen=True, slots=True, eq=False)
class FloorPoints:
    """Floor points of N detections: `xy_m` (N, 2), `covariance` (N, 2, 2) m²; NaN where none."""

    xy_m: Array
    covariance: Array


def floor_points(
    rig: Rig,
    which: NDArray[np.intp],
    boxes: Array,
    keypoints: Array,
    sigma_px: Array | None = None,
) -> FloorPoints:
    """Floor points of detections with `boxes` (N, 4) and `keypoints` (N, 17, 3), in pixels of
    the camera `which[n]` of `rig`. `sigma_px` (N, 17) are their standard deviations, NaN or None
    where the weights do not tell.

    Boxes end where the visible body ends: joints below them are guesses, and doubted. Where no
    part of the body is sure, the middle of the box's lower edge stands for the feet,
    unless the picture cuts it off.
    """
    count = len(boxes)
    if not count:
        return FloorPoints(np.zeros((0, 2)), np.zeros((0, 2, 2)))
    size_px = rig.size_px[which]
    pairs = keypoints[:, _JOINTS]  # (N, parts, 2, 3)
    edge = (pairs[..., :2] > _EDGE_PX) & (pairs[..., :2] < size_px[:, None, None] - _EDGE_PX)
    sure = (pairs[..., 2] >= SURE) & edge[..., 0] & edge[..., 1]
    below = pairs[..., 1] - boxes[:, 3, None, None]
    hidden = (sure & (below > _BELOW_BOX * (boxes[:, 3] - boxes[:, 1])[:, None, None])).any(axis=2)
    seen = sure.sum(axis=2)
    views = np.maximum(seen, 1)
    pixels = (pairs[..., :2] * sure[..., None]).sum(axis=2) / views[..., None]
    lean = np.where(seen == 2, _LEAN_BOTH, _LEAN_ONE)
    usable = seen > 0

    only_box = ~usable.any(axis=1) & (boxes[:, 3] < size_px[:, 1] - _EDGE_PX)
    if only_box.any():
        pixels[only_box, 0, 0] = (boxes[only_box, 0] + boxes[only_box, 2]) / 2
        pixels[only_box, 0, 1] = boxes[only_box, 3]
        lean[only_box, 0] = _BOX_LEAN_M**2
        usable[only_box, 0] = True

    noise_px = np.repeat(
        _JOINT_PX + _JOINT_OF_BOX * (boxes[:, 3:] - boxes[:, 1:2]), pairs.shape[1], axis=1
    )
    if sigma_px is not None:
        squared = (np.nan_to_num(sigma_px[:, _JOINTS]) ** 2 * sure).sum(axis=2) / views
        noise_px = np.where(squared > 0, np.sqrt(squared), noise_px)
    slope, turn = _slopes(rig, which, pixels)
    usable &= np.isfinite(slope[..., 0])
    eye = rig.position_m[which]
    drop = eye[:, 2:] - _HEIGHTS
    places = eye[:, None, :2] + drop[..., None] * slope
    lean += _bend(places, usable)
    noise_px = noise_px * np.where(hidden, _HIDDEN, 1.0)
    variance = (drop * noise_px) ** 2 / views
    spread = variance[..., None, None] * (turn @ turn.swapaxes(-1, -2))
    spread += _HEIGHT_VARIANCES[:, None, None] * (slope[..., :, None] * slope[..., None, :])
    spread += lean[..., None, None] * _EYE
    spread[~usable] = _EYE
    information = inverse(spread) * usable[..., None, None]
    places[~usable] = 0.0
    total = information.sum(axis=1)
    known = usable.any(axis=1)
    total[~known] = _EYE
    covariance = inverse(total)
    xy = (covariance @ (information @ places[..., None]).sum(axis=1))[..., 0]
    covariance += _calibration(eye, xy)
    xy[~known], covariance[~known] = np.nan, np.nan
    return FloorPoints(xy, covariance)


def _bend(places: Array, usable: NDArray[np.bool_]) -> Array:
    """Variance (N, parts) added to each part by its disagreement with the part below it: who
    leans or crouches has shoulders and hips that are neither over the feet nor at their height."""
    gaps = np.where(
        usable[:, 1:] & usable[:, :-1], ((places[:, 1:] - places[:, :-1]) ** 2).sum(axis=2), 0.0
    )
    added: Array = np.zeros(places.shape[:2])
    added[:, 1:] = gaps
    added[:, 1] += _HIPS_OF_SHOULDERS * gaps[:, 1]
    return added


def _slopes(rig: Rig, which: NDArray[np.intp], pixels: Array) -> tuple[Array, Array]:
    """Floor metres travelled per metre of descent along the rays of pixels (N, M, 2), and its
    derivative by the pixel (N, M, 2, 2); NaN at and above the horizon."""
    rays = rig.rays(pixels, which)
    fall = np.where(rays[..., 2] < -_LEAST_FALL, -rays[..., 2], np.nan)
    slope = rays[..., :2] / fall[..., None]
    # A pixel (u, v) moves the ray by the camera's own axes, rows 0 and 1 of its rotation.
    axes = rig.rotation[which, :2] / rig.focal_px[which][:, :, None]  # (N, uv, xyz)
    flat = axes[:, None, :, :2].swapaxes(2, 3)  # (N, 1, xy, uv)
    turn = (flat + slope[..., :, None] * axes[:, None, None, :, 2]) / fall[..., None, None]
    stretch = rig.stretch(pixels, which)
    return slope, turn if stretch is None else turn @ stretch


def _calibration(eye: Array, xy: Array) -> Array:
    """Covariance (N, 2, 2) of what a wrongly believed camera pose does to floor points (N, 2)
    seen from `eye` (N, 3).

    From height h at ground distance d, an angle ε moves a floor point by ε·(h² + d²)/h along the
    line of sight and by ε·√(h² + d²) across it.
    """
    offset = xy - eye[:, :2]
    squared = np.maximum((offset**2).sum(axis=1), 1e-6)
    slant = eye[:, 2] ** 2 + squared
    along = (CALIBRATION_RAD * slant / eye[:, 2]) ** 2
    across = CALIBRATION_RAD**2 * slant
    stretch = ((along - across) / squared)[:, None, None]
    outer = offset[:, :, None] * offset[:, None, :]
    result: Array = stretch * outer + (across + CALIBRATION_M**2)[:, None, None] * _EYE
    return result
