"""Keeps what is drawn for training pictures apart from what is drawn for scored worlds.

Every axis along which looks are drawn (a height, a colour, the mark of a brand) is cut into narrow
cells by turns: the even ones are for training, the odd ones for scoring. What falls into the other
half's cell is mirrored at the nearer border, so that no look of one half can occur in the other.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Half = Literal["training", "scoring"]
Colour = tuple[int, int, int]

COLOUR_CELL = 8


def half_of(value: float, cell: float) -> Half:
    """Whose cell a value ≥ 0 lies in."""
    return "scoring" if math.floor(value / cell) % 2 else "training"


def settle(value: float, cell: float, half: Half) -> float:
    """The value ≥ 0, or its mirror image in the nearest cell of that half."""
    if half_of(value, cell) == half:
        return value
    low = math.floor(value / cell) * cell
    inside = value - low
    margin = 1e-6 * cell
    if inside < cell / 2 and low > 0:
        return low - max(inside, margin)
    return low + cell + max(cell - inside - margin, margin)


def half_of_colour(rgb: Colour) -> Half:
    """Whose cell of the chequered RGB cube a colour lies in."""
    return "scoring" if sum(c // COLOUR_CELL for c in rgb) % 2 else "training"


def settle_colour(rgb: Colour, half: Half) -> Colour:
    """The colour, or one beside it, by its green alone, in a cell of that half."""
    if half_of_colour(rgb) == half:
        return rgb
    r, g, b = rgb
    low = g // COLOUR_CELL * COLOUR_CELL
    inside = g - low
    down = low > 0 and (inside < COLOUR_CELL // 2 or low + COLOUR_CELL > 255)
    return r, low - 1 - inside % COLOUR_CELL if down else low + 2 * COLOUR_CELL - 1 - inside, b


def half_of_mark(mark: NDArray[np.bool_]) -> Half:
    """Whose mark a pattern of bits is: an even number of them is training's."""
    return "scoring" if int(mark.sum()) % 2 else "training"


def settle_mark(mark: NDArray[np.bool_], half: Half) -> NDArray[np.bool_]:
    """The pattern, or with its first bit turned one of that half."""
    if half_of_mark(mark) == half:
        return mark
    turned = mark.copy()
    turned.flat[0] ^= True
    return turned
