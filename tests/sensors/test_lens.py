"""The lens's distortion: it has an inverse everywhere, and its derivative is its own."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sensors.camera import CameraModel
from sensors.lens import bend, bending, reach, straighten
from sensors.store import Camera

LENSES = [(0.0, 0.0), (-0.32, 0.09), (-0.2, 0.0), (0.12, 0.0), (0.1, -0.05), (-0.05, -0.02)]
RADIAL = st.tuples(st.floats(-0.4, 0.3), st.floats(-0.1, 0.15))
WIDE = {"id": "c", "width_px": 640, "height_px": 480, "fx": 400, "fy": 400, "cx": 319.5, "cy": 240}
PLACED = {"position_m": (0, 0, 3), "look_at_m": (3, 3, 1)}


@given(RADIAL, st.floats(-4, 4), st.floats(-4, 4))
@example((0.1875, -0.0078125), 0.0, 3.0)
def test_a_bent_point_is_straightened_again(radial: tuple[float, float], x: float, y: float):
    flat = np.array([[x, y]])
    k = np.array(radial)
    assert straighten(bend(flat, k), k) == pytest.approx(flat, abs=1e-8)


@given(RADIAL)
def test_what_lies_farther_out_is_seen_farther_out(radial: tuple[float, float]):
    out = bend(np.linspace(0, 5, 200)[:, None] * [0.6, 0.8], np.array(radial))
    assert (np.diff(np.linalg.norm(out, axis=1)) > 0).all()


@pytest.mark.parametrize("radial", LENSES)
def test_inside_its_reach_the_lens_is_brown_and_conradys(radial: tuple[float, float]):
    flat = np.array([[0.5, -0.3], [0.0, 0.7], [-0.6, 0.2]])
    squared = (flat**2).sum(axis=1, keepdims=True)
    assert reach(np.array(radial)) > 0.8
    expected = flat * (1 + radial[0] * squared + radial[1] * squared**2)
    assert bend(flat, np.array(radial)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("radial", LENSES)
def test_the_derivative_is_that_of_differences(radial: tuple[float, float]):
    k, flat, h = np.array(radial), np.array([[0.4, -0.6], [0.0, 0.0], [2.5, 1.0]]), 1e-6
    steps = [(bend(flat + d, k) - bend(flat - d, k)) / (2 * h) for d in np.eye(2) * h]
    assert bending(flat, k) == pytest.approx(np.stack(steps, axis=2), abs=1e-6)


@pytest.mark.parametrize("radial", LENSES)
def test_the_ray_of_a_pixel_leads_to_what_is_seen_there(radial: tuple[float, float]):
    camera = CameraModel.looking_at(
        "c", (640, 480), (400, 410), (320, 236), (1, 2, 2.8), (4, 4, 0.9), radial
    )
    pixels = np.array([[u, v] for u in (0, 200, 320, 639) for v in (0, 236, 479)], dtype=float)
    points = camera.position_m + camera.ray(pixels) * np.linspace(1, 8, len(pixels))[:, None]
    found, depth = camera.project(points)
    assert found == pytest.approx(pixels, abs=1e-6)
    assert (depth > 0).all()


def test_a_lens_that_folds_the_picture_is_refused():
    Camera.model_validate({**WIDE, **PLACED, "k1": -0.25, "k2": 0.04})
    with pytest.raises(ValueError, match="camera c: k1 and k2 fold the picture"):
        Camera.model_validate({**WIDE, **PLACED, "k1": -0.4})
