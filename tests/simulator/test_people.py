import math

import numpy as np
import pytest

from simulator.figure import CHILD_M, Gait
from simulator.people import Figure, Stance, hand_position, palms, pose_body, two_bones

PLACES = [(0.35, 0.25), (0.5, 0.25), (0.4, 0.6), (0.6, 0.45), (0.7, 0.85), (0.6, 1.25), (0.5, 1.55)]


@pytest.mark.parametrize(("away_m", "z_m"), PLACES)
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_hand_arrives_where_it_is_wanted(away_m: float, z_m: float, side: str) -> None:
    heading = 0.7
    for seed in range(8):
        figure = Figure.random(np.random.default_rng(seed))
        goal = (1.0 + away_m * math.cos(heading), 2.0 + away_m * math.sin(heading), z_m)
        hands = {f"{side}_hand_m": goal}
        body = pose_body(figure, Stance(1.0, 2.0, heading, **hands))
        assert math.dist(hand_position(body, side), goal) < 0.02


@pytest.mark.parametrize(
    "hands",
    [
        {"right_hand_m": (1.4, 2.5, 0.6)},
        {"left_hand_m": (1.5, 2.2, 1.5), "right_holds": "x"},
        {"right_hand_m": (1.3, 2.4, 1.1), "phone": "left"},
    ],
)
def test_palms_alone_are_those_of_the_whole_body(hands: dict[str, object]) -> None:
    figure = Figure.random(np.random.default_rng(3))
    stance = Stance(1.0, 2.0, 0.7, stride_rad=1.2, speed_m_s=0.8, **hands)
    body = pose_body(figure, stance)
    assert palms(figure, stance) == (hand_position(body, "left"), hand_position(body, "right"))


def test_two_hands_arrive_at_two_places() -> None:
    stance = Stance(0, 0, 0, left_hand_m=(0.5, 0.25, 0.8), right_hand_m=(0.45, -0.2, 1.1))
    body = pose_body(Figure(), stance)
    assert math.dist(hand_position(body, "left"), (0.5, 0.25, 0.8)) < 0.02
    assert math.dist(hand_position(body, "right"), (0.45, -0.2, 1.1)) < 0.02


def test_limbs_keep_their_lengths_whatever_the_stance() -> None:
    rng = np.random.default_rng(3)
    for _ in range(60):
        figure = Figure.random(rng)
        goal = tuple(rng.uniform([-1.5, -1.5, 0.0], [1.5, 1.5, 2.2]))
        stance = Stance(0, 0, rng.uniform(0, 6), rng.uniform(0, 6), rng.uniform(0, 1.5), goal)
        joints = pose_body(figure, stance).joints
        h = figure.height_m
        for a, b, share in ((5, 7, 0.178), (7, 9, 0.150), (11, 13, 0.243), (13, 15, 0.243)):
            for i in (0, 1):
                assert np.linalg.norm(joints[a + i] - joints[b + i]) == pytest.approx(share * h)


def test_an_unreachable_target_is_pointed_at() -> None:
    body = pose_body(Figure(), Stance(0, 0, 0, right_hand_m=(3.0, 0.0, 1.2)))
    x, y, _ = hand_position(body, "right")
    assert 0.6 < x < 1.6
    assert abs(y) < 0.4


def test_a_standing_person_is_as_tall_as_they_are_and_stands_where_they_stand() -> None:
    figure = Figure(height_m=1.8)
    body = pose_body(figure, Stance(2.0, 3.0, 1.0))
    top = (np.maximum(body.capsules[:, 2], body.capsules[:, 5]) + body.capsules[:, 6]).max()
    assert top == pytest.approx(1.8, abs=0.06)
    assert body.joints[15:, :2].mean(axis=0) == pytest.approx([2.0, 3.0], abs=0.02)
    assert body.joints[0, :2] @ [math.cos(1), math.sin(1)] > body.joints[3:5, :2].mean(axis=0) @ [
        math.cos(1),
        math.sin(1),
    ]


