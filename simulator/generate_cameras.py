"""Camera layouts for generated stores: in the corners, along the aisles, or where they see most."""

from __future__ import annotations

import itertools
import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sensors.sightlines import LEAST_PX_PER_M, facing_fronts, hidden, pictured
from sensors.store import Camera, Store, StoreFileError
from simulator.generate_floor import FloorLayout
from simulator.routes import Floorplan

Array = NDArray[np.float64]
Layout = Literal["corners", "rows", "auto"]
Point3 = tuple[float, float, float]

WIDTH_PX, HEIGHT_PX, FOCAL_PX = 640, 480, 400.0
K1, K2 = -0.08, 0.01  # a barrel, as wide lenses have
HEIGHT_M = 2.75
INSET_M = 0.15
CHEST_M = 1.0
_CELL_M = 0.3
_FACING_WEIGHT, _GATE_WEIGHT = 8.0, 3.0
_GAINS = (1.0, 0.9, 0.25, 0.05)  # of the first, second, third… camera that sees a place
_EVERY_M = 1.6  # between places on the walls where a camera may hang
_CEILING_EVERY_M = 2.5
_REACH_M = 3.2  # from there to the point that it looks at
_TURNS = 16
_ROUNDS = 3
_APART_M = 0.5  # between two cameras


def place_cameras(store: Store, layout: FloorLayout, kind: Layout, count: int) -> list[Camera]:
    """`count` cameras named cam1…; oblique, under the ceiling. Deterministic.

    Raises StoreFileError where the layout cannot have so many.
    """
    if count < 1:
        raise StoreFileError(f"--camera-count {count}: expected 1 or more")
    if kind == "corners":
        views = _corners(store, count)
    elif kind == "rows":
        views = _rows(store, layout, count)
    else:
        views = _best(store, count)
    return [_camera(f"cam{k}", *view) for k, view in enumerate(views, 1)]


def _corners(store: Store, count: int) -> list[tuple[Point3, Point3]]:
    """Corners first, then the middles of the walls; all look at the middle of the floor."""
    f = store.floor
    x0, x1, y0, y1 = f.x_min_m, f.x_max_m, f.y_min_m, f.y_max_m
    middle = ((x0 + x1) / 2, (y0 + y1) / 2)
    spots = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    spots += [(middle[0], y0), (middle[0], y1), (x0, middle[1]), (x1, middle[1])]
    if count > len(spots):
        raise StoreFileError(f"--camera-count {count}: corners and walls have {len(spots)} places")
    return [_view(store, spot, middle) for spot in spots[:count]]


def _rows(store: Store, layout: FloorLayout, count: int) -> list[tuple[Point3, Point3]]:
    """At both ends of each aisle between islands, looking along it; then the corners."""
    f = store.floor
    middle = ((f.x_min_m + f.x_max_m) / 2, (f.y_min_m + f.y_max_m) / 2)
    views = [_view(store, spot, to) for a, b in layout.aisles for spot, to in ((a, b), (b, a))]
    for spot in itertools.product((f.x_min_m, f.x_max_m), (f.y_min_m, f.y_max_m)):
        views.append(_view(store, spot, middle))
    if count > len(views):
        raise StoreFileError(f"--camera-count {count}: rows and corners have {len(views)} places")
    return views[:count]


def _best(store: Store, count: int) -> list[tuple[Point3, Point3]]:
    """The views that together see most, twice where they can: greedily, then one by one anew."""
    points, weights = _places(store)
    views, sees = _candidates(store, points)
    spots = np.array([view[0] for view in views])
    gains = np.array([*_GAINS, *[0.0] * count])
    chosen: list[int] = []
    for _ in range((1 + _ROUNDS) * count):
        if len(chosen) == count:
            del chosen[0]
        seen = sees[chosen].sum(axis=0)
        worth = np.round(sees @ (weights * gains[seen]), 6)
        for other in chosen:
            worth[np.hypot(*(spots - spots[other])[:, :2].T) < _APART_M] = -1.0
        chosen.append(int(np.argmax(worth)))
    return [views[i] for i in sorted(chosen)]


