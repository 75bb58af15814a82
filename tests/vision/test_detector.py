"""Networks told apart by their output, which is read as detections; unusable weights named."""

from pathlib import Path

import numpy as np
import pytest

from vision.detection import iou, suppress
from vision.detector import ModelMissing, OnnxDetector, WeightsUnusable, load_detector
from vision.detector_heads import Head, HeadUnknown, Letterbox, recognise
from vision.frame import FrameError, check_frame
from vision.letterbox import Letterboxer

HALVED = Letterbox(0.5, 0, 8, (640, 480))
COCO = {n: f"thing {n}" for n in range(80)} | {0: "person"}
MODEL = Path(__file__).parents[2] / "models" / "person-pose.onnx"


def head_output(
    *people: tuple[float, float, float, float, float], classes: int = 1, person: int = 0
) -> np.ndarray:
    raw = np.zeros((55 + classes, 40), dtype=np.float32)
    points = 4 + classes
    for n, (cx, cy, w, h, score) in enumerate(people):
        raw[:4, 3 * n] = cx, cy, w, h
        raw[4 + person, 3 * n] = score
        raw[points::3, 3 * n], raw[points + 1 :: 3, 3 * n] = cx, cy
        raw[points + 2 :: 3, 3 * n] = 0.9
    return raw


def pose() -> Head:
    return recognise((1, 56, 40))


def test_decode_undoes_the_letterbox_and_sorts() -> None:
    raw = head_output((100, 108, 40, 80, 0.5), (200, 58, 20, 60, 0.9), (30, 30, 9, 9, 0.05))
    found = pose().decode(raw, HALVED)
    assert [round(d.score, 2) for d in found] == [0.9, 0.5]
    np.testing.assert_allclose(found[1].box, [160, 120, 240, 280])
    np.testing.assert_allclose(found[1].keypoints[0], [200, 200, 0.9], atol=1e-6)
    np.testing.assert_allclose(found[0].box, [380, 40, 420, 160])


def test_decode_suppresses_repeats_and_clips() -> None:
    raw = head_output((100, 100, 60, 90, 0.9), (102, 101, 60, 90, 0.8), (318, 250, 20, 40, 0.7))
    found = pose().decode(raw, HALVED)
    assert len(found) == 2
    assert found[1].box[2] == 640
    assert found[1].box[3] == 480
    assert pose().decode(head_output(), HALVED) == []


def test_of_many_classes_only_the_person_counts() -> None:
    raw = head_output((100, 108, 40, 80, 0.7), classes=80)
    raw[9, 5] = 0.9  # a sure something else
    head = recognise((1, 135, 40))
    assert (head.classes, head.keypoints) == (80, True)
    (found,) = head.decode(raw, HALVED)
    np.testing.assert_allclose(found.keypoints[16], [200, 200, 0.9], atol=1e-6)

    boxes = recognise((1, 84, 40), COCO, "detect")
    assert not boxes.keypoints
    (found,) = boxes.decode(raw[:84], HALVED)
    assert found.score == pytest.approx(0.7)
    assert not found.keypoints.any(), "weights without joints are sure of none"

    assert recognise((1, 84, 40), {n: str(n) for n in range(80)}).person == 0

    third = recognise((1, 7, 40), {0: "cart", 1: "basket", 2: "Person"})
    (found,) = third.decode(head_output((9, 9, 2, 2, 0.6), classes=3, person=2)[:7], HALVED)
    assert found.score == pytest.approx(0.6)


