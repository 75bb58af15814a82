"""One tracked person in all views at once: what hands and self-calibration both start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.detector import JOINTS
from vision.rig import Rig
from vision.view import View

Array = NDArray[np.float64]

_EDGE_PX = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """A tracklet with its floor point (2,), velocity (2,), and its detection in each camera that
    sees it."""

    tracklet: str
    xy_m: Array
    velocity_m_s: Array
    detections: dict[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Joints:
    """Joints of P people in C cameras: `pixels` (P, C, 17, 2), straightened as if no lens
    distorted, `confidence` (P, C, 17), zero where unseen or outside the picture, and `heights_px`
    (P, C) of their boxes; `sigma_px` (P, C, 17) standard deviations, NaN where weights do not tell.
    """

    pixels: Array
    confidence: Array
    heights_px: Array
    sigma_px: Array | None = None


def gather(people: Sequence[Person], views: Sequence[View], rig: Rig) -> Joints:
    """Bring the detections of `people` in `views` together."""
    joints = np.zeros((len(people), len(rig), JOINTS, 3))
    heights = np.zeros((len(people), len(rig)))
    sigma = np.full((len(people), len(rig), JOINTS), np.nan)
    for view in views:
        c = rig.index[view.camera]
        for p, person in enumerate(people):
            d = person.detections.get(view.camera)
            if d is not None:
                joints[p, c] = view.keypoints[d]
                heights[p, c] = view.boxes[d, 3] - view.boxes[d, 1]
                if view.sigma_px is not None:
                    sigma[p, c] = view.sigma_px[d]
    pixels = joints[..., :2]
    inside = (pixels > _EDGE_PX) & (pixels < rig.size_px[:, None] - _EDGE_PX)
    confidence = np.where(inside[..., 0] & inside[..., 1], joints[..., 2], 0.0)
    return Joints(rig.straightened(pixels), confidence, heights, sigma)
