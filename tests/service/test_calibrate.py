"""`openaisle calibrate`: rendered boards and marks give the camera back, and bad input is named."""

from __future__ import annotations

import json
import re
import struct
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from sensors.camera import CameraModel
from sensors.store import load_store
from service.calibrate_lens import CalibrationError
from service.cli import app
from service.film_source import FilmError, stills, write_picture
from service.user_errors import is_user_error
from vision.board import Board
from vision.calibration import turn
from vision.pose_fit import look_at

CORNER = Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml"
Array = NDArray[np.float64]
Frame = NDArray[np.uint8]
HELD = [  # pan, tilt in degrees; right, down, ahead in metres
    (0, 0, 0.0, 0.0, 0.5),
    (35, 0, -0.25, 0.0, 0.6),
    (-35, 0, 0.25, 0.0, 0.6),
    (0, 35, 0.0, -0.16, 0.6),
    (0, -35, 0.0, 0.16, 0.6),
    (25, 25, -0.28, -0.2, 0.65),
    (-25, 25, 0.28, -0.2, 0.65),
    (25, -25, -0.28, 0.2, 0.65),
    (-25, -25, 0.28, 0.2, 0.65),
    (15, -30, 0.1, 0.05, 0.5),
]
BOARD = Board(9, 6, 0.06)
LENS = CameraModel(
    "cam1", 640, 480, 402.0, 398.0, 326.0, 234.0, np.eye(3), np.zeros(3), -0.22, 0.05
)
HUNG = replace(
    CameraModel.looking_at(
        "cam1", (640, 480), (402.0, 398.0), (326.0, 234.0), (0.2, 0.1, 2.8), (3.0, 2.6, 0.0),
        (-0.22, 0.05), 0.03,
    )
)  # fmt: skip
MARKS = [(1.2, 1.8), (1.9, 1.2), (3.0, 1.5), (4.6, 2.2), (2.0, 4.4), (3.0, 3.0), (3, 4.2), (5, 5)]


@cache
def ahead() -> Array:
    v, u = np.mgrid[0:960, 0:1280] / 2.0 - 0.25
    flat = LENS.flat(np.column_stack([u.ravel(), v.ravel()]))
    return np.column_stack([flat, np.ones(len(flat))])


def held(pan_deg: float, tilt_deg: float, x_m: float, y_m: float, z_m: float) -> Frame:
    """A picture of the board with its middle at x, y, z before the camera."""
    axes = turn(np.radians([tilt_deg, pan_deg, 5.0])).T[:2]
    corner = np.array([x_m, y_m, z_m]) - axes.T @ np.array(BOARD.size_m) / 2
    rays, normal = ahead(), np.cross(axes[0], axes[1])
    reach = (corner @ normal) / (rays @ normal)
    on_board = (reach[:, None] * rays - corner) @ axes.T
    on_board[reach <= 0] = -1e3
    art = np.where(BOARD.modules(), 25, 235).astype(np.uint8)
    art = np.pad(np.kron(art, np.ones((4, 4), np.uint8)), 40, constant_values=235)
    where = (on_board * (40 / BOARD.square_m) + 39.5).astype(np.float32).reshape(960, 1280, 2)
    big = cv2.remap(art, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderValue=150)
    grey = cv2.resize(big, (640, 480), interpolation=cv2.INTER_AREA)
    return np.repeat(grey[..., None], 3, axis=2)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("board")
    for k, at in enumerate(HELD):
        write_picture(folder / f"{k:02}.png", held(*at))
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "store.yaml"
    path.write_text(CORNER.read_text(encoding="utf-8"), encoding="utf-8")
    return path


def run(*words: object, fails: type[Exception] | None = None) -> str:
    result = CliRunner().invoke(app, [str(w) for w in words])
    if fails is None:
        assert result.exit_code == 0, result.output
        return result.output
    assert isinstance(result.exception, fails) and is_user_error(result.exception)
    return str(result.exception)


