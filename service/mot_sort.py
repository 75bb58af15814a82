"""SORT as published (Bewley et al., ICIP 2016), on filterpy: a yardstick, not a part of the store.

One filterpy filter per track with the paper's state (centre, area, aspect and three rates) and
noises, Hungarian assignment on IoU.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Array = NDArray[np.float64]

_LEAST_IOU = 0.3
_MAX_AGE = 30
_MIN_HITS = 3


class Sort:
    """Owns the tracks of one sequence. Raises ImportError where filterpy is missing."""

    def __init__(self) -> None:
        from filterpy.kalman import KalmanFilter  # noqa: PLC0415

        self._filter = KalmanFilter
        self._tracks: list[_Track] = []
        self._ids = itertools.count(1)
        self._frame = 0

    def step(self, boxes: Array) -> Array:
        """Rows (M, 6) of id, left, top, width, height, score for boxes (K, 5) of a frame."""
        self._frame += 1
        for track in self._tracks:
            track.predict()
        self._tracks = [one for one in self._tracks if np.isfinite(one.box()).all()]
        overlap = _iou(np.array([one.box() for one in self._tracks]).reshape(-1, 4), boxes[:, :4])
        rows, columns = linear_sum_assignment(-overlap)
        free = set(range(len(boxes)))
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            if overlap[row, column] >= _LEAST_IOU:
                self._tracks[row].update(boxes[column])
                free.discard(column)
        self._tracks += [
            _Track(self._filter(dim_x=7, dim_z=4), boxes[i], next(self._ids)) for i in sorted(free)
        ]
        self._tracks = [one for one in self._tracks if one.unseen <= _MAX_AGE]
        shown = [
            [one.id, *one.box(), one.score]
            for one in self._tracks
            if one.unseen == 0 and (one.streak >= _MIN_HITS or self._frame <= _MIN_HITS)
        ]
        return np.array(shown, dtype=np.float64).reshape(-1, 6)


class _Track:
    def __init__(self, kalman: Any, box: Array, number: int) -> None:
        kalman.F = np.eye(7) + np.eye(7, k=4)
        kalman.H = np.eye(4, 7)
        kalman.R[2:, 2:] *= 10.0
        kalman.P[4:, 4:] *= 1000.0
        kalman.P *= 10.0
        kalman.Q[-1, -1] *= 0.01
        kalman.Q[4:, 4:] *= 0.01
        kalman.x[:4, 0] = _measured(box)
        self.kalman, self.id, self.score = kalman, number, float(box[4])
        self.unseen, self.streak = 0, 0

    def predict(self) -> None:
        if self.kalman.x[6, 0] + self.kalman.x[2, 0] <= 0:
            self.kalman.x[6, 0] = 0.0
        self.kalman.predict()
        self.streak = 0 if self.unseen else self.streak
        self.unseen += 1

    def update(self, box: Array) -> None:
        self.unseen = 0
        self.streak += 1
        self.score = float(box[4])
        self.kalman.update(_measured(box).reshape(4, 1))

    def box(self) -> list[float]:
        x, y, area, aspect = self.kalman.x[:4, 0].tolist()
        width = float(np.sqrt(area * aspect)) if area * aspect > 0 else np.nan
        return [x - width / 2, y - area / width / 2, width, area / width]


def _measured(box: Array) -> Array:
    x, y, w, h = box[:4]
    return np.array([x + w / 2, y + h / 2, w * h, w / h])


def _iou(a: Array, b: Array) -> Array:
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum((a[:, :2] + a[:, 2:])[:, None], (b[:, :2] + b[:, 2:])[None])
    both = np.clip(high - low, 0, None).prod(axis=2)
    union = a[:, 2:].prod(axis=1)[:, None] + b[:, 2:].prod(axis=1)[None] - both
    ratio: Array = both / np.maximum(union, 1e-9)
    return ratio
