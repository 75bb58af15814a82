"""The big counts behind the README's figures; minutes each, run by `make long`."""

import json
from pathlib import Path

import pytest

from service.simulate import simulate, stage
from simulator.score import pool

SCENES = Path(__file__).parents[2] / "datasets" / "scenes"


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_the_demo_scene_from_rendered_frames_seeds_1_to_5():
    staged = stage(SCENES / "demo.yaml")
    total = pool([simulate(staged, seed, "frames").score for seed in range(1, 6)])
    figures = {key: total[key] for key in ("visits", "f1", "reviewed_visits", "wrong_charges")}
    print(json.dumps({**figures, "unreviewed_f1": total["unreviewed"]["f1"]}))
    assert total["vision"] == "frames"
    assert total["f1"] >= 0.85
    assert total["reviewed_visits"] <= 0.2 * total["visits"]
    assert total["unreviewed"]["f1"] >= 0.92


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_the_demo_scene_emulated_seeds_1_to_20():
    staged = stage(SCENES / "demo.yaml")
    total = pool([simulate(staged, seed, "emulated").score for seed in range(1, 21)])
    print(json.dumps({key: total[key] for key in ("f1", "reviewed_visits", "wrong_charges")}))
    assert total["unreviewed"]["f1"] >= 0.97
