"""Crops of people, and of places without, to train and to score joints and boxes on, cut from the
pieces of training pictures.

Boxes are shifted, scaled, cut short and drawn out as a detector errs; crops are turned, mirrored
with left and right exchanged, recoloured, coarsened and partly covered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from service.pose_score import MIRROR
from vision.detection import JOINTS, Array
from vision.joints import COLUMNS, PAD_GREY, ROOM, ROWS

Floats = NDArray[np.float32]

BOX_ERROR, COARSE_ERROR = 0.05, 0.15  # standard deviations of each edge, of the box's size
COARSE_SHARE = 0.25
CUT_BELOW, CUT_ABOVE = (0.12, 0.4), (0.06, 0.2)  # how often and, at most, how much of the height
DRAWN_BELOW, DRAWN_ABOVE = (0.12, 0.8), (0.04, 0.3)  # the same of boxes that are too long
TURNED_SHARE, TURN_DEG = 0.4, 9.0


class CropsMissing(Exception):
    """There are no crops to train on; the message says where they were looked for."""


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """N people, and places without one: `pieces` (N, 224, 168, 3) of pictures, with `boxes` (N, 4)
    and `keypoints` (N, 17, 3) in their pixels, each of which is `px_of_frame` (N,) of the
    frame's; `shares` (N,) of each person that is seen, 0 where there is nobody."""

    pieces: NDArray[np.uint8]
    boxes: Floats
    keypoints: Floats
    px_of_frame: Floats
    shares: Floats

    def __len__(self) -> int:
        return len(self.pieces)

    def some(self, which: NDArray[np.bool_]) -> People:
        """Those of whom `which` (N,) is true."""
        return People(*(getattr(self, one.name)[which] for one in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """What the network is shown and is to say: `picture` (128, 96, 3), `keypoints` (17, 3), the
    edges of the `box` (4,), NaN where the crop is turned or shows nobody, and whether it shows a
    `person`. `said` (4,) is the box around which it was cut, in the crop's pixels."""

    picture: NDArray[np.uint8]
    keypoints: Array
    box: Array
    person: bool
    said: Array


def read_people(folder: Path) -> People:
    """Everybody in the crops that `simulator.training_pictures` wrote to `folder`."""
    paths = sorted(folder.glob("*.npz"))
    if not paths:
        raise CropsMissing(f"{folder}: no crops (*.npz) of training pictures")
    parts = [np.load(path) for path in paths]
    return People(*(np.concatenate([part[one.name] for part in parts]) for one in fields(People)))


def plain_crop(people: People, which: int) -> Crop:
    """The crop that vision would cut around the true box of one of `people`."""
    return _cut(people, which, people.boxes[which].astype(np.float64), ROOM, 0.0)


def varied_crop(
    people: People, which: int, rng: np.random.Generator, *, recoloured: bool = True
) -> Crop:
    """A crop of one of `people` as training sees it."""
    crop = _cut(
        people,
        which,
        _mistaken(people.boxes[which].astype(np.float64), rng),
        ROOM * math.exp(rng.normal(0, 0.08)),
        float(rng.normal(0, TURN_DEG)) if rng.random() < TURNED_SHARE else 0.0,
    )
    if rng.random() < 0.5:
        crop = _mirrored(crop)
    return replace(crop, picture=_recoloured(crop.picture, rng)) if recoloured else crop


def _mirrored(crop: Crop) -> Crop:
    points = crop.keypoints[MIRROR]
    points[:, 0] = COLUMNS - 1 - points[:, 0]
    box, said = (
        np.array([COLUMNS - 1 - one[2], one[1], COLUMNS - 1 - one[0], one[3]])
        for one in (crop.box, crop.said)
    )
    return Crop(crop.picture[:, ::-1], points, box, crop.person, said)


def _mistaken(box: Array, rng: np.random.Generator) -> Array:
    """A box (4,) as a detector may say it."""
    width, height = box[2:] - box[:2]
    error = COARSE_ERROR if rng.random() < COARSE_SHARE else BOX_ERROR
    edges = box + rng.normal(0, error, 4) * np.array([width, height, width, height])
    for edge, inwards, cut, drawn in (
        (3, -1, CUT_BELOW, DRAWN_BELOW),
        (1, 1, CUT_ABOVE, DRAWN_ABOVE),
    ):
        chance = rng.random()
        if chance < cut[0]:
            edges[edge] += inwards * rng.uniform(0, cut[1]) * height
        elif chance < cut[0] + drawn[0]:
            edges[edge] -= inwards * rng.uniform(0, drawn[1]) * height
    return np.asarray(edges)


def _cut(people: People, which: int, box: Array, room: float, turn_deg: float) -> Crop:
    piece, keypoints = people.pieces[which], people.keypoints[which]
    centre, size = (box[:2] + box[2:]) / 2, np.maximum(box[2:] - box[:2], 2.0)
    scale = ROWS / (room * max(size[1], size[0] * ROWS / COLUMNS))
    cosine, sine = (
        scale * math.cos(math.radians(turn_deg)),
        scale * math.sin(math.radians(turn_deg)),
    )
    matrix = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0]])
    # Coordinates are of pixels' middles; a box's edges lie between pixels.
    matrix[:, 2] = np.array([COLUMNS - 1, ROWS - 1]) / 2 - matrix[:, :2] @ (centre - 0.5)
    crop = cv2.warpAffine(
        piece, matrix, (COLUMNS, ROWS), flags=cv2.INTER_LINEAR, borderValue=(PAD_GREY,) * 3
    )
    points = keypoints.astype(np.float64).reshape(JOINTS, 3)
    points[:, :2] = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    shift, person = np.tile(matrix[:, 2], 2), bool(people.shares[which] > 0)
    edges = np.full(4, np.nan)
    if turn_deg == 0 and person:
        edges = scale * (people.boxes[which].astype(np.float64) - 0.5) + shift
    return Crop(crop.astype(np.uint8), points, edges, person, scale * (box - 0.5) + shift)


def _recoloured(crop: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """What other cameras and light would have made of a crop, and something that stands before."""
    seen: NDArray[Any] = crop.astype(np.float32)
    if rng.random() < 0.8:
        seen = seen * rng.uniform(0.7, 1.3) * rng.normal(1, 0.06, 3) + rng.normal(0, 10)
        mean = seen.mean()
        seen = (seen - mean) * rng.uniform(0.75, 1.25) + mean
    if rng.random() < 0.1:
        seen = np.repeat(seen.mean(axis=2, keepdims=True), 3, axis=2)
    if rng.random() < 0.25:  # somebody far away fills few pixels
        by = float(rng.uniform(0.35, 0.9))
        small = cv2.resize(seen, None, fx=by, fy=by, interpolation=cv2.INTER_AREA)
        seen = cv2.resize(small, (COLUMNS, ROWS))
    if rng.random() < 0.35:
        seen = seen + rng.normal(0, rng.uniform(2, 10), seen.shape)
    if rng.random() < 0.25:
        x, y = int(rng.integers(COLUMNS)), int(rng.integers(ROWS))
        seen[y : y + int(rng.integers(6, 40)), x : x + int(rng.integers(6, 30))] = rng.uniform(
            0, 255, 3
        )
    recoloured: NDArray[np.uint8] = np.clip(seen, 0, 255).astype(np.uint8)
    return recoloured
