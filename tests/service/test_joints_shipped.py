"""The shipped joints, on pictures of a store that training never showed."""

from pathlib import Path

import numpy as np
import pytest

from sensors.store import Store
from simulator.generate import Wish, generate_store
from simulator.render import Renderer
from simulator.training_pictures import labelled_picture
from simulator.training_stores import random_crowd
from vision.detection import Detection
from vision.detector import WeightsUnusable
from vision.joints import JointRefiner

WEIGHTS = Path(__file__).parents[2] / "models" / "person-pose.joints.onnx"
SHOULDERS_TO_ANKLES = [5, 6, 7, 8, 11, 12, 13, 14, 15, 16]


@pytest.fixture(scope="module")
def unseen() -> Store:
    return generate_store(Wish(id="unseen", seed=77, cameras="corners", camera_count=2))


def test_joints_that_are_seen_are_found_on_their_own_side(unseen: Store) -> None:
    """Looks are of scoring's half, which no picture of training has."""
    rng = np.random.default_rng(7)
    cameras = [camera.model() for camera in unseen.cameras]
    renderer = Renderer(unseen, cameras, 1, half="scoring")
    refiner = JointRefiner(WEIGHTS)
    errors, told, wrists = [], [], []
    for k in range(8):
        crowd = random_crowd(rng, unseen, half="scoring")
        rgb, labels = labelled_picture(renderer, cameras[k % 2], crowd, k)
        clear = [one for one in labels if one.share > 0.6 and one.box[3] - one.box[1] > 60]
        found = [Detection(one.box, 0.9, np.zeros((17, 3))) for one in clear]
        for label, detection in zip(
            clear, refiner.refine({"a": rgb}, {"a": found})["a"], strict=True
        ):
            assert detection.sigma_px is not None
            seen = label.keypoints[:, 2] == 2
            away = np.hypot(*(detection.keypoints - label.keypoints)[:, :2].T)
            share = away / (label.box[3] - label.box[1])
            use = [j for j in SHOULDERS_TO_ANKLES if seen[j]]
            errors += share[use].tolist()
            told += (away / detection.sigma_px)[use].tolist()
            wrists += share[[j for j in (9, 10) if seen[j]]].tolist()
    assert len(errors) > 60
    assert np.median(errors) < 0.03  # of the height of the box: 5 cm
    assert np.median(wrists) < 0.06
    assert 0.4 < np.median(told) / 1.177 < 2.5  # sigma says how far off they are


def test_nobody_gives_nothing(unseen: Store) -> None:
    picture = np.zeros((480, 640, 3), np.uint8)
    assert JointRefiner(WEIGHTS).refine({"a": picture}, {"a": []}) == {"a": []}


def test_weights_that_tell_something_else_are_refused() -> None:
    with pytest.raises(WeightsUnusable, match="expected heat, visible, box, person"):
        JointRefiner(WEIGHTS.with_name("product-embedding.onnx"))
