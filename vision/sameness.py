"""Whether a detection shows a person who stands elsewhere than the detection seems to.

Feet that a rack hides make a floor point wrong by a metre along the line of sight; the picture
itself still shows whose body it is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision.rig import Rig
from vision.view import View

Array = NDArray[np.float64]

_NEAR_M = 0.6
_FAR_M = 1.6
_BEHIND_M = 0.25
_WAIST_M = 1.0


def shows_body_of(view: View, detection: int, rig: Rig, xy_m: Array) -> NDArray[np.bool_]:
    """For people at `xy_m` (N, 2), whether the detection may be of their body (N,).

    It may where it is placed near them, or where the waist of somebody in front of its place lies
    inside its box: they would hide whoever stood there.
    """
    place = view.xy_m[detection]
    gap = np.sqrt(((xy_m - place) ** 2).sum(axis=1))
    camera = rig.index[view.camera]
    waist = rig.project(camera, np.column_stack([xy_m, np.full(len(xy_m), _WAIST_M)]))
    x1, y1, x2, y2 = view.boxes[detection]
    inside = (waist[:, 0] > x1) & (waist[:, 0] < x2) & (waist[:, 1] > y1) & (waist[:, 1] < y2)
    eye = rig.position_m[camera, :2]
    theirs = np.sqrt(((xy_m - eye) ** 2).sum(axis=1))
    before = theirs < float(np.hypot(*(place - eye))) + _BEHIND_M
    return np.asarray((gap < _NEAR_M) | (inside & before & (gap < _FAR_M)))
