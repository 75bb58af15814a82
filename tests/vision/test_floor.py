"""Floor points: unbiased for upright people, honest about their errors, robust to hidden feet."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sensors.store import Store
from simulator.people import Figure, Stance, pose_body
from vision.floor import floor_points
from vision.rig import Rig

Array = NDArray[np.float64]
PLACES = [(x, y) for x in (1.0, 2.2, 3.2, 4.4) for y in (1.0, 1.8, 3.4, 4.3)]


def rig_of(store: Store) -> Rig:
    return Rig([c.model() for c in store.cameras])


def seen_from(store: Store, joints: Array) -> tuple[Array, Array]:
    """Boxes (C, 4) and keypoints (C, 17, 3) of one body in all cameras, without noise."""
    boxes, keypoints = [], []
    for camera in store.cameras:
        pixels, _ = camera.model().project(joints)
        inside = ((pixels > 0) & (pixels < (camera.width_px, camera.height_px))).all(axis=1)
        keypoints.append(np.column_stack([pixels, np.where(inside, 0.95, 0.05)]))
        low, high = pixels.min(axis=0) - 5, pixels.max(axis=0) + 5
        box = np.concatenate([low, high])
        boxes.append(np.clip(box, 0, np.tile([camera.width_px, camera.height_px], 2)))
    return np.array(boxes), np.array(keypoints)


@pytest.mark.parametrize(
    ("hide", "most_m"), [((), 0.06), ((15, 16), 0.2), ((11, 12, 13, 14, 15, 16), 0.35)]
)
def test_feet_hips_and_shoulders_give_the_place(
    store: Store, hide: tuple[int, ...], most_m: float
) -> None:
    rig = rig_of(store)
    misses = []
    for x, y in PLACES:
        boxes, keypoints = seen_from(store, pose_body(Figure(), Stance(x, y, 0.7)).joints)
        keypoints[:, list(hide), 2] = 0.0
        points = floor_points(rig, np.arange(4), boxes, keypoints)
        known = np.isfinite(points.xy_m[:, 0]) & (keypoints[:, 5, 2] > 0.5)
        misses += np.linalg.norm(points.xy_m - (x, y), axis=1)[known].tolist()
    assert len(misses) > 30
    assert np.median(misses) < most_m


def test_covariance_covers_the_errors_of_many_people(store: Store) -> None:
    rig, rng, squared = rig_of(store), np.random.default_rng(1), []
    for _ in range(60):
        x, y = PLACES[rng.integers(len(PLACES))]
        body = pose_body(Figure.random(rng), Stance(x, y, rng.uniform(0, 6), rng.uniform(0, 6), 1))
        boxes, keypoints = seen_from(store, body.joints)
        keypoints[:, :, :2] += rng.normal(0, 2.5, (4, 17, 2))
        points = floor_points(rig, np.arange(4), boxes, keypoints)
        for place, covariance in zip(points.xy_m, points.covariance, strict=True):
            if np.isfinite(place).all():
                gap = place - (x, y)
                squared.append(gap @ np.linalg.solve(covariance, gap))
    assert np.mean(squared) < 2.5  # two for an honest covariance; less is cautious
    assert np.quantile(squared, 0.95) < 9.0


def test_a_box_alone_stands_on_its_lower_edge(store: Store) -> None:
    rig = rig_of(store)
    boxes, keypoints = seen_from(store, pose_body(Figure(), Stance(3.2, 2.0, 0.0)).joints)
    keypoints[:, :, 2] = 0.0
    points = floor_points(rig, np.arange(4), boxes, keypoints)
    assert np.nanmedian(np.linalg.norm(points.xy_m - (3.2, 2.0), axis=1)) < 0.3
    boxes[:, 3] = 480  # the picture's edge cuts the feet off: nothing left to go by
    assert np.isnan(floor_points(rig, np.arange(4), boxes, keypoints).xy_m).all()


def test_joints_above_the_horizon_are_no_place(store: Store) -> None:
    keypoints = np.zeros((1, 17, 3))
    keypoints[..., 1], keypoints[..., 0], keypoints[..., 2] = 6.0, 300.0, 1.0
    rig = rig_of(store)
    points = floor_points(rig, np.zeros(1, dtype=int), np.array([[290.0, 0, 310, 10]]), keypoints)
    assert np.isnan(points.xy_m).all()


def test_nobody(store: Store) -> None:
    points = floor_points(
        rig_of(store), np.zeros(0, dtype=int), np.zeros((0, 4)), np.zeros((0, 17, 3))
    )
    assert points.xy_m.shape == (0, 2)
