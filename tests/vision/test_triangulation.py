"""Triangulated points: exact without noise, honest with it, and deaf to one lying view."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.camera import CameraModel
from vision.rig import Rig
from vision.triangulation import Triangulator

CAMERAS = [
    CameraModel.looking_at(f"c{i}", (640, 480), (400, 400), (319.5, 239.5), at, (3.2, 2.7, 1.0))
    for i, at in enumerate([(0.1, 0.1, 2.7), (6.4, 0.1, 2.7), (6.4, 5.4, 2.8), (0.1, 5.4, 2.7)])
]
FINDER = Triangulator(Rig(CAMERAS))


def pixels_of(points: np.ndarray) -> np.ndarray:
    return np.stack([camera.project(points)[0] for camera in CAMERAS], axis=1)


@settings(max_examples=60, deadline=None)
@given(st.floats(2.0, 4.5), st.floats(1.5, 4.0), st.floats(0.2, 1.8), st.integers(0, 3))
def test_without_noise_it_is_exact_even_with_a_lying_view(
    x: float, y: float, z: float, liar: int
) -> None:
    truth = np.array([[x, y, z]])
    pixels = pixels_of(truth)
    honest = FINDER.triangulate(pixels, np.full((1, 4), 3.0))
    np.testing.assert_allclose(honest.xyz_m, truth, atol=1e-4)
    assert honest.agree.all()
    pixels[0, liar] += (80.0, -60.0)
    points = FINDER.triangulate(pixels, np.full((1, 4), 3.0))
    np.testing.assert_allclose(points.xyz_m, truth, atol=1e-3)
    assert points.agree.sum() == 3
    assert not points.agree[0, liar]


def test_covariance_is_honest() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform((2, 1.5, 0.3), (4.5, 4, 1.7), (400, 3))
    pixels = pixels_of(truth) + rng.normal(0, 3.0, (400, 4, 2))
    sigma = np.full((400, 4), 3.0)
    sigma[:200, 2:] = np.inf  # half of them have two views only
    points = FINDER.triangulate(pixels, sigma)
    kept = points.agree.sum(axis=1) >= 2
    assert kept.mean() > 0.95
    gap = (points.xyz_m - truth)[kept]
    squared = np.einsum("ni,nij,nj->n", gap, np.linalg.inv(points.covariance[kept]), gap)
    assert 2.4 < squared.mean() < 3.6


def test_two_views_that_do_not_meet_give_no_point() -> None:
    pixels = pixels_of(np.array([[3.0, 2.0, 1.0]]))
    pixels[0, 1] += (0.0, 150.0)
    sigma = np.array([[3.0, 3.0, np.inf, np.inf]])
    assert not FINDER.triangulate(pixels, sigma).agree.any()


def test_one_view_or_none_give_no_point() -> None:
    pixels = pixels_of(np.array([[3.0, 2.0, 1.0]]))
    assert not FINDER.triangulate(pixels, np.array([[3.0, *[np.inf] * 3]])).agree.any()
    assert FINDER.triangulate(np.zeros((0, 4, 2)), np.zeros((0, 4))).xyz_m.shape == (0, 3)
    alone = Triangulator(Rig(CAMERAS[:1]))
    assert not alone.triangulate(pixels[:, :1], np.full((1, 1), 3.0)).agree.any()
