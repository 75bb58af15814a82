"""Weights without joints of their own find the same people in the same places."""

from pathlib import Path

import numpy as np
import pytest

from sensors.store import Store
from service.boxes_only import MOST, ExportUnknown, boxes_only
from service.eyes import MODEL
from simulator.generate import Wish, generate_store
from simulator.render import Renderer
from simulator.training_pictures import labelled_picture
from simulator.training_stores import random_crowd
from vision.detector import load_detector
from vision.frame import Picture

SHIPPED = MODEL.with_suffix(".boxes.onnx")


@pytest.fixture(scope="module")
def pictures() -> dict[str, Picture]:
    store: Store = generate_store(Wish(id="unseen", seed=78, cameras="corners", camera_count=2))
    cameras = [camera.model() for camera in store.cameras]
    renderer, rng = Renderer(store, cameras, 1, half="scoring"), np.random.default_rng(7)
    return {
        f"{k}": labelled_picture(
            renderer, cameras[k % 2], random_crowd(rng, store, half="scoring"), k
        )[0]
        for k in range(6)
    }


def test_the_shipped_boxes_are_those_of_the_shipped_pose_network(pictures) -> None:
    whole = load_detector(MODEL).detect_all(pictures)
    cut = load_detector(SHIPPED).detect_all(pictures)
    assert sum(len(people) for people in whole.values()) > 6
    for camera, people in whole.items():
        assert [d.score for d in cut[camera]] == [d.score for d in people]
        for one, other in zip(cut[camera], people, strict=True):
            np.testing.assert_array_equal(one.box, other.box)


def test_cutting_gives_the_shipped_file(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    copy = tmp_path / "person-pose.onnx"
    copy.write_bytes(MODEL.read_bytes())
    made = boxes_only(copy)
    assert made == tmp_path / "person-pose.boxes.onnx"
    assert load_detector(made).head == load_detector(SHIPPED).head
    assert made.stat().st_size == pytest.approx(SHIPPED.stat().st_size, rel=0.01)
    places = [o.shape[2] for o in load_detector(made)._session.get_outputs()]
    assert places == [MOST]


def test_a_network_of_another_kind_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    copy = tmp_path / "joints.onnx"
    copy.write_bytes(MODEL.with_suffix(".joints.onnx").read_bytes())
    with pytest.raises(ExportUnknown, match=r"joints\.onnx: expected boxes from distributions"):
        boxes_only(copy)
