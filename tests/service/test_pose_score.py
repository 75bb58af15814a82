from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
import pytest

from service import pose_score
from service.pose_score import MIRROR, score_pose


def _person(mirrored: bool, shift_px: float) -> tuple[np.ndarray, str]:
    """A detection in a picture of 320×240, and the label line it answers."""
    box = np.array([100.0, 50.0, 140.0, 150.0])
    points = np.zeros((17, 3))
    points[:, 0] = 105 + 2 * np.arange(17)
    points[:, 1] = 60 + 5 * np.arange(17)
    points[:, 2] = 2
    cells = [0, 120 / 320, 100 / 240, 40 / 320, 100 / 240]
    for u, v, seen in points:
        cells += [(u + 0.5) / 320, (v + 0.5) / 240, seen]
    guess = points + np.array([shift_px, 0, 0])
    guess = guess[MIRROR] if mirrored else guess
    return np.concatenate([box, [0.9], guess.ravel()]), " ".join(f"{c:.6f}" for c in cells)


@pytest.mark.parametrize(
    ("mirrored", "shift_px", "near", "wide"),
    [(False, 0, 1, 1), (True, 0, 1, 1), (False, 7, 0, 1), (False, 15, 0, 0)],
)
def test_wrists_are_scored_by_distance_and_sides_apart(
    mirrored: bool,
    shift_px: float,
    near: int,
    wide: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, line = _person(mirrored, shift_px)
    cv2.imwrite(str(tmp_path / "a.jpg"), np.zeros((240, 320, 3), np.uint8))
    (tmp_path / "a.txt").write_text(line)
    monkeypatch.setattr(ort, "InferenceSession", lambda *_, **__: None)
    monkeypatch.setattr(pose_score, "detect", lambda *_: found[None])
    score = score_pose(tmp_path / "w.onnx", tmp_path, tmp_path)
    assert (score.pictures, score.people, score.recall, score.precision) == (1, 1, 1.0, 1.0)
    assert score.wrist_pck_05_seen == near
    assert score.wrist_pck_10_seen == wide
    assert score.sides == (0.0 if mirrored else 1.0)


def test_a_person_who_is_not_found_lowers_recall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, line = _person(False, 0)
    cv2.imwrite(str(tmp_path / "a.jpg"), np.zeros((240, 320, 3), np.uint8))
    (tmp_path / "a.txt").write_text(line)
    monkeypatch.setattr(ort, "InferenceSession", lambda *_, **__: None)
    monkeypatch.setattr(pose_score, "detect", lambda *_: np.zeros((0, 56)))
    assert score_pose(tmp_path / "w.onnx", tmp_path, tmp_path).recall == 0.0
