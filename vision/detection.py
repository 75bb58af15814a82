"""One person in one picture, and how boxes overlap: what detectors give and trackers take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

JOINTS = 17


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
