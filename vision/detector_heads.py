"""Which kind of output a network has, by its shape, and how its rows become `Detection`s.

Known are the heads of ultralytics exports (YOLOv8 to YOLO26), all in pixels of the network's input:

- *pose*: (4 + classes + 17·3, N) of centre, size, class scores and COCO keypoints, not suppressed;
- *detect*: (4 + classes, N) of centre, size and class scores, not suppressed;
- *end-to-end*, with suppression inside or none needed: (N, 6) of corners, score and class, and
  (N, 6 + 17·3) of the same and keypoints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.detection import JOINTS, Array, Detection, suppress

LOW_SCORE = 0.15  # below this a box is noise
SAME_BODY_IOU = 0.6
COCO_CLASSES = 80  # of which a person is the first
PEOPLE = ("person", "pedestrian", "people", "human")
_POINTS = 3 * JOINTS
_ENDED = (6, 6 + _POINTS)  # columns of end-to-end outputs


class HeadUnknown(ValueError):
    """An output is none that is known to hold people; the message says what was found."""


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How a picture of `size_px` (width, height) lies in the network's input: scaled by `ratio`,
    then moved by `left` and `top` pixels."""

    ratio: float
    left: int
    top: int
    size_px: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Head:
    """How to read an output: `classes` scores a row of which `person` is the one that counts, with
    `keypoints` or without; `ended` where rows are final boxes. Rows below `least_score` are left
    out."""

    classes: int
    person: int
    keypoints: bool
    ended: bool
    least_score: float = LOW_SCORE

    def __str__(self) -> str:
        kind = "people and joints" if self.keypoints else "people without joints"
        return f"{kind}, end to end" if self.ended else kind

    def decode(self, raw: NDArray[np.float32], box: Letterbox) -> list[Detection]:
        """The people of one picture, best first, from its output without the batch axis."""
        rows = self._ended(raw) if self.ended else self._open(raw)
        if not len(rows):
            return []
        rows = rows[np.argsort(-rows[:, 4], kind="stable")]
        offset = np.array([box.left, box.top], dtype=np.float64)
        edge = np.array([*box.size_px, *box.size_px], dtype=np.float64)
        boxes = (rows[:, :4] - np.tile(offset, 2)) / box.ratio
        boxes = np.clip(boxes, 0.0, edge)
        keypoints = rows[:, 5:].reshape(-1, JOINTS, 3)
        if self.keypoints:
            keypoints[:, :, :2] = (keypoints[:, :, :2] - offset) / box.ratio
        kept = range(len(rows)) if self.ended else suppress(boxes, SAME_BODY_IOU)
        return [Detection(boxes[i], float(rows[i, 4]), keypoints[i]) for i in kept]

    def _open(self, raw: NDArray[np.float32]) -> Array:
        """Rows (M, 5 + 51) of corners, score and keypoints from columns of unsuppressed boxes."""
        scores = raw[4 + self.person]
        chosen = np.flatnonzero(scores >= self.least_score)
        rows = np.zeros((len(chosen), 5 + _POINTS))
        centre, half = raw[:2, chosen].T, raw[2:4, chosen].T / 2
        rows[:, :2], rows[:, 2:4] = centre - half, centre + half
        rows[:, 4] = scores[chosen]
        if self.keypoints:
            rows[:, 5:] = raw[4 + self.classes :, chosen].T
        return rows

    def _ended(self, raw: NDArray[np.float32]) -> Array:
        """The same rows from final boxes, of which those of other classes are left out."""
        chosen = (raw[:, 4] >= self.least_score) & (np.rint(raw[:, 5]) == self.person)
        rows = np.zeros((int(chosen.sum()), 5 + _POINTS))
        rows[:, :5] = raw[chosen, :5]
        if self.keypoints:
            rows[:, 5:] = raw[chosen, 6:]
        return rows


def recognise(
    shape: Sequence[int], names: Mapping[int, str] | None = None, task: str | None = None
) -> Head:
    """The head whose output for one picture has `shape` (1, rows, columns).

    `names` of the classes and the `task` it was trained for settle what a shape leaves open, where
    the weights tell them. Raises HeadUnknown.
    """
    if len(shape) != 3:
        raise HeadUnknown(f"its output has shape {_said(shape)}, expected three axes")
    rows, columns = int(shape[1]), int(shape[2])
    if task not in (None, "detect", "pose"):
        raise HeadUnknown(f"it was trained for the task {task!r}, expected detect or pose")
    if columns in _ENDED and rows not in (5, 5 + _POINTS):
        classes = len(names) if names else COCO_CLASSES
        return Head(classes, _person(names, classes), columns != 6, ended=True)
    if names:
        classes = len(names)
        if rows == 4 + classes + _POINTS and task != "detect":
            return Head(classes, _person(names, classes), keypoints=True, ended=False)
        if rows == 4 + classes and task != "pose":
            return Head(classes, _person(names, classes), keypoints=False, ended=False)
        raise HeadUnknown(
            f"its output has shape {_said(shape)}: with {classes} classes, expected "
            f"(1, {4 + classes}, N) for boxes or (1, {4 + classes + _POINTS}, N) for boxes and "
            f"{JOINTS} joints"
        )
    for classes in (1, COCO_CLASSES):
        if rows == 4 + classes + _POINTS:
            return Head(classes, 0, keypoints=True, ended=False)
        if rows == 4 + classes:
            return Head(classes, 0, keypoints=False, ended=False)
    raise HeadUnknown(
        f"its output has shape {_said(shape)}, and no class names are written in the file; known "
        f"are (1, 56, N) pose, (1, 84, N) and (1, 5, N) detect, (1, N, 6) and (1, N, 57) "
        f"end to end, as ultralytics exports them"
    )


def _person(names: Mapping[int, str] | None, classes: int) -> int:
    if not names or classes == 1:
        return 0
    for number, name in names.items():
        if name.strip().lower() in PEOPLE:
            return number
    if classes == COCO_CLASSES and all(name == str(n) for n, name in names.items()):
        return 0  # never named, as in a network that was made from its plan alone
    some = ", ".join(list(names.values())[:5])
    raise HeadUnknown(f"none of its {classes} classes is a person (they are {some}, …)")


def _said(shape: Sequence[int]) -> str:
    return "(" + ", ".join(str(n) for n in shape) + ")"
