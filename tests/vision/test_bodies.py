"""One body that was found twice is told from two that stand before each other."""

import numpy as np

from vision.bodies import one_of_each
from vision.detection import Detection

REST = np.random.default_rng(3)


def person(x, y, height, score, top=0.0, bottom=1.0, seen=0.9):
    """Somebody whose box spans from `top` to `bottom` of them; joints beyond it are unseen."""
    along = np.linspace(0.02, 0.98, 17)
    joints = np.column_stack(
        [
            x + 0.15 * height * np.sin(9 * along),
            y + height * along,
            np.where((along >= top) & (along <= bottom), seen, 0.05),
        ]
    )
    box = np.array(
        [x - 0.2 * height, y + top * height, x + 0.2 * height, y + bottom * height], dtype=float
    )
    return Detection(box, score, joints)


def jittered(one, px):
    noise = np.column_stack([REST.normal(0, px, (17, 2)), np.zeros(17)])
    return Detection(one.box, one.score, one.keypoints + noise)


def test_halves_of_a_body_that_was_found_whole_are_left_out():
    whole = person(100, 50, 200, 0.8)
    upper = jittered(person(100, 50, 200, 0.5, bottom=0.5), 3)
    legs = jittered(person(100, 50, 200, 0.4, top=0.5), 3)
    assert one_of_each([whole, upper, legs]) == [whole]


def test_the_better_one_stays():
    upper, whole = person(100, 50, 200, 0.9, bottom=0.6), person(100, 50, 200, 0.4)
    assert one_of_each([upper, whole]) == [upper]


def test_a_child_before_its_father_and_a_neighbour_stay():
    father, child = person(100, 50, 200, 0.9), person(105, 140, 105, 0.6)
    neighbour = person(160, 55, 195, 0.5)
    assert one_of_each([father, child, neighbour]) == [father, child, neighbour]


def test_without_joints_nobody_is_left_out():
    whole, upper = person(100, 50, 200, 0.8, seen=0.0), person(100, 50, 200, 0.5, 0, 0.5, seen=0.0)
    assert one_of_each([whole, upper]) == [whole, upper]
    assert one_of_each([]) == []
