"""Generated stores: as wished, walkable, seen, and with articles like real ones."""

import math
import re
import shlex

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cart.events import Exited
from sensors.epc import check_digit
from sensors.sightlines import facing_fronts, hidden, sees
from sensors.store import StoreFileError, load_store, parse_file, parse_store
from service.simulate import DATASETS, simulate, stage
from service.store_check import check_store, unreachable_facings
from simulator.catalogue import Confusables, blocks
from simulator.catalogue_likeness import likeness
from simulator.generate import DEVIATIONS, Wish, generate_store, generate_world
from simulator.generate_files import store_text, world_text
from simulator.world import World

SMALL = Wish(id="small", seed=5, size_m=(5.5, 4.5), gondolas=4, gates=1)
SCENE = """
name: three
store: small
world: small
random_shoppers: {count: 3, every_s: 2, lines: [1, 2]}
"""


def taken(count, confusables, seed=1, net_most=2000):
    found = blocks(np.random.default_rng(seed), confusables, net_most)
    return [next(found) for _ in range(count)]


wishes = st.builds(
    Wish,
    id=st.just("any"),
    seed=st.integers(0, 10_000),
    size_m=st.tuples(st.floats(5.5, 13), st.floats(5, 10)),
    gondolas=st.integers(1, 7),
    gates=st.sampled_from([1, 2]),
    density=st.floats(0.3, 1.0),
    tagged=st.sampled_from([0.0, 0.5]),
    cameras=st.sampled_from(["auto", "auto", "corners"]),
)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(wishes)
def test_every_generated_store_loads_and_can_be_walked_and_seen(wish):
    store = generate_store(wish)
    assert parse_store(store_text(store, "made")) == store
    assert len(store.gondolas) == wish.gondolas
    assert unreachable_facings(store) == []
    checked = check_store(store)
    assert not [w for w in checked.warnings if "gate" in w or "GTIN" in w or "product" in w]
    if wish.cameras == "auto":
        assert checked.coverage.facing_share(1) == 1.0
        assert checked.coverage.facing_share(2) >= 0.8
        assert checked.coverage.floor_share(1) >= 0.85


@settings(max_examples=6, deadline=None, derandomize=True)
@given(wishes)
def test_what_stands_on_a_shelf_fits_there(wish):
    store = generate_store(wish)
    products = {p.gtin: p for p in store.products}
    for gondola in store.gondolas:
        boards = sorted(s.z_m for s in gondola.shelves)
        for shelf in gondola.shelves:
            above = [z for z in boards if z > shelf.z_m]
            for facing in shelf.facings:
                wide, _, high = products[facing.gtin].size_m
                assert wide <= len(facing.plates) * shelf.plate_width_m
                assert high < min(above, default=math.inf) - shelf.z_m
                assert 1 <= facing.units <= facing.capacity
                load = facing.capacity * products[facing.gtin].weight_g
                assert load <= 20_000 * len(facing.plates)


@pytest.mark.parametrize("gates", [1, 2])
def test_people_shop_in_a_generated_store(gates, tmp_path):
    wish = Wish(id="small", seed=gates, size_m=(5.5, 4.5), gondolas=4, gates=gates)
    folder = tmp_path / "trial"
    folder.mkdir()
    (folder / "small.yaml").write_text(store_text(generate_store(wish), "made"), encoding="utf-8")
    (tmp_path / "worlds").mkdir()
    (tmp_path / "worlds" / "small.yaml").write_text(world_text(generate_world(wish), "made"))
    (folder / "scene.yaml").write_text(SCENE)
    run = simulate(stage(folder / "scene.yaml"), 1)
    assert len(run.truth.visits) == 3
    assert sum(units for visit in run.truth.visits for _, units in visit.lines) >= 3
    left = {event.shopper: event for event in run.events if isinstance(event, Exited)}
    assert left.keys() == {visit.shopper for visit in run.truth.visits}
    assert any(event.lines for event in left.values())


@pytest.mark.parametrize("name", ["market", "kiosk", "deli"])
def test_the_stores_of_the_datasets_are_what_their_command_makes(name):
    path = DATASETS / "stores" / f"{name}.yaml"
    text = path.read_text(encoding="utf-8")
    first = text.splitlines()[0].removeprefix("# ")
    given_ = dict(re.findall(r"--([a-z-]+) (\S+)", first))
    wish = Wish(
        id=given_["id"],
        seed=int(given_["seed"]),
        name=shlex.split(given_["name"])[0],
        size_m=tuple(float(side) for side in given_["size"].split("x")),
        gondolas=int(given_["gondolas"]),
        gates=int(given_.get("gates", 2)),
        tagged=float(given_.get("tagged", 0)),
        net_most=int(given_.get("most", 2000)),
        camera_count=int(given_.get("camera-count", 0)),
    )
    assert store_text(generate_store(wish), first) == text
    world = DATASETS / "worlds" / f"{name}.yaml"
    comment = world.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
    assert world_text(generate_world(wish), comment) == world.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 600
    assert likeness(load_store(path)).close_pairs >= 50