def _places(store: Store) -> tuple[Array, Array]:
    """What is to be seen: points (N, 3) and weights (N,): the floor and the facings' fronts."""
    f = store.floor
    xs = np.arange(f.x_min_m + _CELL_M / 2, f.x_max_m, _CELL_M)
    ys = np.arange(f.y_min_m + _CELL_M / 2, f.y_max_m, _CELL_M)
    x, y = (a.ravel() for a in np.meshgrid(xs, ys, indexing="ij"))
    free = Floorplan(store).is_free(x, y)
    floor = np.column_stack([x[free], y[free], np.full(int(free.sum()), CHEST_M)])
    weights = np.ones(len(floor))
    for gate in store.gates:
        near = np.hypot(*(floor[:, :2] - np.array(gate.centre_m)).T) < 1.5
        weights[near] = _GATE_WEIGHT
    _, fronts = facing_fronts(store)
    points = np.concatenate([floor, fronts])
    return points, np.concatenate([weights, np.full(len(fronts), _FACING_WEIGHT)])


def _candidates(
    store: Store, points: Array
) -> tuple[list[tuple[Point3, Point3]], NDArray[np.bool_]]:
    """Views from the walls and the ceiling, and what each of them sees (views, points)."""
    f = store.floor
    views: list[tuple[Point3, Point3]] = []
    sees: list[NDArray[np.bool_]] = []
    for x, y in _spots(store):
        eye = (x, y, HEIGHT_M)
        open_ = ~hidden(store.gondolas, np.array(eye), points)
        open_ &= np.linalg.norm(points - np.array(eye), axis=1) < FOCAL_PX / LEAST_PX_PER_M
        for k in range(_TURNS):
            angle = 2 * math.pi * k / _TURNS
            to = (x + _REACH_M * math.cos(angle), y + _REACH_M * math.sin(angle))
            if not (f.x_min_m < to[0] < f.x_max_m and f.y_min_m < to[1] < f.y_max_m):
                continue
            look = (round(to[0], 2), round(to[1], 2), 0.9)
            views.append((eye, look))
            sees.append(open_ & pictured(_camera("view", eye, look).model(), points, 10.0))
    return views, np.array(sees)


def _spots(store: Store) -> list[tuple[float, float]]:
    f = store.floor
    x0, x1 = f.x_min_m + INSET_M, f.x_max_m - INSET_M
    y0, y1 = f.y_min_m + INSET_M, f.y_max_m - INSET_M
    xs = np.linspace(x0, x1, max(2, round((x1 - x0) / _EVERY_M) + 1)).round(2).tolist()
    ys = np.linspace(y0, y1, max(2, round((y1 - y0) / _EVERY_M) + 1)).round(2).tolist()
    along_x = [(x, y) for y in (y0, y1) for x in xs]
    along_y = [(x, y) for x in (x0, x1) for y in ys[1:-1]]
    xs, ys = _inner(f.x_min_m, f.x_max_m), _inner(f.y_min_m, f.y_max_m)
    return along_x + along_y + [(x, y) for x in xs for y in ys]


def _inner(least: float, most: float) -> list[float]:
    """Places under the ceiling, away from the walls."""
    count = int((most - least) / _CEILING_EVERY_M)
    return [round(least + (most - least) * k / (count + 1), 2) for k in range(1, count + 1)]


def _view(
    store: Store, spot: tuple[float, float], to: tuple[float, float]
) -> tuple[Point3, Point3]:
    """From just off the wall at `spot`, along the way to `to`."""
    f = store.floor
    x = min(max(spot[0], f.x_min_m + INSET_M), f.x_max_m - INSET_M)
    y = min(max(spot[1], f.y_min_m + INSET_M), f.y_max_m - INSET_M)
    away = math.hypot(to[0] - x, to[1] - y)
    reach = min(0.95, max(_REACH_M, away * 0.6) / away)
    at = (round(x + reach * (to[0] - x), 2), round(y + reach * (to[1] - y), 2), 0.9)
    return (round(x, 2), round(y, 2), HEIGHT_M), at


def _camera(id: str, position_m: Point3, look_at_m: Point3) -> Camera:
    return Camera(
        id=id,
        width_px=WIDTH_PX,
        height_px=HEIGHT_PX,
        fx=FOCAL_PX,
        fy=FOCAL_PX,
        cx=(WIDTH_PX - 1) / 2,
        cy=(HEIGHT_PX - 1) / 2,
        k1=K1,
        k2=K2,
        position_m=position_m,
        look_at_m=look_at_m,
    )
