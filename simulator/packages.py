"""How packages look and stand: art from a product's picture, and primitives of one unit.

Primitive rows are those of `simulator.raster`.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sensors.store import Facing, Gondola, Picture, Product, Shelf
from simulator.raster import TEXTURE_LEVELS, TEXTURE_PX

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Row = list[float]


@dataclass(frozen=True, slots=True)
class Primitives:
    """Quads (rows of 16) and upright cylinders (rows of 10) of some things."""

    quads: list[Row]
    cylinders: list[Row]


def rgb_of(colour: str) -> Array:
    """(3,) values 0…255 of a `#rrggbb`."""
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.float64)


def package_art(product: Product) -> Bytes:
    """The front of a package, (n, n, 3) RGB; an emblem and lines of print are the product's own."""
    n, picture = TEXTURE_PX, product.picture
    base, accent = rgb_of(picture.base), rgb_of(picture.accent)
    art = np.empty((n, n, 3))
    art[:] = base
    art[_motif(picture, n)] = accent
    rng = np.random.default_rng(int(hashlib.sha256(product.gtin.encode()).hexdigest()[:8], 16))
    emblem = np.repeat(np.repeat(rng.random((4, 3)) < 0.55, 2, axis=0), 2, axis=1)
    ink = np.clip(255 - base * 0.8 + rng.uniform(-40, 40, 3), 0, 255)
    top = int(rng.integers(2, 6))
    mark = np.concatenate([emblem, emblem[:, ::-1]], axis=1)
    art[top : top + 8, 10:22][mark] = ink
    for line in range(int(rng.integers(1, 4))):
        y, start = 22 + 3 * line, int(rng.integers(3, 8))
        art[y, start : start + int(rng.integers(10, 22))] = (accent + ink) / 2
    return np.clip(art, 0, 255).astype(np.uint8)


def mip_levels(art: Bytes) -> Bytes:
    """(levels, n, n, 3): the art blurred to ever coarser texels at one resolution."""
    n = art.shape[0]
    levels = [art]
    for k in range(1, TEXTURE_LEVELS):
        small = cv2.resize(art, (n >> k, n >> k), interpolation=cv2.INTER_AREA)
        levels.append(
            np.asarray(cv2.resize(small, (n, n), interpolation=cv2.INTER_LINEAR), np.uint8)
        )
    return np.stack(levels)


def box(
    centre: Array,
    yaw_rad: float,
    size_m: tuple[float, float, float],
    rgb: Array,
    texture: int,
    id: int,
) -> list[Row]:
    """Five faces of a box standing on `centre` (3,); size is width, depth, height.

    At yaw 0 the front looks along -y, as a gondola's does. The lid bears no texture.
    """
    c, s = math.cos(yaw_rad), math.sin(yaw_rad)
    right, back = np.array([c, s, 0.0]) * size_m[0], np.array([-s, c, 0.0]) * size_m[1]
    up = np.array([0.0, 0.0, size_m[2]])
    corner = centre - right / 2 - back / 2
    white = np.array([255.0, 255.0, 255.0])
    faces = (
        (corner, right, up),
        (corner + right, back, up),
        (corner + right + back, -right, up),
        (corner + back, -back, up),
    )
    tint = rgb if texture < 0 else white
    rows = [[*o, *e, *f, *tint, texture, 1.0, 1.0, id] for o, e, f in faces]
    rows.append([*(corner + up), *right, *back, *rgb, -1.0, 1.0, 1.0, id])
    return [[float(v) for v in row] for row in rows]


def unit(product: Product, texture: int, foot: Array, yaw_rad: float, id: int) -> Primitives:
    """One package standing on `foot` (3,) with its front turned by `yaw_rad`."""
    width, deep, high = product.size_m
    base, accent = rgb_of(product.picture.base), rgb_of(product.picture.accent)
    form = product.picture.form
    if form == "box":
        return Primitives(box(foot, yaw_rad, product.size_m, base * 0.92, texture, id), [])
    if form == "bag":  # a pillow: full below, slimmer towards its seam
        body = box(foot, yaw_rad, (width, deep, high * 0.88), base * 0.8, texture, id)
        seam = foot + np.array([0.0, 0.0, high * 0.88])
        size = (width * 0.96, deep * 0.2, high * 0.12)
        return Primitives(body + box(seam, yaw_rad, size, base * 0.7, -1, id), [])
    radius = min(width, deep) / 2
    body_high = high * (0.7 if form == "bottle" else 1.0)
    rows = [[*foot, body_high, radius, 255.0, 255.0, 255.0, texture, id]]
    if form == "bottle":
        neck = foot + np.array([0.0, 0.0, body_high])
        rows.append([*neck, high * 0.2, radius * 0.5, *base * 0.85, -1.0, id])
        cap = neck + np.array([0.0, 0.0, high * 0.2])
        rows.append([*cap, high * 0.1, radius * 0.45, *accent, -1.0, id])
    return Primitives([], [[float(v) for v in row] for row in rows])


def stocked(
    gondola: Gondola,
    shelf: Shelf,
    facing: Facing,
    product: Product,
    units: int,
    texture: int,
    id: int,
) -> Primitives:
    """`units` packages of a facing, row by row from the front edge, then in layers."""
    width, deep, high = product.size_m
    start = (min(facing.plates) - 1) * shelf.plate_width_m
    room = max(facing.plates) * shelf.plate_width_m - start
    columns = max(1, int(room / (width + 0.006)))
    rows = max(1, int((shelf.depth_m - 0.01) / (deep + 0.006)))
    above = [s.z_m for s in gondola.shelves if s.z_m > shelf.z_m + 0.01]
    clear = (min(above) - 0.04 if above else shelf.z_m + 0.45) - shelf.z_m
    layers = max(1, int(clear / (high + 0.002)))
    yaw = math.radians(gondola.yaw_deg)
    found = Primitives([], [])
    for k in range(min(units, columns * rows * layers)):
        layer, place = divmod(k, columns * rows)
        row, column = divmod(place, columns)
        along = start + room * (column + 0.5) / columns
        x, y = gondola.to_floor(along, 0.01 + deep / 2 + row * (deep + 0.006))
        foot = np.array([x, y, shelf.z_m + layer * (high + 0.002)])
        one = unit(product, texture, foot, yaw, id)
        found.quads.extend(one.quads)
        found.cylinders.extend(one.cylinders)
    return found


def _motif(picture: Picture, n: int) -> NDArray[np.bool_]:
    """Where the accent colour lies on a front, (n, n)."""
    y, x = np.mgrid[0:n, 0:n]
    masks = {
        "disc": np.hypot(x - n / 2 + 0.5, y - n * 0.5) < n * 0.3,
        "stripes": (x // 4) % 3 == 1,
        "split": x + y > n,
        "checks": ((x // 8 + y // 8) % 2 == 0) & (y > n // 3),
        "band": (y > n * 0.55) & (y < n * 0.8),
    }
    return np.asarray(masks[picture.motif], dtype=np.bool_)
