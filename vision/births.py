"""New people: detections that no track took, joined across cameras where they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision import kalman
from vision.appearance import blend, same_person
from vision.detector import iou
from vision.rig import Rig
from vision.sameness import shows_body_of
from vision.view import View

Array = NDArray[np.float64]

_AGREE = 11.0  # squared Mahalanobis distance between two cameras' floor points of one person
_ONE_BODY_IOU = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Birth:
    """A place (2,) with covariance (2, 2) where detections (camera, index) agree on a person."""

    xy_m: Array
    covariance: Array
    colours: Array
    members: tuple[tuple[str, int], ...]


def find_births(
    views: Sequence[View],
    owners: dict[str, NDArray[np.intp]],
    rig: Rig,
    mean: Array,
    sure_score: float,
) -> list[Birth]:
    """Group the sure detections without owner, best first.

    A detection that shows the body of a track (states `mean` (N, 4)) begins nobody.
    """
    left: list[tuple[float, int, int]] = []
    for v, view in enumerate(views):
        owner = owners[view.camera]
        for d in np.flatnonzero((owner < 0) & view.placed & (view.scores >= sure_score)).tolist():
            if not _explained(view, owner, d, rig, mean):
                left.append((-float(view.scores[d]), v, d))
    left.sort()
    births: list[Birth] = []
    used: set[tuple[int, int]] = set()
    for _, v, d in left:
        if (v, d) in used:
            continue
        group = [(v, d)]
        xy, covariance = views[v].xy_m[d], views[v].covariance[d]
        looks = views[v].colours[d]
        for w in sorted({w for _, w, _ in left} - {v}):
            options = [e for _, u, e in left if u == w and (w, e) not in used]
            costs = [_disagreement(xy, covariance, looks, views[w], e) for e in options]
            if costs and min(costs) < _AGREE:
                e = options[costs.index(min(costs))]
                group.append((w, e))
                xy, covariance = _join(xy, covariance, views[w].xy_m[e], views[w].covariance[e])
                looks = blend(looks, views[w].colours[e], 0.5)
        used.update(group)
        members = tuple((views[w].camera, e) for w, e in group)
        births.append(Birth(xy, covariance, looks, members))
    return births


def _explained(view: View, owner: NDArray[np.intp], detection: int, rig: Rig, mean: Array) -> bool:
    """Whether a detection shows a track that the camera does not show elsewhere, badly placed, or
    repeats the one that it does."""
    shows = shows_body_of(view, detection, rig, mean[:, :2])
    for track in np.flatnonzero(shows).tolist():
        own = np.flatnonzero(owner == track)
        if not len(own):
            return True
        boxes = view.boxes[[detection, int(own[0])]]
        if iou(boxes[:1], boxes[1:])[0, 0] >= _ONE_BODY_IOU:
            return True
    return False


def _disagreement(xy: Array, covariance: Array, looks: Array, view: View, detection: int) -> float:
    """Squared Mahalanobis distance of two places, raised where the clothes differ."""
    gap = view.xy_m[detection] - xy
    squared = float(gap @ kalman.inverse(covariance + view.covariance[detection]) @ gap)
    alike = float(same_person(looks[None], view.colours[detection][None])[0, 0])
    return squared - min(0.0, alike)


def _join(xy_a: Array, cov_a: Array, xy_b: Array, cov_b: Array) -> tuple[Array, Array]:
    info_a, info_b = kalman.inverse(cov_a), kalman.inverse(cov_b)
    covariance = kalman.inverse(info_a + info_b)
    return covariance @ (info_a @ xy_a + info_b @ xy_b), covariance
