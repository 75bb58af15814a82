"""How a person moves over the floor: along a route, with inertia, keeping apart from the others."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from simulator.routes import Floorplan, Point2

Array = NDArray[np.float64]

STEP_S = 0.05
APART_M = 0.42  # bodies' middles are never nearer
COMFORT_M = 0.6
STRIDE_M = 1.35  # two steps
_SPEED_UP = 1.4  # m/s²
_SLOW_DOWN = 3.0
_AHEAD_S = np.array([0.3, 0.7, 1.2])
_TURNS = np.radians([0, 15, -15, 35, -35, 60, -60, 90, -90, 130, -130])
_PACES = np.array([1.0, 0.55, 0.25])
_PATIENCE_S = 0.6


class Neighbour(Protocol):
    """Another body on the floor."""

    x: float
    y: float
    vx: float
    vy: float


class Walker:
    """Position, velocity and heading of one person; `step` moves them by STEP_S."""

    def __init__(self, plan: Floorplan, at: Point2, heading: float, pace_m_s: float) -> None:
        self._plan = plan
        self.x, self.y = at
        self.vx = self.vy = 0.0
        self.heading = heading
        self.stride = 0.0
        self._pace = pace_m_s
        self._route: list[Point2] = []
        self._stuck_s = 0.0

    @property
    def at(self) -> Point2:
        return self.x, self.y

    @property
    def speed(self) -> float:
        return math.hypot(self.vx, self.vy)

    def head_for(self, goal: Point2, others: list[Neighbour]) -> None:
        """Plan a way to `goal`."""
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
        vx, vy = self._choose(math.atan2(dy, dx), pace, others)
        self._move(vx, vy, others)
        if self.speed < 0.3 * pace:
            self._stuck_s += STEP_S
            if self._stuck_s > _PATIENCE_S:
                self.head_for(self._route[-1], others)
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
        while len(self._route) > 1:
            x, y = self._route[0]
            if math.hypot(x - self.x, y - self.y) > 0.25:
                break
            self._route.pop(0)

    def _choose(self, towards: float, pace: float, others: list[Neighbour]) -> Point2:
        """The velocity that leads on best without coming near anybody within a second."""
        if pace < 1e-9:
            return 0.0, 0.0
        near = [o for o in others if math.hypot(o.x - self.x, o.y - self.y) < 3.0]
        if not near:
            return pace * math.cos(towards), pace * math.sin(towards)
        angles = np.concatenate([np.tile(towards + _TURNS, len(_PACES)), [towards]])
        speeds = np.concatenate([np.repeat(pace * _PACES, len(_TURNS)), [0.0]])
        vx, vy = speeds * np.cos(angles), speeds * np.sin(angles)
        gain = speeds * np.cos(angles - towards) / pace
        cost = -gain + 0.15 * np.abs(np.hypot(vx - self.vx, vy - self.vy))
        ox, oy, ovx, ovy = np.array([(o.x, o.y, o.vx, o.vy) for o in near]).T
        px = self.x + vx[:, None, None] * _AHEAD_S - (ox[:, None] + ovx[:, None] * _AHEAD_S)
        py = self.y + vy[:, None, None] * _AHEAD_S - (oy[:, None] + ovy[:, None] * _AHEAD_S)
        gap = np.hypot(px, py)
        lack = np.maximum(COMFORT_M - gap, 0.0) / COMFORT_M
        cost += (lack * np.array([3.0, 2.0, 1.0])).sum(axis=2).sum(axis=1)
        for seconds in (STEP_S, 0.3):
            walkable = self._plan.is_free(self.x + vx * seconds, self.y + vy * seconds)
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
            here = self._plan.is_free(np.array([self.x, x]), np.array([self.y, y]))
            if (here[1] or not here[0]) and self._fits((x, y), others):
                self.x, self.y, self.vx, self.vy = x, y, goes_x, goes_y
                self.stride += 2 * math.pi * math.hypot(goes_x, goes_y) * STEP_S / STRIDE_M
                return
        self.halt()

    def _fits(self, point: Point2, others: list[Neighbour]) -> bool:
        """Whether nobody is too near there, or one gets away from whoever is."""
        for other in others:
            gap = math.hypot(point[0] - other.x, point[1] - other.y)
            if gap < APART_M and gap <= math.hypot(self.x - other.x, self.y - other.y):
                return False
        return True
