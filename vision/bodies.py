"""Two detections of one body: boxes within each other whose joints lie in the same places.

Overlap of boxes alone cannot tell them: a detector also boxes the upper half or the legs of
somebody whose whole it has found, with little overlap, while a child before its father has a box
within his and joints of its own. Left in, the second one makes a second track on one person, and
when somebody passes by, tracks change persons.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vision.detection import Array, Detection

_INSIDE = 0.6  # share of the smaller box within the other
_NEAR = 0.12  # of the greater height: joints so near to each other are one
_SAME = 0.6  # share of the joints that both show, of which there are at least
_FEWEST = 3
_SEEN = 0.3  # confidence


def one_of_each(detections: Sequence[Detection]) -> list[Detection]:
    """The detections, best first, without those of a body that a better one shows already."""
    kept: list[Detection] = []
    for one in detections:
        if not any(_of_one_body(one, better) for better in kept):
            kept.append(one)
    return kept


def _of_one_body(a: Detection, b: Detection) -> bool:
    sides = np.minimum(a.box[2:], b.box[2:]) - np.maximum(a.box[:2], b.box[:2])
    if sides.min() <= 0 or sides.prod() < _INSIDE * min(_area(a.box), _area(b.box)):
        return False
    both = (a.keypoints[:, 2] >= _SEEN) & (b.keypoints[:, 2] >= _SEEN)
    if both.sum() < _FEWEST:
        return False
    away = a.keypoints[both, :2] - b.keypoints[both, :2]
    height = max(a.box[3] - a.box[1], b.box[3] - b.box[1])
    return bool((np.hypot(away[:, 0], away[:, 1]) < _NEAR * height).mean() >= _SAME)


def _area(box: Array) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))
