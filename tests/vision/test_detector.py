"""The network's output read as detections; broken pictures and missing weights named."""

from pathlib import Path

import numpy as np
import pytest

from vision.detector import ModelMissing, PoseDetector, decode, iou, suppress
from vision.frame import FrameError, check_frame


def head_output(*people: tuple[float, float, float, float, float]) -> np.ndarray:
    raw = np.zeros((56, 40), dtype=np.float32)
    for n, (cx, cy, w, h, score) in enumerate(people):
        raw[:5, 3 * n] = cx, cy, w, h, score
        raw[5::3, 3 * n], raw[6::3, 3 * n], raw[7::3, 3 * n] = cx, cy, 0.9
    return raw


def test_decode_undoes_the_letterbox_and_sorts() -> None:
    raw = head_output((100, 108, 40, 80, 0.5), (200, 58, 20, 60, 0.9), (30, 30, 9, 9, 0.05))
    found = decode(raw, 0.5, (0, 8), (640, 480))
    assert [round(d.score, 2) for d in found] == [0.9, 0.5]
    np.testing.assert_allclose(found[1].box, [160, 120, 240, 280])
    np.testing.assert_allclose(found[1].keypoints[0], [200, 200, 0.9], atol=1e-6)
    np.testing.assert_allclose(found[0].box, [380, 40, 420, 160])


def test_decode_suppresses_repeats_and_clips() -> None:
    raw = head_output((100, 100, 60, 90, 0.9), (102, 101, 60, 90, 0.8), (318, 250, 20, 40, 0.7))
    found = decode(raw, 0.5, (0, 8), (640, 480))
    assert len(found) == 2
    assert found[1].box[2] == 640
    assert found[1].box[3] == 480
    assert decode(head_output(), 0.5, (0, 8), (640, 480)) == []


def test_overlaps() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [0, 0, 0, 0]])
    overlap = iou(boxes, boxes)
    assert overlap[0, 0] == 1.0
    assert np.isclose(overlap[0, 1], 50 / 150)
    assert overlap[0, 2] == 0.0
    assert suppress(boxes[:3], 0.3) == [0, 2]


@pytest.mark.parametrize(
    "frame",
    [
        None,
        "picture",
        np.zeros((480, 640), dtype=np.uint8),
        np.zeros((480, 640, 4), dtype=np.uint8),
        np.zeros((480, 640, 3), dtype=np.float32),
        np.zeros((0, 640, 3), dtype=np.uint8),
        np.zeros((240, 320, 3), dtype=np.uint8),
    ],
)
def test_broken_frames_name_the_camera(frame: object) -> None:
    with pytest.raises(FrameError, match="camera cam7"):
        check_frame(frame, "cam7", (640, 480))


def test_missing_weights_say_how_to_get_them() -> None:
    with pytest.raises(ModelMissing, match=r"nowhere\.onnx.*exported to ONNX without NMS"):
        PoseDetector(Path("nowhere.onnx"))
