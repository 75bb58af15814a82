"""The walkable floor as a grid, and shortest ways over it (A*, then pulled straight)."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sensors.store import Gate, Store

Array = NDArray[np.float64]
Point2 = tuple[float, float]

CELL_M = 0.1
BODY_M = 0.25  # radius of a body against furniture
OUTSIDE_M = 1.0  # how far the ground reaches beyond a gate
WALL_M = 0.2
_CROWDED = 4.0  # times that a step near a standing person is dearer
_MOVES = [
    (dx, dy, math.hypot(dx, dy)) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if (dx, dy) != (0, 0)
]


@dataclass(frozen=True, slots=True)
class Doorway:
    """A gate with unit directions: `outward` points off the floor, `across` along the gate."""

    gate: Gate
    outward: Point2
    across: Point2
    half_m: float

    @staticmethod
    def of(gate: Gate, store: Store) -> Doorway:
        """Work out which side of a gate is outside: the one away from the middle of the floor."""
        (ax, ay), (bx, by) = gate.a_m, gate.b_m
        length = math.hypot(bx - ax, by - ay)
        across = ((bx - ax) / length, (by - ay) / length)
        floor, (cx, cy) = store.floor, gate.centre_m
        inward_x = (floor.x_min_m + floor.x_max_m) / 2 - cx
        inward_y = (floor.y_min_m + floor.y_max_m) / 2 - cy
        sign = -1.0 if -across[1] * inward_x + across[0] * inward_y > 0 else 1.0
        return Doorway(gate, (-across[1] * sign, across[0] * sign), across, length / 2)

    def point(self, outside_m: float) -> Point2:
        """The point on the gate's axis so far outside (negative: inside)."""
        x, y = self.gate.centre_m
        return x + self.outward[0] * outside_m, y + self.outward[1] * outside_m

    def outside_m(self, x_m: float, y_m: float) -> float:
        """How far a point lies outside the line of the gate."""
        x, y = self.gate.centre_m
        return (x_m - x) * self.outward[0] + (y_m - y) * self.outward[1]

    def aside_m(self, x_m: float, y_m: float) -> float:
        """How far a point lies from the gate's axis."""
        x, y = self.gate.centre_m
        return abs((x_m - x) * self.across[0] + (y_m - y) * self.across[1])


