"""The batched filter against filterpy, and its algebra."""

import numpy as np
from filterpy.common import Q_discrete_white_noise
from filterpy.kalman import KalmanFilter

from vision import kalman


def test_batch_equals_filterpy() -> None:
    rng = np.random.default_rng(3)
    count, accel = 6, 1.8
    mean = rng.normal(size=(count, 4))
    root = rng.normal(size=(count, 4, 4))
    covariance = root @ root.swapaxes(1, 2) + 0.1 * np.eye(4)
    references = []
    for m, p in zip(mean, covariance, strict=True):
        reference = KalmanFilter(dim_x=4, dim_z=2)
        reference.x, reference.P = m.reshape(4, 1).copy(), p.copy()
        reference.H = np.eye(2, 4)
        references.append(reference)
    for dt in (0.1, 0.1, 0.35, 0.02):
        mean, covariance = kalman.predict(mean, covariance, dt, accel)
        places = rng.normal(size=(count, 2))
        spread = rng.normal(size=(count, 2, 2))
        noise = spread @ spread.swapaxes(1, 2) + 0.05 * np.eye(2)
        mean, covariance = kalman.update(mean, covariance, places, noise)
        for i, reference in enumerate(references):
            step = np.eye(4)
            step[0, 2] = step[1, 3] = dt
            q = Q_discrete_white_noise(dim=2, dt=dt, var=accel**2)
            reference.predict(F=step, Q=np.kron(q, np.eye(2)))
            reference.update(places[i].reshape(2, 1), R=noise[i])
            np.testing.assert_allclose(mean[i], reference.x[:, 0], atol=1e-9)
            np.testing.assert_allclose(covariance[i], reference.P, atol=1e-9)


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
