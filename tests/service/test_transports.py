"""Both transports give identical events, and so do crashes on the way."""

from pathlib import Path

import pytest

from cart.events import to_json
from service.broker_run import bill_over_broker
from service.score_runs import sources_of
from service.simulate import bill, simulate, stage
from simulator.faults import parse_fault

SCENES = Path(__file__).parents[2] / "datasets" / "scenes"


def both_ways(path: Path, seed: int, faults: tuple[str, ...] = ()) -> tuple[list, list]:
    staged = stage(path)
    run = simulate(staged, seed)
    over = bill_over_broker(
        staged.store.id,
        staged.store_text,
        run.code_key,
        run.entries,
        [parse_fault(text) for text in faults],
    )
    direct = bill(staged.store, run.code_key, run.entries)
    return [to_json(event) for event in over], [to_json(event) for event in direct]


def test_a_scene_over_a_broker_gives_the_same_events_through_crashes_and_restarts():
    faults = ("engine-kill@6", "broker-restart@9", "engine-kill@12")
    over, direct = both_ways(SCENES / "one-shopper.yaml", 1, faults)
    assert len(direct) > 5
    assert over == direct


def test_a_scene_whose_engine_is_killed_crosses_a_broker(tmp_path):
    text = (SCENES / "one-shopper.yaml").read_text() + "faults: [{kind: engine-kill, from_s: 8}]\n"
    path = tmp_path / "killed.yaml"
    path.write_text(text)
    run = simulate(stage(path), 1)
    assert run.score["transport"] == "broker"
    whole = simulate(stage(SCENES / "one-shopper.yaml"), 1)
    assert run.events == whole.events


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_baseline_gives_the_same_events_both_ways():
    scenes = sources_of(["baseline"])
    assert len(scenes) == 30
    for path in scenes:
        over, direct = both_ways(path, 1)
        assert over == direct, path.stem
        print(f"{path.stem}: {len(direct)} events, the same over a broker")
