"""How a person moves over the floor: along a route, with inertia, keeping apart from the others."""

from __future__ import annotations

import math
from typing import Protocol

import numba
import numpy as np
from numpy.typing import NDArray

from simulator.routes import Floorplan, Point2

Array = NDArray[np.float64]

STEP_S = 0.05
APART_M = 0.42  # bodies' middles are never nearer, unless one is held up: then one edges sideways
_APART_HELD_UP_M = ((15.0, APART_M), (15.05, 0.24), (25.0, 0.24), (45.0, 0.05))  # after so long
COMFORT_M = 0.6
_SPEED_UP = 1.4  # m/s²
_SLOW_DOWN = 3.0
_AHEAD_S = np.array([0.3, 0.7, 1.2])
_WEIGHTS = np.array([3.0, 2.0, 1.0])  # of being near somebody then
_TURNS = np.radians([0, 15, -15, 35, -35, 60, -60, 90, -90, 130, -130])
_PACES = np.array([1.0, 0.55, 0.25])
_WAYS = np.append(np.tile(_TURNS, len(_PACES)), 0.0)  # each turn at each pace, and standing still
_WAY_PACES = np.append(np.repeat(_PACES, len(_TURNS)), 0.0)
_UNBARRED_S = np.array([[STEP_S], [0.3]])
_PATIENCE_S = 0.6
_HELD_M = 0.8  # who gets no further than that is held up
_HELD_UP_S, _HELD_UP_M = np.array(_APART_HELD_UP_M).T


class Neighbour(Protocol):
    """Another body on the floor."""

    x: float
    y: float
    vx: float
    vy: float


