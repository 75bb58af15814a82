"""Ways over the floor: around gondolas and people, through gates of every kind."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from sensors.store import Gate, Store, load_store
from simulator.player import Exposure, ScenePlayer
from simulator.routes import BODY_M, Doorway, Floorplan
from simulator.scene import parse_scene
from simulator.walker import STEP_S, Walker
from simulator.world import World

STORE = load_store(Path(__file__).parents[2] / "datasets/stores/corner.yaml")
PLAN = Floorplan(STORE)


def test_a_way_leads_around_a_gondola() -> None:
    way = [(3.1, 1.9), *PLAN.route((3.1, 1.9), (3.1, 3.6), [])]
    assert len(way) > 2 and way[-1] == (3.1, 3.6)
    for (ax, ay), (bx, by) in itertools.pairwise(way):
        for u in np.linspace(0, 1, 50):
            along, into = STORE.gondolas[3].to_local(ax + u * (bx - ax), ay + u * (by - ay))
            outside = max(-along, along - 1.2, -into, into - 0.45)
            assert outside > BODY_M - 0.1


def test_a_straight_way_is_one_line_unless_somebody_stands_there() -> None:
    assert PLAN.route((1.0, 3.8), (5.0, 3.8), []) == [(5.0, 3.8)]
    way = [(1.0, 3.8), *PLAN.route((1.0, 3.8), (5.0, 3.8), [(3.0, 3.8)])]
    gaps = [
        math.dist((ax + u * (bx - ax), ay + u * (by - ay)), (3.0, 3.8))
        for (ax, ay), (bx, by) in itertools.pairwise(way)
        for u in np.linspace(0, 1, 50)
    ]
    assert min(gaps) > 0.45


def test_a_goal_inside_a_gondola_is_moved_before_it() -> None:
    x, y = PLAN.nearest_free((3.1, 2.6))
    assert y < 2.45 or y > 2.9 or not 2.5 < x < 3.7


@pytest.mark.parametrize(
    ("a", "b", "outward"),
    [((1, 0), (2, 0), (0, -1)), ((2, 0), (1, 0), (0, -1)), ((0, 1), (0, 2), (-1, 0))],
)
def test_outside_is_away_from_the_floor(
    a: tuple[float, float], b: tuple[float, float], outward: tuple[float, float]
) -> None:
    door = Doorway.of(Gate(id="g", kind="both", a_m=a, b_m=b), STORE)
    assert door.outward == pytest.approx(outward)
    assert door.outside_m(*door.point(0.8)) == pytest.approx(0.8)
    assert door.aside_m(*door.point(0.8)) == pytest.approx(0)


def test_a_walker_speeds_up_and_slows_down() -> None:
    walker = Walker(PLAN, (1.0, 3.8), 0.0, 1.1)
    walker.head_for((4.0, 3.8), [])
    speeds = []
    while not walker.step([]):
        speeds.append(walker.speed)
    assert walker.at == (4.0, 3.8) and walker.speed == 0
    assert max(speeds) == pytest.approx(1.1)
    assert np.diff([0.0, *speeds]).max() <= 1.4 * STEP_S + 1e-9
    assert speeds[-1] < 0.4
    assert 2.7 < len(speeds) * STEP_S < 4.5


def test_two_walkers_pass_each_other() -> None:
    one, two = Walker(PLAN, (1.0, 3.8), 0.0, 1.0), Walker(PLAN, (5.0, 3.8), math.pi, 1.0)
    one.head_for((5.0, 3.8), [two])
    two.head_for((1.0, 3.8), [one])
    arrived = [False, False]
    for _ in range(400):
        arrived[0] = arrived[0] or one.step([two])
        arrived[1] = arrived[1] or two.step([one])
        assert math.dist(one.at, two.at) > 0.4
        if all(arrived):
            break
    assert all(arrived)


def test_one_gate_serves_both_ways() -> None:
    both = STORE.gates[0].model_copy(update={"kind": "both"})
    store: Store = STORE.model_copy(update={"gates": [both], "antennas": []})
    scene = parse_scene(
        "name: s\nstore: corner\nworld: w\n"
        "random_shoppers: {count: 6, every_s: 4, lines: [1, 1], gondolas: [g4]}\n",
        store,
    )
    player = ScenePlayer(store, World(id="w"), scene, 1, 0, lambda *_: "code")
    crowded = max(len(h.people) for h in player if isinstance(h, Exposure))
    assert len(player.truth.visits) == 6 and crowded > 1
