"""The fixed parts of a store as primitives: floor, walls, gondolas and gates, in seeded colours."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors.store import Gondola, Store
from simulator.halves import Half, settle, settle_colour
from simulator.packages import Row, box
from simulator.raster import TEXTURE_PX

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]

FLOOR_ID = 10_000
WALL_ID = 10_001
GATE_ID = 10_002
GONDOLA_ID = 10_100  # + place of the gondola in the store
WALL_HEIGHT_M = 3.2
TILE_PX = 32
TILE_CELL_M, AZIMUTH_CELL_RAD = 0.02, math.pi / 12
CEILING_RGB = (235.0, 235.0, 230.0)


@dataclass(frozen=True, slots=True)
class Look:
    """Colours (3,) 0…255 of a store, its two surface textures (n, n, 3) and its light (4,)."""

    floor: Array
    wall: Array
    rack: Array
    floor_tile: Bytes
    wall_tile: Bytes
    tile_m: float
    light: Array

    @staticmethod
    def random(rng: np.random.Generator, half: Half = "scoring") -> Look:
        """Draw a plausible look of one half; the same generator state gives the same look."""
        grey = rng.uniform(95, 215)
        floor = np.clip(grey + rng.normal(0, 9, 3) + np.array([8.0, 2.0, -8.0]), 40, 245)
        wall = np.clip(rng.uniform(140, 240) + rng.normal(0, 10, 3), 60, 250)
        rack = np.clip(rng.choice([60.0, 120.0, 200.0, 225.0]) + rng.normal(0, 12, 3), 25, 245)
        floor, wall, rack = (_settled(rgb, half) for rgb in (floor, wall, rack))
        azimuth, tilt = rng.uniform(0, 2 * math.pi), rng.uniform(0.15, 0.6)
        azimuth = settle(azimuth, AZIMUTH_CELL_RAD, half)
        away = np.array([math.cos(azimuth), math.sin(azimuth)]) * math.sin(tilt)
        light = np.array([*away, math.cos(tilt), rng.uniform(0.6, 0.8)])
        tile_m = settle(float(rng.uniform(0.3, 0.8)), TILE_CELL_M, half)
        return Look(floor, wall, rack, _floor_tile(rng), _wall_tile(rng), tile_m, light)


def build_shell(store: Store, look: Look, floor_texture: int, wall_texture: int) -> list[Row]:
    """Quads of everything that never moves."""
    f = store.floor
    wide, long = f.x_max_m - f.x_min_m, f.y_max_m - f.y_min_m
    floor = [f.x_min_m, f.y_min_m, 0.0, wide, 0.0, 0.0, 0.0, long, 0.0, *look.floor, floor_texture]
    rows: list[Row] = [[*floor, wide / look.tile_m, long / look.tile_m, float(FLOOR_ID)]]
    corners = [
        (f.x_min_m, f.y_max_m),
        (f.x_max_m, f.y_max_m),
        (f.x_max_m, f.y_min_m),
        (f.x_min_m, f.y_min_m),
    ]
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
        wall = [ax, ay, 0.0, bx - ax, by - ay, 0.0, 0.0, 0.0, WALL_HEIGHT_M, *look.wall]
        length = math.hypot(bx - ax, by - ay)
        rows.append([*wall, wall_texture, length / 1.2, 1.0, float(WALL_ID)])
    sky = [f.x_min_m, f.y_max_m, WALL_HEIGHT_M, wide, 0.0, 0.0, 0.0, -long, 0.0, *CEILING_RGB]
    rows.append([*sky, -1.0, 1.0, 1.0, float(WALL_ID)])
    for place, gondola in enumerate(store.gondolas):
        rows.extend(_gondola(gondola, look, GONDOLA_ID + place))
    post = np.array([70.0, 74.0, 82.0])
    for gate in store.gates:
        for x, y in (gate.a_m, gate.b_m):
            rows.extend(box(np.array([x, y, 0.0]), 0.0, (0.07, 0.07, 0.95), post, -1, GATE_ID))
    return [[float(v) for v in row] for row in rows]


def _gondola(gondola: Gondola, look: Look, id: int) -> list[Row]:
    yaw, wide, deep = math.radians(gondola.yaw_deg), gondola.width_m, gondola.depth_m

    def panel(
        along: float, into: float, z: float, size: tuple[float, float, float], tone: float
    ) -> list[Row]:
        x, y = gondola.to_floor(along, into)
        return box(np.array([x, y, z]), yaw, size, look.rack * tone, -1, id)

    rows = panel(wide / 2, deep - 0.015, 0.0, (wide, 0.03, gondola.height_m), 0.62)
    for along in (-0.012, wide + 0.012):
        rows += panel(along, deep / 2, 0.0, (0.024, deep, gondola.height_m), 0.85)
    lowest = min((s.z_m for s in gondola.shelves), default=0.2)
    rows += panel(
        wide / 2, deep / 2 + 0.02, 0.0, (wide, deep - 0.06, min(0.12, lowest - 0.03)), 0.7
    )
    for shelf in gondola.shelves:
        middle = shelf.depth_m / 2
        rows += panel(wide / 2, middle, shelf.z_m - 0.03, (wide, shelf.depth_m, 0.029), 0.95)
        x, y = gondola.to_floor(wide / 2, -0.004)
        strip = np.array([235.0, 235.0, 228.0])  # price labels run along the front edge
        rows += box(np.array([x, y, shelf.z_m - 0.03]), yaw, (wide, 0.006, 0.026), strip, -1, id)
    return rows


def _settled(rgb: Array, half: Half) -> Array:
    r, g, b = (int(c) for c in rgb)
    return np.array(settle_colour((r, g, b), half), dtype=np.float64)


def _floor_tile(rng: np.random.Generator) -> Bytes:
    """One repeat of the floor: tiles, a chequer, planks or bare screed, as a tint of its colour."""
    n = TILE_PX
    tile = np.full((n, n), 255.0) - rng.random((n, n)) * rng.uniform(4, 26)
    y, x = np.mgrid[0:n, 0:n]
    kind = rng.integers(4)
    if kind == 0:
        tile[(y == 0) | (x == 0)] *= rng.uniform(0.6, 0.9)
    elif kind == 1:
        tile[(y < n // 2) ^ (x < n // 2)] *= rng.uniform(0.55, 0.92)
    elif kind == 2:
        tile *= 1.0 - 0.12 * rng.random(4)[(y * 4) // n]
        tile[y % (n // 4) == 0] *= 0.75
    return _grey_texture(tile)


def _wall_tile(rng: np.random.Generator) -> Bytes:
    """One repeat of a wall, floor to ceiling: darker below, with a skirting or panels."""
    n = TILE_PX
    y, x = np.mgrid[0:n, 0:n]
    tile = 255.0 * (0.78 + 0.22 * (1 - y / n)) - rng.random((n, n)) * 5
    if rng.random() < 0.6:
        tile[y > n - 2 - rng.integers(0, 12)] *= rng.uniform(0.5, 0.95)
    if rng.random() < 0.3:
        tile[x == 0] *= 0.75
    return _grey_texture(tile)


def _grey_texture(tile: Array) -> Bytes:
    grey = np.clip(tile, 0, 255).astype(np.uint8)[:, :, None]
    fine = TEXTURE_PX // TILE_PX
    return grey.repeat(3, axis=2).repeat(fine, axis=0).repeat(fine, axis=1)
