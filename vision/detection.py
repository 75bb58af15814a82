"""One person in one picture, and how boxes overlap: what detectors give and trackers take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

JOINTS = 17
_FAR_PX = 1e5  # from the picture's corner; nothing that a picture shows lies beyond
# Of keypoints: x, y and a confidence that ends at 0 and 1 but for rounding.
_LEAST, _MOST = np.array([-_FAR_PX, -_FAR_PX, -0.01]), np.array([_FAR_PX, _FAR_PX, 1.01])


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """One person in one picture.

    `box` (4,) is x1, y1, x2, y2; `keypoints` (17, 3) are x, y and confidence 0…1 in COCO order;
    pixels of the original picture. Weights that know no joints give them confidence 0 at (0, 0).
    `sigma_px` (17,) are the standard deviations of the keypoints' places, where they are known.
    """

    box: Array
    score: float
    keypoints: Array
    sigma_px: Array | None = None


def sound(detections: Sequence[Detection]) -> list[Detection]:
    """The detections that can be reckoned with, in their order: foreign weights now and then say
    NaN, infinity, or a box without an inside. Of a person whose joints are such, those are unseen.
    """
    kept = []
    for one in detections:
        x1, y1, x2, y2 = one.box.tolist()
        wide = -_FAR_PX < x1 < x2 < _FAR_PX
        if math.isfinite(one.score) and wide and -_FAR_PX < y1 < y2 < _FAR_PX:
            kept.append(_with_sound_joints(one))
    return kept


def _with_sound_joints(one: Detection) -> Detection:
    joints, sigma = one.keypoints, one.sigma_px
    good = (joints > _LEAST) & (joints < _MOST)  # false for NaN
    known = np.ones(JOINTS) if sigma is None else sigma
    told = (known > 0.0) & (known < _FAR_PX)
    if good.all() and told.all():
        return one
    return replace(
        one,
        keypoints=np.where(good.all(axis=1, keepdims=True), joints, 0.0),
        sigma_px=None if sigma is None else np.where(told, sigma, np.nan),
    )


def suppress(boxes: Array, same_iou: float) -> list[int]:
    """Indices of the boxes (N, 4), best first, that no better kept box covers by `same_iou`."""
    overlap = iou(boxes, boxes)
    kept: list[int] = []
    for i in range(len(boxes)):
        if not kept or overlap[i, kept].max() < same_iou:
            kept.append(i)
    return kept


def iou(a: Array, b: Array) -> Array:
    """Intersection over union of boxes (N, 4) and (M, 4): (N, M)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0.0, None), axis=2)
    area_a, area_b = np.prod(a[:, 2:] - a[:, :2], axis=1), np.prod(b[:, 2:] - b[:, :2], axis=1)
    union: Array = area_a[:, None] + area_b[None, :] - shared
    return np.asarray(shared / np.maximum(union, 1e-9))


def iou_of_pairs(a: Array, b: Array) -> Array:
    """Intersection over union of each box of (N, 4) with that of (N, 4) in its place: (N,)."""
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    shared = np.prod(np.clip(sides, 0.0, None), axis=1)
    both = np.prod(a[:, 2:] - a[:, :2], axis=1) + np.prod(b[:, 2:] - b[:, :2], axis=1)
    return np.asarray(shared / np.maximum(both - shared, 1e-9))
