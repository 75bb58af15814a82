"""What each exposure truly shows: everybody's body and hands, and their pixels in every picture.

For scoring, labels and exports alone: nothing of it is ever said to the engine.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensors.camera import CameraModel
from simulator.figure import Figure, Point3, Stance
from simulator.people import Body
from simulator.render import Frame, Renderer

Array = NDArray[np.float64]
Box = tuple[int, int, int, int]
Posed = tuple[int, Figure, Stance, Body]

# How far before a joint its skin lies, COCO order: what is seen there may be this much nearer.
JOINT_DEPTH_M = np.array([0.06] * 3 + [0.1] * 2 + [0.16] * 2 + [0.1] * 4 + [0.2] * 2 + [0.14] * 4)


class TruePerson(msgspec.Struct, frozen=True, kw_only=True):
    """One person at one instant, metres in the store's frame.

    `number` is the person's own for the whole scene, 1 the first to come. Hands are the middles
    of the palms, `*_holds` the GTIN in that hand; `joints_m` are 17 in COCO order.
    """

    number: int
    shopper: str
    x_m: float
    y_m: float
    heading_rad: float
    left_hand_m: Point3
    right_hand_m: Point3
    left_holds: str | None
    right_holds: str | None
    joints_m: list[Point3]


class SeenPerson(msgspec.Struct, frozen=True, kw_only=True):
    """One person in one picture; boxes are pixels x0, y0, x1, y1, the last two exclusive.

    `box` holds the pixels that show the person (None: wholly hidden), `body_box` those that would
    were nothing before them, `share` is the one's count over the other's. `keypoints` are 17 in
    COCO order: u, v and 2 seen, 1 hidden, 0 outside the picture.
    """

    number: int
    box: Box | None
    body_box: Box
    share: float
    keypoints: list[tuple[float, float, int]]


class TrueExposure(msgspec.Struct, frozen=True, kw_only=True):
    """The truth of one instant; `cameras` has those that took a picture, by id."""

    at_ns: int
    people: list[TruePerson]
    cameras: dict[str, list[SeenPerson]]


def true_person(number: int, shopper: str, stance: Stance, body: Body) -> TruePerson:
    """The truth of one posed body, to the millimetre."""
    left, right = (_point(palm) for palm in body.palms)
    return TruePerson(
        number=number,
        shopper=shopper,
        x_m=round(float(stance.x_m), 3),
        y_m=round(float(stance.y_m), 3),
        heading_rad=round(float(stance.heading_rad), 3),
        left_hand_m=left,
        right_hand_m=right,
        left_holds=stance.left_holds,
        right_holds=stance.right_holds,
        joints_m=[_point(joint) for joint in body.joints],
    )


def seen_people(
    renderer: Renderer, camera: CameraModel, frame: Frame, posed: Sequence[Posed]
) -> list[SeenPerson]:
    """Who of the people has pixels in the picture that `frame` is, or would were nothing before."""
    seen = []
    for number, _, _, body in posed:
        window = _window(camera, body)
        if window is None:
            continue
        whole = renderer.silhouette(camera.id, body)[window]
        body_box = _box(whole, window)
        if body_box is None:
            continue
        shown = frame.ids[window] == number
        points = keypoints(frame, camera, body, number)
        seen.append(
            SeenPerson(
                number=number,
                box=_box(shown, window),
                body_box=body_box,
                share=round(int(shown.sum()) / int(whole.sum()), 4),
                keypoints=[(round(u, 1), round(v, 1), int(s)) for u, v, s in points.tolist()],
            )
        )
    return seen


def keypoints(frame: Frame, camera: CameraModel, body: Body, number: int) -> Array:
    """Joints in a picture, (17, 3): u, v, and 2 seen, 1 hidden or 0 outside (then 0, 0, 0)."""
    pixels, depth = camera.project(body.joints)
    at = np.rint(pixels).astype(np.int64)
    inside = (depth > 0.1) & (at >= 0).all(axis=1)
    inside &= (at[:, 0] < camera.width_px) & (at[:, 1] < camera.height_px)
    points = np.zeros((17, 3))
    points[inside, :2] = pixels[inside]
    u, v = at[inside].T
    seen = (frame.ids[v, u] == number) & (frame.depth[v, u] > (depth - JOINT_DEPTH_M)[inside])
    points[inside, 2] = np.where(seen, 2.0, 1.0)
    return points


def _window(camera: CameraModel, body: Body) -> tuple[slice, slice] | None:
    """Rows and columns that may show a body; None where it is behind or beside the picture."""
    ends = np.concatenate([body.capsules[:, :3], body.capsules[:, 3:6]])
    radius = np.tile(body.capsules[:, 6], 2)
    pixels, depth = camera.project(ends)
    if depth.max() < 0.05:
        return None
    if depth.min() < 0.3:
        return slice(0, camera.height_px), slice(0, camera.width_px)
    reach = (1.5 * max(camera.fx, camera.fy) * radius / depth + 2.0)[:, None]
    low = np.maximum(np.floor((pixels - reach).min(axis=0)), 0).astype(int)
    high = np.ceil((pixels + reach).max(axis=0)).astype(int)
    high = np.minimum(high, [camera.width_px, camera.height_px])
    if (low >= high).any():
        return None
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def _box(mask: NDArray[np.bool_], window: tuple[slice, slice]) -> Box | None:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    x, y = window[1].start, window[0].start
    return x + int(columns[0]), y + int(rows[0]), x + int(columns[-1]) + 1, y + int(rows[-1]) + 1


def _point(xyz: Array) -> Point3:
    x, y, z = xyz.tolist()
    return round(x, 3), round(y, 3), round(z, 3)
