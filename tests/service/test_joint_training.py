from pathlib import Path

import cv2
import numpy as np
import pytest

from service.joint_crops import CropsMissing, People, plain_crop, read_people, varied_crop
from service.train_joints import fit_joints, score_joints
from vision.joints import COLUMNS, ROWS, JointRefiner, crop_of, cut, read_maps

NO_TORCH = "torch and onnx are of the extra `train`"


def _person() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A piece with a dot at the left wrist, its box, and keypoints."""
    piece = np.zeros((192, 144, 3), np.uint8)
    cv2.circle(piece, (60, 100), 6, (255, 255, 255), -1)
    keypoints = np.zeros((17, 3), np.float32)
    keypoints[9] = 60, 100, 2
    return piece, np.array([40, 40, 100, 150], np.float32), keypoints


def _people(count: int) -> People:
    piece, box, keypoints = _person()
    return People(
        np.stack([piece] * count),
        np.stack([box] * count),
        np.stack([keypoints] * count),
        np.ones(count, np.float32),
    )


def _brightest(crop: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(crop[..., 1] >= np.percentile(crop[..., 1], 99.5))
    return np.array([columns.mean(), rows.mean()])


def test_a_plain_crop_is_the_one_that_vision_cuts() -> None:
    piece, box, keypoints = _person()
    crop, points = plain_crop(piece, box, keypoints)
    turn = crop_of(box.astype(np.float64))
    assert np.abs(crop.astype(int) - cut(piece, turn)).max() <= 1
    assert points[9, :2] == pytest.approx(turn[:, :2] @ [60, 100] + turn[:, 2])


def test_joints_go_where_a_varied_crop_takes_them_and_mirrored_ones_change_sides() -> None:
    piece, box, keypoints = _person()
    rng = np.random.default_rng(3)
    sides, near = set(), 0
    for _ in range(40):
        crop, points = varied_crop(piece, box, keypoints, rng)
        side = int(np.flatnonzero(points[:, 2])[0])
        sides.add(side)
        assert crop.shape == (ROWS, COLUMNS, 3)
        near += float(np.hypot(*(_brightest(crop) - points[side, :2]))) < 4
    assert sides == {9, 10}
    assert near > 20  # others are covered or drowned in noise


def test_a_map_is_read_at_its_peak_and_doubted_by_its_width() -> None:
    heat = np.full((1, 17, 32, 24), -20.0, np.float32)
    heat[0, :, 10, 5] = 5.0
    heat[0, 9, 25, 20] = 4.5
    places, sigma = read_maps(heat)
    assert places[0, 0] == pytest.approx([5 * 4 + 1.5, 10 * 4 + 1.5], abs=0.1)
    assert places[0, 9] == pytest.approx([21.5, 41.5], abs=0.1)
    assert sigma[0, 9] > 3 * sigma[0, 0]


def test_a_folder_without_crops_is_named(tmp_path: Path) -> None:
    with pytest.raises(CropsMissing, match="no crops"):
        read_people(tmp_path)


def test_a_few_steps_train_a_network_that_exports(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason=NO_TORCH)
    pytest.importorskip("onnx", reason=NO_TORCH)
    from service.joint_net import export_joint_net  # noqa: PLC0415

    net = fit_joints(_people(4), 2, seed=1)
    export_joint_net(net, tmp_path / "joints.onnx")
    score = score_joints(JointRefiner(tmp_path / "joints.onnx"), _people(3))
    assert score.people == 3
    assert score.wrist_median_px >= 0