class Walker:
    """Position, velocity and heading of one person; `step` moves them by STEP_S."""

    def __init__(
        self,
        plan: Floorplan,
        at: Point2,
        heading: float,
        pace_m_s: float,
        stride_m: float = 1.35,
    ) -> None:
        self._plan = plan
        self.x, self.y = at
        self.vx = self.vy = 0.0
        self.heading = heading
        self.stride = 0.0
        self._pace = pace_m_s
        self._stride_m = stride_m  # two steps
        self._route: list[Point2] = []
        self._stuck_s = 0.0
        self._held_s = 0.0
        self._held_at = at
        self._squeeze = False

    @property
    def at(self) -> Point2:
        return self.x, self.y

    @property
    def speed(self) -> float:
        return math.hypot(self.vx, self.vy)

    def head_for(self, goal: Point2, others: list[Neighbour], squeeze: bool = False) -> None:
        """Plan a way to `goal`; to `squeeze` in is to stand there though others stand near."""
        self._squeeze = squeeze
        standing = [(o.x, o.y) for o in others if math.hypot(o.vx, o.vy) < 0.1]
        self._route = self._plan.route(self.at, goal, standing)
        self._stuck_s = 0.0

    def step(self, others: list[Neighbour]) -> bool:
        """Walk on; true when the goal is reached."""
        self._pass_waypoints()
        target = self._route[0]
        dx, dy = target[0] - self.x, target[1] - self.y
        left = math.hypot(dx, dy)
        if len(self._route) == 1 and left < 0.05 and self._fits(target, others):
            self.x, self.y = target
            self._route = []
            self.halt()
            return True
        pace = self._pace
        if len(self._route) == 1:
            pace = min(pace, math.sqrt(1.6 * left) + 0.02, max(left / STEP_S, 0.02))
        vx, vy = self._choose(math.atan2(dy, dx), pace, others, self._room_wanted(others, left))
        self._move(vx, vy, others)
        self._held_s += STEP_S
        if math.dist(self.at, self._held_at) > _HELD_M:
            self._held_s, self._held_at = 0.0, self.at
        if self.speed < 0.3 * pace:
            self._stuck_s += STEP_S
            if self._stuck_s > _PATIENCE_S:
                self.head_for(self._route[-1], others, self._squeeze)
        else:
            self._stuck_s = 0.0
        if self.speed > 0.15:
            self.turn(math.atan2(self.vy, self.vx), 4.0)
        return False

    def halt(self) -> None:
        """Stand still."""
        self.vx = self.vy = 0.0

    def turn(self, heading: float, rate_rad_s: float = 3.5) -> bool:
        """Turn towards a heading by one step; true when facing it."""
        error = math.remainder(heading - self.heading, 2 * math.pi)
        limit = rate_rad_s * STEP_S
        self.heading = math.remainder(self.heading + max(-limit, min(limit, error)), 2 * math.pi)
        return abs(error) <= limit

    def _pass_waypoints(self) -> None:
        near_m = 0.25 if self._apart_m() == APART_M else 0.06  # round a corner closely at need
        while len(self._route) > 1:
            x, y = self._route[0]
            if math.hypot(x - self.x, y - self.y) > near_m:
                break
            self._route.pop(0)

    def _room_wanted(self, others: list[Neighbour], left_m: float) -> list[float]:
        """How far to keep from each: less from those who stand where one squeezes in or past."""
        if (apart_m := self._apart_m()) < APART_M:
            return [apart_m] * len(others)
        if not self._squeeze or len(self._route) > 1 or left_m > 1.0:
            return [COMFORT_M] * len(others)
        x, y = self._route[0]
        gaps = [math.hypot(o.x - x, o.y - y) - 0.03 for o in others]
        return [min(COMFORT_M, max(APART_M, gap)) for gap in gaps]

    def _apart_m(self) -> float:
        """How far from others one keeps in any case; a crowd must not lock for ever."""
        return float(np.interp(self._held_s, _HELD_UP_S, _HELD_UP_M))

    def _choose(
        self, towards: float, pace: float, others: list[Neighbour], wanted_m: list[float]
    ) -> Point2:
        """The velocity that leads on best without coming near anybody within a second."""
        if pace < 1e-9:
            return 0.0, 0.0
        near = [
            (o.x, o.y, o.vx, o.vy, room)
            for o, room in zip(others, wanted_m, strict=True)
            if math.hypot(o.x - self.x, o.y - self.y) < 3.0
        ]
        if not near:
            return pace * math.cos(towards), pace * math.sin(towards)
        angles, speeds = towards + _WAYS, pace * _WAY_PACES
        vx, vy = speeds * np.cos(angles), speeds * np.sin(angles)
        gain = speeds * np.cos(angles - towards) / pace
        cost = -gain + 0.15 * np.abs(np.hypot(vx - self.vx, vy - self.vy))
        cost += _lack(self.x, self.y, vx, vy, np.array(near)).sum(axis=2).sum(axis=1)
        for walkable in self._plan.is_free(self.x + vx * _UNBARRED_S, self.y + vy * _UNBARRED_S):
            cost += np.where(walkable, 0.0, 5.0)
        best = int(np.argmin(cost))
        return float(vx[best]), float(vy[best])

    def _move(self, vx: float, vy: float, others: list[Neighbour]) -> None:
        """Change the velocity as far as legs can, and go, unless that is into something."""
        change = math.hypot(vx - self.vx, vy - self.vy)
        braking = math.hypot(vx, vy) < self.speed
        limit = (_SLOW_DOWN if braking else _SPEED_UP) * STEP_S
        share = min(1.0, limit / change) if change > 0 else 1.0
        nvx, nvy = self.vx + share * (vx - self.vx), self.vy + share * (vy - self.vy)
        for goes_x, goes_y in ((nvx, nvy), (nvx, 0.0), (0.0, nvy)):
            x, y = self.x + goes_x * STEP_S, self.y + goes_y * STEP_S
            walkable = self._plan.has_room((x, y)) or not self._plan.has_room(self.at)
            if walkable and self._fits((x, y), others):
                self.x, self.y, self.vx, self.vy = x, y, goes_x, goes_y
                self.stride += 2 * math.pi * math.hypot(goes_x, goes_y) * STEP_S / self._stride_m
                return
        self.halt()

    def _fits(self, point: Point2, others: list[Neighbour]) -> bool:
        """Whether nobody is too near there, or one gets away from whoever is."""
        apart_m = self._apart_m()
        for other in others:
            gap = math.hypot(point[0] - other.x, point[1] - other.y)
            if gap < apart_m and gap <= math.hypot(self.x - other.x, self.y - other.y):
                return False
        return True


@numba.njit(cache=True)
def _lack(x: float, y: float, vx: Array, vy: Array, near: Array) -> Array:
    """What room is lacking, weighed: (ways, neighbours, moments ahead).

    `vx, vy` are the ways' velocities, `near` the neighbours' places, velocities and room wanted.
    """
    lack = np.zeros((len(vx), len(near), len(_AHEAD_S)))
    for way in range(len(vx)):
        for n in range(len(near)):
            ox, oy, ovx, ovy, room = near[n]
            for k in range(len(_AHEAD_S)):
                s = _AHEAD_S[k]
                gap = math.hypot(x + vx[way] * s - (ox + ovx * s), y + vy[way] * s - (oy + ovy * s))
                lack[way, n, k] = max(room - gap, 0.0) / COMFORT_M * _WEIGHTS[k]
    return lack
