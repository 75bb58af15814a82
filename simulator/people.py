"""The body of a simulated person: the limbs that follow from a figure and a stance.

World frame as everywhere: metres, x and y on the floor, z up. Arms and legs are two-bone inverse
kinematics; to reach far or low, the torso twists, leans and the knees bend until the hand arrives.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simulator.figure import Colour, Figure, Point3, Stance

__all__ = [
    "Body",
    "Figure",
    "Point3",
    "Side",
    "Stance",
    "hand_position",
    "pose_body",
    "two_bones",
]

Array = NDArray[np.float64]
Side = Literal["left", "right"]

PALM_M = 0.07  # from the wrist to the middle of the palm

_LEAN_RAD = 1.35
_CROUCH_OF_LEG = 0.5
_HIP_OF_HEIGHT = 0.527
_STEPS = np.linspace(0.0, 1.0, 33)


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """A posed person.

    `joints` (17, 3) metres in COCO keypoint order; `palms` (2, 3) metres, left then right;
    `grips` (2, 3) unit directions of the forearms; `capsules` (N, 11): ends a and b, radius,
    RGB 0…255, stripes per metre.
    """

    joints: Array
    palms: Array
    grips: Array
    capsules: Array


def hand_position(body: Body, side: Side) -> Point3:
    """The middle of a palm, metres."""
    x, y, z = body.palms[0 if side == "left" else 1]
    return float(x), float(y), float(z)


def pose_body(figure: Figure, stance: Stance) -> Body:
    """Pose a figure. Hands reach their targets exactly where leaning and crouching allow it,
    else the arm points there at full length."""
    h = figure.height_m
    forward = np.array([math.cos(stance.heading_rad), math.sin(stance.heading_rad), 0.0])
    feet = np.array([stance.x_m, stance.y_m, 0.0])
    wanted = _targets(figure, stance, feet, forward)
    twist, lean_to, lean, crouch = _reach(figure, feet, forward, wanted)

    hips = _hip_centre(h, feet, lean_to, lean, crouch)
    hip_side = np.array([-forward[1], forward[0], 0.0])
    spine = _tilt(lean_to, lean)
    chest = hips + spine * (0.30 * h)
    shoulder_side = _turn(hip_side, twist)
    shoulder_side = shoulder_side - spine * float(shoulder_side @ spine)
    shoulder_side /= np.linalg.norm(shoulder_side)
    breast = np.cross(shoulder_side, spine)

    joints = np.zeros((17, 3))
    palms, grips = np.zeros((2, 3)), np.zeros((2, 3))
    gait = min(1.0, stance.speed_m_s / 1.2)
    for i, sign in enumerate((1.0, -1.0)):
        shoulder = chest + sign * shoulder_side * (0.108 * h)
        hip = hips + sign * hip_side * (0.058 * h)
        phase = stance.stride_rad + (0.0 if i == 0 else math.pi)
        hand = wanted[i]
        if hand is None:
            swing = -0.5 * gait * math.sin(phase)
            drop = math.sqrt(max(0.0, 1.0 - swing * swing - 0.02))
            away = np.array([0.0, 0.0, -drop]) + swing * forward + sign * 0.12 * shoulder_side
            hand = shoulder + away * (0.96 * _arm_m(h))
        pole = np.array([0.0, 0.0, -0.8]) + sign * 0.6 * shoulder_side - 0.35 * breast
        elbow, palm = two_bones(shoulder, hand, 0.178 * h, 0.150 * h + PALM_M, pole)
        grip = (palm - elbow) / np.linalg.norm(palm - elbow)
        step = 0.21 * h * gait * math.sin(phase)
        lift = 0.055 * h * gait * max(0.0, math.cos(phase))
        ankle = feet + sign * hip_side * (0.052 * h) + forward * step
        ankle[2] = 0.045 * h + lift
        knee, ankle = two_bones(hip, ankle, 0.243 * h, 0.243 * h, forward + 0.15 * sign * hip_side)
        for at, point in ((5, shoulder), (7, elbow), (9, palm - PALM_M * grip)):
            joints[at + i] = point
        for at, point in ((11, hip), (13, knee), (15, ankle)):
            joints[at + i] = point
        palms[i], grips[i] = palm, grip

    up, face = _head(joints, figure, chest, spine, breast, lean)
    return Body(joints, palms, grips, _flesh(figure, joints, palms, hips, spine, forward, up, face))


def two_bones(
    root: Array, goal: Array, upper_m: float, lower_m: float, pole: Array
) -> tuple[Array, Array]:
    """Bend two bones from `root` towards `goal`, the joint on the side of `pole`.

    Returns joint and end (3,), metres; the end is at the goal, or as near as the bones reach.
    """
    reach = goal - root
    length = float(np.linalg.norm(reach))
    axis = reach / length if length > 1e-9 else np.array([0.0, 0.0, -1.0])
    span = min(max(length, abs(upper_m - lower_m) + 1e-6), (upper_m + lower_m) * 0.9995)
    along = (upper_m**2 - lower_m**2 + span**2) / (2.0 * span)
    out = math.sqrt(max(0.0, upper_m**2 - along**2))
    bend = pole - axis * float(pole @ axis)
    size = float(np.linalg.norm(bend))
    if size < 1e-9:
        bend, size = np.cross(axis, np.array([1.0, 0.0, 0.0])) + 1e-9, 1.0
    return root + axis * along + bend * (out / size), root + axis * span


def _arm_m(height_m: float) -> float:
    return 0.328 * height_m + PALM_M


def _turn(v: Array, angle: float) -> Array:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([c * v[0] - s * v[1], s * v[0] + c * v[1], v[2]])


def _tilt(towards: Array, lean: float) -> Array:
    tilted: Array = math.sin(lean) * towards
    tilted[2] += math.cos(lean)
    return tilted


def _hip_centre(h: float, feet: Array, lean_to: Array, lean: float, crouch: float) -> Array:
    hips: Array = feet - lean_to * (0.10 * h * math.sin(lean))
    hips[2] = _HIP_OF_HEIGHT * h * (1.0 - _CROUCH_OF_LEG * crouch) - 0.01
    return hips


def _targets(figure: Figure, stance: Stance, feet: Array, forward: Array) -> list[Array | None]:
    left = np.array([-forward[1], forward[0], 0.0])
    wanted: list[Array | None] = []
    hands = (stance.left_hand_m, stance.right_hand_m)
    for hand, held, sign in zip(
        hands, (stance.left_holds, stance.right_holds), (1, -1), strict=True
    ):
        if hand is not None:
            wanted.append(np.asarray(hand, dtype=np.float64))
        elif held is not None:
            place = feet + forward * 0.30 + left * (sign * 0.17)
            place[2] = 0.62 * figure.height_m
            wanted.append(place)
        else:
            wanted.append(None)
    return wanted


def _reach(
    figure: Figure, feet: Array, forward: Array, wanted: list[Array | None]
) -> tuple[float, Array, float, float]:
    """Twist (rad), direction of lean (3,), lean (rad) and crouch 0…1 that bring the hands there."""
    goals = [g for g in wanted if g is not None]
    if not goals:
        return 0.0, forward, 0.03, 0.0
    h = figure.height_m
    offset = np.mean(goals, axis=0) - feet
    flat = np.array([offset[0], offset[1], 0.0])
    distance = float(np.linalg.norm(flat))
    aside = math.atan2(forward[0] * flat[1] - forward[1] * flat[0], float(forward @ flat))
    near = min(1.0, distance / 0.45)
    lean_to = _turn(forward, max(-1.1, min(1.1, aside)) * near)
    twist = max(-0.7, min(0.7, 0.6 * aside)) * near
    low = min(1.0, max(0.0, (0.6 * h - float(min(g[2] for g in goals))) / (0.45 * h)))

    side = _turn(np.array([-forward[1], forward[0], 0.0]), twist)
    lean, crouch = 0.03 + _STEPS * _LEAN_RAD * (1.0 - 0.1 * low), _STEPS * low
    chest = feet + (0.20 * h * np.sin(lean))[:, None] * lean_to
    chest[:, 2] = (
        _HIP_OF_HEIGHT * h * (1.0 - _CROUCH_OF_LEG * crouch) - 0.01 + 0.30 * h * np.cos(lean)
    )
    lack = np.full(len(_STEPS), -np.inf)
    for goal, sign in zip(wanted, (1.0, -1.0), strict=True):
        if goal is not None:
            shoulders = chest + sign * side * (0.108 * h)
            lack = np.maximum(lack, np.linalg.norm(goal - shoulders, axis=1) - 0.96 * _arm_m(h))
    met = np.flatnonzero(lack <= 0.0)
    at = float(met[0]) if len(met) else float(np.argmin(lack))
    if len(met) and met[0] > 0:
        before, after = lack[met[0] - 1], lack[met[0]]
        at -= float(after / (after - before))
    share = at / (len(_STEPS) - 1)
    return twist, lean_to, 0.03 + share * _LEAN_RAD * (1.0 - 0.1 * low), share * low


def _head(
    joints: Array, figure: Figure, chest: Array, spine: Array, breast: Array, lean: float
) -> tuple[Array, Array]:
    """Fill the five joints of the head; the direction up through it, and the way it faces."""
    h = figure.height_m
    nod = 0.55 * lean  # the head stays more upright than the torso
    up = spine * math.cos(nod) - breast * math.sin(nod)
    face = breast * math.cos(nod) + spine * math.sin(nod)
    if lean > 0.3:  # and looks down at what the hands do
        look = min(0.5, lean - 0.3)
        up, face = (
            up * math.cos(look) + face * math.sin(look),
            face * math.cos(look) - up * math.sin(look),
        )
    left = np.cross(up, face)
    centre = chest + spine * (0.055 * h) + up * (0.065 * h)
    joints[0] = centre + face * 0.115 - up * 0.015
    joints[1], joints[2] = (centre + face * 0.092 + left * s + up * 0.022 for s in (0.033, -0.033))
    joints[3], joints[4] = (centre + left * s for s in (0.082, -0.082))
    return up, face


def _flesh(
    figure: Figure,
    j: Array,
    palms: Array,
    hips: Array,
    spine: Array,
    forward: Array,
    up: Array,
    face: Array,
) -> Array:
    h, g = figure.height_m, figure.girth
    scale = h / 1.72
    rows: list[list[float]] = []

    def add(a: Array, b: Array, radius_m: float, colour: Colour, stripes: float = 0.0) -> None:
        rows.append([*a, *b, radius_m, *colour, stripes])

    shirt, stripes = figure.shirt, figure.stripes_per_m
    shoulders, side = (j[5] + j[6]) / 2, (j[5] - j[6]) / float(np.linalg.norm(j[5] - j[6]))
    breast = np.cross(side, spine)
    inner = side * (0.105 * scale * g)
    add(
        shoulders + side * 0.12 * scale,
        shoulders - side * 0.12 * scale,
        0.075 * scale,
        shirt,
        stripes,
    )
    for s in (1.0, -1.0):
        low = hips + spine * 0.06 + s * inner * 0.75
        add(shoulders - spine * 0.10 * scale + s * inner, low, 0.098 * scale * g, shirt, stripes)
    add(shoulders - spine * 0.10 * scale, hips + spine * 0.06, 0.115 * scale * g, shirt, stripes)
    add(j[11], j[12], 0.105 * scale * g, figure.trousers)
    sleeve = shirt if figure.long_sleeves else figure.skin
    for i in (0, 1):
        add(j[5 + i], j[7 + i], 0.050 * scale * (0.6 + 0.4 * g), shirt, stripes)
        add(j[7 + i], j[9 + i], 0.038 * scale, sleeve)
        add(j[9 + i], palms[i], 0.036 * scale, figure.skin)
        add(j[11 + i], j[13 + i], 0.078 * scale * (0.4 + 0.6 * g), figure.trousers)
        add(j[13 + i], j[15 + i], 0.053 * scale * (0.5 + 0.5 * g), figure.trousers)
        heel = j[15 + i] - np.array([0.0, 0.0, 0.03 * scale]) - 0.02 * forward
        add(heel, heel + 0.15 * scale * forward, 0.042 * scale, figure.shoes)
    skull = (j[3] + j[4]) / 2
    add(shoulders, skull, 0.052 * scale, figure.skin)
    add(skull + 0.02 * face - 0.035 * up, skull + 0.012 * face + 0.025 * up, 0.085, figure.skin)
    add(j[0] - 0.02 * face, j[0] - 0.008 * face - 0.012 * up, 0.012, figure.skin)
    add(skull - 0.022 * face + 0.045 * up, skull - 0.03 * face - 0.01 * up, 0.092, figure.hair)
    if figure.long_hair:
        add(skull - 0.045 * face, skull - 0.065 * face - 0.16 * up, 0.075, figure.hair)
    if figure.backpack is not None:
        back = shoulders - breast * (0.17 * scale * g)
        add(back - spine * 0.08, back - spine * 0.33, 0.12 * scale, figure.backpack)
    return np.array(rows)
