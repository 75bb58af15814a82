"""Boxes of several cameras to places on the floor, from files to scores, and what bad files say."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from sensors.camera import CameraModel
from service.cli import app
from service.floor_files import FloorFileError, Places, read_boxes, read_cameras, read_truth
from service.floor_score import score_floor
from vision.rig import Rig
from vision.visibility import body_boxes

FRAMES = 16
CORNERS = ((-1.0, -1.0), (9.0, -1.0), (4.0, 11.0))
runner = CliRunner()


def paths(frame: int) -> np.ndarray:
    """Three people: two pass each other, one stands."""
    s = frame * 0.4
    return np.array([[1.0 + s, 4.0], [7.0 - s, 5.2], [4.0, 8.0]])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Cameras, boxes with an error of 2 % and a miss now and then, and the truth."""
    rng = np.random.default_rng(5)
    cameras = [
        CameraModel.looking_at(
            f"c{v}", (1280, 720), (700.0, 700.0), (640.0, 360.0), (x, y, 3.0), (4.0, 5.0, 0.5)
        )
        for v, (x, y) in enumerate(CORNERS)
    ]
    rig = Rig(cameras)
    entries = [
        {
            "view": v,
            "K": [c.fx, 0, c.cx, 0, c.fy, c.cy, 0, 0, 1],
            "rvec": cv2.Rodrigues(c.rotation)[0].ravel().tolist(),
            "tvec_cm": (-100 * c.rotation @ c.position_m).tolist(),
            "width": c.width_px,
            "height": c.height_px,
        }
        for v, c in enumerate(cameras)
    ]
    (tmp_path / "cameras.json").write_text(json.dumps(entries))
    boxes, truth = ["frame,view,xmin,ymin,xmax,ymax,conf"], ["frame,person_id,x_cm,y_cm"]
    for frame in range(FRAMES):
        people = paths(frame)
        truth += [f"{frame},{p},{100 * x:.1f},{100 * y:.1f}" for p, (x, y) in enumerate(people)]
        for v in range(len(cameras)):
            for box in body_boxes(rig, v, people)[0]:
                if rng.random() < 0.1:
                    continue
                noisy = box + rng.normal(0.0, 0.02 * (box[3] - box[1]), 4)
                low, high = np.clip(noisy[:2], 0, None), np.minimum(noisy[2:], (1279, 719))
                boxes.append(f"{frame},{v}," + ",".join(f"{q:.1f}" for q in (*low, *high)) + ",0.8")
    (tmp_path / "detections_x.csv").write_text("\n".join(boxes) + "\n")
    (tmp_path / "gt_ground.csv").write_text("\n".join(truth) + "\n")
    return tmp_path


def test_three_people_keep_their_numbers(folder: Path) -> None:
    out, result = folder / "places.csv", folder / "result.json"
    boxes, truth = folder / "detections_x.csv", folder / "gt_ground.csv"
    given = ["--detections", boxes, "--out", out, "--truth", truth, "--json", result]
    done = runner.invoke(app, ["track-floor", str(folder), *map(str, given)])
    assert done.exit_code == 0, done.output
    score = json.loads(result.read_text())["score"]
    assert score["idf1"] > 95.0
    assert score["switches"] == 0
    assert score["error_m"] < 0.15
    lines = out.read_text().splitlines()
    assert lines[0] == "frame,id,x_m,y_m"
    assert len(lines) > 3 * (FRAMES - 2)


def test_every_file_of_boxes_is_scored_over_both_halves(folder: Path) -> None:
    result = folder / "eval.json"
    done = runner.invoke(
        app, ["track-floor-eval", str(folder), "--area", "0,0,8,10", "--json", str(result)]
    )
    assert done.exit_code == 0, done.output
    rows = json.loads(result.read_text())["scores"]
    assert [(row["first"], row["end"]) for row in rows] == [(0, 8), (8, 16), (0, 16)]
    assert sum(row["people"] for row in rows[:2]) == rows[2]["people"] == 3 * FRAMES


def test_scores_count_switches_misses_and_strangers() -> None:
    def at(*spots: tuple[int, float]) -> Places:
        return Places(np.array([i for i, _ in spots]), np.array([[x, 0.0] for _, x in spots]))

    truth = {0: at((1, 0.0), (2, 5.0)), 1: at((1, 0.0), (2, 5.0)), 2: at((1, 0.0), (2, 5.0))}
    found = {0: at((7, 0.1), (8, 5.1)), 1: at((8, 0.1), (7, 5.1)), 2: at((8, 0.1), (9, 8.0))}
    score = score_floor(found, truth, range(3))
    assert (score.switches, score.missed, score.false) == (2, 1, 1)
    assert score.mota == pytest.approx(100 * (1 - 4 / 6))
    assert score.idf1 == pytest.approx(100 * 2 * 3 / 12)
    perfect = score_floor(truth, truth, range(3))
    assert (perfect.idf1, perfect.mota, perfect.error_m) == (100.0, 100.0, 0.0)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("0,0,1,2,3", "line 2: 5 columns, expected 7"),
        ("0,0,a,2,3,4,0.5", "line 2: xmin: no number: 'a'"),
        ("0,0,1,2,nan,4,0.5", "line 2: xmax: no number"),
        ("0,9,1,2,3,4,0.5", "line 2: view 9 has no camera"),
        ("0,0,5,2,3,4,0.5", "line 2: the box is empty or inside out"),
        ("-1,0,1,2,3,4,0.5", "line 2: frame: expected 0, 1, 2"),
    ],
)
def test_a_bad_box_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text(f"frame,view,xmin,ymin,xmax,ymax,conf\n{line}\n")
    with pytest.raises(FloorFileError, match=complaint) as caught:
        read_boxes(path, [0])
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"K": [1, 2]}, "camera 0: K: expected 9 numbers"),
        ({"rvec": None}, "camera 0: rvec: expected 3 numbers"),
        ({"width": 0}, "must be above 0"),
        ({"dist": [0, 0, 0.1, 0, 0]}, "only k1 and k2"),
    ],
)
def test_a_bad_camera_is_named(folder: Path, change: dict[str, object], complaint: str) -> None:
    entries = json.loads((folder / "cameras.json").read_text())
    entries[0].update(change)
    (folder / "cameras.json").write_text(json.dumps(entries))
    with pytest.raises(FloorFileError, match=complaint):
        read_cameras(folder / "cameras.json")


def test_missing_files_columns_and_boxes_are_said_in_a_line(folder: Path) -> None:
    with pytest.raises(FloorFileError, match="cannot be read"):
        read_cameras(folder / "none.json")
    (folder / "half.csv").write_text("frame,person_id\n0,1\n")
    with pytest.raises(FloorFileError, match="line 1: no column x_cm"):
        read_truth(folder / "half.csv")
    empty = folder / "empty.csv"
    empty.write_text("frame,view,xmin,ymin,xmax,ymax,conf\n")
    arguments = ["track-floor", str(folder), "--detections", str(empty), "--out", str(folder / "o")]
    done = runner.invoke(app, arguments)
    assert isinstance(done.exception, FloorFileError)
    done = runner.invoke(app, [*arguments, "--area", "5,0,1,2"])
    assert "expected X0,Y0,X1,Y1" in str(done.exception)
