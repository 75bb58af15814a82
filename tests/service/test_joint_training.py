from pathlib import Path

import cv2
import numpy as np
import pytest

from service.joint_crops import CropsMissing, People, plain_crop, read_people, varied_crop
from service.train_joints import fit_joints, score_joints
from vision.joints import COLUMNS, ROOM, ROWS, JointRefiner, crop_of, cut, read_maps

NO_TORCH = "torch and onnx are of the extra `train`"


BOX = [40, 40, 100, 150]


def _people(count: int, nobody: int = 0) -> People:
    """Pieces with a dot at the left wrist, and `nobody` more that show none."""
    piece = np.zeros((224, 168, 3), np.uint8)
    cv2.circle(piece, (60, 100), 6, (255, 255, 255), -1)
    keypoints = np.zeros((17, 3), np.float32)
    keypoints[9] = 60, 100, 2
    shares = np.array([0.8] * count + [0.0] * nobody, np.float32)
    there = (shares > 0)[:, None, None]
    return People(
        np.stack([piece] * len(shares)) * there[..., None],
        np.array([BOX] * len(shares), np.float32),
        np.stack([keypoints] * len(shares)) * there,
        np.ones(len(shares), np.float32),
        shares,
    )


def _brightest(crop: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(crop[..., 1] >= np.percentile(crop[..., 1], 99.5))
    return np.array([columns.mean(), rows.mean()])


def test_a_plain_crop_is_the_one_that_vision_cuts() -> None:
    people = _people(1)
    crop = plain_crop(people, 0)
    turn = crop_of(np.array(BOX, dtype=np.float64))
    assert np.abs(crop.picture.astype(int) - cut(people.pieces[0], turn)).max() <= 1
    assert crop.keypoints[9, :2] == pytest.approx(turn[:, :2] @ [60, 100] + turn[:, 2])
    assert crop.box == pytest.approx(crop.said)  # cut around the true box
    assert crop.box[3] - crop.box[1] == pytest.approx(ROWS / ROOM)
    assert (crop.box[1] + crop.box[3]) / 2 == pytest.approx((ROWS - 1) / 2)


def test_joints_go_where_a_varied_crop_takes_them_and_mirrored_ones_change_sides() -> None:
    people = _people(1)
    rng = np.random.default_rng(3)
    sides, near, level = set(), 0, 0
    for _ in range(60):
        crop = varied_crop(people, 0, rng)
        side = int(np.flatnonzero(crop.keypoints[:, 2])[0])
        sides.add(side)
        assert crop.picture.shape == (ROWS, COLUMNS, 3)
        near += float(np.hypot(*(_brightest(crop.picture) - crop.keypoints[side, :2]))) < 4
        if np.isfinite(crop.box[0]):
            level += 1
            width, height = crop.box[2:] - crop.box[:2]
            assert height / width == pytest.approx(110 / 60)
            along, down = (crop.keypoints[side, :2] - crop.box[:2]) / [width, height]
            assert down == pytest.approx(60.5 / 110)
            assert min(along, 1 - along) == pytest.approx(20.5 / 60, abs=0.02)
    assert sides == {9, 10}
    assert near > 30  # others are covered or drowned in noise
    assert 20 < level < 60  # the others are turned


def test_a_place_without_a_person_teaches_that_there_is_none() -> None:
    crop = varied_crop(_people(0, nobody=1), 0, np.random.default_rng(1))
    assert not crop.person
    assert np.isnan(crop.box).all()
    assert not crop.keypoints[:, 2].any()


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

    net = fit_joints(_people(4, nobody=2), 2, seed=1)
    export_joint_net(net, tmp_path / "joints.onnx")
    score = score_joints(JointRefiner(tmp_path / "joints.onnx"), _people(3, nobody=2))
    assert score.people == 3
    assert score.wrist_median_px >= 0
    assert 0 <= score.box_iou <= 1
    assert 0 <= score.person_auroc <= 1
