import math

import numpy as np
import pytest

from simulator.people import Figure, Stance, hand_position, pose_body, two_bones

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
