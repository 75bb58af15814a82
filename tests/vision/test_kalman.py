"""The batched filter against filterpy, and its algebra."""

import numpy as np
import pytest
from filterpy.common import Q_discrete_white_noise
from filterpy.kalman import KalmanFilter

from vision import kalman


@pytest.mark.parametrize("axes", [1, 2, 4])
def test_batch_equals_filterpy(axes: int) -> None:
    rng = np.random.default_rng(3)
    count = 6
    accel = rng.uniform(0.5, 2.0, (count, axes))
    mean = rng.normal(size=(count, 2 * axes))
    root = rng.normal(size=(count, 2 * axes, 2 * axes))
    covariance = root @ root.swapaxes(1, 2) + 0.1 * np.eye(2 * axes)
    references = []
    for m, p in zip(mean, covariance, strict=True):
        reference = KalmanFilter(dim_x=2 * axes, dim_z=axes)
        reference.x, reference.P = m.reshape(-1, 1).copy(), p.copy()
        reference.H = np.eye(axes, 2 * axes)
        references.append(reference)
    for dt in (0.1, 0.1, 0.35, 0.02):
        mean, covariance = kalman.predict(mean, covariance, dt, accel)
        places = rng.normal(size=(count, axes))
        spread = rng.normal(size=(count, axes, axes))
        noise = spread @ spread.swapaxes(1, 2) + 0.05 * np.eye(axes)
        mean, covariance = kalman.update(mean, covariance, places, noise)
        for i, reference in enumerate(references):
            step = np.eye(2 * axes) + dt * np.eye(2 * axes, k=axes)
            q = np.kron(Q_discrete_white_noise(dim=2, dt=dt, var=1.0), np.diag(accel[i] ** 2))
            reference.predict(F=step, Q=q)
            reference.update(places[i].reshape(-1, 1), R=noise[i])
            np.testing.assert_allclose(mean[i], reference.x[:, 0], atol=1e-9)
            np.testing.assert_allclose(covariance[i], reference.P, atol=1e-9)


def test_one_acceleration_for_all() -> None:
    mean, covariance = np.zeros((3, 4)), np.tile(np.eye(4), (3, 1, 1))
    one = kalman.predict(mean, covariance, 0.2, 1.8)
    each = kalman.predict(mean, covariance, 0.2, np.full((3, 2), 1.8))
    np.testing.assert_array_equal(one[1], each[1])


def test_distances_are_mahalanobis() -> None:
    rng = np.random.default_rng(4)
    mean, places = rng.normal(size=(3, 4)), rng.normal(size=(5, 2))
    covariance = np.tile(np.diag([0.2, 0.1, 1.0, 1.0]), (3, 1, 1))
    covariance[:, 0, 1] = covariance[:, 1, 0] = 0.05
    noise = np.tile(np.array([[0.3, -0.1], [-0.1, 0.2]]), (5, 1, 1))
    squared, log_volume = kalman.distances(mean, covariance, places, noise)
    spread = covariance[0, :2, :2] + noise[0]
    for i in range(3):
        for j in range(5):
            gap = places[j] - mean[i, :2]
            assert np.isclose(squared[i, j], gap @ np.linalg.inv(spread) @ gap)
    np.testing.assert_allclose(log_volume, np.log(np.linalg.det(spread)))


def test_small_inverse() -> None:
    matrices = np.array([[[2.0, 0.3], [0.3, 1.0]], [[5.0, -1.0], [-1.0, 0.7]]])
    np.testing.assert_allclose(kalman.inverse(matrices), np.linalg.inv(matrices))
    three = np.array([[[2.0, 0.3, 0.1], [0.3, 1.0, 0.2], [0.1, 0.2, 3.0]]])
    np.testing.assert_allclose(kalman.inverse(three) @ three, np.eye(3)[None], atol=1e-12)
