"""What is believed of tracks and cameras: odds over time, hidden people, learned reliability."""

import numpy as np

from sensors.camera import CameraModel
from sensors.store import Floor
from vision import evidence
from vision.box_points import EdgeNoise, box_points
from vision.coverage import Coverage
from vision.reliability import Reliability, sharpest_first
from vision.rig import Rig
from vision.site import Site
from vision.visibility import Visibility, body_boxes

CAMERA = CameraModel.looking_at(
    "c0", (1280, 720), (700.0, 700.0), (640.0, 360.0), (4.0, -2.0, 3.0), (4.0, 5.0, 0.5)
)
RIG = Rig([CAMERA])
SITE = Site(
    Floor(x_min_m=0.0, y_min_m=0.0, x_max_m=8.0, y_max_m=10.0), (), np.zeros((0, 2)), (CAMERA,)
)
PLACES = np.array([[4.0, 3.0], [2.5, 5.0], [6.0, 7.5]])


def test_places_of_whole_boxes_are_those_of_the_bodies() -> None:
    boxes, _ = body_boxes(RIG, 0, PLACES)
    points = box_points(RIG, 0, boxes, 0.02)
    np.testing.assert_allclose(points.xy_m, PLACES, atol=1e-3)
    np.testing.assert_allclose(points.misfit, 0.0, atol=1e-3)
    assert (points.fit > 0.0).all()


def test_errors_of_noisy_boxes_are_as_large_as_said() -> None:
    """Mean normalised squared error of two coordinates: two, were the model exact. It allows for
    heights of people, too, which do not differ here; the camera's pose is 5 cm off."""
    rng = np.random.default_rng(1)
    shifted = np.repeat(PLACES, 400, axis=0) + rng.normal(0.0, 0.05, (1200, 2))
    boxes, _ = body_boxes(RIG, 0, shifted)
    height = (boxes[:, 3] - boxes[:, 1])[:, None]
    noisy = boxes + rng.normal(size=boxes.shape) * height * np.array([0.01, 0.02, 0.01, 0.02])
    points = box_points(RIG, 0, noisy, 0.02)
    off = points.xy_m - np.repeat(PLACES, 400, axis=0)
    squared = np.einsum("ni,nij,nj->n", off, np.linalg.inv(points.covariance), off)
    assert 0.8 < squared.mean() < 2.6


def test_feet_below_the_picture_are_found_by_head_and_width() -> None:
    place = np.array([[4.0, -0.3]])
    boxes, _ = body_boxes(RIG, 0, place)
    assert boxes[0, 3] > 720
    cut = np.minimum(boxes, [1279.0, 719.0, 1279.0, 719.0])
    points = box_points(RIG, 0, cut, 0.02)
    assert np.linalg.norm(points.xy_m - place) < 0.6
    assert np.isnan(points.misfit[0])


def test_a_box_of_the_wrong_size_for_its_place_is_hardly_a_person() -> None:
    boxes, _ = body_boxes(RIG, 0, PLACES[:1])
    short = boxes.copy()
    short[:, 1] += 0.5 * (boxes[:, 3] - boxes[:, 1])
    fits = [float(box_points(RIG, 0, b, 0.02).fit[0]) for b in (boxes, short)]
    assert fits[0] > 1.0
    assert fits[1] < fits[0] - 3.0


def test_noise_of_edges_is_learned() -> None:
    rng = np.random.default_rng(2)
    noise = EdgeNoise()
    for _ in range(300):
        noise.learn(rng.normal(0.0, 0.06 * np.sqrt(2.0), 20))
    assert abs(noise.share - 0.06) < 0.005
    for _ in range(2000):
        noise.learn(np.zeros(20))
    assert noise.share == 0.004


def test_who_stands_behind_somebody_or_outside_is_hidden() -> None:
    visibility = Visibility(RIG, Coverage(SITE))
    people = np.array([[4.0, 3.0], [4.0, 4.0], [2.0, 5.0], [4.0, -0.9]])
    share = visibility.shares(people, ["c0"], people, np.ones(4))[0]
    assert share[0] == 1.0
    assert share[1] < 0.5
    assert share[2] == 1.0
    assert visibility.shares(people, ["c0"], people, np.zeros(4))[0, 1] == 1.0


def test_cameras_are_known_by_what_they_find_and_make_up() -> None:
    rng = np.random.default_rng(3)
    reliability = Reliability(RIG)
    for _ in range(400):
        reliability.learn(0, 1.0, rng.random(10) < 0.6, float(rng.poisson(0.9)))
    assert abs(reliability.found[0] - 0.6) < 0.05
    assert abs(reliability.clutter[0] - 0.9) < 0.3
    near, far = reliability.stray_density(0, np.array([[4.0, 2.0], [4.0, 9.0]]))
    assert near > far


def test_looks_count_in_proportion_to_time() -> None:
    assert evidence.weight_of_look(0.1) == 0.2
    assert evidence.weight_of_look(3.0) == 1.0
    assert evidence.survive(np.array([3.0]), 20.0)[0] < 0.0
    still = evidence.survive(evidence.survive(np.array([2.0]), 1.0), 1.0)
    np.testing.assert_allclose(still, evidence.survive(np.array([2.0]), 2.0))


def test_sharp_views_come_first_and_empty_ones_last() -> None:
    assert sharpest_first([np.zeros((0, 2, 2)), np.eye(2)[None], 0.1 * np.eye(2)[None]]) == [
        2,
        1,
        0,
    ]
