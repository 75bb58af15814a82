"""Played scenes: determinism, physics, and truth that agrees with the script."""

import itertools
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from sensors.decode import Decoder
from sensors.store import load_store
from sensors.wire import BarrierCrossed, WeightBatch
from simulator.player import CodeShown, Exposure, Happening, Said, ScenePlayer
from simulator.scene import Scene, load_scene, parse_scene
from simulator.shelves import Shelves
from simulator.walker import APART_M
from simulator.world import World, load_world, realise, stream

ROOT = Path(__file__).parents[2] / "datasets"
STORE = load_store(ROOT / "stores/corner.yaml")
WORLD = load_world(ROOT / "worlds/corner.yaml")
START = 1_700_000_000_000_000_000
HEAD = "name: s\nstore: corner\nworld: corner\n"


def play(scene: Scene, seed: int, world: World = WORLD) -> tuple[ScenePlayer, list[Happening]]:
    player = ScenePlayer(STORE, world, scene, seed, START, lambda who, at, bad: f"{who} {at} {bad}")
    return player, list(player)


def script(*actions: str) -> Scene:
    lines = "".join(f"\n  - {action}" for action in actions)
    text = f"{HEAD}shoppers:\n- name: ada\n  enters_at_s: 0.5\n  script:{lines or ' []'}\n"
    return parse_scene(text, STORE)


def crowd(count: int, more: str = "") -> Scene:
    return parse_scene(f"{HEAD}random_shoppers: {{count: {count}, every_s: 4{more}}}\n", STORE)


def gtin(name: str) -> str:
    return next(p.gtin for p in STORE.products if p.name == name)


def weights(happenings: list[Happening]) -> dict[str, np.ndarray]:
    """All readings of each shelf, in order."""
    decoder = Decoder(STORE)
    rows: dict[str, list[list[float | None]]] = {}
    for said in happenings:
        if isinstance(said, Said):
            payload = decoder.decode(said.topic, said.body)
            if isinstance(payload, WeightBatch):
                rows.setdefault(payload.device, []).extend(payload.grams)
    return {shelf: np.array(grams, dtype=np.float64) for shelf, grams in rows.items()}


@pytest.fixture(scope="module")
def demo() -> tuple[ScenePlayer, list[Happening]]:
    return play(load_scene(ROOT / "scenes/demo.yaml", STORE), 1)


def test_the_same_seed_says_the_same_bytes() -> None:
    scene = load_scene(ROOT / "scenes/one-shopper.yaml", STORE)
    (one, first), (two, second), (_, third) = (play(scene, seed) for seed in (1, 1, 2))
    for a, b in zip(first, second, strict=True):
        if isinstance(a, CodeShown) and isinstance(b, CodeShown):
            assert (a.at_ns, a.seq) == (b.at_ns, b.seq)
            np.testing.assert_array_equal(a.picture, b.picture)
        elif isinstance(a, Exposure) and isinstance(b, Exposure):
            assert (a.at_ns, a.people, a.units) == (b.at_ns, b.people, b.units)
        else:
            assert a == b
    assert one.truth == two.truth
    assert [h for h in first if isinstance(h, Said)] != [h for h in third if isinstance(h, Said)]


def test_things_arrive_in_order_and_readable(demo: tuple[ScenePlayer, list[Happening]]) -> None:
    _, happenings = demo
    times = [h.at_ns if isinstance(h, Exposure) else h.received_ns for h in happenings]
    assert times == sorted(times)
    decoder = Decoder(STORE)
    next_seq: Counter[str] = Counter()
    boots = set()
    for happening in happenings:
        if isinstance(happening, Said):
            payload = decoder.decode(happening.topic, happening.body)
            device, boot, seq = payload.device, payload.boot, payload.seq
            assert abs(happening.received_ns - payload.at_ns) < 0.5e9
        elif isinstance(happening, CodeShown):
            device, boot, seq = happening.gate, happening.boot, happening.seq
        else:
            continue
        boots.add(boot)
        assert seq == next_seq[device]
        next_seq[device] += 1
    assert len(boots) == 1
    shelves = {s.id for g in STORE.gondolas for s in g.shelves}
    assert set(next_seq) == shelves | {d.id for d in (*STORE.gates, *STORE.antennas)}


