"""The emulation is fitted to recordings as it is to scenes: what was told beside what was so."""

from pathlib import Path

import numpy as np
import pytest

from service.emulation import fit, watch
from service.recording import RecordingError, write_recording
from service.simulate import facts_of, simulate, stage, truth_bytes

SCENE = Path(__file__).parents[2] / "datasets" / "scenes" / "one-shopper.yaml"


def recorded(path, **changed):
    """A run whose reports are emulated, so that no frame need be rendered; its facts may lie."""
    staged = stage(SCENE)
    run = simulate(staged, 1)
    write_recording(
        path,
        run.entries,
        staged.store_text,
        run.code_key,
        {**facts_of(staged, 1, "emulated"), **changed},
        truth_bytes(run.truth),
        scene_text=staged.scene_text,
        world_text=staged.world_text,
    )
    return path


def test_a_recording_is_watched_as_its_scene_would_be(tmp_path):
    path = recorded(tmp_path / "run.mcap", vision="frames")
    watching = watch(path, None)
    inside = [w for w in watching.instants if w.report.tracks]
    assert len(inside) > 100
    far = []
    for instant in inside:
        (track,) = instant.report.tracks
        far.append(np.hypot(track.x_m - instant.bodies[0, 0], track.y_m - instant.bodies[0, 1]))
    assert np.median(far) < 0.15
    emulation = fit([path], [1, 2], 1, "a test")
    assert emulation.scenes == ["run"]
    assert emulation.person_seconds == pytest.approx(len(inside) / 10, rel=0.2)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"vision": "emulated"}, "seen with emulated, expected frames"),
        ({"vision": "frames", "versions": {"models": "0"}}, "other weights"),
        ({"vision": "frames", "seed": "one"}, "not a run of the simulator"),
    ],
)
def test_a_recording_that_says_nothing_of_todays_vision_is_refused(tmp_path, facts, reason):
    with pytest.raises(RecordingError, match=reason):
        watch(recorded(tmp_path / "run.mcap", **facts), None)


def test_a_run_that_would_go_another_way_today_is_refused(tmp_path):
    path = recorded(tmp_path / "run.mcap", vision="frames", seed=2)
    with pytest.raises(RecordingError, match="plays differently"):
        watch(path, None)
