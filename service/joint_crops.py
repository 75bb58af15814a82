"""Crops of people to train and to score joints on, cut from the pieces of training pictures.

Boxes are shifted, scaled and cut short as a detector errs; crops are turned, mirrored with left and
right exchanged, recoloured, coarsened and partly covered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from service.pose_score import MIRROR
from vision.detection import JOINTS, Array
from vision.joints import COLUMNS, PAD_GREY, ROOM, ROWS

Floats = NDArray[np.float32]

BOX_ERROR = 0.05  # standard deviation of each edge, of the box's size
CUT_BELOW, CUT_ABOVE = (0.12, 0.4), (0.06, 0.2)  # how often and, at most, how much of the height
TURNED_SHARE, TURN_DEG = 0.6, 9.0


class CropsMissing(Exception):
    """There are no crops to train on; the message says where they were looked for."""


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """N people: `pieces` (N, 192, 144, 3) of pictures, with `boxes` (N, 4) and `keypoints`
    (N, 17, 3) in their pixels, each of which is `px_of_frame` (N,) of the frame's."""

    pieces: NDArray[np.uint8]
    boxes: Floats
    keypoints: Floats
    px_of_frame: Floats

    def __len__(self) -> int:
        return len(self.pieces)


def read_people(folder: Path) -> People:
    """Everybody in the crops that `simulator.training_pictures` wrote to `folder`."""
    paths = sorted(folder.glob("*.npz"))
    if not paths:
        raise CropsMissing(f"{folder}: no crops (*.npz) of training pictures")
    parts = [np.load(path) for path in paths]
    names = ("pieces", "boxes", "keypoints", "px_of_frame")
    return People(*(np.concatenate([part[name] for part in parts]) for name in names))


def plain_crop(
    piece: NDArray[np.uint8], box: Floats, keypoints: Floats
) -> tuple[NDArray[np.uint8], Array]:
    """The crop (128, 96, 3) that vision would cut around a true box, and its keypoints (17, 3)."""
    return _cut(piece, box.astype(np.float64), keypoints, ROOM, 0.0)


def varied_crop(
    piece: NDArray[np.uint8], box: Floats, keypoints: Floats, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], Array]:
    """A crop (128, 96, 3) as training sees it, and its keypoints (17, 3)."""
    width, height = float(box[2] - box[0]), float(box[3] - box[1])
    edges = box + rng.normal(0, BOX_ERROR, 4) * np.array([width, height, width, height])
    if rng.random() < CUT_BELOW[0]:
        edges[3] -= rng.uniform(0, CUT_BELOW[1]) * height
    if rng.random() < CUT_ABOVE[0]:
        edges[1] += rng.uniform(0, CUT_ABOVE[1]) * height
    turn = float(rng.normal(0, TURN_DEG)) if rng.random() < TURNED_SHARE else 0.0
    room = ROOM * math.exp(rng.normal(0, 0.08))
    crop, points = _cut(piece, edges, keypoints, room, turn)
    if rng.random() < 0.5:
        crop, points = crop[:, ::-1], points[MIRROR]
        points[:, 0] = COLUMNS - 1 - points[:, 0]
    return _recoloured(crop, rng), points


def _cut(
    piece: NDArray[np.uint8], box: Array, keypoints: Floats, room: float, turn_deg: float
) -> tuple[NDArray[np.uint8], Array]:
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
    return crop.astype(np.uint8), points


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
