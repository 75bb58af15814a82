"""A constant-velocity Kalman filter over all tracks at once.

State per track: D places, then their D rates: x, y, vx, vy in metres and m/s on the floor; any
other D works alike. The same equations as filterpy's KalmanFilter, with discrete white noise
acceleration, as numpy batches (Bar-Shalom et al., 2001, ch. 6).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def predict(
    mean: Array, covariance: Array, dt_s: float, accel: float | Array
) -> tuple[Array, Array]:
    """Move N states (N, 2D) and covariances (N, 2D, 2D) on by `dt_s`.

    `accel` is the standard deviation of the acceleration that is not modelled, per axis of each
    track (N, D), per axis (D,) or one for all; in places per s².
    """
    axes = mean.shape[1] // 2
    step = np.eye(2 * axes)
    step[np.arange(axes), np.arange(axes, 2 * axes)] = dt_s
    moved = step @ covariance @ step.T
    power = np.broadcast_to(np.square(accel), (len(mean), axes))
    i = np.arange(axes)
    moved[:, i, i] += power * (dt_s**4 / 4)
    moved[:, i, i + axes] += power * (dt_s**3 / 2)
    moved[:, i + axes, i] += power * (dt_s**3 / 2)
    moved[:, i + axes, i + axes] += power * dt_s**2
    return mean @ step.T, moved


def update(mean: Array, covariance: Array, place: Array, noise: Array) -> tuple[Array, Array]:
    """Correct N states (N, 2D) by places (N, D) with noise covariances (N, D, D)."""
    axes = place.shape[1]
    cross = covariance[:, :, :axes]
    gain = cross @ inverse(covariance[:, :axes, :axes] + noise)
    surprise = place - mean[:, :axes]
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
    """Inverses of symmetric matrices (..., D, D); of 2×2 ones much faster than in general."""
    if matrices.shape[-1] != 2:
        return np.asarray(np.linalg.inv(matrices), dtype=np.float64)
    a, b, c = matrices[..., 0, 0], matrices[..., 0, 1], matrices[..., 1, 1]
    determinant = a * c - b * b
    result = np.empty_like(matrices)
    result[..., 0, 0], result[..., 1, 1] = c / determinant, a / determinant
    result[..., 0, 1] = result[..., 1, 0] = -b / determinant
    return result
