"""The true store: near the belief, the same for the same seeds, never more products or fewer."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from sensors.store import StoreFileError, load_store
from simulator.world import Overrides, World, as_it_is, load_world, realise

ROOT = Path(__file__).parents[2] / "datasets"
STORE = load_store(ROOT / "stores/corner.yaml")
WORLD = load_world(ROOT / "worlds/corner.yaml")


def test_the_corner_world_has_the_default_errors() -> None:
    assert World(id="corner") == WORLD


def test_same_seeds_same_store() -> None:
    one, two, three = (realise(STORE, WORLD, seed) for seed in (1, 1, 2))
    assert one.mean_g == two.mean_g and one.stock == two.stock
    assert one.clock_offset_ns == two.clock_offset_ns
    np.testing.assert_array_equal(one.plates["g1s1"].gain, two.plates["g1s1"].gain)
    np.testing.assert_array_equal(one.cameras["cam1"].rotation, two.cameras["cam1"].rotation)
    assert one.mean_g != three.mean_g and one.stock != three.stock


def test_truth_errs_as_much_as_the_file_says() -> None:
    stores = [realise(STORE, WORLD, seed) for seed in range(60)]
    believed = {p.gtin: p.weight_g for p in STORE.products}
    off = [true.mean_g[g] / grams - 1 for true in stores for g, grams in believed.items()]
    assert 0.025 < np.std(off) < 0.033
    camera = STORE.cameras[0].model()
    turns = [
        np.degrees(np.arccos((np.trace(t.cameras["cam1"].rotation @ camera.rotation.T) - 1) / 2))
        for t in stores
    ]
    assert 0.3 < np.mean(turns) < 0.7  # the length of three errors of 0.3°
    gains = np.concatenate([t.plates["g1s1"].gain for t in stores])
    assert 0.004 < gains.std() < 0.006
    skews = np.array([list(t.clock_offset_ns.values()) for t in stores]) / 1e6
    assert 18 < skews.std() < 22


def test_wrong_facings_are_swapped() -> None:
    belief = [f.gtin for g in STORE.gondolas for s in g.shelves for f in s.facings]
    wrong = 0
    for seed in range(100):
        true = list(realise(STORE, WORLD, seed).gtin_at.values())
        assert Counter(true) == Counter(belief)
        wrong += sum(a != b for a, b in zip(true, belief, strict=True))
    assert 0.01 < wrong / (100 * len(belief)) < 0.03


def test_stock_is_off_by_one_at_most_and_never_below_nothing() -> None:
    true = realise(STORE, WORLD, 3)
    for gondola in STORE.gondolas:
        for shelf in gondola.shelves:
            for facing in shelf.facings:
                units = true.stock[f"{shelf.id}.{min(facing.plates)}"]
                assert units >= 0 and abs(units - facing.units) <= 1


def test_overrides_hold_whatever_the_seed() -> None:
    honey = "04000000023692"
    world = WORLD.model_copy(
        update={
            "overrides": Overrides(
                products={"g1s1.1": honey}, stock={"g1s1.1": 2}, weights_g={honey: 650.0}
            )
        }
    )
    true = realise(STORE, world, 9)
    assert true.gtin_at["g1s1.1"] == honey
    assert (true.stock["g1s1.1"], true.mean_g[honey]) == (2, 650.0)
    drawn = as_it_is(STORE, true)
    assert drawn.gondolas[0].shelves[0].facings[0].gtin == honey


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (Overrides(products={"g9s1.1": "1"}), "overrides.products: the store has no 'g9s1.1'"),
        (Overrides(products={"g1s1.1": "1"}), "overrides.products.g1s1.1: the store has no"),
        (Overrides(stock={"g1s1.2": 1}), "overrides.stock: the store has no 'g1s1.2'"),
        (Overrides(weights_g={"1": 1.0}), "overrides.weights_g: the store has no"),
    ],
)
def test_overrides_of_what_is_not_there_are_refused(overrides: Overrides, named: str) -> None:
    with pytest.raises(StoreFileError, match=named):
        realise(STORE, WORLD.model_copy(update={"overrides": overrides}), 1)


def test_a_world_file_is_strict(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text("id: w\nplates: {noise: 3}\n")
    with pytest.raises(StoreFileError, match=r"w\.yaml: plates\.noise: "):
        load_world(path)
    with pytest.raises(StoreFileError, match="cannot be read"):
        load_world(tmp_path / "none.yaml")
