"""What plates' readings are like at rest: numbers by which simulated plates are held against real.

All are medians over windows of a second, so that picks, presses and steps nearby count little.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Rest:
    """One value per plate.

    `noise_g`: of a reading, from what it differs from the one before by. `drift_g`: of the mean
    of a second, from what that differs from the second before by. `lag1`: correlation of a
    reading with the one before.
    """

    noise_g: Array
    drift_g: Array
    lag1: Array


def at_rest(grams: Array, rate_hz: int) -> Rest:
    """Statistics of readings (samples, plates) of some seconds at least.

    `noise_g` is the median over seconds of the mean absolute first difference, scaled to the
    standard deviation of white noise; `drift_g` is a robust one of differences of means, over √2.
    """
    seconds = len(grams) // rate_hz
    windows = grams[: seconds * rate_hz].reshape(seconds, rate_hz, -1)
    steps = np.abs(np.diff(windows, axis=1)).mean(axis=1)
    noise_g = np.median(steps, axis=0) * math.sqrt(math.pi) / 2
    changes = np.diff(windows.mean(axis=1), axis=0)
    drift_g = 1.4826 * np.median(np.abs(changes), axis=0) / math.sqrt(2)
    around = windows - windows.mean(axis=1, keepdims=True)
    power = (around**2).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        lag1 = (around[:, 1:] * around[:, :-1]).sum(axis=1) / power
    return Rest(noise_g, drift_g, np.nanmedian(lag1, axis=0))


def kolmogorov_smirnov(a: Array, b: Array) -> float:
    """The greatest distance between two samples' distribution functions, 0 to 1."""
    values = np.sort(np.concatenate([a, b]))
    below_a = np.searchsorted(np.sort(a), values, side="right") / len(a)
    below_b = np.searchsorted(np.sort(b), values, side="right") / len(b)
    return float(np.abs(below_a - below_b).max())
