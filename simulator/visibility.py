"""How many cameras have a clear view of people and of their hands, by plain geometry.

Racks are boxes that one sees into from the front alone, bodies are upright cylinders. It stands
for what decides whether vision sees somebody: the cause by which emulated vision errs more or less.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from sensors.camera import CameraModel
from sensors.store import Store

Array = NDArray[np.float64]

BODY_POINTS = (0.3, 0.6, 0.9)  # of the height
_CLEAR_POINTS = 2
_BODY_M = 0.2
_OWN_BODY_M = 0.13
_BOARD_GAP_M = 0.3  # one sees under the board above a hand about that far up


@dataclass(frozen=True, slots=True, eq=False)
class Clear:
    """Cameras with a clear view: `bodies` (N,) of each person, `hands` (N, 2) left then right."""

    bodies: NDArray[np.int64]
    hands: NDArray[np.int64]


class Sight:
    """The cameras and racks of one store."""

    def __init__(self, store: Store, cameras: Sequence[CameraModel]) -> None:
        self.cameras = [camera.id for camera in cameras]
        self._lenses = np.array([_lens(camera) for camera in cameras]).reshape(-1, 18)
        self._racks = np.array(
            [
                (
                    g.x_m,
                    g.y_m,
                    math.cos(math.radians(g.yaw_deg)),
                    math.sin(math.radians(g.yaw_deg)),
                    g.width_m,
                    g.depth_m,
                    g.height_m,
                )
                for g in store.gondolas
            ]
        ).reshape(-1, 7)

    def clear(self, bodies: Array, hands: Array, without: Sequence[str] = ()) -> Clear:
        """Clear views of `bodies` (N, 3: x, y, height) and `hands` (N, 2, 3), metres.

        Cameras named in `without` do not count.
        """
        working = np.array([camera not in without for camera in self.cameras])
        return Clear(*_count(self._lenses[working], self._racks, bodies, hands))


def _lens(camera: CameraModel) -> list[float]:
    return [
        *camera.position_m.tolist(),
        *camera.rotation.ravel().tolist(),
        camera.fx,
        camera.fy,
        camera.cx,
        camera.cy,
        float(camera.width_px),
        float(camera.height_px),
    ]


@numba.njit(cache=True)
def _count(
    lenses: Array, racks: Array, bodies: Array, hands: Array
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    count = len(bodies)
    seen_bodies = np.zeros(count, dtype=np.int64)
    seen_hands = np.zeros((count, 2), dtype=np.int64)
    for lens in lenses:
        for n in range(count):
            clear = 0
            for share in BODY_POINTS:
                point = (bodies[n, 0], bodies[n, 1], share * bodies[n, 2])
                if _is_clear(lens, racks, bodies, n, point, False):
                    clear += 1
            if clear >= _CLEAR_POINTS:
                seen_bodies[n] += 1
            for side in range(2):
                point = (hands[n, side, 0], hands[n, side, 1], hands[n, side, 2])
                if _is_clear(lens, racks, bodies, n, point, True):
                    seen_hands[n, side] += 1
    return seen_bodies, seen_hands


@numba.njit(cache=True)
def _is_clear(
    lens: Array,
    racks: Array,
    bodies: Array,
    owner: int,
    point: tuple[float, float, float],
    own_body: bool,
) -> bool:
    dx, dy, dz = point[0] - lens[0], point[1] - lens[1], point[2] - lens[2]
    depth = lens[9] * dx + lens[10] * dy + lens[11] * dz
    if depth < 0.1:
        return False
    u = lens[12] * (lens[3] * dx + lens[4] * dy + lens[5] * dz) / depth + lens[14]
    v = lens[13] * (lens[6] * dx + lens[7] * dy + lens[8] * dz) / depth + lens[15]
    if not (0 <= u < lens[16] and 0 <= v < lens[17]):
        return False
    for rack in racks:
        if _rack_hides(rack, lens, point):
            return False
    flat = dx * dx + dy * dy
    for n in range(len(bodies)):
        if n == owner and not own_body:
            continue
        radius = _OWN_BODY_M if n == owner else _BODY_M
        ax, ay = bodies[n, 0] - lens[0], bodies[n, 1] - lens[1]
        t = (ax * dx + ay * dy) / max(flat, 1e-9)
        if not 0.0 < t < 1.0:
            continue
        aside = math.hypot(ax - t * dx, ay - t * dy)
        if aside < radius and lens[2] + t * dz < bodies[n, 2]:
            return False
    return True


@numba.njit(cache=True)
def _rack_hides(rack: Array, lens: Array, point: tuple[float, float, float]) -> bool:
    """Whether a rack stands between; a point in it is seen through the front alone."""
    cx, cy = lens[0] - rack[0], lens[1] - rack[1]
    px, py = point[0] - rack[0], point[1] - rack[1]
    ca, ci = rack[2] * cx + rack[3] * cy, -rack[3] * cx + rack[2] * cy
    pa, pi = rack[2] * px + rack[3] * py, -rack[3] * px + rack[2] * py
    inside = 0 <= pa <= rack[4] and 0 <= pi <= rack[5] and 0 <= point[2] <= rack[6]
    if inside:
        if ci >= 0:
            return True
        t = pi / (pi - ci)
        along, z = pa + t * (ca - pa), point[2] + t * (lens[2] - point[2])
        return not (0 <= along <= rack[4] and z < min(point[2] + _BOARD_GAP_M, rack[6] + 0.05))
    low, high = 0.0, 1.0
    for start, end, most in ((ca, pa, rack[4]), (ci, pi, rack[5]), (lens[2], point[2], rack[6])):
        way = end - start
        if abs(way) < 1e-12:
            if not 0 <= start <= most:
                return False
            continue
        first, last = -start / way, (most - start) / way
        if first > last:
            first, last = last, first
        low, high = max(low, first), min(high, last)
    return low < high
