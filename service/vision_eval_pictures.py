"""How well people and their wrists are found in pictures whose truth is known.

Mean precision is that of boxes at an IoU of 0.5, averaged over recall as COCO does it, with boxes
of every score from `LEAST_SCORE` on that the weights find when they search the picture. Recall and
precision are those of what the worker says, which follows people between two searches. Who is
hardly seen is ignored: neither a miss nor, where found, a false box.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simulator.picture_truth import SeenPerson
from simulator.training_pictures import LEAST_PX, LEAST_SHARE
from vision.detection import Detection, iou

Array = NDArray[np.float64]

SAME_IOU = 0.5
LEAST_SCORE = 0.01  # mean precision asks for recall at any price
SURE_SCORE = 0.3  # recall and precision are those of boxes from here on
WELL_SEEN = 0.25
WRISTS = (9, 10)
SEEN, HIDDEN = 2, 1
_MIRROR = np.array([0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15])
_RECALLS = np.linspace(0.0, 1.0, 101)


@dataclass(slots=True)
class Boxes:
    """Boxes of many pictures: `scores` of those claimed, `right` whether each is a person's;
    `people` who were there to be found."""

    scores: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    people: int = 0

    def add(self, other: Boxes) -> None:
        """Count another set of pictures in."""
        self.scores += other.scores
        self.right += other.right
        self.people += other.people

    def average_precision(self) -> float:
        """AP at IoU 0.5, by precision at 101 recalls."""
        if not self.people or not self.scores:
            return float("nan") if not self.people else 0.0
        order = np.argsort(-np.array(self.scores), kind="stable")
        found = np.cumsum(np.array(self.right)[order])
        precision = found / np.arange(1, len(order) + 1)
        precision = np.maximum.accumulate(precision[::-1])[::-1]
        places = np.searchsorted(found / self.people, _RECALLS, side="left")
        return float(np.append(precision, 0.0)[np.minimum(places, len(order))].mean())

    def recall(self) -> float:
        """Share of the people found by a box of `SURE_SCORE` or more."""
        found = (np.array(self.scores) >= SURE_SCORE) & np.array(self.right, dtype=bool)
        return float(found.sum() / self.people) if self.people else float("nan")

    def precision(self) -> float:
        """Share of the boxes of `SURE_SCORE` or more that are a person's."""
        sure = np.array(self.scores) >= SURE_SCORE
        right = np.array(self.right, dtype=bool)
        return float(right[sure].mean()) if sure.any() else float("nan")


