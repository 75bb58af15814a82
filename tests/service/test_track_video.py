"""People in a video become tracks and a drawing of them; a case of cameras becomes places."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from sensors.camera import CameraModel
from service.film_source import FilmError
from service.floor_files import Seen
from service.footage import (
    FootageError,
    errors_of,
    fused_places,
    read_case,
    single_places,
)
from service.track_video import draw_tracks, track_video
from vision.detection import JOINTS, Detection
from vision.tiled import TiledDetector

Frame = NDArray[np.uint8]
MARKS = [(1.0, 2.0), (5.0, 2.0), (5.0, 6.0), (1.0, 6.0)]


class Blobs:
    """Finds what is white on black: one detection for each connected piece."""

    def detect_all(self, frames: Mapping[str, Frame]) -> dict[str, list[Detection]]:
        found = {}
        for camera, rgb in frames.items():
            count, _, stats, _ = cv2.connectedComponentsWithStats((rgb[..., 0] > 128).astype("u1"))
            boxes = [(x, y, x + w, y + h) for x, y, w, h, _ in stats[1:count].tolist()]
            found[camera] = [
                Detection(np.array(box, float), 0.9, np.zeros((JOINTS, 3))) for box in boxes
            ]
        return found


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Two people cross the picture for three seconds, one after the other."""
    path = tmp_path / "walk.avi"
    out = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (320, 240))
    for k in range(60):
        frame = np.zeros((240, 320, 3), np.uint8)
        x = 20 + 8 * (k % 30)
        if k % 30 < 28:
            frame[80:160, x : x + 30] = 255
        out.write(frame)
    out.release()
    return path


def test_two_people_are_two_tracks_and_no_pixel_is_drawn(film: Path):
    tracks = track_video(str(film), Blobs())
    assert len(tracks.lasting) == 2
    assert [tracks.lengths_s()[t] for t in tracks.lasting] == pytest.approx([2.7, 2.7], abs=0.4)
    assert len(tracks.at_s) == 60
    drawn = draw_tracks(tracks)
    assert drawn.shape == (240 + 26, 320, 3)
    assert (drawn > 248).all(axis=2).mean() > 0.8, "paper but for lines"
    assert np.array_equal(drawn, draw_tracks(track_video(str(film), Blobs())))


def test_fewer_frames_are_looked_at(film: Path):
    tracks = track_video(str(film), Blobs(), fps=5.0)
    assert len(tracks.at_s) == 30 and len(tracks.lasting) == 2


def test_no_video_is_said(tmp_path: Path):
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"no video")
    with pytest.raises(FilmError, match=r"broken\.mp4"):
        track_video(str(path), Blobs())


def test_tiles_find_each_person_once():
    rgb = np.zeros((240, 320, 3), np.uint8)
    rgb[40:90, 150:170] = rgb[100:150, 20:40] = rgb[180:230, 280:300] = 255
    found = TiledDetector(Blobs(), 2, 2).detect_all({"c": rgb})["c"]
    boxes = sorted(d.box.tolist() for d in found)
    assert boxes == [[20, 100, 40, 150], [150, 40, 170, 90], [280, 180, 300, 230]]


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """Two cameras across a floor on which two people walk; the videos are not looked at."""
    cameras = {
        "a": CameraModel.looking_at("a", (800, 600), (600, 600), (400, 300), (3, -3, 5), (3, 4, 0)),
        "b": CameraModel.looking_at("b", (800, 600), (600, 600), (400, 300), (9, 4, 5), (3, 4, 0)),
    }
    sensors = {}
    points = np.array([(*mark, 0.0) for mark in MARKS])
    for name, camera in cameras.items():
        pixels, _ = camera.project(points)
        sensors[name] = {
            "camera points": pixels.tolist(),
            "map points": points.tolist(),
            "intrinsics": [600.0, 600.0, 400.0, 300.0],
            "width": 800.0,
            "height": 600.0,
        }
        (tmp_path / f"{name}.mp4").write_bytes(b"")
    (tmp_path / "config.json").write_text(json.dumps({"sensors": sensors}), encoding="utf-8")
    lines = [
        json.dumps(
            {
                "objects": {
                    "Person": [{"translation": [2.0 + k / 150, 3.0, 0.0]}],
                    "person": [{"translation": [4.0, 5.0 - k / 150, 0.0]}],
                    "Plane": [{"translation": [0.0, 0.0, 0.0]}],
                }
            }
        )
        for k in range(240)
    ]
    (tmp_path / "gtLoc.json").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def test_a_case_is_calibrated_fused_and_compared(case: Path):
    read = read_case(case)
    assert read.names == ["Person", "person"] and read.truth.shape == (240, 2, 2)
    assert max(pose.rms_px for pose in read.poses.values()) < 1e-3
    fps = 5.0
    seen: dict[str, list[Seen]] = {name: [] for name in read.videos}
    for k in range(40):
        for name, pose in read.poses.items():
            boxes = []
            for x, y in read.truth[k * 6]:
                foot, head = pose.camera.project(np.array([[x, y, 0.0], [x, y, 1.7]]))[0]
                tall = foot[1] - head[1]
                middle = (foot[0] + head[0]) / 2
                boxes.append((middle - 0.2 * tall, head[1], middle + 0.2 * tall, foot[1]))
            seen[name].append(Seen(np.array(boxes), np.array([0.9, 0.8])))
    alone = errors_of(read, single_places(read, "a", seen["a"]), fps, ["a"])
    assert (alone.found, alone.missed, alone.extra) == (80, 0, 0) and alone.median_m < 0.15
    places, tracks = fused_places(read, seen, fps)
    fused = errors_of(read, places, fps, ["a", "b"])
    assert tracks == 2 and fused.extra == 0 and fused.found >= 70
    assert fused.median_m < 0.15


def test_what_is_no_case_is_said(case: Path):
    (case / "b.mp4").unlink()
    with pytest.raises(FootageError, match=r"b\.mp4"):
        read_case(case)
    (case / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(FootageError, match="SceneScape"):
        read_case(case)
