"""What one camera saw at one instant, as arrays that the tracker can work on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.appearance import colours
from vision.detector import JOINTS, Detection, iou
from vision.floor import floor_points
from vision.frame import Picture
from vision.rig import Rig

Array = NDArray[np.float64]

_CLEAR_IOU = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """N detections of one camera.

    `scores` (N,), `boxes` (N, 4) and `keypoints` (N, 17, 3) in pixels; `xy_m` (N, 2) and
    `covariance` (N, 2, 2) their floor points; `placed` (N,) whether they have one; `colours`
    (N, 6); `clear` (N,) whether no other box covers much of theirs; `fit` (N,) log-likelihood
    ratios that the boxes are of a person's size at their places, if that was weighed; `sigma_px`
    (N, 17) standard deviations of the keypoints, NaN where the weights do not tell.
    """

    camera: str
    scores: Array
    boxes: Array
    keypoints: Array
    xy_m: Array
    covariance: Array
    placed: NDArray[np.bool_]
    colours: Array
    clear: NDArray[np.bool_]
    fit: Array | None = None
    sigma_px: Array | None = None


def views_of(rig: Rig, seen: Sequence[tuple[str, Picture, Sequence[Detection]]]) -> list[View]:
    """One view for each camera in `seen`: its id, picture and detections; computed together."""
    counts = [len(detections) for _, _, detections in seen]
    total = sum(counts)
    everyone = [d for _, _, detections in seen for d in detections]
    which = np.repeat([rig.index[camera] for camera, _, _ in seen], counts).astype(np.intp)
    boxes = np.array([d.box for d in everyone], dtype=np.float64).reshape(total, 4)
    keypoints = np.array([d.keypoints for d in everyone], dtype=np.float64)
    keypoints = keypoints.reshape(total, JOINTS, 3)
    scores = np.array([d.score for d in everyone], dtype=np.float64)
    unknown = np.full(JOINTS, np.nan)
    sigma = np.array([unknown if d.sigma_px is None else d.sigma_px for d in everyone])
    sigma = sigma.reshape(total, JOINTS)
    points = floor_points(rig, which, boxes, keypoints, sigma)
    placed = np.isfinite(points.xy_m[:, 0])
    looks = colours([picture for _, picture, _ in seen], counts, keypoints)
    overlap = iou(boxes, boxes)
    overlap[(which[:, None] != which) | np.eye(total, dtype=bool)] = 0.0
    clear = overlap.max(axis=1, initial=0.0) < _CLEAR_IOU
    views, start = [], 0
    for (camera, _, _), count in zip(seen, counts, strict=True):
        own = slice(start, start + count)
        start += count
        views.append(
            View(
                camera=camera,
                scores=scores[own],
                boxes=boxes[own],
                keypoints=keypoints[own],
                xy_m=points.xy_m[own],
                covariance=points.covariance[own],
                placed=placed[own],
                colours=looks[own],
                clear=clear[own],
                sigma_px=sigma[own],
            )
        )
    return views
