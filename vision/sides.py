"""Which side of a body is its left one, agreed on between views.

A pose network takes fronts for backs now and then, and swaps all left and right joints of that
view. The line from right to left shoulder and hip, laid on the floor, must point the same way in
all views, as it did a moment ago, and to the left of where a person walks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision.detector import JOINTS
from vision.people import Joints, Person
from vision.rig import Rig

Array = NDArray[np.float64]

_LEFT, _RIGHT = np.array([5, 11]), np.array([6, 12])  # shoulders and hips
_HEIGHTS_M = np.array([1.40, 0.895])
_SURE = 0.4
_MIRRORED = np.array([0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15])
_LONGEST_M = 0.6
_WALKING_M_S = 0.5
_WALK_WEIGHT = 0.5
_MEMORY = 0.8
_ROUNDS = 3


class Sides:
    """Remembers for each tracklet which way its left side points."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._axes: dict[str, Array] = {}

    def settle(self, people: Sequence[Person], joints: Joints) -> Joints:
        """The joints with left and right exchanged in the views that had them the wrong way."""
        if not people:
            self._axes.clear()
            return joints
        axes = self._across(joints)  # (P, C, 2), zero where not seen
        remembered = np.array([self._axes.get(p.tracklet, np.zeros(2)) for p in people])
        velocity = np.array([p.velocity_m_s for p in people]).reshape(-1, 2)
        speed = np.sqrt((velocity**2).sum(axis=1, keepdims=True))
        left = np.stack([-velocity[:, 1], velocity[:, 0]], axis=1) / np.maximum(speed, 1e-6)
        known = remembered + np.where(speed > _WALKING_M_S, _WALK_WEIGHT, 0.0) * left
        agreed = known + axes.sum(axis=1)
        sign = np.ones(axes.shape[:2])
        for _ in range(_ROUNDS):
            sign = np.where((axes * agreed[:, None]).sum(axis=2) < 0, -1.0, 1.0)
            agreed = known + (sign[..., None] * axes).sum(axis=1)
        length = np.sqrt((agreed**2).sum(axis=1, keepdims=True))
        kept = _MEMORY * agreed / np.maximum(length, 1.0)
        self._axes = {p.tracklet: kept[i] for i, p in enumerate(people)}
        order = np.where((sign < 0)[..., None], _MIRRORED, np.arange(JOINTS))
        return Joints(
            np.take_along_axis(joints.pixels, order[..., None], axis=2),
            np.take_along_axis(joints.confidence, order, axis=2),
            joints.heights_px,
            None if joints.sigma_px is None else np.take_along_axis(joints.sigma_px, order, axis=2),
        )

    def _across(self, joints: Joints) -> Array:
        """Vectors (P, C, 2) on the floor from right to left, metres, shoulders and hips added."""
        pairs = np.stack([joints.pixels[:, :, _LEFT], joints.pixels[:, :, _RIGHT]], axis=3)
        flat = (pairs - self._rig.centre_px[:, None, None]) / self._rig.focal_px[:, None, None]
        rotation = self._rig.rotation[:, None]
        rays = flat @ rotation[..., :2, :] + rotation[..., 2:, :]
        drop = (self._rig.position_m[:, 2:] - _HEIGHTS_M)[..., None, None]
        slope = rays[..., :2] / np.minimum(rays[..., 2:], -0.05)
        places = -drop * slope
        across = places[..., 0, :] - places[..., 1, :]
        length = np.sqrt((across**2).sum(axis=3, keepdims=True))
        across *= np.minimum(1.0, _LONGEST_M / np.maximum(length, 1e-6))
        sure = np.minimum(joints.confidence[:, :, _LEFT], joints.confidence[:, :, _RIGHT]) >= _SURE
        return np.asarray((across * sure[..., None]).sum(axis=2))