@pytest.mark.parametrize("keypoints", [False, True])
def test_final_boxes_of_newer_exports(keypoints: bool) -> None:
    raw = np.zeros((300, 57 if keypoints else 6), dtype=np.float32)
    raw[0, :6] = 80, 68, 120, 148, 0.4, 0
    raw[1, :6] = 190, 28, 210, 88, 0.8, 0
    raw[2, :6] = 190, 28, 210, 88, 0.9, 7  # something else
    raw[3, :6] = 0, 0, 0, 0, 0.1, 0
    if keypoints:
        raw[0, 6::3], raw[0, 7::3], raw[0, 8::3] = 100, 108, 0.9
    head = recognise((1, *raw.shape))
    assert head.ended
    found = head.decode(raw, HALVED)
    assert [round(d.score, 2) for d in found] == [0.8, 0.4]
    np.testing.assert_allclose(found[1].box, [160, 120, 240, 280])
    joint = [200, 200, 0.9] if keypoints else [0, 0, 0]
    np.testing.assert_allclose(found[1].keypoints[3], joint, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "names", "task", "said"),
    [
        ((1, 1000), None, None, "three axes"),
        ((1, 116, 40), None, None, r"\(1, 116, 40\).*no class names"),
        ((1, 84, 40), {0: "person"}, None, r"with 1 classes, expected \(1, 5, N\)"),
        ((1, 6, 40), {0: "cart", 1: "basket"}, None, "none of its 2 classes is a person"),
        ((1, 56, 40), {0: "person"}, "segment", "task 'segment'"),
    ],
)
def test_other_outputs_are_named(shape, names, task, said) -> None:
    with pytest.raises(HeadUnknown, match=said):
        recognise(shape, names, task)


def test_overlaps() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [0, 0, 0, 0]])
    overlap = iou(boxes, boxes)
    assert overlap[0, 0] == 1.0
    assert np.isclose(overlap[0, 1], 50 / 150)
    assert overlap[0, 2] == 0.0
    assert suppress(boxes[:3], 0.3) == [0, 2]


def test_a_picture_is_scaled_centred_and_padded() -> None:
    letterboxer = Letterboxer(2, 256, 320)
    wide = letterboxer.fill(0, np.full((480, 640, 3), (255, 0, 51), np.uint8))
    assert (wide.ratio, wide.left, wide.top, wide.size_px) == (0.5, 0, 8, (640, 480))
    np.testing.assert_allclose(letterboxer.blob[0, :, 100, 100], [1.0, 0.0, 0.2])
    np.testing.assert_allclose(letterboxer.blob[0, :, 7, 100], 114 / 255)
    tall = letterboxer.fill(1, np.full((512, 128, 3), 255, np.uint8))
    assert (tall.ratio, tall.left, tall.top) == (0.5, 128, 0)
    np.testing.assert_allclose(letterboxer.blob[1, :, 7, [127, 128]], [[114 / 255] * 3, [1.0] * 3])
    np.testing.assert_allclose(letterboxer.blob[0, :, 100, 100], [1.0, 0.0, 0.2])


def test_each_camera_gets_what_its_own_picture_shows() -> None:
    detector = load_detector(MODEL)
    assert isinstance(detector, OnnxDetector)
    assert detector.input_px == (256, 320)
    assert str(detector.head) == "people and joints"
    rng = np.random.default_rng(1)
    frames = {"a": rng.integers(0, 255, (480, 640, 3), np.uint8), "b": np.zeros((96, 64, 3), "u1")}
    together = detector.detect_all(frames)
    assert together.keys() == frames.keys()
    for camera, frame in frames.items():
        alone = detector.detect_all({camera: frame})[camera]
        assert [d.score for d in alone] == [d.score for d in together[camera]]
    with pytest.raises(FrameError, match="camera b"):
        detector.detect_all({"b": np.zeros((4, 4), "u1")})


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


def test_missing_and_foreign_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"nowhere\.onnx.*models import"):
        load_detector(Path("nowhere.onnx"))
    for name, said in (("w.onnx", "cannot load"), ("w.bin", r"\.onnx or \.pt")):
        (tmp_path / name).write_bytes(b"no weights")
        with pytest.raises(WeightsUnusable, match=rf"w\.\w+: .*{said}"):
            load_detector(tmp_path / name)
