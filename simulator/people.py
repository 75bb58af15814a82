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

from simulator.figure import Figure, Point3, Stance
from simulator.flesh import carried_bag, flesh, held_phone

__all__ = [
    "Body",
    "Figure",
    "Point3",
    "Side",
    "Stance",
    "hand_position",
    "palms",
    "pose_body",
    "two_bones",
]

Array = NDArray[np.float64]
Side = Literal["left", "right"]

PALM_M = 0.07  # from the wrist to the middle of the palm

PHONE_LOOK_RAD = 0.5  # how far down one looks at a phone

_LEAN_RAD = 1.35
_CROUCH_OF_LEG = 0.5
_STEPS = np.linspace(0.0, 1.0, 33)


@dataclass(frozen=True, slots=True)
class _Build:
    """Lengths as shares of the height: hips over the floor, hips to shoulders, thigh (and shin),
    upper arm, forearm, and half the breadth of the shoulders."""

    hips: float
    torso: float
    thigh: float
    upper_arm: float
    forearm: float
    shoulder: float


_ADULT = _Build(0.527, 0.30, 0.243, 0.178, 0.150, 0.108)
_CHILD = _Build(0.490, 0.28, 0.225, 0.165, 0.140, 0.105)


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


@dataclass(frozen=True, slots=True, eq=False)
class _Trunk:
    """What the limbs hang from: where hands are wanted, the lean (rad), points and directions."""

    feet: Array
    forward: Array
    wanted: list[Array | None]
    lean: float
    hips: Array
    hip_side: Array
    spine: Array
    chest: Array
    shoulder_side: Array
    breast: Array
    gait: float


def pose_body(figure: Figure, stance: Stance) -> Body:
    """Pose a figure. Hands reach their targets exactly where leaning and crouching allow it,
    else the arm points there at full length."""
    h, build, trunk = figure.height_m, _build(figure), _trunk(figure, stance)
    joints = np.zeros((17, 3))
    palms, grips = np.zeros((2, 3)), np.zeros((2, 3))
    for i, sign in enumerate((1.0, -1.0)):
        shoulder, elbow, palm = _arm(figure, stance, trunk, i)
        grip = (palm - elbow) / np.linalg.norm(palm - elbow)
        hip = trunk.hips + sign * trunk.hip_side * (0.058 * h)
        phase = _phase(stance, i)
        step = 0.21 * h * trunk.gait * figure.gait.stride * math.sin(phase)
        lift = 0.055 * h * trunk.gait * max(0.0, math.cos(phase))
        ankle = trunk.feet + sign * trunk.hip_side * (0.052 * h) + trunk.forward * step
        ankle[2] = 0.045 * h + lift
        pole = trunk.forward + 0.15 * sign * trunk.hip_side
        knee, ankle = two_bones(hip, ankle, build.thigh * h, build.thigh * h, pole)
        for at, point in ((5, shoulder), (7, elbow), (9, palm - PALM_M * grip)):
            joints[at + i] = point
        for at, point in ((11, hip), (13, knee), (15, ankle)):
            joints[at + i] = point
        palms[i], grips[i] = palm, grip

    phone = _phone_hand(stance)
    look = PHONE_LOOK_RAD if phone is not None else max(0.0, min(0.5, trunk.lean - 0.3))
    up, face = _head(joints, figure, trunk.chest, trunk.spine, trunk.breast, trunk.lean, look)
    rows = flesh(figure, joints, palms, trunk.hips, trunk.spine, trunk.forward, up, face)
    if figure.bag is not None:
        free = trunk.wanted[0] is None
        rows += carried_bag(figure.bag, palms[0] if free else joints[7], trunk.forward, h)
    if phone is not None:
        rows += held_phone(palms[phone], up, _cross(up, face))
    return Body(joints, palms, grips, np.array(rows))


def palms(figure: Figure, stance: Stance) -> tuple[Point3, Point3]:
    """The middles of both palms, left then right, as `pose_body` has them, in less time."""
    trunk = _trunk(figure, stance)
    left, right = (_arm(figure, stance, trunk, i)[2].tolist() for i in (0, 1))
    return (left[0], left[1], left[2]), (right[0], right[1], right[2])


