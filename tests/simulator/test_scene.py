"""Scene files: what they may say, and what their errors name."""

import itertools
from pathlib import Path

import pytest

from sensors.store import StoreFileError, load_store
from simulator.scene import load_scene, parse_scene
from simulator.shopping import Dwell, Hold, Plan, Reach, Walk, draw_plans
from simulator.world import load_world, realise

ROOT = Path(__file__).parents[2] / "datasets"
STORE = load_store(ROOT / "stores/corner.yaml")
WORLD = load_world(ROOT / "worlds/corner.yaml")
ZERO, CHERRY = "04000000011859", "04000000012221"

HEAD = "name: s\nstore: corner\nworld: corner\n"
ONE = HEAD + "shoppers:\n- {name: ada, enters_at_s: 1, script: [%s]}\n"


def plans(text: str, seed: int = 1) -> list[Plan]:
    return draw_plans(STORE, realise(STORE, WORLD, seed), parse_scene(text, STORE), seed)


@pytest.mark.parametrize(
    ("line", "task"),
    [
        ("{pick: Cola Zero}", Reach(kind="pick", gtin=ZERO)),
        ("{pick: 4000000011859}", Reach(kind="pick", gtin=ZERO)),
        (
            "{pick: {product: cola zero, units: 2, facing: g1s2.1}}",
            Reach(kind="pick", gtin=ZERO, units=2, facing="g1s2.1"),
        ),
        ("{touch: g1s2.4}", Reach(kind="touch", facing="g1s2.4")),
        ("{dwell: 2}", Dwell(2.0)),
        ("{hold: 3.5}", Hold(3.5)),
        ("{walk: [2, 1.5]}", Walk(2.0, 1.5)),
    ],
)
def test_actions(line: str, task: Reach | Dwell | Hold | Walk) -> None:
    (plan,) = plans(ONE % line)
    assert plan.tasks == (task,)
    assert not plan.forged_code


def test_what_was_picked_last_is_put_back() -> None:
    (plan,) = plans(ONE % "{pick: Cola Cherry}, {put_back: last}, {put_back: {to: g1s2.1}}")
    assert plan.tasks[1] == Reach(kind="put_back", gtin=CHERRY)
    assert plan.tasks[2] == Reach(kind="put_back", gtin=CHERRY, facing="g1s2.1")


def test_a_forged_code_is_of_the_visit() -> None:
    (plan,) = plans(ONE % "{forged_code: true}")
    assert plan.forged_code and plan.tasks == ()


def test_seeds_choose_from_lists() -> None:
    chosen = {plans(ONE % "{pick: [Cola Zero, Cola Cherry]}", s)[0].tasks[0] for s in range(20)}
    assert chosen == {Reach(kind="pick", gtin=g) for g in (ZERO, CHERRY)}


def test_random_shoppers_shop_as_people_do() -> None:
    found = plans(HEAD + "random_shoppers: {count: 50, every_s: 1}\n")
    picks = [[t for t in p.tasks if isinstance(t, Reach) and t.kind == "pick"] for p in found]
    assert all(1 <= len(basket) <= 5 for basket in picks)
    several = [t.units > 1 for basket in picks for t in basket]
    assert 0.1 < sum(several) / len(several) < 0.3
    kinds = {t.kind for p in found for t in p.tasks if isinstance(t, Reach)}
    assert kinds == {"pick", "touch", "put_back"}
    assert found == plans(HEAD + "random_shoppers: {count: 50, every_s: 1}\n")


def test_random_shoppers_keep_to_their_gondolas() -> None:
    found = plans(HEAD + "random_shoppers: {count: 20, gondolas: [g3], lines: [1, 2]}\n")
    facings = {t.facing for p in found for t in p.tasks if isinstance(t, Reach) and t.facing}
    assert all(facing.startswith("g3") for facing in facings)


@pytest.mark.parametrize("name", ["demo", "one-shopper"])
def test_the_scenes_that_come_along_are_good(name: str) -> None:
    scene = load_scene(ROOT / f"scenes/{name}.yaml", STORE)
    assert scene.name == name


def test_demo_differs_by_seed() -> None:
    scene = load_scene(ROOT / "scenes/demo.yaml", STORE)
    drawn = [draw_plans(STORE, realise(STORE, WORLD, s), scene, s) for s in range(1, 6)]
    assert all(a != b for a, b in itertools.pairwise(drawn))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (
            ONE % "{pick: Cola Zerro}",
            r"s\.yaml: shoppers\[0\]\(ada\)\.script\[0\]\.pick\.product: "
            r"no product 'Cola Zerro' in store corner; closest: .*Cola Zero",
        ),
        (ONE % "{touch: g1s2.5}", r"script\[0\]\.touch: no facing 'g1s2\.5'.* closest: .*g1s2\.4"),
        (ONE % "{pick: {product: Rice, facing: x}}", r"script\[0\]\.pick\.facing: no facing 'x'"),
        (ONE % "{put_back: last}", r"script\[0\]\.put_back: expected a product that was picked"),
        (ONE % "{pick: Rice}, {put_back: Honey}", r"script\[1\]\.put_back: expected a product"),
        (ONE % "{dwell: 1, hold: 2}", r"shoppers\[0\]\.script\[0\]: .*exactly one of pick, put"),
        (ONE % "{wait: 1}", r"shoppers\[0\]\.script\[0\]\.wait: "),
        (ONE % "{dwell: -1}", r"shoppers\[0\]\.script\[0\]\.dwell: .*greater than or equal to 0"),
        (ONE % "{pick: {product: Rice, units: 0}}", r"script\[0\]\.pick\.units: "),
        (HEAD, "expected shoppers, random_shoppers or both"),
        (HEAD.replace("corner", "mall"), "expected shoppers"),
        ((ONE % "").replace("store: corner", "store: mall"), "store: 'mall' is not the store"),
        (HEAD + "random_shoppers: {count: 1, gondolas: [g9]}", r"gondolas\[0\]: no gondola 'g9'"),
        (HEAD + "random_shoppers: {count: 1, lines: [3, 1]}", r"random_shoppers: .*least, most"),
        (HEAD + "random_shoppers: {count: 1, products: [Ric]}", r"products\[0\]: no product 'Ric'"),
        (
            HEAD + "shoppers: [{name: a, enters_at_s: 0}, {name: a, enters_at_s: 1}]",
            "the name 'a' stands there twice",
        ),
    ],
)
def test_errors_name_the_key(text: str, named: str) -> None:
    with pytest.raises(StoreFileError, match=named):
        parse_scene(text, STORE, "s.yaml")


def test_a_scene_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreFileError, match=r"none\.yaml: cannot be read"):
        load_scene(tmp_path / "none.yaml", STORE)
