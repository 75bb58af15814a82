"""A constant-velocity Kalman filter over all tracks at once.

State per track: x, y, vx, vy in metres and m/s. The same equations as filterpy's KalmanFilter,
with discrete white noise acceleration, as numpy batches (Bar-Shalom et al., 2001, ch. 6).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def predict(mean: Array, covariance: Array, dt_s: float, accel_m_s2: float) -> tuple[Array, Array]:
    """Move N states (N, 4) and covariances (N, 4, 4) on by `dt_s`; `accel_m_s2` is the standard
    deviation of the acceleration that is not modelled."""
    step = np.eye(4)
    step[0, 2] = step[1, 3] = dt_s
    gain = np.array([dt_s**2 / 2, dt_s])
    noise = np.kron(np.outer(gain, gain), np.eye(2)) * accel_m_s2**2
    return mean @ step.T, step @ covariance @ step.T + noise


def update(mean: Array, covariance: Array, place: Array, noise: Array) -> tuple[Array, Array]:
    """Correct N states by places (N, 2) with noise covariances (N, 2, 2), in metres."""
    cross = covariance[:, :, :2]
    gain = cross @ inverse(covariance[:, :2, :2] + noise)
    surprise = place - mean[:, :2]
    corrected = mean + (gain @ surprise[:, :, None])[:, :, 0]
    shrunk = covariance - gain @ cross.swapaxes(1, 2)
    return corrected, (shrunk + shrunk.swapaxes(1, 2)) / 2


def distances(mean: Array, covariance: Array, places: Array, noise: Array) -> tuple[Array, Array]:
    """Squared Mahalanobis distances (N, M) of places (M, 2) from states (N, 4), and the log
    determinants (N, M) of their innovation covariances."""
    spread = covariance[:, None, :2, :2] + noise[None]
    surprise = places[None] - mean[:, None, :2]
    a, b, c = spread[..., 0, 0], spread[..., 0, 1], spread[..., 1, 1]
    determinant = np.maximum(a * c - b * b, 1e-12)
    u, v = surprise[..., 0], surprise[..., 1]
    squared: Array = (c * u * u - 2 * b * u * v + a * v * v) / determinant
    return squared, np.log(determinant)


def inverse(matrices: Array) -> Array:
    """Inverses of symmetric 2×2 matrices (..., 2, 2), much faster than the general routine."""
    a, b, c = matrices[..., 0, 0], matrices[..., 0, 1], matrices[..., 1, 1]
    determinant = a * c - b * b
    result = np.empty_like(matrices)
    result[..., 0, 0], result[..., 1, 1] = c / determinant, a / determinant
    result[..., 0, 1] = result[..., 1, 0] = -b / determinant
    return result
