"""Two tracks on one person: found because no camera ever shows both at once.

A second track would share the person's picks and harm who-took-what, so the younger one ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from vision.detector import iou
from vision.rig import Rig
from vision.sameness import shows_body_of
from vision.view import View

Array = NDArray[np.float64]
Owned = Sequence[tuple[View, NDArray[np.intp]]]

_NEAR_M = 0.35
_APART_M = 1.6
_PATIENCE_S = 0.7
_CERTAIN_S = 3.0
_ONE_BODY_IOU = 0.55


class Duplicates:
    """Counts, per pair of tracks, for how long nothing told them apart; less the time for which
    they were seen to be two, so that two people who have long been known stay two."""

    EVIDENCE: ClassVar[float] = 6.0  # log-likelihood ratio that merged tracks are one person

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._together_s: dict[tuple[str, str], float] = {}

    def find(
        self,
        dt_s: float,
        ids: Sequence[str],
        xy_m: Array,
        owned: Owned,
    ) -> list[tuple[int, int]]:
        """Pairs (keep, drop) of indices to merge, the older kept.

        `xy_m` (N, 2) runs in parallel with `ids`, oldest first; `owned` is each camera's view
        with the track index of each of its detections.
        """
        if len(ids) < 2:
            self._together_s.clear()
            return []
        gap = np.sqrt(((xy_m[:, None] - xy_m[None]) ** 2).sum(axis=2))
        counted: dict[tuple[str, str], float] = {}
        merged: list[tuple[int, int]] = []
        gone: set[int] = set()
        for i, j in np.argwhere(np.triu(np.ones_like(gap), 1)).tolist():
            pair = (ids[i], ids[j])
            together_s = self._together_s.get(pair, 0.0)
            if gap[i, j] >= _APART_M:
                together_s -= dt_s
            elif told_apart(i, j, owned):
                together_s = min(together_s, _PATIENCE_S) - 2.0 * dt_s
            elif gap[i, j] < _NEAR_M or self._shadows(i, j, xy_m, owned):
                together_s += dt_s
            if together_s > _PATIENCE_S and i not in gone and j not in gone:
                merged.append((i, j))
                gone.add(j)
            else:
                counted[pair] = max(together_s, -_CERTAIN_S)
        self._together_s = counted
        return merged

    def _shadows(self, i: int, j: int, xy_m: Array, owned: Owned) -> bool:
        """Whether all that cameras show of track j may be the body of track i."""
        shown = [
            bool(shows_body_of(view, int(d), self._rig, xy_m[i : i + 1])[0])
            for view, owner in owned
            for d in np.flatnonzero(owner == j)
        ]
        return bool(shown) and all(shown)


def told_apart(i: int, j: int, owned: Owned) -> bool:
    """Whether a camera shows both tracks as two bodies now."""
    for view, owner in owned:
        first, second = np.flatnonzero(owner == i), np.flatnonzero(owner == j)
        if len(first) and len(second):
            boxes = view.boxes
            if iou(boxes[first[:1]], boxes[second[:1]])[0, 0] < _ONE_BODY_IOU:
                return True
    return False