def _trunk(figure: Figure, stance: Stance) -> _Trunk:
    h, build = figure.height_m, _build(figure)
    forward = np.array([math.cos(stance.heading_rad), math.sin(stance.heading_rad), 0.0])
    feet = np.array([stance.x_m, stance.y_m, 0.0])
    wanted = _targets(figure, stance, feet, forward)
    twist, lean_to, lean, crouch = _reach(figure, feet, forward, wanted)

    hips = _hip_centre(figure, feet, lean_to, lean, crouch)
    hip_side = np.array([-forward[1], forward[0], 0.0])
    spine = _tilt(lean_to, lean)
    chest = hips + spine * (build.torso * h)
    shoulder_side = _turn(hip_side, twist)
    shoulder_side = shoulder_side - spine * float(shoulder_side @ spine)
    shoulder_side /= np.linalg.norm(shoulder_side)
    breast = _cross(shoulder_side, spine)
    gait = min(1.0, stance.speed_m_s / 1.2)
    return _Trunk(
        feet, forward, wanted, lean, hips, hip_side, spine, chest, shoulder_side, breast, gait
    )


def _arm(figure: Figure, stance: Stance, trunk: _Trunk, i: int) -> tuple[Array, Array, Array]:
    """Shoulder, elbow and palm of the left (0) or right arm."""
    h, build = figure.height_m, _build(figure)
    sign = 1.0 if i == 0 else -1.0
    aside = sign * trunk.shoulder_side
    shoulder = trunk.chest + aside * (build.shoulder * h)
    hand = trunk.wanted[i]
    if hand is None:
        loaded = 0.3 if i == 0 and figure.bag is not None else 1.0
        swing = -0.5 * trunk.gait * figure.gait.swing * loaded * math.sin(_phase(stance, i))
        drop = math.sqrt(max(0.0, 1.0 - swing * swing - 0.02))
        away = (
            np.array([0.0, 0.0, -drop]) + swing * trunk.forward + sign * 0.12 * trunk.shoulder_side
        )
        hand = shoulder + away * (0.96 * _arm_m(figure))
    pole = np.array([0.0, 0.0, -0.8]) + sign * 0.6 * trunk.shoulder_side - 0.35 * trunk.breast
    elbow, palm = two_bones(shoulder, hand, build.upper_arm * h, build.forearm * h + PALM_M, pole)
    return shoulder, elbow, palm


def _phase(stance: Stance, i: int) -> float:
    """Where the left (0) or right leg is in its stride; the arm swings against it."""
    return stance.stride_rad + (0.0 if i == 0 else math.pi)


def _cross(a: Array, b: Array) -> Array:
    """`np.cross` of two (3,), which takes five times as long."""
    (ax, ay, az), (bx, by, bz) = a.tolist(), b.tolist()
    return np.array([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])


def two_bones(
    root: Array, goal: Array, upper_m: float, lower_m: float, pole: Array
) -> tuple[Array, Array]:
    """Bend two bones from `root` towards `goal`, the joint on the side of `pole`.

    Returns joint and end (3,), metres; the end is at the goal, or as near as the bones reach.
    """
    reach = goal - root
    length = math.sqrt(reach @ reach)
    axis = reach / length if length > 1e-9 else np.array([0.0, 0.0, -1.0])
    span = min(max(length, abs(upper_m - lower_m) + 1e-6), (upper_m + lower_m) * 0.9995)
    along = (upper_m**2 - lower_m**2 + span**2) / (2.0 * span)
    out = math.sqrt(max(0.0, upper_m**2 - along**2))
    bend = pole - axis * float(pole @ axis)
    size = math.sqrt(bend @ bend)
    if size < 1e-9:
        bend, size = np.cross(axis, np.array([1.0, 0.0, 0.0])) + 1e-9, 1.0
    return root + axis * along + bend * (out / size), root + axis * span


def _build(figure: Figure) -> _Build:
    return _CHILD if figure.child else _ADULT


def _arm_m(figure: Figure) -> float:
    build = _build(figure)
    return (build.upper_arm + build.forearm) * figure.height_m + PALM_M


def _phone_hand(stance: Stance) -> int | None:
    """Which hand holds the phone, 0 the left; None where it is put away or not there."""
    if stance.phone is None:
        return None
    hand = 0 if stance.phone == "left" else 1
    busy = (stance.left_hand_m or stance.left_holds, stance.right_hand_m or stance.right_holds)
    return hand if busy[hand] is None else None


def _turn(v: Array, angle: float) -> Array:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([c * v[0] - s * v[1], s * v[0] + c * v[1], v[2]])


def _tilt(towards: Array, lean: float) -> Array:
    tilted: Array = math.sin(lean) * towards
    tilted[2] += math.cos(lean)
    return tilted


