"""A rig whose lenses distort: what it sees leads to the same places as with straight ones."""

import numpy as np

from sensors.camera import CameraModel
from simulator.people import Figure, Stance, pose_body
from vision.floor import floor_points
from vision.people import Person, gather
from vision.rig import Rig
from vision.triangulation import Triangulator
from vision.view import View

PLACES = [(0.1, 0.1, 2.7), (6.4, 0.1, 2.7), (6.4, 5.4, 2.8), (0.1, 5.4, 2.7)]
BENT = [
    CameraModel.looking_at(
        f"c{i}",
        (640, 480),
        (400, 400),
        (319.5, 239.5),
        at,
        (3.2, 2.7, 1.0),
        (-0.3 + 0.05 * i, 0.08),
    )
    for i, at in enumerate(PLACES)
]
RIG = Rig(BENT)


def test_pixels_and_places_are_those_of_the_camera_model() -> None:
    points = np.random.default_rng(0).uniform((2, 1.5, 0.3), (4.5, 4, 1.7), (50, 3))
    for c, camera in enumerate(BENT):
        pixels, _ = camera.project(points)
        np.testing.assert_allclose(RIG.project(c, points), pixels, atol=1e-9)
        rays = RIG.rays(pixels[:, None], np.full(50, c))[:, 0]
        unit = rays / np.linalg.norm(rays, axis=1, keepdims=True)
        np.testing.assert_allclose(unit, camera.ray(pixels), atol=1e-9)


def test_joints_gathered_from_bent_pictures_meet_in_space() -> None:
    joints = pose_body(Figure(), Stance(2.2, 3.1, 0.4)).joints
    views, owners = [], {}
    for camera in BENT:
        keypoints = np.column_stack([camera.project(joints)[0], np.full(17, 0.9)])[None]
        box = np.array([[*keypoints[0, :, :2].min(axis=0), *keypoints[0, :, :2].max(axis=0)]])
        none = np.zeros((1, 2)), np.zeros((1, 2, 2)), np.ones(1, dtype=bool), np.zeros((1, 6))
        views.append(View(camera.id, np.ones(1), box, keypoints, *none, np.ones(1, dtype=bool)))
        owners[camera.id] = 0
    found = gather([Person("a", np.zeros(2), np.zeros(2), owners)], views, RIG)
    seen = found.pixels[0].swapaxes(0, 1)
    sigma = np.where(found.confidence[0].T > 0, 2.0, np.inf)
    points = Triangulator(RIG).triangulate(seen, sigma)
    np.testing.assert_allclose(points.xyz_m, joints, atol=1e-3)


def test_the_covariance_of_a_floor_point_follows_the_bent_pixels() -> None:
    """At the picture's edge a barrel lens squeezes: a pixel is worth more floor there."""
    foot = np.array([[5.2, 0.9, 0.095]])
    pixel, _ = BENT[0].project(foot)
    step = RIG.stretch(pixel[:, None], np.zeros(1, dtype=np.intp))
    assert step is not None
    moved = RIG.rays(pixel[:, None] + [[[0.5, 0.0]], [[-0.5, 0.0]]], np.zeros(2, dtype=np.intp))
    local = moved[:, 0] @ RIG.rotation[0].T
    np.testing.assert_allclose((local[0] - local[1])[:2] * 400, step[0, 0, :, 0], atol=1e-4)
    assert np.linalg.det(step[0, 0]) > 1.3
    keypoints = np.zeros((1, 17, 3))
    keypoints[0, 15:17] = [*pixel[0], 0.9]
    box = np.array([[pixel[0, 0] - 20, pixel[0, 1] - 150, pixel[0, 0] + 20, pixel[0, 1] + 4]])
    found = floor_points(RIG, np.zeros(1, dtype=np.intp), box, keypoints)
    np.testing.assert_allclose(found.xy_m, foot[:, :2], atol=1e-6)