def test_cameras_see_at_their_rate(demo: tuple[ScenePlayer, list[Happening]]) -> None:
    times = [h.at_ns for h in demo[1] if isinstance(h, Exposure)]
    assert set(np.diff(times)) == {100_000_000}


def test_no_message_tells_who_or_what(demo: tuple[ScenePlayer, list[Happening]]) -> None:
    player, happenings = demo
    bodies = b"".join(h.body for h in happenings if isinstance(h, Said))
    for visit in player.truth.visits:
        assert visit.shopper.encode() not in bodies
    others = [h.body for h in happenings if isinstance(h, Said) and "/rfid/" not in h.topic]
    assert b"0400000" not in b"".join(others), "only a tag may tell its product"


def test_truth_is_the_script() -> None:
    scene = script(
        "touch: g1s2.4",
        "pick: {product: Cola Cherry, units: 2}",
        "pick: Honey",
        "dwell: 1",
        "pick: {product: Rice, units: 1}",
        "put_back: Cola Cherry",
        "put_back: {product: Honey, to: g1s1.4}",
    )
    player, happenings = play(scene, 1)
    (visit,) = player.truth.visits
    assert dict(visit.lines) == {gtin("Cola Cherry"): 1, gtin("Rice"): 1}
    done = Counter[tuple[str, str]]()
    for move in player.truth.moves:
        done[move.kind, move.gtin] += move.units
    assert done == {
        ("pick", gtin("Cola Cherry")): 2,
        ("pick", gtin("Honey")): 1,
        ("pick", gtin("Rice")): 1,
        ("put_back", gtin("Cola Cherry")): 1,
        ("put_back", gtin("Honey")): 1,
    }
    assert player.truth.stock["g1s1.4"][gtin("Honey")] == 1
    shown = [h for h in happenings if isinstance(h, CodeShown)]
    assert len(shown) == 1 and shown[0].received_ns < visit.entered_ns
    assert all(visit.entered_ns < m.at_ns < visit.left_ns for m in player.truth.moves)


def test_those_who_change_places_of_two_products_pay_for_what_they_carry_out() -> None:
    player, _ = play(load_scene(ROOT / "scenes/yoghurt-swap.yaml", STORE), 1)
    blueberry, vanilla = gtin("Yoghurt Blueberry"), gtin("Yoghurt Vanilla")
    assert {visit.shopper: dict(visit.lines) for visit in player.truth.visits} == {
        "dad": {blueberry: 1, vanilla: 1},
        "eve": {gtin("Honey"): 1},
    }
    moved = [(m.kind, m.gtin, m.facing) for m in player.truth.moves if m.kind == "put_back"]
    assert sorted(moved) == [("put_back", blueberry, "g2s1.4"), ("put_back", vanilla, "g2s1.1")]


def test_gates_notice_everybody(demo: tuple[ScenePlayer, list[Happening]]) -> None:
    player, happenings = demo
    decoder = Decoder(STORE)
    said = [decoder.decode(h.topic, h.body) for h in happenings if isinstance(h, Said)]
    crossed = [(p.device, p.direction) for p in said if isinstance(p, BarrierCrossed)]
    visits = len(player.truth.visits)
    assert Counter(crossed) == {("gate-in", "in"): visits, ("gate-out", "out"): visits}
    assert visits == 5


def test_truth_stands_at_the_end_only() -> None:
    player = ScenePlayer(STORE, WORLD, script("dwell: 1"), 1, START, lambda *_: "code")
    with pytest.raises(RuntimeError, match="not been played"):
        _ = player.truth
    list(player)
    assert player.truth.visits[0].lines == []


def test_a_forged_code_comes_first_and_alone_turns_away() -> None:
    asked: list[bool] = []
    scene = script("forged_code: true", "pick: Honey")
    player = ScenePlayer(
        STORE, WORLD, scene, 1, START, lambda _who, _at, bad: asked.append(bad) or "code"
    )
    list(player)
    assert asked == [True, False] and len(player.truth.visits) == 1
    player, happenings = play(script("forged_code: true"), 1)
    assert player.truth.visits == []
    assert sum(isinstance(h, CodeShown) for h in happenings) == 1


