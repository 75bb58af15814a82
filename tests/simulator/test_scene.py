"""Scene files: what they may say, and what their errors name."""

import itertools
import re
from collections import Counter
from pathlib import Path

import pytest

from sensors.store import StoreFileError, load_store
from simulator.scene import load_scene, parse_scene
from simulator.shopping import Plan, draw_plans
from simulator.tasks import (
    Browse,
    Dwell,
    Hold,
    Phone,
    Pick,
    PickTogether,
    PutBack,
    Task,
    Touch,
    TurnAway,
    Walk,
)
from simulator.world import Overrides, changed, load_world, realise

ROOT = Path(__file__).parents[2] / "datasets"
STORE = load_store(ROOT / "stores/corner.yaml")
WORLD = load_world(ROOT / "worlds/corner.yaml")
ZERO, CHERRY = "04000000011859", "04000000012221"

HEAD = "name: s\nstore: corner\nworld: corner\n"
ONE = HEAD + "shoppers:\n- {name: ada, enters_at_s: 1, script: [%s]}\n"
ALONE = ONE % ""
GROUP = HEAD + "shoppers:\n- {name: ada, %s}\n- name: ben\n  with: ada\n"


def plans(text: str, seed: int = 1) -> list[Plan]:
    return draw_plans(STORE, realise(STORE, WORLD, seed), parse_scene(text, STORE), seed)


@pytest.mark.parametrize(
    ("line", "task"),
    [
        ("{pick: Cola Zero}", Pick(ZERO)),
        ("{pick: 4000000011859}", Pick(ZERO)),
        (
            "{pick: {product: cola zero, units: 2, facing: g1s2.1}}",
            Pick(ZERO, 2, "g1s2.1"),
        ),
        ("{touch: g1s2.4}", Touch("g1s2.4")),
        ("{dwell: 2}", Dwell(2.0)),
        ("{hold: 3.5}", Hold(3.5)),
        ("{walk: [2, 1.5]}", Walk(2.0, 1.5)),
    ],
)
def test_actions(line: str, task: Task) -> None:
    (plan,) = plans(ONE % line)
    assert plan.tasks == (task,)
    assert plan.code == "own"


def test_what_was_picked_last_is_put_back() -> None:
    (plan,) = plans(ONE % "{pick: Cola Cherry}, {put_back: last}, {put_back: {to: g1s2.1}}")
    assert plan.tasks[1] == PutBack(CHERRY)
    assert plan.tasks[2] == PutBack(CHERRY, facing="g1s2.1")


def test_a_forged_code_is_of_the_visit() -> None:
    (plan,) = plans(ONE % "{forged_code: true}")
    assert plan.code == "forged" and plan.tasks == ()
    (plan,) = plans(ONE % "{forged_code: true}, {dwell: 1}")
    assert plan.code == "forged then own"


def test_seeds_choose_from_lists() -> None:
    chosen = {plans(ONE % "{pick: [Cola Zero, Cola Cherry]}", s)[0].tasks[0] for s in range(20)}
    assert chosen == {Pick(g) for g in (ZERO, CHERRY)}


def test_random_shoppers_shop_as_people_do() -> None:
    found = plans(HEAD + "random_shoppers: {count: 50, every_s: 1}\n")
    picks = [[t for t in p.tasks if isinstance(t, Pick)] for p in found]
    assert all(1 <= len(basket) <= 5 for basket in picks)
    several = [t.units > 1 for basket in picks for t in basket]
    assert 0.1 < sum(several) / len(several) < 0.3
    assert {type(t) for p in found for t in p.tasks} >= {Pick, Touch, PutBack}
    assert found == plans(HEAD + "random_shoppers: {count: 50, every_s: 1}\n")


