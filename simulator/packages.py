"""How packages stand: primitives of one unit and of a stocked facing, and textures in levels.

Primitive rows are those of `simulator.raster`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sensors.store import Facing, Gondola, Product, Shelf
from simulator.artwork import rgb_of
from simulator.raster import TEXTURE_LEVELS

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Row = list[float]
SHADOW_M = 0.02  # how much wider than a package its dark rim is


@dataclass(frozen=True, slots=True)
class Primitives:
    """Quads (rows of 16) and upright cylinders (rows of 10) of some things."""

    quads: list[Row]
    cylinders: list[Row]


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
    board: tuple[Array, int],
) -> Primitives:
    """`units` packages of a facing, row by row from the front edge, then in layers.

    `board` is the colour and id of what they stand on where they darken it.
    """
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
        if layer == 0:
            found.quads.append(_contact_shadow(product, foot, yaw, *board))
        one = unit(product, texture, foot, yaw, id)
        found.quads.extend(one.quads)
        found.cylinders.extend(one.cylinders)
    return found


def _contact_shadow(product: Product, foot: Array, yaw_rad: float, rgb: Array, id: int) -> Row:
    """The dark rim on the board around a package, seen where nothing stands in front of it."""
    c, s = math.cos(yaw_rad), math.sin(yaw_rad)
    right = np.array([c, s, 0.0]) * (product.size_m[0] + SHADOW_M)
    back = np.array([-s, c, 0.0]) * (product.size_m[1] + SHADOW_M)
    corner = foot - (right + back) / 2 + np.array([0.0, 0.0, 0.0005])
    row = [*corner, *right, *back, *rgb, -1.0, 1.0, 1.0, id]
    return [float(v) for v in row]
