"""The bench films a store and runs the whole worker over the films, each stage timed."""

import pytest

from service.bench_vision import _ours, _peer, _run, _stages, film
from service.eyes import MODEL
from service.vision_eval import Trial
from vision.detector import TorchMissing


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    return film(Trial(seed=1, seconds=0.3), tmp_path_factory.mktemp("films"))


def test_every_frame_is_seen_and_every_stage_timed(films):
    ours = _ours(films, MODEL, "ours", gate=False)
    assert (ours.frames, ours.looks) == (12, 12)
    assert ours.frames_per_cpu_s > 0
    stages = {stage.what: stage for stage in _stages(films, MODEL)}
    assert {"network", "decode H.264", "tracker", "hands", "boxes"} <= stages.keys()
    assert sum(stage.share for stage in stages.values()) == pytest.approx(1.0, abs=0.02)
    assert all(stage.ms_per_frame > 0 for stage in stages.values())


def test_both_ways_see_the_same_people(films):
    gated, frames = _run(films, MODEL, gate=True)
    plain, _ = _run(films, MODEL, gate=False)
    assert gated.looks + gated.spared == frames == plain.looks
    for camera, found in plain.latest.items():
        assert len(gated.latest[camera]) == len(found)


def test_without_the_peer_it_says_how_to_install_it(films, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(TorchMissing, match=r"pip install 'openaisle\[train\]'"):
        _peer(films, MODEL)