def test_left_is_left() -> None:
    joints = pose_body(Figure(), Stance(0, 0, 0)).joints
    for left in range(1, 17, 2):
        assert joints[left, 1] > joints[left + 1, 1]


def test_walking_swings_legs_and_arms_against_each_other() -> None:
    joints = pose_body(Figure(), Stance(0, 0, 0, stride_rad=math.pi / 2, speed_m_s=1.3)).joints
    assert joints[15, 0] > joints[16, 0] + 0.3
    assert joints[9, 0] < joints[10, 0] - 0.3


def test_a_carried_product_is_held_before_the_body() -> None:
    body = pose_body(Figure(), Stance(0, 0, 0, right_holds="00000000000001"))
    x, _, z = hand_position(body, "right")
    assert x > 0.2
    assert 0.9 < z < 1.2


def test_reaching_moves_smoothly_with_its_target() -> None:
    last = None
    for x in np.linspace(0.25, 0.85, 61):
        joints = pose_body(Figure(), Stance(0, 0, 0, right_hand_m=(float(x), -0.1, 0.4))).joints
        if last is not None:
            assert np.abs(joints - last).max() < 0.06
        last = joints


def test_figures_are_drawn_the_same_from_the_same_seed() -> None:
    one, two = (Figure.random(np.random.default_rng(9)) for _ in range(2))
    assert one == two
    assert one != Figure.random(np.random.default_rng(10))


def test_two_bones_end_at_the_goal_or_as_near_as_they_reach() -> None:
    root, pole = np.zeros(3), np.array([0.0, 0.0, -1.0])
    _, end = two_bones(root, np.array([0.4, 0.0, 0.0]), 0.3, 0.3, pole)
    assert end == pytest.approx([0.4, 0, 0])
    joint, end = two_bones(root, np.array([2.0, 0.0, 0.0]), 0.3, 0.3, pole)
    assert end[0] == pytest.approx(0.6, abs=1e-3)
    assert joint[0] == pytest.approx(0.3, abs=1e-3)


@pytest.mark.parametrize("height_m", [0.95, 1.2, 1.45])
def test_children_are_as_tall_as_they_are_with_longer_heads_and_shorter_legs(
    height_m: float,
) -> None:
    child = Figure.looking(np.random.default_rng(1), child=True, height_m=height_m)
    body, adult = pose_body(child, Stance(0, 0, 0)), pose_body(Figure(), Stance(0, 0, 0))
    top = (np.maximum(body.capsules[:, 2], body.capsules[:, 5]) + body.capsules[:, 6]).max()
    assert top == pytest.approx(height_m, abs=0.07)
    hips, whole = body.joints[11:13, 2].mean() / height_m, adult.joints[11:13, 2].mean() / 1.72
    assert hips < whole - 0.02
    assert body.joints[0, 2] - body.joints[5, 2] > 0.09


def test_who_looks_at_a_phone_holds_it_before_the_face_and_looks_down() -> None:
    up, down = (
        pose_body(Figure(), Stance(0, 0, 0)),
        pose_body(Figure(), Stance(0, 0, 0, phone="left")),
    )
    assert len(down.capsules) > len(up.capsules)
    x, y, _ = hand_position(down, "left")
    assert 0.2 < x < 0.4
    assert abs(y) < 0.15
    assert down.joints[9, 2] > up.joints[9, 2] + 0.4
    assert down.joints[0, 2] < up.joints[0, 2] - 0.03  # the nose
    busy = Stance(0, 0, 0, phone="left", left_hand_m=(0.4, 0.2, 0.9))
    assert math.dist(hand_position(pose_body(Figure(), busy), "left"), (0.4, 0.2, 0.9)) < 0.02