class Floorplan:
    """Where a body's middle may be: the floor less gondolas, and the ground before each gate."""

    def __init__(self, store: Store) -> None:
        floor, margin = store.floor, OUTSIDE_M + 0.2
        self._left, self._low = floor.x_min_m - margin, floor.y_min_m - margin
        columns = math.ceil((floor.x_max_m + margin - self._left) / CELL_M)
        rows = math.ceil((floor.y_max_m + margin - self._low) / CELL_M)
        xs = self._left + (np.arange(columns) + 0.5) * CELL_M
        ys = self._low + (np.arange(rows) + 0.5) * CELL_M
        x, y = np.meshgrid(xs, ys, indexing="ij")
        free = (x > floor.x_min_m + WALL_M) & (x < floor.x_max_m - WALL_M)
        free &= (y > floor.y_min_m + WALL_M) & (y < floor.y_max_m - WALL_M)
        self.doorways = {gate.id: Doorway.of(gate, store) for gate in store.gates}
        for door in self.doorways.values():
            cx, cy = door.gate.centre_m
            out = (x - cx) * door.outward[0] + (y - cy) * door.outward[1]
            aside = np.abs((x - cx) * door.across[0] + (y - cy) * door.across[1])
            free |= (aside <= max(CELL_M, door.half_m - BODY_M)) & (out > -0.5) & (out < OUTSIDE_M)
        for gondola in store.gondolas:
            c = math.cos(math.radians(gondola.yaw_deg))
            s = math.sin(math.radians(gondola.yaw_deg))
            along = c * (x - gondola.x_m) + s * (y - gondola.y_m)
            into = -s * (x - gondola.x_m) + c * (y - gondola.y_m)
            beside = np.maximum(np.maximum(-along, along - gondola.width_m), 0.0)
            before = np.maximum(np.maximum(-into, into - gondola.depth_m), 0.0)
            free &= np.hypot(beside, before) >= BODY_M
        self._free = free
        self._bordered = np.pad(free, ((0, 1), (0, 1)))  # what lies outside is not free
        self._rows: list[list[bool]] = free.tolist()
        self._x, self._y = x, y

    def is_free(self, x: Array, y: Array) -> NDArray[np.bool_]:
        """Whether bodies may stand at points, x and y of one shape."""
        columns, rows = self._free.shape
        i = np.floor((x - self._left) / CELL_M).astype(int)
        j = np.floor((y - self._low) / CELL_M).astype(int)
        i = np.where((i < 0) | (i > columns), columns, i)
        j = np.where((j < 0) | (j > rows), rows, j)
        free: NDArray[np.bool_] = self._bordered[i, j]
        return free

    def has_room(self, point: Point2) -> bool:
        """Whether a body may stand at a point."""
        columns, rows = self._free.shape
        i = math.floor((point[0] - self._left) / CELL_M)
        j = math.floor((point[1] - self._low) / CELL_M)
        return 0 <= i < columns and 0 <= j < rows and self._rows[i][j]

    def nearest_free(self, point: Point2) -> Point2:
        """The point itself, or the middle of the nearest free cell."""
        if self.has_room(point):
            return point
        distance = np.hypot(self._x - point[0], self._y - point[1])
        at = int(np.argmin(np.where(self._free, distance, np.inf)))
        return float(self._x.flat[at]), float(self._y.flat[at])

    def reaches(self, start: Point2, x: Array, y: Array) -> NDArray[np.bool_]:
        """Whether a way leads from a free place to points (N,), (N,) where bodies may stand."""
        joined, _ = ndimage.label(self._free, structure=np.ones((3, 3)))
        i = np.floor((x - self._left) / CELL_M).astype(int)
        j = np.floor((y - self._low) / CELL_M).astype(int)
        i, j = np.clip(i, 0, joined.shape[0] - 1), np.clip(j, 0, joined.shape[1] - 1)
        same: NDArray[np.bool_] = joined[i, j] == joined[self._cell(start)]
        return self.is_free(x, y) & same

    def route(self, start: Point2, goal: Point2, standing: list[Point2]) -> list[Point2]:
        """Waypoints after `start` up to `goal`, wide around people who stand.

        The straight line where nothing lies on it; an unreachable goal gives the goal alone.
        """
        goal = self.nearest_free(goal)
        if self._clear(start, goal, standing):
            return [goal]
        cells = self._search(self._cell(self.nearest_free(start)), self._cell(goal), standing)
        points = [
            (self._left + (i + 0.5) * CELL_M, self._low + (j + 0.5) * CELL_M) for i, j in cells
        ]
        points = [start, *points[1:-1], goal]
        way: list[Point2] = []
        at = 0
        while at < len(points) - 1:
            to = len(points) - 1
            while to > at + 1 and not self._clear(points[at], points[to], standing):
                to -= max(1, (to - at) // 8)
            way.append(points[to])
            at = to
        return way

    def _cell(self, point: Point2) -> tuple[int, int]:
        i, j = int((point[0] - self._left) / CELL_M), int((point[1] - self._low) / CELL_M)
        return i, j

    def _clear(self, a: Point2, b: Point2, standing: list[Point2]) -> bool:
        count = max(2, int(math.hypot(b[0] - a[0], b[1] - a[1]) / (CELL_M / 2)) + 1)
        x, y = np.linspace(a[0], b[0], count), np.linspace(a[1], b[1], count)
        if not self.is_free(x[1:], y[1:]).all():
            return False
        return all(np.hypot(x - px, y - py)[1:-1].min(initial=9.0) > 0.55 for px, py in standing)

    def _search(
        self, start: tuple[int, int], goal: tuple[int, int], standing: list[Point2]
    ) -> list[tuple[int, int]]:
        dear = np.ones(self._free.shape)
        for x, y in standing:
            dear[np.hypot(self._x - x, self._y - y) < 0.6] = _CROWDED
        cost, free = dear.tolist(), self._rows
        columns, rows = self._free.shape
        best = {start: 0.0}
        came: dict[tuple[int, int], tuple[int, int]] = {}
        queue = [(0.0, start)]
        done: set[tuple[int, int]] = set()
        goal_i, goal_j = goal
        while queue:
            at = heapq.heappop(queue)[1]
            if at == goal:
                break
            if at in done:
                continue
            done.add(at)
            here, (at_i, at_j) = best[at], at
            for di, dj, step in _MOVES:
                i, j = at_i + di, at_j + dj
                if not (0 <= i < columns and 0 <= j < rows and free[i][j]):
                    continue
                cell, so_far = (i, j), here + step * cost[i][j]
                if so_far < best.get(cell, math.inf):
                    best[cell], came[cell] = so_far, at
                    ahead = math.hypot(goal_i - i, goal_j - j)
                    heapq.heappush(queue, (so_far + ahead, cell))
        cells = [goal]
        while cells[-1] in came:
            cells.append(came[cells[-1]])
        return cells[::-1]
