"""How a lens bends a picture: Brown–Conrady radial distortion and its inverse.

Points are `flat`: right and down, divided by depth, as a camera without distortion sees them.
Beyond the radius where the polynomial would turn back it goes on straight, so that what lies
outside the picture never appears in it and every point has an inverse.
Method: D. C. Brown, Close-range camera calibration, Photogrammetric Engineering 37 (1971).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_SLOPES = (0.2, 4.0)  # of the bent radius by the flat one: beyond them the polynomial is left
_MOST_STEPS = 60  # a handful suffice but for lenses whose slope turns
_CLOSE = 1e-13


def reach(radial: Array) -> Array:
    """The flat radius (...) up to which k1 and k2 (..., 2) hold; infinite where they always do."""
    a, b = 5.0 * radial[..., 1], 3.0 * radial[..., 0]
    edge = np.full(a.shape, np.inf)
    for slope in _SLOPES:  # the least square above 0 where a·q² + b·q + 1 is the slope
        c = 1.0 - slope
        disc = b * b - 4.0 * a * c
        root = np.sqrt(np.maximum(disc, 0.0))
        below = root - b if c > 0.0 else -root - b
        met = (disc >= 0.0) & (below * c > 1e-9)
        edge = np.where(met, np.minimum(edge, 2.0 * c / np.where(met, below, 1.0)), edge)
    return np.asarray(np.sqrt(edge))


def bend(flat: Array, radial: Array) -> Array:
    """Where the lens puts flat points (..., 2); `radial` (..., 2) is k1, k2."""
    if not radial.any():
        return flat
    radius = np.sqrt((flat**2).sum(axis=-1))
    bent, _ = _curve(radius, radial, reach(radial))
    return np.asarray(flat * (bent / np.maximum(radius, 1e-12))[..., None])


def straighten(bent: Array, radial: Array) -> Array:
    """The flat points (..., 2) that the lens puts at `bent`: the inverse of `bend`, by Newton's
    method on the radius, halving where it would overshoot."""
    if not radial.any():
        return bent
    wanted = np.sqrt((bent**2).sum(axis=-1))
    low, high = wanted / _SLOPES[1], wanted / _SLOPES[0]
    edge = reach(radial)
    radius = np.minimum(wanted, edge)
    for _ in range(_MOST_STEPS):
        found, slope = _curve(radius, radial, edge)
        if np.abs(found - wanted).max(initial=0.0) < _CLOSE:
            break
        low, high = np.where(found < wanted, radius, low), np.where(found > wanted, radius, high)
        step = radius - (found - wanted) / slope
        radius = np.where((step >= low) & (step <= high), step, (low + high) / 2)
    return np.asarray(bent * (radius / np.maximum(wanted, 1e-12))[..., None])


def bending(flat: Array, radial: Array) -> Array:
    """The derivative (..., 2, 2) of `bend` at flat points (..., 2)."""
    radius = np.sqrt((flat**2).sum(axis=-1))
    bent, slope = _curve(radius, radial, reach(radial))
    way = flat / np.maximum(radius, 1e-12)[..., None]
    across = np.where(radius > 1e-9, bent / np.maximum(radius, 1e-12), 1.0)
    along = np.where(radius > 1e-9, slope - across, 0.0)
    outer = way[..., :, None] * way[..., None, :]
    return np.asarray(across[..., None, None] * np.eye(2) + along[..., None, None] * outer)


def _curve(radius: Array, radial: Array, edge: Array) -> tuple[Array, Array]:
    """Bent radii and their slopes by the flat radii, straight from radius `edge` on."""
    k1, k2 = radial[..., 0], radial[..., 1]
    inner = np.minimum(radius, edge)
    squared = inner * inner
    bent = inner * (1.0 + squared * (k1 + squared * k2))
    slope = 1.0 + squared * (3.0 * k1 + squared * 5.0 * k2)
    return bent + (radius - inner) * slope, slope