def test_plates_weigh_what_was_moved() -> None:
    """Reading after less reading before is the weight of all units that left or came."""
    for seed in (1, 2):
        player, happenings = play(crowd(4), seed)
        before = Shelves(STORE, player.true, stream(WORLD.seed, seed, "units")).weights()
        after = player._stage.shelves.weights()
        assert player.truth.moves
        for shelf, readings in weights(happenings).items():
            felt = np.median(readings[-60:], axis=0) - np.median(readings[:30], axis=0)
            moved = after[shelf] - before[shelf]
            gains = 0.02 * np.abs(moved).sum()  # gain, and crosstalk of both neighbours
            drift = 1.0 * math.sqrt(len(readings) / 60 / 60)
            assert np.abs(felt - moved).max() < 3 + 3 * drift + 2 * gains


def test_units_are_conserved() -> None:
    player, _ = play(crowd(6), 3)
    start = sum(player.true.stock.values())
    left = sum(n for contents in player.truth.stock.values() for n in contents.values())
    assert start == left + sum(n for visit in player.truth.visits for _, n in visit.lines)


@pytest.mark.parametrize(
    ("scene", "seed"),
    [(crowd(8), 1), (crowd(8, ", gondolas: [g1]"), 2), (crowd(10, ", gondolas: [g1, g2]"), 3)],
)
def test_nobody_walks_through_anything(scene: Scene, seed: int) -> None:
    _, happenings = play(scene, seed)
    last: dict[str, tuple[float, float, int]] = {}
    for happening in happenings:
        if not isinstance(happening, Exposure):
            continue
        spots = [(s.x_m, s.y_m) for _, _, s in happening.people]
        for a, b in itertools.combinations(spots, 2):
            assert math.dist(a, b) > APART_M - 0.03
        for x, y in spots:
            for gondola in STORE.gondolas:
                along, into = gondola.to_local(x, y)
                inside = -0.15 < along < gondola.width_m + 0.15
                assert not (inside and -0.15 < into < gondola.depth_m + 0.15)
        for name, _, s in happening.people:
            if name in last:
                x, y, at_ns = last[name]
                seconds = (happening.at_ns - at_ns) / 1e9
                assert math.hypot(s.x_m - x, s.y_m - y) / seconds < 1.6
            last[name] = (s.x_m, s.y_m, happening.at_ns)


def test_hands_are_at_the_facing_when_units_move() -> None:
    player, happenings = play(load_scene(ROOT / "scenes/demo.yaml", STORE), 4)
    exposures = [h for h in happenings if isinstance(h, Exposure)]
    places = Shelves(STORE, realise(STORE, WORLD, 4), stream("x")).places
    for move in player.truth.moves:
        seen = min(exposures, key=lambda e: abs(e.at_ns - move.at_ns))
        stance = next(s for name, _, s in seen.people if name == move.shopper)
        place = places[move.facing]
        hands = [h for h in (stance.left_hand_m, stance.right_hand_m) if h is not None]
        locals_ = [(*place.gondola.to_local(h[0], h[1]), h[2]) for h in hands]
        assert any(
            abs(along - place.middle_m) < 0.2 and into > -0.1 and -0.05 < z - place.shelf.z_m < 0.35
            for along, into, z in locals_
        )


def test_a_picked_product_is_held_and_then_bagged() -> None:
    player, happenings = play(script("pick: Honey", "dwell: 4"), 1)
    (move,) = player.truth.moves
    held = [
        h.at_ns
        for h in happenings
        if isinstance(h, Exposure)
        for _, _, s in h.people
        if gtin("Honey") in (s.left_holds, s.right_holds)
    ]
    assert held and 2.0 < (held[-1] - move.at_ns) / 1e9 < 4.0


def test_a_crowd_in_a_small_store_does_not_lock_itself() -> None:
    store = load_store(ROOT / "stores/kiosk.yaml")
    scene, world = load_scene(ROOT / "scenes/fit-crowd.yaml", store), ROOT / "worlds/kiosk.yaml"
    player = ScenePlayer(store, load_world(world), scene, 1, START, lambda *_: "code")
    for happening in player:
        if isinstance(happening, Exposure):
            assert happening.at_ns < START + 400_000_000_000
    assert len(player.truth.visits) == 12
