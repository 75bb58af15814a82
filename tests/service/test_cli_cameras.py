"""Commands on cameras: what they give, faults in words, never a password."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from service.cameras_file import CamerasFileError
from service.cli import app

STORE = Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml"
RUN = CliRunner()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name, size in (("good", (480, 640)), ("wide", (360, 640))):
        (tmp_path / name).mkdir()
        for n in range(4):
            picture = rng.integers(0, 255, (*size, 3), dtype=np.uint8)
            cv2.imwrite(str(tmp_path / name / f"{n}.bmp"), picture)
    return tmp_path


def test_each_camera_is_tried_and_what_is_wrong_is_said(folder, monkeypatch):
    monkeypatch.setenv("CAM3", "hunter2")
    file = folder / "cameras.yaml"
    file.write_text(
        "cameras:\n"
        "  cam1: {pictures: good, loop: true}\n"
        "  cam2: {pictures: wide, loop: true}\n"
        "  cam3: {rtsp: 'rtsp://127.0.0.1:9/x', user: ada, password_env: CAM3}\n"
        "  cam4: {video: none.mp4}\n"
    )
    words = ["cameras", "check", str(file), "--store", str(STORE), "--seconds", "0.5"]
    result = RUN.invoke(app, [*words, "--json", str(folder / "out.json")])
    assert result.exit_code == 1, result.output
    text = (folder / "out.json").read_text()
    assert "hunter2" not in result.output + text
    one, two, three, four = json.loads(text)["cameras"]
    assert (one["camera"], one["state"], one["codec"]) == ("cam1", "up", "bmp")
    assert (one["width_px"], one["height_px"]) == (640, 480)
    assert one["frames"] >= 1
    assert two["state"] == "wrong_size"
    assert two["refused"] >= 1
    assert three["state"] == four["state"] == "down"
    assert three["reason"].startswith("rtsp://127.0.0.1:9/x: nothing listens there; next try in")
    assert "cam4: " in result.output and "no such file or device" in result.output


def test_cameras_that_are_all_well_end_with_success(folder):
    file = folder / "cameras.yaml"
    file.write_text("cameras: {any: {pictures: good}}")  # it ends, and was well
    result = RUN.invoke(app, ["cameras", "check", str(file), "--seconds", "0.5"])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("command", ["serve", "vision"])
def test_a_camera_that_the_store_has_not_ends_the_start(folder, command):
    file = folder / "cameras.yaml"
    file.write_text("cameras: {cam9: {usb: 0}}")
    words = {
        "serve": ["serve", str(STORE), "--data", str(folder / "d")],
        "vision": ["vision", "run", str(STORE), "--broker", "mqtt://127.0.0.1:9"],
    }[command]
    result = RUN.invoke(app, [*words, "--cameras", str(file)])
    assert isinstance(result.exception, CamerasFileError)
    assert str(result.exception).startswith(f"{file}: cameras.cam9: the store file has no camera")
    assert not (folder / "d").exists()
