"""Overlays: heads are unrecognisable, the rest is marked, the original is left alone."""

from dataclasses import dataclass

import cv2
import numpy as np

from vision.detector import Detection
from vision.overlay import draw, head_boxes, to_jpeg


@dataclass(frozen=True)
class Shown:
    detection: Detection
    tracklet: str | None


def person(head_sure: bool) -> Detection:
    keypoints = np.zeros((17, 3))
    keypoints[:, 2] = 0.9
    keypoints[:5, :2] = [(300, 120), (306, 115), (294, 115), (312, 118), (288, 118)]
    keypoints[5:7, :2] = [(325, 150), (275, 150)]
    keypoints[7:, :2] = np.linspace((270, 200), (330, 400), 10)
    keypoints[:5, 2] = 0.9 if head_sure else 0.1
    return Detection(np.array([260.0, 95, 340, 420]), 0.9, keypoints)


def test_heads_are_pixelated() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (480, 640, 3), dtype=np.uint8)
    for sure in (True, False):
        detection = person(sure)
        drawn = draw(picture, [Shown(detection, "cams:b:4")])
        x1, y1, x2, y2 = head_boxes(detection)[0]
        assert x1 <= 288
        assert x2 >= 312
        assert y1 <= 115
        assert y2 >= 120
        assert len(head_boxes(detection)) == 1 + sure
        inner = drawn[100:130, 285:315].astype(float)
        before = picture[100:130, 285:315].astype(float)
        assert np.abs(np.diff(inner, axis=1)).mean() < 0.25 * np.abs(np.diff(before, axis=1)).mean()
        assert (drawn != picture).any()
        np.testing.assert_array_equal(drawn[:, :200], picture[:, :200])


def test_unknown_people_are_hidden_too() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    drawn = draw(picture, [Shown(person(True), None)])
    assert np.abs(np.diff(drawn[105:128, 288:312].astype(float), axis=1)).mean() < 30


def test_heads_at_the_edge() -> None:
    picture = np.zeros((480, 640, 3), dtype=np.uint8)
    outside = Detection(np.array([630.0, 0, 640, 3]), 0.5, np.full((17, 3), 900.0))
    assert draw(picture, [Shown(outside, "x")]).shape == picture.shape


def test_jpeg() -> None:
    picture = np.zeros((48, 64, 3), dtype=np.uint8)
    picture[..., 0] = 200
    encoded = to_jpeg(picture, 90)
    back = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    assert encoded[:2] == b"\xff\xd8"
    assert abs(int(back[24, 32, 2]) - 200) < 6
