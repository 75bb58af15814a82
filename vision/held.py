"""What hands held before and after they were in a rack: crops around palms, pooled to a sighting.

Crops of the last second are kept for each hand; when it goes into a rack they tell what it brought,
and those of the second and a half after it came out what it took. Nothing is embedded in between,
so that this costs nothing while nobody reaches. A crop spans as much as those that the embedding
network is trained on (`simulator.product_pictures`), with the palm in its middle.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sensors.lens import bend
from sensors.store import Store
from sensors.wire import HandReport, SightingReport
from vision.frame import Picture
from vision.gallery import UNKNOWN, Gallery
from vision.people import Joints, Person
from vision.products import Embedder
from vision.reaching import Reaching, depth_in_racks
from vision.rig import Rig
from vision.view import View

Array = NDArray[np.float64]
Side = Literal["left", "right"]

SIDE_M = 0.3
BEFORE_NS = 1_000_000_000
AFTER_NS = 1_500_000_000
LEAST_PX = 16
GOOD_PX = 48  # a crop of so many pixels counts whole, a smaller one less
MOST_CROPS = 16  # of one sighting, the best
LEAST_CROPS = 3
LISTED = 8
LEAST_SHARE = 0.002
_SAYS_NOTHING = 0.97  # so unknown a sighting is left out
_SURE = 0.4
_PALM_OF_FOREARM = 0.28  # as in `vision.hands`
_HELD_OF_FOREARM = 0.2  # what a hand holds lies that much further
_NO_HAND_M = 1.0  # the height at which a hand that was not placed is taken to be
_FORGOTTEN_NS = 5_000_000_000
_SIDES: tuple[Side, Side] = ("left", "right")


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A cut-out of a picture (n, n, 3), and how much it can tell, 0 to 1."""

    at_ns: int
    rgb: Picture
    weight: float


@dataclass(slots=True, eq=False)
class _Hand:
    """One hand of one tracklet: its way, what was seen of late, and since it came out."""

    reaching: Reaching = field(default_factory=Reaching)
    lately: deque[Crop] = field(default_factory=deque)
    after: list[Crop] | None = None
    out_ns: int = 0
    seen_ns: int = 0


@dataclass(frozen=True, slots=True)
class KnownProducts:
    """A store's gallery, and the embedding network that it was made with."""

    embedder: Embedder
    gallery: Gallery


