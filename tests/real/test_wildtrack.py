"""Seven real cameras, their boxes made worse on purpose: people tracked on the floor."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sensors.store import Floor
from service.floor_files import read_boxes, read_cameras, read_truth
from service.floor_score import score_floor
from service.floor_tracks import track_floor

REAL = os.environ.get("OPENAISLE_REAL_DATA")
FRAMES = 40
FLOOR = Floor(x_min_m=-3.0, y_min_m=-9.0, x_max_m=9.0, y_max_m=27.0)

pytestmark = pytest.mark.skipif(
    REAL is None, reason="OPENAISLE_REAL_DATA names no folder of real recordings"
)


def test_people_on_a_square_are_followed_though_two_boxes_in_five_are_missing() -> None:
    """The plain baselines reach 63 % of both on medium boxes, over 200 frames."""
    folder = Path(str(REAL)) / "tracking" / "WILDTRACK-0-199"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    cameras = read_cameras(folder / "cameras.json")
    frames = read_boxes(folder / "detections_medium.csv", list(cameras))[:FRAMES]
    run = track_floor(cameras, frames, FLOOR)
    score = score_floor(run.places, read_truth(folder / "gt_ground.csv"), range(FRAMES))
    assert score.people > 800
    assert score.idf1 > 68.0
    assert score.mota > 68.0
    assert score.error_m < 0.12
