"""Real and third-party footage with published COCO weights: people are tracked, cameras fused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from service.footage import detect_case, errors_of, fused_places, read_case
from service.track_video import track_video
from vision.detector import load_detector
from vision.tiled import TiledDetector

ROOT = os.environ.get("OPENAISLE_REAL_DATA")
pytestmark = pytest.mark.skipif(not ROOT, reason="OPENAISLE_REAL_DATA is not set")
REAL = Path(ROOT or ".")
WEIGHTS = REAL / "weights" / "yolo11n-coco-320-int8.onnx"


def test_the_shoppers_of_the_aisle_are_three_tracks():
    tracks = track_video(str(REAL / "video" / "store-aisle-detection.gif"), load_detector(WEIGHTS))
    assert len(tracks.lasting) == 3
    assert len(tracks.lengths_s()) <= 4


def test_two_cameras_agree_with_the_ground_truth_on_the_floor():
    case = read_case(REAL / "video" / "scenescape")
    assert case.poses["Cam_x2_0"].rms_px < 0.5 and case.poses["Cam_x1_0"].rms_px < 4
    seen = detect_case(case, TiledDetector(load_detector(WEIGHTS), 2, 2), fps=2.0, seconds=4.0)
    places, _ = fused_places(case, seen, 2.0)
    errors = errors_of(case, places[2:], 2.0, list(seen))
    assert errors.found >= 4 and errors.median_m < 0.5
