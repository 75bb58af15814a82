"""What covers the bones of a posed person: skin, clothes and what is carried, as capsules."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.figure import Figure
from simulator.halves import Colour

Array = NDArray[np.float64]
Row = list[float]

COAT_OF_THIGH = 0.95  # how far down a coat reaches
PHONE_RGB = (22, 22, 26)


def flesh(
    figure: Figure,
    j: Array,
    palms: Array,
    hips: Array,
    spine: Array,
    forward: Array,
    up: Array,
    face: Array,
) -> list[Row]:
    """Capsules (rows of 11, as in `simulator.people.Body`) of a posed body and its clothes."""
    h, g = figure.height_m, figure.girth
    scale = h / 1.72
    rows: list[Row] = []

    def add(a: Array, b: Array, radius_m: float, colour: Colour, stripes: float = 0.0) -> None:
        rows.append([*a, *b, radius_m, *colour, stripes])

    shirt, stripes = figure.shirt, figure.stripes_per_m
    if figure.coat is not None:
        shirt, stripes = figure.coat, 0.0
    shoulders, side = (j[5] + j[6]) / 2, (j[5] - j[6]) / float(np.linalg.norm(j[5] - j[6]))
    breast = np.cross(side, spine)
    inner = side * (0.105 * scale * g)
    add(
        shoulders + side * 0.12 * scale,
        shoulders - side * 0.12 * scale,
        0.075 * scale,
        shirt,
        stripes,
    )
    for s in (1.0, -1.0):
        low = hips + spine * 0.06 + s * inner * 0.75
        add(shoulders - spine * 0.10 * scale + s * inner, low, 0.098 * scale * g, shirt, stripes)
    add(shoulders - spine * 0.10 * scale, hips + spine * 0.06, 0.115 * scale * g, shirt, stripes)
    add(j[11], j[12], 0.105 * scale * g, figure.coat or figure.trousers)
    sleeve = shirt if figure.long_sleeves or figure.coat is not None else figure.skin
    for i in (0, 1):
        add(j[5 + i], j[7 + i], 0.050 * scale * (0.6 + 0.4 * g), shirt, stripes)
        add(j[7 + i], j[9 + i], 0.038 * scale, sleeve)
        add(j[9 + i], palms[i], 0.036 * scale, figure.skin)
        add(j[11 + i], j[13 + i], 0.078 * scale * (0.4 + 0.6 * g), figure.trousers)
        add(j[13 + i], j[15 + i], 0.053 * scale * (0.5 + 0.5 * g), figure.trousers)
        heel = j[15 + i] - np.array([0.0, 0.0, 0.03 * scale]) - 0.02 * forward
        add(heel, heel + 0.15 * scale * forward, 0.042 * scale, figure.shoes)
    skull = (j[3] + j[4]) / 2
    add(shoulders, skull, 0.052 * scale, figure.skin)
    add(skull + 0.02 * face - 0.035 * up, skull + 0.012 * face + 0.025 * up, 0.085, figure.skin)
    add(j[0] - 0.02 * face, j[0] - 0.008 * face - 0.012 * up, 0.012, figure.skin)
    add(skull - 0.022 * face + 0.045 * up, skull - 0.03 * face - 0.01 * up, 0.092, figure.hair)
    if figure.long_hair:
        add(skull - 0.045 * face, skull - 0.065 * face - 0.16 * up, 0.075, figure.hair)
    if figure.backpack is not None:
        back = shoulders - breast * (0.17 * scale * g)
        add(back - spine * 0.08, back - spine * 0.33, 0.12 * scale, figure.backpack)
    if figure.coat is not None:
        for i in (0, 1):
            knee = j[11 + i] + COAT_OF_THIGH * (j[13 + i] - j[11 + i])
            add(j[11 + i], knee, 0.105 * scale * (0.4 + 0.6 * g), figure.coat)
            cuff = j[9 + i] + 0.5 * (palms[i] - j[9 + i])
            add(j[7 + i], cuff, 0.050 * scale, figure.coat)
        hem = (j[13] + j[14]) / 2
        add(hips, hips + 0.8 * (hem - hips), 0.115 * scale * g, figure.coat)
    return rows


def carried_bag(colour: Colour, at: Array, forward: Array, height_m: float) -> list[Row]:
    """Capsules of a shopping bag that hangs from a point."""
    scale = height_m / 1.72
    down = np.array([0.0, 0.0, -1.0])
    rows = [[*at, *(at + down * 0.13 * scale), 0.010, *colour, 0.0]]
    for along in (-0.10, 0.0, 0.10):
        top = at + (down * 0.17 + forward * along) * scale
        low = at + (down * 0.38 + forward * along * 0.9) * scale
        low[2] = max(low[2], 0.055 * scale)
        rows.append([*top, *low, 0.055 * scale, *colour, 0.0])
    return rows


def held_phone(palm: Array, up: Array, side: Array) -> list[Row]:
    """Capsules of a phone held upright in a palm."""
    rows = []
    for along in (-0.014, 0.014):
        foot = palm + side * along - up * 0.02
        rows.append([*foot, *(foot + up * 0.12), 0.02, *PHONE_RGB, 0.0])
    return rows
