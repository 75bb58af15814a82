"""A camera's pose from marks on the floor: exact on exact marks, and honest about bad ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sensors.camera import CameraModel
from vision.pose_fit import Mark, PoseFitError, fit_pose, look_at

CAMERA = CameraModel.looking_at(
    "cam1",
    (640, 480),
    (400.0, 402.0),
    (322.0, 236.0),
    (0.15, 0.15, 2.75),
    (3.3, 2.9, 0.9),
    (-0.28, 0.06),
)
FLOOR = [(1.5, 1.5), (3.0, 1.5), (4.5, 1.5), (1.5, 3.0), (3.0, 3.0), (4.5, 3.0), (3, 4.2), (5, 5)]


def marks(
    camera: CameraModel, places: list[tuple[float, ...]], noise_px: float = 0.0, seed: int = 0
) -> list[Mark]:
    points = np.array([(*place, 0.0)[:3] for place in places], dtype=np.float64)
    pixels, depth = camera.project(points)
    assert (depth > 0).all()
    pixels += np.random.default_rng(seed).normal(0, noise_px, pixels.shape)
    return [Mark(f"m{k}", pixels[k], points[k]) for k in range(len(points))]


def unplaced(camera: CameraModel) -> CameraModel:
    return replace(camera, rotation=np.eye(3), position_m=np.zeros(3))


def angle_deg(a: CameraModel, b: CameraModel) -> float:
    cosine = (np.trace(a.rotation @ b.rotation.T) - 1) / 2
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def test_exact_marks_give_the_exact_pose_through_a_bending_lens():
    fit = fit_pose(unplaced(CAMERA), marks(CAMERA, FLOOR))
    assert np.abs(fit.camera.position_m - CAMERA.position_m).max() < 1e-4
    assert angle_deg(fit.camera, CAMERA) < 1e-3
    assert fit.rms_px < 1e-3 and np.abs(fit.floor_m).max() < 1e-4
    assert fit.left_out == ()


def test_marks_on_two_heights_serve_too():
    places = [*FLOOR[:4], (2.0, 2.0, 1.0), (4.0, 2.5, 0.5)]
    fit = fit_pose(unplaced(CAMERA), marks(CAMERA, places))
    assert np.abs(fit.camera.position_m - CAMERA.position_m).max() < 1e-3


def test_clicks_one_pixel_off_stay_within_the_stated_doubt():
    offs, stated = [], []
    for seed in range(8):
        fit = fit_pose(unplaced(CAMERA), marks(CAMERA, FLOOR, 1.0, seed))
        offs.append(np.linalg.norm(fit.camera.position_m - CAMERA.position_m))
        stated.append(np.sqrt(np.trace(fit.covariance[3:, 3:])))
        assert np.isfinite(fit.left_out_m).all()
        assert fit.left_out == ()
    ratio = np.sqrt(np.mean(np.square(offs))) / np.mean(stated)
    assert 0.5 < ratio < 1.5


def test_a_wrong_mark_is_named_and_left_out():
    placed = marks(CAMERA, FLOOR, 0.5)
    wrong = replace(placed[4], point_m=placed[4].point_m + np.array([0.3, 0, 0]))
    fit = fit_pose(unplaced(CAMERA), [*placed[:4], wrong, *placed[5:]])
    assert fit.left_out == ("m4",)
    assert np.abs(fit.camera.position_m - CAMERA.position_m).max() < 0.04
    assert fit.floor_m[4] == pytest.approx((-0.3, 0.0), abs=0.03)


@pytest.mark.parametrize(
    ("places", "what"),
    [
        (FLOOR[:3], "3 marks: at least 4"),
        ([(1.5, 1.5), (2.0, 2.0), (3.0, 3.0), (4.0, 4.0), (5.0, 5.0)], "in a line"),
    ],
)
def test_marks_that_cannot_do_are_refused(places: list[tuple[float, float]], what: str):
    with pytest.raises(PoseFitError, match=what):
        fit_pose(unplaced(CAMERA), marks(CAMERA, places))


def test_names_are_told_apart():
    twice = marks(CAMERA, FLOOR)
    with pytest.raises(PoseFitError, match="'m0'"):
        fit_pose(unplaced(CAMERA), [replace(twice[1], name="m0"), *twice[:1], *twice[2:]])


@pytest.mark.parametrize("roll_deg", [-12.0, 0.0, 7.0])
def test_look_at_and_roll_say_the_pose(roll_deg: float):
    c, s = np.cos(np.radians(roll_deg)), np.sin(np.radians(roll_deg))
    about_axis = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    rolled = replace(CAMERA, rotation=about_axis @ CAMERA.rotation)
    target, roll = look_at(rolled)
    assert roll == pytest.approx(roll_deg, abs=1e-9)
    pixel, depth = rolled.project(target[None])
    assert pixel[0] == pytest.approx((CAMERA.cx, CAMERA.cy), abs=1e-6)
    assert depth[0] == pytest.approx(3.0)
