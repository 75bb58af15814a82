"""Real footage comes in as it is; needs the folder of real data (OPENAISLE_REAL_DATA)."""

import itertools
import os
from pathlib import Path

import pytest

from vision.live_source import LiveSource, SourceRules
from vision.stream import Address, AvStream

FOLDER = os.environ.get("OPENAISLE_REAL_DATA")


@pytest.mark.skipif(not FOLDER, reason="OPENAISLE_REAL_DATA does not name a folder")
@pytest.mark.parametrize(
    ("name", "size", "codec", "seconds"),
    [
        ("one-by-one-person-detection.mp4", (768, 432), "h264", 10.0),
        ("store-aisle-detection.gif", (480, 270), "gif", 3.0),
        ("scenescape/Cam_x1_0.mp4", None, "h264", 10.0),
        ("scenescape/Cam_x2_0.mp4", None, "h264", 10.0),
    ],
)
def test_a_real_video_is_read_thinned_and_never_taken_for_frozen(name, size, codec, seconds):
    address = Address(str(Path(str(FOLDER)) / "video" / name), recorded=True)
    rules = SourceRules(fps=10.0, real_time=False, start_ns=10**9, frozen_after_s=2.0)
    source = LiveSource("cam", lambda: AvStream(address), rules)
    frames, states = [], set()
    for frame in source.frames():
        frames.append(frame.at_ns)
        states.add(source.status.state)
        if frame.at_ns - frames[0] > seconds * 1e9:
            break
    status = source.status
    assert status.facts is not None
    assert status.facts.codec == codec
    assert size is None or (status.facts.width_px, status.facts.height_px) == size
    assert status.counts.broken == 0
    assert states == {"up"}
    steps_s = [(b - a) / 1e9 for a, b in itertools.pairwise(frames)]
    assert 0.09 < sum(steps_s) / len(steps_s) < 0.35