def _hip_centre(figure: Figure, feet: Array, lean_to: Array, lean: float, crouch: float) -> Array:
    h = figure.height_m
    hips: Array = feet - lean_to * (0.10 * h * math.sin(lean))
    hips[2] = _build(figure).hips * h * (1.0 - _CROUCH_OF_LEG * crouch) - 0.01
    return hips


def _targets(figure: Figure, stance: Stance, feet: Array, forward: Array) -> list[Array | None]:
    left = np.array([-forward[1], forward[0], 0.0])
    wanted: list[Array | None] = []
    hands = (stance.left_hand_m, stance.right_hand_m)
    phone = _phone_hand(stance)
    for i, (hand, held, sign) in enumerate(
        zip(hands, (stance.left_holds, stance.right_holds), (1, -1), strict=True)
    ):
        if hand is not None:
            wanted.append(np.asarray(hand, dtype=np.float64))
        elif held is not None:
            place = feet + forward * 0.30 + left * (sign * 0.17)
            place[2] = 0.62 * figure.height_m
            wanted.append(place)
        elif i == phone:
            place = feet + (forward * 0.17 + left * (sign * 0.04)) * figure.height_m
            place[2] = 0.79 * figure.height_m
            wanted.append(place)
        else:
            wanted.append(None)
    return wanted


def _reach(
    figure: Figure, feet: Array, forward: Array, wanted: list[Array | None]
) -> tuple[float, Array, float, float]:
    """Twist (rad), direction of lean (3,), lean (rad) and crouch 0…1 that bring the hands there."""
    upright = 0.03 + figure.gait.stoop_rad
    goals = [g for g in wanted if g is not None]
    if not goals:
        return 0.0, forward, upright, 0.0
    h, build = figure.height_m, _build(figure)
    offset = np.mean(goals, axis=0) - feet
    flat = np.array([offset[0], offset[1], 0.0])
    distance = float(np.linalg.norm(flat))
    aside = math.atan2(forward[0] * flat[1] - forward[1] * flat[0], float(forward @ flat))
    near = min(1.0, distance / 0.45)
    lean_to = _turn(forward, max(-1.1, min(1.1, aside)) * near)
    twist = max(-0.7, min(0.7, 0.6 * aside)) * near
    low = min(1.0, max(0.0, (0.6 * h - float(min(g[2] for g in goals))) / (0.45 * h)))

    side = _turn(np.array([-forward[1], forward[0], 0.0]), twist)
    lean, crouch = upright + _STEPS * _LEAN_RAD * (1.0 - 0.1 * low), _STEPS * low
    chest = feet + ((build.torso - 0.10) * h * np.sin(lean))[:, None] * lean_to
    chest[:, 2] = (
        build.hips * h * (1.0 - _CROUCH_OF_LEG * crouch) - 0.01 + build.torso * h * np.cos(lean)
    )
    lack = np.full(len(_STEPS), -np.inf)
    for goal, sign in zip(wanted, (1.0, -1.0), strict=True):
        if goal is not None:
            shoulders = chest + sign * side * (build.shoulder * h)
            lack = np.maximum(
                lack, np.linalg.norm(goal - shoulders, axis=1) - 0.96 * _arm_m(figure)
            )
    met = np.flatnonzero(lack <= 0.0)
    at = float(met[0]) if len(met) else float(np.argmin(lack))
    if len(met) and met[0] > 0:
        before, after = lack[met[0] - 1], lack[met[0]]
        at -= float(after / (after - before))
    share = at / (len(_STEPS) - 1)
    return twist, lean_to, upright + share * _LEAN_RAD * (1.0 - 0.1 * low), share * low


def _head(
    joints: Array,
    figure: Figure,
    chest: Array,
    spine: Array,
    breast: Array,
    lean: float,
    look: float,
) -> tuple[Array, Array]:
    """Fill the five joints of the head; the direction up through it, and the way it faces."""
    h = figure.height_m
    nod = 0.55 * lean  # the head stays more upright than the torso
    up = spine * math.cos(nod) - breast * math.sin(nod)
    face = breast * math.cos(nod) + spine * math.sin(nod)
    if look > 0.0:  # and looks down at what the hands do
        up, face = (
            up * math.cos(look) + face * math.sin(look),
            face * math.cos(look) - up * math.sin(look),
        )
    left = _cross(up, face)
    centre = chest + spine * (0.055 * h) + up * (0.065 * h)
    joints[0] = centre + face * 0.115 - up * 0.015
    joints[1], joints[2] = (centre + face * 0.092 + left * s + up * 0.022 for s in (0.033, -0.033))
    joints[3], joints[4] = (centre + left * s for s in (0.082, -0.082))
    return up, face