def test_most_baskets_are_short_and_few_products_are_in_many() -> None:
    found = plans(HEAD + "random_shoppers: {count: 400}\n")
    baskets = [[t for t in p.tasks if isinstance(t, Pick)] for p in found]
    sizes = Counter(len(basket) for basket in baskets)
    assert sizes[1] > sizes[2] > sizes[4] and sizes[5] > 10
    wanted = Counter(t.gtin for basket in baskets for t in basket).most_common()
    top = sum(times for _, times in wanted[: len(wanted) // 5])
    assert 0.4 < top / sum(times for _, times in wanted) < 0.75
    flat = plans(HEAD + "random_shoppers: {count: 400, popularity: 0, shorter: 1}\n")
    evenly = Counter(t.gtin for p in flat for t in p.tasks if isinstance(t, Pick)).most_common()
    assert sum(n for _, n in evenly[: len(evenly) // 5]) / sum(n for _, n in evenly) < 0.35


def test_habits_are_as_frequent_as_asked() -> None:
    found = plans(
        HEAD + "random_shoppers: {count: 300, browse_share: 0.5, turn_share: 0.3, phone_share: 0.2,"
        " touch_share: 1, touches: [2, 3], both_hands_share: 0.4, group_share: 0.3,"
        " same_clothes_share: 0.1}\n"
    )
    tasks = [t for p in found for t in p.tasks]
    lines = sum(isinstance(t, (Pick, PickTogether)) for t in tasks)

    def share(kind: type) -> float:
        return sum(isinstance(t, kind) for t in tasks) / lines

    assert 0.42 < share(Browse) < 0.58 and 0.22 < share(TurnAway) < 0.38
    assert 0.13 < share(Phone) < 0.27 and 2.3 < share(Touch) < 2.7
    assert 0.1 < share(PickTogether) < 0.4
    with_somebody = [p for p in found if p.leader is not None]
    leaders = {p.name: p for p in found if p.leader is None}
    assert 0.2 < len(with_somebody) / len(found) < 0.35
    assert all(leaders[p.leader].enters_s == p.enters_s for p in with_somebody if p.leader)
    assert max(Counter(p.leader for p in with_somebody).values()) <= 3
    assert 0.05 < sum(p.looks.same_as is not None for p in found) / len(found) < 0.16
    assert 5 < sum(p.looks.child for p in found) < 60


def test_random_shoppers_keep_to_their_gondolas() -> None:
    found = plans(HEAD + "random_shoppers: {count: 20, gondolas: [g3], lines: [1, 2]}\n")
    facings = {t.facing for p in found for t in p.tasks if isinstance(t, (Pick, Touch))}
    assert facings and all(facing is not None and facing[:2] == "g3" for facing in facings)


SCENES = sorted((ROOT / "scenes").glob("*.yaml"))
STORES = {path.stem: load_store(path) for path in (ROOT / "stores").glob("*.yaml")}


@pytest.mark.parametrize("path", SCENES, ids=lambda path: path.stem)
def test_the_scenes_that_come_along_are_good(path: Path) -> None:
    named = re.search(r"^store: (.*)$", path.read_text("utf-8"), re.MULTILINE)
    assert named is not None
    scene = load_scene(path, STORES[named[1]])
    assert scene.name == path.stem
    assert (ROOT / "worlds" / f"{scene.world}.yaml").exists()
    assert scene.description and scene.bills


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
        (ONE % "{dwell: 1, hold: 2}", r"exactly one of pick, .*; found dwell, hold$"),
        (ONE % "{wait: 1}", r"shoppers\[0\]\.script\[0\]\.wait: "),
        (ONE % "{dwell: -1}", r"shoppers\[0\]\.script\[0\]\.dwell: .*greater than or equal to 0"),
        (ONE % "{pick: {product: Rice, units: 0}}", r"script\[0\]\.pick\.units: "),
        (HEAD, "expected shoppers, random_shoppers or both"),
        (HEAD.replace("corner", "mall"), "expected shoppers"),
        ((ONE % "").replace("store: corner", "store: mall"), "store: 'mall' is not the store"),
        (ONE % "{give: {to: bob}}", r"script\[0\]\.give\.to: no shopper 'bob' in this scene"),
        (ONE % "{pick: Rice}, {give: {to: ada}}", r"give\.to: expected another shopper than ada"),
        (ONE % "{beside: bob}", r"beside\.shopper: no shopper 'bob' in this scene; closest: ada"),
        (ONE % "{eat: last}", r"script\[0\]\.eat: expected a product that was picked before"),
        (ONE % "{pick: Rice}, {drop: Honey}", r"script\[1\]\.drop: expected a product that was"),
        (ONE % "{sweep: g1s2.5}", r"script\[0\]\.sweep\.facing: no facing 'g1s2\.5'"),
        (ONE % "{meet: now}", r"script\[0\]\.meet: no other shopper's script has meet: now"),
        (ONE % "{pick: Rice}, {leave: 9}, {eat: last}", r"script\[2\]\.eat: expected a product"),
        (ONE % "{pick: }", r"script\[0\]: .*pick: expected what to do, found nothing"),
        (
            (ONE % "").replace("enters_at_s: 1", "enters_at_s: 1, looks: {same_as: ada}"),
            r"shoppers\[0\]\(ada\)\.looks\.same_as: circular: ada → ada$",
        ),
        ((ONE % "").replace("enters_at_s: 1", "code: own"), r"enters_at_s: expected seconds"),
        (GROUP % "with: ben", r"shoppers\[0\]\(ada\)\.with: circular: ada → ben → ada\n"),
        (GROUP % "with: bob", r"shoppers\[0\]\(ada\)\.with: no shopper 'bob' in this scene"),
        (GROUP % "enters_at_s: 1, code: none", r"\(ben\)\.with: ada has no code of their own"),
        (GROUP % "enters_at_s: 1, script: [forged_code: true]", r"with: ada has no code of their"),
        (
            HEAD + "random_shoppers: {count: 2, name: staff}\n",
            r"name: staff-… is how `code: staff`",
        ),
        (GROUP % "enters_at_s: 1, script: [leave: 9]", r"\(ada\): leave: .* in no group"),
        ((GROUP % "enters_at_s: 1") + "  code: own\n", r"code: a member of a group comes in on"),
        (ALONE + "changes: {plates: {noise_g: 1}}", r"changes\.plates\.noise_g: Extra inputs"),
        (ALONE + "changes: {overrides: {stock: {x: 1}}}", r"overrides\.stock: .* no facing 'x'"),
        (ALONE + "changes: {id: other}", r"changes\.id: "),
        (ALONE + "faults: [{kind: plate-dead, target: g9s1.1}]", r"faults\[0\].* no shelf 'g9s1'"),
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


def test_what_is_given_may_be_used() -> None:
    text = (
        HEAD + "shoppers:\n- {name: ada, enters_at_s: 1, script: [pick: Rice, give: {to: ben}]}\n"
        "- {name: ben, enters_at_s: 1, script: [put_back: Rice]}\n"
    )
    assert len(parse_scene(text, STORE).shoppers) == 2


def test_changes_are_laid_over_the_world() -> None:
    scene = parse_scene(
        ALONE + "changes: {wrong_facings: 0, overrides: {stock: {g1s1.1: 2}}}", STORE
    )
    world = WORLD.model_copy(
        update={"overrides": Overrides(stock={"g1s1.4": 5}, weights_g={ZERO: 300.0})}
    )
    new = changed(world, scene.changes)
    assert new.wrong_facings == 0 and new.plates == WORLD.plates
    assert new.overrides == Overrides(stock={"g1s1.4": 5, "g1s1.1": 2}, weights_g={ZERO: 300.0})


def test_a_scene_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreFileError, match=r"none\.yaml: cannot be read"):
        load_scene(tmp_path / "none.yaml", STORE)
