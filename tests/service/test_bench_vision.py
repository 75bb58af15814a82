"""The bench films a store and runs the whole worker over the films, each stage timed."""

import pytest

from service.bench_vision import WAYS, _ours, _peer, _run, _stages, film
from service.eyes import MODEL
from service.vision_eval import Trial
from vision.detector import TorchMissing


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    return film(Trial(seed=1, seconds=0.3), tmp_path_factory.mktemp("films"))


def test_every_frame_is_seen_and_every_stage_timed(films):
    searching, following, _ = (_ours(films, MODEL, way) for way in WAYS)
    assert (searching.frames, searching.looks, searching.searches) == (12, 12, 12)
    assert (following.frames, following.looks) == (12, 12)
    assert following.searches < 12
    assert following.frames_per_cpu_s > 0
    stages = {stage.what: stage for stage in _stages(films, MODEL)}
    assert {"network", "decode H.264", "tracker", "hands", "boxes"} <= stages.keys()
    assert sum(stage.share for stage in stages.values()) == pytest.approx(1.0, abs=0.02)
    assert all(stage.ms_per_frame > 0 for stage in stages.values())


def test_all_ways_see_the_same_people(films):
    plain, frames = _run(films, MODEL, WAYS[0])
    for way in WAYS[1:]:
        saving, _ = _run(films, MODEL, way)
        assert saving.looks + saving.spared == frames == plain.searches
        for camera, found in plain.latest.items():
            assert len(saving.latest[camera]) == len(found)


def test_without_the_peer_it_says_how_to_install_it(films, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(TorchMissing, match=r"pip install 'openaisle\[train\]'"):
        _peer(films, MODEL)