def test_a_bag_hangs_from_the_free_hand_and_else_from_the_elbow() -> None:
    figure = Figure(bag=(200, 30, 30))
    at = Stance(0, 0, 0)
    for stance in (at, Stance(0, 0, 0, left_hand_m=(0.5, 0.2, 1.2))):
        body = pose_body(figure, stance)
        bag = body.capsules[(body.capsules[:, 7:10] == figure.bag).all(axis=1)]
        root = hand_position(body, "left") if stance is at else body.joints[7]
        assert bag[0, :3] == pytest.approx(root, abs=1e-9)
        assert bag[1:, 5].max() < root[2] - 0.25
        assert (bag[:, 5] > 0).all()


def test_a_coat_hides_hips_knees_and_half_of_the_hands() -> None:
    stance = Stance(0, 0, 0)
    body = pose_body(Figure(coat=(10, 20, 30)), stance)
    cloth = body.capsules[(body.capsules[:, 7:10] == (10, 20, 30)).all(axis=1)]

    def hidden(point: np.ndarray, radius: float) -> bool:
        a, b = cloth[:, :3], cloth[:, 3:6]
        share = ((point - a) * (b - a)).sum(axis=1) / np.maximum(((b - a) ** 2).sum(axis=1), 1e-9)
        near = a + np.clip(share, 0, 1)[:, None] * (b - a)
        return bool((np.linalg.norm(point - near, axis=1) + radius < cloth[:, 6]).any())

    for joint in (9, 10, 11, 12):
        assert hidden(body.joints[joint], 0.01)
    assert not hidden(body.palms[0] + body.grips[0] * 0.05, 0.0)
    assert not hidden(body.joints[15], 0.0)


def test_people_walk_in_ways_of_their_own() -> None:
    gaits = [Figure.random(np.random.default_rng(seed)).gait for seed in range(200)]
    strides = np.array([g.stride for g in gaits])
    assert 0.06 < strides.std() < 0.12
    stepping = Stance(0, 0, 0, stride_rad=math.pi / 2, speed_m_s=1.2)
    for stride, swing in ((0.8, 0.5), (1.2, 1.5)):
        joints = pose_body(Figure(gait=Gait(stride, swing)), stepping).joints
        plain = pose_body(Figure(), stepping).joints
        longer = joints[15, 0] - joints[16, 0] > 1.04 * (plain[15, 0] - plain[16, 0])
        assert longer == (stride > 1)
        wider = joints[10, 0] - joints[9, 0] > plain[10, 0] - plain[9, 0]
        assert wider == (swing > 1)
    stooped = pose_body(Figure(gait=Gait(stoop_rad=0.2)), Stance(0, 0, 0)).joints
    assert stooped[0, 0] > pose_body(Figure(), Stance(0, 0, 0)).joints[0, 0] + 0.05


def test_what_is_said_of_a_figure_holds_and_the_rest_is_drawn() -> None:
    rng = np.random.default_rng(4)
    plain = Figure.random(np.random.default_rng(4))
    tall = Figure.looking(rng, height_m=1.9, backpack=True, bag=True, coat=True)
    assert rng.bit_generator.state != np.random.default_rng(4).bit_generator.state
    assert (tall.height_m, tall.girth, tall.skin) == (1.9, plain.girth, plain.skin)
    assert None not in (tall.backpack, tall.bag, tall.coat)
    twin = Figure.looking(np.random.default_rng(8), clothes_of=tall)
    assert (twin.shirt, twin.coat, twin.bag) == (tall.shirt, tall.coat, tall.bag)
    assert twin.height_m == Figure.random(np.random.default_rng(8)).height_m
    assert twin.skin != tall.skin or twin.hair != tall.hair
    assert CHILD_M[0] <= Figure.looking(rng, child=True).height_m <= CHILD_M[1]


def test_more_is_drawn_of_a_figure_without_another_draw_of_its_generator() -> None:
    one, two = np.random.default_rng(9), np.random.default_rng(9)
    Figure.random(one)
    Figure.looking(two, child=True, bag=True)
    assert one.random() == two.random()
