import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from sensors.camera import CameraModel
from simulator.people import Figure, Stance
from simulator.render import Renderer
from simulator.training_crops import PIECE_PX, ROOM, Crops
from simulator.training_pictures import (
    PICTURE_PX,
    PersonLabel,
    labelled_picture,
    shares_json,
    write_split,
    yolo_lines,
)
from simulator.training_stores import random_crowd, random_store

Labelled = tuple[CameraModel, NDArray[np.uint8], list[PersonLabel]]


def _pictures(count: int) -> Iterator[Labelled]:
    rng = np.random.default_rng(11)
    store = random_store(rng, "test")
    cameras = [c.model() for c in store.cameras]
    renderer = Renderer(store, cameras, 1)
    for k in range(count):
        camera = cameras[k % len(cameras)]
        yield camera, *labelled_picture(renderer, camera, random_crowd(rng, store), k)


def test_visible_joints_lie_in_the_box_of_their_person() -> None:
    seen = 0
    for _, _, labels in _pictures(12):
        for label in labels:
            points = label.keypoints[label.keypoints[:, 2] == 2]
            assert (points[:, :2] >= label.box[:2] - 1).all()
            assert (points[:, :2] <= label.box[2:] + 1).all()
            seen += len(points)
    assert seen > 100


def test_joints_outside_the_picture_are_not_labelled() -> None:
    for camera, _, labels in _pictures(12):
        for label in labels:
            for u, v, visible in label.keypoints:
                if visible == 0:
                    assert (u, v) == (0, 0)
                else:
                    assert -0.5 <= u < camera.width_px
                    assert -0.5 <= v < camera.height_px


def test_a_person_seen_from_behind_hides_their_nose_and_shows_their_shoulders() -> None:
    rng = np.random.default_rng(2)
    store = random_store(rng, "test")
    camera = store.cameras[0].model()
    renderer = Renderer(store, [camera], 1)
    f = store.floor
    centre = np.array([(f.x_min_m + f.x_max_m) / 2, (f.y_min_m + f.y_max_m) / 2])
    away = centre - camera.position_m[:2]
    figure = Figure.random(rng)
    stance = Stance(float(centre[0]), float(centre[1]), float(np.arctan2(away[1], away[0])))
    _, labels = labelled_picture(renderer, camera, [(figure, stance)], 0)
    assert labels[0].keypoints[0, 2] == 1


def test_label_lines_are_normalised_and_complete() -> None:
    for _, _, labels in _pictures(6):
        for line in yolo_lines(labels, (640, 480)).splitlines():
            cells = np.array(line.split(), dtype=float)
            assert cells.shape == (56,)
            assert cells[0] == 0
            assert (cells[1:5] >= 0).all()
            assert (cells[5:].reshape(17, 3)[:, :2] <= 1).all()
            assert set(cells[7::3]) <= {0.0, 1.0, 2.0}


def test_a_split_is_written_the_same_twice_and_differs_from_others(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_split(tmp_path / name, "train", range(3, 4), 2, seed=5)
    write_split(tmp_path / "one", "val", range(3, 4), 2, seed=5)
    for path in (tmp_path / "one").rglob("train/*"):
        twin = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert path.read_bytes() == twin.read_bytes()
    pictures = sorted((tmp_path / "one" / "images" / "train").iterdir())
    others = sorted((tmp_path / "one" / "images" / "val").iterdir())
    assert len(pictures) == len(others) == 2
    assert cv2.imread(str(pictures[0])).shape == (PICTURE_PX[1], PICTURE_PX[0], 3)
    assert pictures[0].read_bytes() != others[0].read_bytes()


def test_people_of_whom_hardly_anything_is_seen_are_not_to_be_found() -> None:
    box, points = np.array([10.0, 10, 20, 40]), np.zeros((17, 3))
    faint = PersonLabel(1, box, points, share=0.05, seen_px=900)
    small = PersonLabel(2, box, points, share=1.0, seen_px=100)
    plain = PersonLabel(3, box, points, share=0.5, seen_px=900)
    assert len(yolo_lines([faint, small, plain], (640, 480)).splitlines()) == 1
    rows = json.loads(shares_json([faint, small, plain], (640, 480)))
    assert [row["plain"] for row in rows] == [False, False, True]
    assert rows[0]["box"] == [0.01562, 0.02083, 0.03125, 0.08333]


def test_a_piece_shows_its_person_with_room_around_the_box(tmp_path: Path) -> None:
    picture = np.zeros((480, 640, 3), np.uint8)
    picture[200:300, 300:340] = 255
    keypoints = np.zeros((17, 3))
    keypoints[9] = 300, 299, 2  # the middles of corner pixels
    keypoints[10] = 339, 200, 1
    crops = Crops()
    crops.add(picture, np.array([300.0, 200, 340, 300]), keypoints, 0.8)
    crops.write(tmp_path / "one.npz")
    found = np.load(tmp_path / "one.npz")
    piece, box = found["pieces"][0], found["boxes"][0]
    assert piece.shape == (PIECE_PX[1], PIECE_PX[0], 3)
    assert found["px_of_frame"][0] * (box[3] - box[1]) == pytest.approx(100)
    assert box[3] - box[1] == pytest.approx(PIECE_PX[1] / ROOM)
    bright = np.argwhere(piece[..., 0] > 128)
    assert bright.min(axis=0) == pytest.approx(box[[1, 0]], abs=1)
    assert bright.max(axis=0) == pytest.approx(box[[3, 2]] - 1, abs=1)
    for joint, (u, v) in ((9, (0, 3)), (10, (2, 1))):
        x, y = found["keypoints"][0, joint, :2]
        edge = box[u] - (u == 2), box[v] - (v == 3)  # the last pixel's middle, not its far edge
        assert (x, y) == pytest.approx(edge, abs=1)
    assert found["keypoints"][0, 0].tolist() == [0, 0, 0]


def test_an_empty_piece_shows_nobody(tmp_path: Path) -> None:
    picture = np.full((480, 640, 3), 90, np.uint8)
    person = np.array([[250.0, 100, 390, 400]])
    picture[100:400, 250:390] = 255
    crops = Crops()
    rng = np.random.default_rng(4)
    for _ in range(20):
        crops.add_empty(picture, person, rng)
    crops.add_empty(picture, np.array([[0.0, 0, 640, 480]]), rng)  # there is no room beside them
    crops.write(tmp_path / "empty.npz")
    found = np.load(tmp_path / "empty.npz")
    assert 10 <= len(found["pieces"]) <= 20
    assert not found["keypoints"].any() and not found["shares"].any()
    for piece, (x0, y0, x1, y1) in zip(found["pieces"], found["boxes"].astype(int), strict=True):
        assert (piece[y0:y1, x0:x1] == 255).all(axis=2).mean() < 0.75
