"""The bench tells what was played, how long it took, and what plain work takes."""

from pathlib import Path

import pytest

from service.bench import bench_simulator
from service.simulate import simulate, stage

SCENE = Path(__file__).parents[2] / "datasets" / "scenes" / "one-shopper.yaml"


def test_paces_are_store_time_over_the_time_taken():
    told: list[str] = []
    result = bench_simulator(SCENE, jobs=1, runs=1, film=False, told=told.append)
    (pace,) = result.paces
    staged = stage(SCENE)
    played = simulate(staged, 1).seconds
    assert pace.store_s == pytest.approx(played, abs=0.1)
    assert pace.times_real == pytest.approx(played / pace.wall_s, rel=0.01)
    assert pace.times_real_cpu == pytest.approx(played / pace.cpu_s, rel=0.01)
    assert (pace.processes, pace.runs, result.cameras) == (1, 1, 4)
    real, decoding, drawing = (one.times_real for one in result.yardsticks)
    assert real == 1
    assert min(decoding, drawing) > 0
    assert told == ["the chain without frames"]