def marks_file(path: Path, wrong: int | None = None) -> Path:
    points = np.array([(*place, 0.0) for place in MARKS])
    pixels, _ = HUNG.project(points)
    if wrong is not None:
        points[wrong, 0] += 0.4
    lines = [
        f"- {{name: m{k}, pixel: [{u:.3f}, {v:.3f}], floor_m: [{x:.3f}, {y:.3f}]}}"
        for k, ((u, v), (x, y, _)) in enumerate(zip(pixels, points, strict=True))
    ]
    path.write_text("marks:\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_lens_and_pose_go_into_the_store_file(pictures: Path, store: Path, tmp_path: Path):
    lens_json, pose_json = tmp_path / "lens.json", tmp_path / "pose.json"
    sizes = ("--columns", 9, "--rows", 6, "--square-mm", 60)
    said = run(
        "calibrate", "intrinsics", pictures, *sizes, "--store", store, "--camera", "cam1",
        "--drawing", tmp_path / "lens.png", "--json", lens_json,
    )  # fmt: skip
    assert "warning" not in said and "worst" in said
    camera = load_store(store).cameras[0]
    assert camera.fx == pytest.approx(402.0, rel=0.005)
    assert camera.fy == pytest.approx(398.0, rel=0.005)
    assert json.loads(lens_json.read_text())["rms_px"] < 0.2

    said = run(
        "calibrate", "pose", marks_file(tmp_path / "marks.yaml"), "--store", store,
        "--drawing", tmp_path / "pose.png", "--json", pose_json,
    )  # fmt: skip
    found = load_store(store).cameras[0].model()
    assert np.linalg.norm(found.position_m - HUNG.position_m) < 0.01
    cosine = (np.trace(found.rotation @ HUNG.rotation.T) - 1) / 2
    assert np.degrees(np.arccos(min(1.0, cosine))) < 0.1
    assert load_store(store).cameras[0].roll_deg == pytest.approx(np.degrees(0.03), abs=0.1)
    facts = json.loads(pose_json.read_text())
    assert facts["warnings"] == [] and len(facts["marks"]) == len(MARKS)
    for name in ("lens.png", "pose.png"):
        assert next(stills(str(tmp_path / name))).rgb.shape == (480, 640 + 460, 3)


def test_a_fragment_serves_as_the_lens(pictures: Path, tmp_path: Path):
    lens, pose = tmp_path / "lens.yaml", tmp_path / "pose.yaml"
    sizes = ("--columns", 9, "--rows", 6, "--square-mm", 60)
    run("calibrate", "intrinsics", pictures, *sizes, "--out", lens)
    said = run(
        "calibrate", "pose", marks_file(tmp_path / "m.yaml", 2), "--lens", lens, "--out", pose
    )
    assert "mark m2 contradicts the others" in re.sub(r"\s+", " ", said)
    assert "position_m: [" in pose.read_text() and "look_at_m: [" in pose.read_text()


def test_marks_come_as_a_table_too(store: Path, tmp_path: Path):
    path = tmp_path / "marks.csv"
    model = load_store(store).cameras[0].model()
    places = [(2.2, 2.2), (3.5, 2.0), (2.0, 3.6), (3.2, 3.2), (5.0, 3.0), (4.0, 4.5)]
    pixels, _ = model.project(np.array([(*place, 0.0) for place in places]))
    rows = [f"{u:.2f},{v:.2f},{x},{y}" for (u, v), (x, y) in zip(pixels, places, strict=True)]
    path.write_text("u_px,v_px,x_m,y_m\n" + "\n".join(rows) + "\n", encoding="utf-8")
    before = store.read_text(encoding="utf-8")
    said = run("calibrate", "pose", path, "--store", store, "--no-write")
    assert "rms 0.0" in said and store.read_text(encoding="utf-8") == before
    target, roll = look_at(model)
    assert roll == pytest.approx(0.0, abs=1e-9) and target[2] >= -1e-9


def test_the_board_is_printed_at_its_true_size(tmp_path: Path):
    for kind in ("pdf", "svg", "png"):
        said = run("calibrate", "board", "--out", tmp_path / f"board.{kind}")
        assert "294 × 204 mm" in said
    pdf = (tmp_path / "board.pdf").read_bytes()
    box = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert box is not None and float(box[1]) == pytest.approx(294 * 72 / 25.4, abs=0.01)
    offsets = [int(n) for n in re.findall(rb"^(\d{10}) 00000 n ", pdf, re.MULTILINE)]
    assert [pdf[at : at + 7] for at in offsets] == [b"%d 0 obj" % n for n in range(1, 6)]
    png = (tmp_path / "board.png").read_bytes()
    place = png.index(b"pHYs") + 4
    per_m, _, unit = struct.unpack(">IIB", png[place : place + 9])
    drawn = next(stills(str(tmp_path / "board.png"))).rgb
    assert unit == 1 and drawn.shape[1] / per_m == pytest.approx(0.294, abs=0.001)
    view = Board(9, 6, 0.03).find(drawn)
    assert view is not None and len(view.ids) == 40


def test_bad_input_is_named(store: Path, pictures: Path, tmp_path: Path):
    assert "no such folder" in run("calibrate", "intrinsics", tmp_path / "none", fails=FilmError)
    said = run(
        "calibrate", "intrinsics", pictures, "--columns", 5, "--rows", 12, fails=CalibrationError
    )
    assert "--columns 5" in said
    bad = tmp_path / "bad.yaml"
    bad.write_text("marks:\n- {pixel: [1, 2], floor: [1, 2]}\n", encoding="utf-8")
    assert "marks[0].floor" in run(
        "calibrate", "pose", bad, "--store", store, fails=CalibrationError
    )
    bad.write_text("marks:\n- {name: a, pixel: [9999, 2], floor_m: [1, 2]}\n", encoding="utf-8")
    assert "mark a: its pixel" in run(
        "calibrate", "pose", bad, "--store", store, fails=CalibrationError
    )
    table = tmp_path / "bad.csv"
    table.write_text("u_px,v_px,x_m\n1,2,3\n", encoding="utf-8")
    assert "no column y_m" in run(
        "calibrate", "pose", table, "--store", store, fails=CalibrationError
    )
    assert "give a file of marks" in run(
        "calibrate", "pose", "--store", store, fails=CalibrationError
    )
    assert "X,Y,YAW" in run(
        "calibrate", "pose", "--board-at", "1,2", "--picture", pictures / "00.png",
        "--store", store, fails=CalibrationError,
    )  # fmt: skip
    assert ".pdf, .svg or .png" in run(
        "calibrate", "board", "--out", tmp_path / "b.doc", fails=FilmError
    )


def test_a_film_gives_pictures_in_which_the_board_moved(tmp_path: Path):
    path = tmp_path / "board.avi"
    film = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 2.0, (640, 480))
    for at in [HELD[0], HELD[0], HELD[0], *HELD[1:7]]:
        film.write(held(*at))
    film.release()
    out = tmp_path / "lens.json"
    sizes = ("--columns", 9, "--rows", 6, "--square-mm", 60)
    run("calibrate", "intrinsics", path, *sizes, "--json", out)
    facts = json.loads(out.read_text())
    assert facts["looked_at"] == 9
    assert len(facts["pictures"]) + len(facts["dropped"]) == 7