class HeldFinder:
    """Watches the hands of tracked people in one store; `embedded` counts crops that were."""

    def __init__(self, store: Store, rig: Rig, products: KnownProducts) -> None:
        self._gondolas = store.gondolas
        self._rig = rig
        self._embedder = products.embedder
        self._gallery = products.gallery
        self._hands: dict[tuple[str, Side], _Hand] = {}
        self.embedded = 0

    def watch(
        self,
        at_ns: int,
        people: Sequence[Person],
        joints: Joints,
        hands: Sequence[HandReport],
        views: Sequence[View],
        pictures: Mapping[str, Picture],
    ) -> list[SightingReport]:
        """Take one instant in; the sightings that it completes."""
        placed = {
            (hand.tracklet, hand.side): (hand.x_m, hand.y_m, hand.z_m)
            for hand in hands
            if not hand.occluded
        }
        boxes = {view.camera: view.boxes for view in views}
        found = []
        for row, person in enumerate(people):
            for column, side in enumerate(_SIDES):
                key = person.tracklet, side
                where = placed.get(key)
                if where is None and key not in self._hands:
                    continue
                hand = self._hands.setdefault(key, _Hand())
                hand.seen_ns = at_ns
                centre = where or (*person.xy_m.tolist(), _NO_HAND_M)
                crops = self._cut(at_ns, people, row, column, joints, centre, boxes, pictures)
                found += self._follow(at_ns, key, hand, where, crops)
        for key in [k for k, h in self._hands.items() if at_ns - h.seen_ns > _FORGOTTEN_NS]:
            del self._hands[key]
        return found

    def _follow(
        self,
        at_ns: int,
        key: tuple[str, Side],
        hand: _Hand,
        where: tuple[float, float, float] | None,
        crops: list[Crop],
    ) -> list[SightingReport]:
        """One hand's instant: what it shows of the hand's way, and the sightings it completes."""
        depth_m = None if where is None else depth_in_racks(self._gondolas, where)
        happened = None if depth_m is None else hand.reaching.look(at_ns, depth_m)
        found: list[SightingReport | None] = []
        if hand.after is not None and happened != "in":
            hand.after += crops
        over = happened == "in" or at_ns - hand.out_ns >= AFTER_NS
        if hand.after is not None and over:
            found.append(self._pool(at_ns, key, "after", hand.after))
            hand.after = None
        if happened == "in":
            found.append(self._pool(at_ns, key, "before", list(hand.lately)))
        elif happened == "out":
            hand.after, hand.out_ns = list(crops), at_ns
        hand.lately.extend(crops)
        while hand.lately and hand.lately[0].at_ns < at_ns - BEFORE_NS:
            hand.lately.popleft()
        return [one for one in found if one is not None]

    def _pool(
        self,
        at_ns: int,
        key: tuple[str, Side],
        moment: Literal["before", "after"],
        crops: list[Crop],
    ) -> SightingReport | None:
        """What crops of one hand show together; None where that is nothing."""
        best = sorted(crops, key=lambda crop: -crop.weight)[:MOST_CROPS]
        if len(best) < LEAST_CROPS or not len(self._gallery):
            return None
        self.embedded += len(best)
        vectors = self._embedder.embed([crop.rgb for crop in best])
        scores = self._gallery.scores(vectors, [crop.weight for crop in best])
        unknown = scores.pop(UNKNOWN)
        if unknown > _SAYS_NOTHING:
            return None
        listed = sorted(scores.items(), key=lambda one: (-one[1], one[0]))[:LISTED]
        times = [crop.at_ns for crop in best]
        return SightingReport(
            tracklet=key[0],
            side=key[1],
            moment=moment,
            scores=[(gtin, _cut_off(p)) for gtin, p in listed if p >= LEAST_SHARE],
            unknown=_cut_off(unknown),
            crops=len(best),
            began_ns=min(times),
            ended_ns=min(max(times), at_ns),
        )

    def _cut(
        self,
        at_ns: int,
        people: Sequence[Person],
        row: int,
        column: int,
        joints: Joints,
        hand_m: tuple[float, float, float],
        boxes: Mapping[str, Array],
        pictures: Mapping[str, Picture],
    ) -> list[Crop]:
        """The crops around one hand, of each camera that has a clear view of it."""
        found = []
        person, elbow, wrist = people[row], 7 + column, 9 + column
        for camera in person.detections:
            c = self._rig.index[camera]
            sure = float(joints.confidence[row, c, wrist])
            if sure < _SURE or camera not in pictures:
                continue
            away = np.array(hand_m) - self._rig.position_m[c]
            depth_m = float(away @ self._rig.rotation[c, 2])
            if depth_m < 0.3:
                continue
            middle = joints.pixels[row, c, wrist]
            if joints.confidence[row, c, elbow] >= _SURE:
                forearm = middle - joints.pixels[row, c, elbow]
                middle = middle + (_PALM_OF_FOREARM + _HELD_OF_FOREARM) * forearm
            u, v = self._as_seen(middle, c)
            side_px = round(SIDE_M * float(self._rig.focal_px[c, 0]) / depth_m)
            crop = _square(pictures[camera], u, v, side_px)
            if crop is None or self._hidden(people, row, camera, boxes[camera], u, v):
                continue
            found.append(Crop(at_ns, crop, min(1.0, side_px / GOOD_PX) * sure))
        return found

    def _as_seen(self, pixel: Array, c: int) -> tuple[float, float]:
        """Where a straightened pixel lies in the picture."""
        centre, focal = self._rig.centre_px[c], self._rig.focal_px[c]
        u, v = bend((pixel - centre) / focal, self._rig.radial[c]) * focal + centre
        return float(u), float(v)

    def _hidden(
        self, people: Sequence[Person], row: int, camera: str, boxes: Array, u: float, v: float
    ) -> bool:
        """Whether the box of somebody who stands nearer to the camera covers a pixel."""
        eye = self._rig.position_m[self._rig.index[camera], :2]
        own = float(np.hypot(*(people[row].xy_m - eye)))
        for other, person in enumerate(people):
            at = person.detections.get(camera)
            if other == row or at is None or float(np.hypot(*(person.xy_m - eye))) >= own:
                continue
            x0, y0, x1, y1 = boxes[at].tolist()
            if x0 <= u <= x1 and y0 <= v <= y1:
                return True
        return False


def _square(picture: Picture, u: float, v: float, side_px: int) -> Picture | None:
    """A square of the picture around a pixel; None where it is too small or not all inside."""
    height, width = picture.shape[:2]
    left, top = round(u - side_px / 2), round(v - side_px / 2)
    inside = left >= 0 and top >= 0 and left + side_px <= width and top + side_px <= height
    if side_px < LEAST_PX or not inside:
        return None
    return picture[top : top + side_px, left : left + side_px].copy()


def _cut_off(share: float) -> float:
    """To four digits and never more than it was, so that shares do not sum to above 1."""
    return math.floor(share * 1e4) / 1e4