def test_another_seed_makes_another_store():
    one, two = (generate_store(Wish(id="small", seed=seed)) for seed in (1, 2))
    assert not {p.gtin for p in one.products} & {p.gtin for p in two.products}
    assert one.gondolas != two.gondolas


@given(st.floats(0, 0.6), st.floats(0, 0.4))
@settings(max_examples=8, deadline=None, derandomize=True)
def test_look_alikes_come_in_the_shares_wished_for(families, same_weight):
    found = taken(200, Confusables(families, same_weight))
    products = [p for block in found for p in block.products]
    flavours = rivalled = 0
    for block in found:
        brands = [p.brand for p in block.products]
        flavours += sum(brands.count(b) for b in set(brands) if brands.count(b) > 1)
        if len(set(brands)) > 1:
            rivalled += len(brands)
            assert len({p.weight_g for p in block.products}) == 1
        for brand in set(brands):
            looks = {
                (p.weight_g, p.size_m, p.price_cents, p.picture.accent, p.picture.motif)
                for p in block.products
                if p.brand == brand
            }
            assert len(looks) == 1
        bases = [(p.brand, p.picture.base) for p in block.products]
        assert len(set(bases)) == len(bases)
    assert rivalled / len(products) == pytest.approx(same_weight, abs=0.05)
    assert flavours / len(products) == pytest.approx(families, abs=0.05)


def test_articles_have_codes_of_nobody_and_names_of_their_own():
    products = [p for block in taken(200, Confusables()) for p in block.products]
    assert all(p.gtin.startswith("020") and check_digit(p.gtin) == p.gtin[13] for p in products)
    assert len({p.gtin for p in products}) == len({p.name for p in products}) == len(products)
    assert max(block.net for block in taken(100, Confusables(), net_most=330)) <= 330


def test_a_third_of_the_pairs_and_most_articles_are_alike_as_on_real_shelves():
    """Real: 70 of 190 pairs of one shelf within 10 g, 66 of 83 articles with another within 5 g."""
    found = [
        likeness(generate_store(Wish(id="m", seed=s, size_m=(14, 10), gondolas=10)))
        for s in range(3)
    ]
    pairs = sum(one.close_pairs for one in found) / sum(one.pairs for one in found)
    shadowed = sum(one.shadowed for one in found) / sum(one.articles for one in found)
    assert pairs == pytest.approx(70 / 190, abs=0.06)
    assert shadowed == pytest.approx(66 / 83, abs=0.12)


def test_the_deviation_scales_all_of_the_world():
    usual, none, twice = (
        generate_world(Wish(id="w", deviation=deviation)) for deviation in (1.0, 0.0, 2.0)
    )
    default = World(id="w")
    for key in DEVIATIONS:
        assert getattr(usual, key) == getattr(default, key)
        assert getattr(none, key) == 0
        assert getattr(twice, key) == pytest.approx(2 * getattr(default, key))
    assert usual.rfid == default.rfid
    assert (none.rfid.missing_share, twice.rfid.missing_share) == (0, 0.1)
    assert parse_file(World, world_text(twice, "w"), "w.yaml") == twice


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        (Wish(id="s", gondolas=60), r"--gondolas 60: at most \d+ fit on 8 × 6 m"),
        (Wish(id="s", size_m=(3.0, 9.0)), "--size 3x9: expected at least 3.5 m"),
        (Wish(id="s", gates=3), "--gates 3: expected 1 "),
        (Wish(id="s", density=0.0), "--density 0.0: expected above 0"),
        (Wish(id="s", tagged=2.0), "--tagged 2.0: expected a share"),
        (Wish(id="s", cameras="corners", camera_count=9), "--camera-count 9: corners and walls"),
        (Wish(id="s", cameras="rows", camera_count=40), "--camera-count 40: rows and corners"),
    ],
)
def test_an_impossible_wish_is_refused_by_its_option(wish, message):
    with pytest.raises(StoreFileError, match=message):
        generate_store(wish)


def test_a_rack_hides_what_stands_behind_it_and_nothing_else():
    store = generate_store(SMALL)
    gondola = store.gondolas[0].model_copy(
        update={"x_m": 1.0, "y_m": 2.0, "yaw_deg": 0.0, "width_m": 1.2, "depth_m": 0.45}
    )
    eye = np.array([1.6, 0.0, 1.0])
    points = np.array([[1.6, 4.0, 1.0], [1.6, 4.0, 9.0], [1.6, 1.9, 1.0], [4.0, 4.0, 1.0]])
    assert hidden([gondola], eye, points).tolist() == [True, False, False, False]
    names, fronts = facing_fronts(store)
    seen = [sees(c.model(), store.gondolas, fronts) for c in store.cameras]
    assert len(names) == len(fronts) and np.any(seen, axis=0).all()
    assert not np.all(seen, axis=0).all()
