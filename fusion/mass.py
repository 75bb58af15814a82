"""What a change of weight says of units moved.

The change on the plates nearest to a facing is Gaussian around ± n·μ, with variance

    Σ σ_plate² + n·τ² + (ρ·n·μ)²

where τ is the spread of units of one product and ρ the catalogue's own error together with what
neighbouring plates take up. A tail of weight `TAIL`, three times as wide, keeps a bad plate from
being certain.
"""

from __future__ import annotations

import math

import numpy as np

from sensors.observations import WeightStep
from sensors.store import Product

RELATIVE_ERROR = 0.03
SAME_RELATIVE_ERROR = 0.008
SAME_PLATES_ERROR = 0.0025  # hysteresis, creep
SAME_PLATES = 0.35  # plates between two places that the same plates weigh
FELT_BESIDE = 0.012  # share of a neighbour's change
TAIL = 0.03
TAIL_WIDTH = 3.0
UNKNOWN_SPAN_G = 3000.0
CENTROID_SIGMA = 0.45
SPOT_SIGMA = 0.02  # plates: creep, hysteresis
SPOT_MOVED = 0.15  # P(a unit does not stand any longer just where it was put)


def mass_log_likelihood(
    delta_g: float,
    sigma_g: float,
    units: int,
    product: Product,
    error: float = 0.0,
    error_sigma: float = RELATIVE_ERROR,
) -> float:
    """Log density (per gram) of `delta_g` where `units` (signed) of a product moved, whose weight
    is off from the catalogue's by the relative `error`, known to `error_sigma`."""
    mean = units * product.weight_g * (1 + error)
    variance = sigma_g**2 + abs(units) * product.weight_sigma_g**2 + (error_sigma * mean) ** 2 + 1.0
    return _log_mixture(delta_g - mean, math.sqrt(variance))


def nothing_log_likelihood(delta_g: float, sigma_g: float, beside_g: float = 0.0) -> float:
    """Log density of `delta_g` where nothing moved: drift, creep, a hand that leaned, or what
    plates feel of a change by `beside_g` on their neighbours."""
    return _log_mixture(delta_g, math.hypot(sigma_g, 6.0, FELT_BESIDE * beside_g))


def same_log_likelihood(
    difference_g: float,
    sigma_g: float,
    before_sigma_g: float,
    weight_g: float,
    *,
    same_plates: bool,
) -> float:
    """Log density of putting down what was lifted, where the two changes differ by so much.

    Each plate has a gain of its own, which the same plates have in common.
    """
    relative = SAME_PLATES_ERROR if same_plates else SAME_RELATIVE_ERROR
    variance = sigma_g**2 + before_sigma_g**2 + (relative * weight_g) ** 2 + 1.5**2
    return _log_mixture(difference_g, math.sqrt(variance))


def unknown_log_likelihood() -> float:
    """Log density of any change by something that is not in the catalogue."""
    return -math.log(UNKNOWN_SPAN_G)


def _log_mixture(residual: float, sigma: float) -> float:
    wide = sigma * TAIL_WIDTH
    density = (1 - TAIL) * math.exp(-0.5 * (residual / sigma) ** 2) / sigma
    density += TAIL * math.exp(-0.5 * (residual / wide) ** 2) / wide
    return math.log(max(density, 1e-300) / math.sqrt(2 * math.pi))


def centroid(step: WeightStep, plates: list[int] | None = None) -> float:
    """Where along the shelf the change lies, in plate numbers: Σ |δ|·plate / Σ |δ|."""
    chosen = [
        (plate, delta)
        for plate, delta in zip(step.plates, step.delta_g, strict=True)
        if plates is None or plate in plates
    ]
    weights = np.abs([delta for _, delta in chosen])
    if weights.sum() <= 0:
        return float(np.mean([plate for plate, _ in chosen]))
    return float(np.average([plate for plate, _ in chosen], weights=weights))


def centroid_log_likelihood(at: float, plates: list[int], plate_count: int) -> float:
    """Log density along the shelf of a unit that stood on a facing's plates.

    Uniform over the facing, with Gaussian edges; relative to the uniform over the shelf.
    """
    low, high = min(plates) - 0.5, max(plates) + 0.5
    outside = max(0.0, low + 0.3 - at, at - high + 0.3)
    return math.log(plate_count / len(plates)) - 0.5 * (outside / CENTROID_SIGMA) ** 2


def same_spot_log_ratio(apart: float, weight_g: float, sigma_g: float, plates: int) -> float:
    """Log ratio of a change's place along the shelf, `apart` plates from where a unit was put
    down: that unit, against any other that stands on one of the facing's `plates`.

    A centroid is as sure as the plates' noise is small beside the weight; a unit may have been
    moved meanwhile, by whoever took another one.
    """
    sigma = math.hypot(SPOT_SIGMA, sigma_g / max(weight_g, 1.0))
    density = math.exp(-0.5 * (apart / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
    return math.log((1 - SPOT_MOVED) * density * plates + SPOT_MOVED)
