"""Nobody stands in a rack: tracks that drift into one are held before it.

A track whose person is hidden goes on as they last walked, and floor points of half-hidden people
err along the line of sight. Either may lead into a rack; from there a track finds nobody again,
and its person goes to a neighbour's track. The estimate is projected onto where it can be (Simon,
Kalman filtering with state constraints, IET Control Theory 2010); its covariance stays, as a place
that had to be corrected is no surer for it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision.site import Site

Array = NDArray[np.float64]

_BODY_M = 0.1  # of a rack nobody's middle comes nearer
_STEP_M = 0.3  # how wide it must be beside a rack for somebody to stand there
_BACK_ROOM_M = 1.0  # behind racks along the edge of the floor, so far, there is nobody either
_FRONT = np.array([False, True, False, False])  # of left end, front, right end, back


class Racks:
    """The racks of one site, and the sides by which each can be left: those with floor beside
    them. A rack without any, and the room behind one at a wall, are left by its front."""

    def __init__(self, site: Site) -> None:
        racks = site.gondolas
        angle = np.radians([g.yaw_deg for g in racks])
        along = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        into = np.stack([-along[:, 1], along[:, 0]], axis=1)
        size = np.array([(g.width_m, g.depth_m) for g in racks]).reshape(-1, 2)
        self._axes = np.stack([along, into], axis=1)  # (R, 2, xy)
        self._corner = np.array([(g.x_m, g.y_m) for g in racks]).reshape(-1, 2)
        self._low, self._high = np.full_like(size, -_BODY_M), size + _BODY_M
        floor = site.floor
        low, high = (floor.x_min_m, floor.y_min_m), (floor.x_max_m, floor.y_max_m)
        middle = np.zeros((len(racks), 4, 2))  # a step beyond each side
        middle[:, :2] = size[:, None] / 2 * (1 - np.eye(2)) - _STEP_M * np.eye(2)
        middle[:, 2:] = size[:, None] / 2 * (1 + np.eye(2)) + _STEP_M * np.eye(2)
        beside = self._corner[:, None] + middle @ self._axes
        on_floor = ((beside > low) & (beside < high)).all(axis=2)
        free = [[not self._within(place[None]).any() for place in four] for four in beside]
        self._open = on_floor & np.array(free, dtype=np.bool_).reshape(-1, 4)
        self._open[~self._open.any(axis=1)] = _FRONT
        self._high[~self._open[:, 3], 1] -= _BODY_M  # what is behind it is the other's
        self._back = self._high[:, 1].copy()
        self._high[~on_floor[:, 3], 1] += _BACK_ROOM_M

    def keep_out(self, mean: Array) -> None:
        """Move states (N, 4), places and velocities, that are in racks out of them, by the nearest
        open side, and stop them from walking on into it."""
        for n, r in np.argwhere(self._within(mean[:, :2])).tolist():
            local = self._axes[r] @ (mean[n, :2] - self._corner[r])
            depths = np.concatenate([local - self._low[r], self._high[r] - local])
            if depths.min() <= 0.0:
                continue  # the rack beside it let go of it
            out = self._open[r] & (_FRONT if local[1] > self._back[r] else True)
            side = int(np.where(out, depths, np.inf).argmin())
            outward = self._axes[r, side % 2] * (-1.0 if side < 2 else 1.0)
            mean[n, :2] += depths[side] * outward
            mean[n, 2:] -= min(0.0, mean[n, 2:] @ outward) * outward

    def _within(self, xy_m: Array) -> NDArray[np.bool_]:
        """Whether places (N, 2) are in each rack, or nearer than a body can be: (N, R)."""
        local = np.einsum("rij,nrj->nri", self._axes, xy_m[:, None] - self._corner)
        return np.asarray(((local > self._low) & (local < self._high)).all(axis=2))
