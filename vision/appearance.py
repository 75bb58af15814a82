"""What clothes look like: the middle colours of torso and thighs, to tell near people apart.

It lives in the worker's memory, is forgotten with the tracklet, and says nothing of who anyone is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision.frame import Picture

Array = NDArray[np.float64]

COLOURS = 6  # brightness, red−green, yellow−blue of torso, then of thighs; 0…1
_SURE = 0.4
_SAME_SIGMA = np.array([0.09, 0.05, 0.05] * 2)
_OTHER_SIGMA = np.array([0.30, 0.22, 0.22] * 2)
_CURVATURE = 0.5 / _SAME_SIGMA**2 - 0.5 / _OTHER_SIGMA**2
_AGREEMENT = np.log(_OTHER_SIGMA / _SAME_SIGMA)
_MOST_EVIDENCE = 6.0

_CORNERS = np.array([[5, 6, 11, 12], [11, 12, 13, 14]])  # of torso and of thighs
_ACROSS, _DOWN = np.tile(np.linspace(0.2, 0.8, 5), 6), np.repeat(np.linspace(0.1, 0.9, 6), 5)
# Where the samples lie between the four joints of torso and legs: (samples, 4) weights.
_TORSO_GRID = np.stack(
    [(1 - _ACROSS) * (1 - _DOWN), _ACROSS * (1 - _DOWN), (1 - _ACROSS) * _DOWN, _ACROSS * _DOWN],
    axis=1,
)
_ALONG = np.linspace(0.1, 0.9, 15)
_LEG_GRID = np.zeros((30, 4))
_LEG_GRID[:15, 0], _LEG_GRID[:15, 2] = 1 - _ALONG, _ALONG
_LEG_GRID[15:, 1], _LEG_GRID[15:, 3] = 1 - _ALONG, _ALONG
_GRIDS = np.stack([_TORSO_GRID, _LEG_GRID])


def colours(pictures: Sequence[Picture], counts: Sequence[int], keypoints: Array) -> Array:
    """Colours (N, 6) of detections with `keypoints` (N, 17, 3), the first `counts[0]` of them in
    `pictures[0]`, and so on; NaN where not seen."""
    if not len(keypoints):
        return np.full((0, COLOURS), np.nan)
    corners = keypoints[:, _CORNERS]  # (N, 2, 4, 3)
    at = (_GRIDS @ corners[..., :2]).astype(np.intp)
    samples = np.empty((*at.shape[:3], 3), dtype=np.uint8)
    start = 0
    for picture, count in zip(pictures, counts, strict=True):
        own = slice(start, start + count)
        start += count
        columns = at[own, ..., 0].clip(0, picture.shape[1] - 1)
        rows = at[own, ..., 1].clip(0, picture.shape[0] - 1)
        samples[own] = picture[rows, columns]
    half = samples.shape[2] // 2
    middle = np.partition(samples, half, axis=2)[:, :, half].astype(np.float64) / 255
    r, g, b = middle[..., 0], middle[..., 1], middle[..., 2]
    opponent = np.stack([(r + g + b) / 3, r - g, (r + g) / 2 - b], axis=2)
    opponent[corners[..., 2].min(axis=2) < _SURE] = np.nan
    return opponent.reshape(-1, COLOURS)


def same_person(a: Array, b: Array) -> Array:
    """Log-likelihood ratios (N, M) that colours (N, 6) and (M, 6) are one person's clothes rather
    than two people's; 0 where neither torso nor thighs were seen by both."""
    ratio = _AGREEMENT - _CURVATURE * (a[:, None] - b[None]) ** 2
    total: Array = np.where(np.isnan(ratio), 0.0, ratio).sum(axis=2)
    return np.clip(total, -_MOST_EVIDENCE, _MOST_EVIDENCE)


def blend(old: Array, new: Array, share: float) -> Array:
    """Remember colours (N, 6): move `old` towards `new` by `share`, where both are known."""
    mixed = np.where(np.isnan(old), new, old + share * (new - old))
    return np.where(np.isnan(mixed), old, mixed)