@dataclass(slots=True)
class PictureTally:
    """What pictures showed of detections: boxes of everybody labelled and of the well seen, as the
    worker says them and as a search finds them (`searched`), and the errors of wrists in found
    bodies, as (share of the box's height, pixels)."""

    pictures: int = 0
    labelled: Boxes = field(default_factory=Boxes)
    well_seen: Boxes = field(default_factory=Boxes)
    searched: Boxes = field(default_factory=Boxes)
    searched_well_seen: Boxes = field(default_factory=Boxes)
    wrists: list[tuple[float, float]] = field(default_factory=list)
    hidden_wrists: list[float] = field(default_factory=list)
    bodies: int = 0
    turned: int = 0

    def add(self, other: PictureTally) -> None:
        """Count another set of pictures in."""
        self.pictures += other.pictures
        self.labelled.add(other.labelled)
        self.well_seen.add(other.well_seen)
        self.searched.add(other.searched)
        self.searched_well_seen.add(other.searched_well_seen)
        self.wrists += other.wrists
        self.hidden_wrists += other.hidden_wrists
        self.bodies += other.bodies
        self.turned += other.turned

    def look(
        self,
        found: Sequence[Detection],
        searched: Sequence[Detection],
        people: Sequence[SeenPerson],
        ids: NDArray[np.integer],
    ) -> None:
        """Count one picture in: what was `found`, and what a search of it finds, best first,
        against its people; `ids` (H, W) says whom each pixel shows."""
        self.pictures += 1
        shown = [one for one in people if one.box is not None]
        labelled = [
            one.share >= LEAST_SHARE and int((ids == one.number).sum()) >= LEAST_PX for one in shown
        ]
        well = [one.share >= WELL_SEEN and ok for one, ok in zip(shown, labelled, strict=True)]
        truth = np.array([one.box for one in shown], dtype=np.float64).reshape(-1, 4)
        overlap = iou(_boxes(found), truth)
        pairs = _match(overlap, labelled)
        _count(self.labelled, found, pairs, labelled)
        _count(self.well_seen, found, _match(overlap, well), well)
        overlap = iou(_boxes(searched), truth)
        _count(self.searched, searched, _match(overlap, labelled), labelled)
        _count(self.searched_well_seen, searched, _match(overlap, well), well)
        for detection, person in pairs.items():
            if labelled[person]:
                self._wrists(found[detection].keypoints, shown[person])

    def _wrists(self, guesses: Array, person: SeenPerson) -> None:
        points = np.array(person.keypoints, dtype=np.float64)
        if not guesses[:, 2].any() or person.box is None:
            return
        self.bodies += 1
        if _distance(guesses[_MIRROR], points) < _distance(guesses, points):
            guesses, self.turned = guesses[_MIRROR], self.turned + 1
        height = person.box[3] - person.box[1]
        for wrist in WRISTS:
            error = float(np.hypot(*(guesses[wrist, :2] - points[wrist, :2])))
            if points[wrist, 2] == SEEN:
                self.wrists.append((error / height, error))
            elif points[wrist, 2] == HIDDEN:
                self.hidden_wrists.append(error / height)

    def figures(self) -> dict[str, float | int]:
        """Everything as numbers; shares 0…1."""
        shares = np.array([share for share, _ in self.wrists] or [np.nan])
        pixels = [px for _, px in self.wrists] or [np.nan]
        return {
            "pictures": self.pictures,
            "people": self.labelled.people,
            "map50": self.searched.average_precision(),
            "recall": self.labelled.recall(),
            "precision": self.labelled.precision(),
            "people_well_seen": self.well_seen.people,
            "map50_well_seen": self.searched_well_seen.average_precision(),
            "recall_well_seen": self.well_seen.recall(),
            "precision_well_seen": self.well_seen.precision(),
            "sides": 1.0 - self.turned / self.bodies if self.bodies else float("nan"),
            "wrists_seen": len(self.wrists),
            "wrist_pck_05": _within(shares, 0.05),
            "wrist_pck_10": _within(shares, 0.10),
            "wrist_pck_10_hidden": _within(np.array(self.hidden_wrists or [np.nan]), 0.10),
            "wrist_median_px": float(np.median(pixels)),
        }


def _boxes(found: Sequence[Detection]) -> Array:
    return np.array([d.box for d in found], dtype=np.float64).reshape(-1, 4)


def _match(overlap: Array, counted: Sequence[bool]) -> dict[int, int]:
    """Person by detection, best detections first, each to the person it overlaps most: of those
    who count, and only then of those to be ignored."""
    free = list(range(overlap.shape[1]))
    pairs: dict[int, int] = {}
    for detection in range(overlap.shape[0]):
        near = [p for p in free if overlap[detection, p] >= SAME_IOU]
        if near:
            best = max(near, key=lambda p: (counted[p], overlap[detection, p]))
            pairs[detection] = best
            if counted[best]:  # several boxes may lie on one who is ignored
                free.remove(best)
    return pairs


def _count(
    boxes: Boxes, found: Sequence[Detection], pairs: dict[int, int], counted: Sequence[bool]
) -> None:
    boxes.people += sum(counted)
    for n, detection in enumerate(found):
        person = pairs.get(n)
        if person is None or counted[person]:
            boxes.scores.append(detection.score)
            boxes.right.append(person is not None)


def _distance(guesses: Array, points: Array) -> float:
    return float((np.abs(guesses - points)[:, :2].sum(axis=1) * (points[:, 2] > 0)).sum())


def _within(shares: Array, most: float) -> float:
    known = shares[np.isfinite(shares)]
    return float((known < most).mean()) if len(known) else float("nan")
