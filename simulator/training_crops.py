"""Pieces of labelled pictures around each person, and around places where nobody is, for training
the network that looks at crops.

A piece is wider than what that network sees, so that training can shift and scale its boxes as a
detector errs.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]

PIECE_PX = (168, 224)  # columns, rows
ROOM = 2.0  # a piece is that much larger than the person's box, at the piece's shape
PAD_GREY = 114
_EMPTY_SHARE = 0.3  # a box shows nobody that overlaps people less, of the smaller box
_EMPTY_TRIES = 6


class Crops:
    """Gathers pieces of pictures of one store."""

    def __init__(self) -> None:
        self._pieces: list[Bytes] = []
        self._boxes: list[Array] = []
        self._keypoints: list[Array] = []
        self._px_of_frame: list[float] = []
        self._shares: list[float] = []

    def add_empty(self, picture: Bytes, people: Array, rng: np.random.Generator) -> None:
        """Take a piece around a box of a person's shape, drawn at random, that shows none of the
        `people` (N, 4); nothing where no such box is found. Its share is 0."""
        rows, columns = picture.shape[:2]
        for _ in range(_EMPTY_TRIES):
            height = rows * float(np.exp(rng.uniform(np.log(0.08), np.log(0.7))))
            width = height * float(rng.uniform(0.25, 0.8))
            x, y = rng.uniform(0, columns - width / 2), rng.uniform(0, rows - height / 2)
            box = np.array([x, y, min(x + width, columns), min(y + height, rows)])
            if _overlap(box, people).max(initial=0.0) < _EMPTY_SHARE:
                self.add(picture, box, np.zeros((17, 3)), 0.0)
                return

    def add(self, picture: Bytes, box: Array, keypoints: Array, share: float) -> None:
        """Take the piece of `picture` (H, W, 3) around `box` (4,), with `keypoints` (17, 3)."""
        centre, size = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        columns, rows = PIECE_PX
        scale = rows / (ROOM * max(size[1], size[0] * rows / columns))
        # Coordinates are of pixels' middles; a box's edges lie between pixels.
        shift = np.array(PIECE_PX) / 2 - centre * scale
        matrix = np.array([[scale, 0.0, 0.0], [0.0, scale, 0.0]])
        matrix[:, 2] = shift + (scale - 1) / 2
        sharp = picture if scale >= 0.5 else _thinned(picture, scale)
        piece = cv2.warpAffine(
            sharp, matrix, PIECE_PX, flags=cv2.INTER_LINEAR, borderValue=(PAD_GREY,) * 3
        )
        moved = keypoints.copy()
        known = keypoints[:, 2] > 0
        moved[known, :2] = keypoints[known, :2] * scale + matrix[:, 2]
        self._pieces.append(piece.astype(np.uint8))
        self._boxes.append(np.concatenate([box[:2] * scale + shift, box[2:] * scale + shift]))
        self._keypoints.append(moved)
        self._px_of_frame.append(1.0 / scale)
        self._shares.append(share)

    def write(self, path: Path) -> None:
        """Write the pieces (N, 192, 144, 3), boxes (N, 4) and keypoints (N, 17, 3) in pixels of
        the pieces, `px_of_frame` (N,) pixels of the frame in one of the piece, and the share (N,)
        of each person that is seen."""
        count = len(self._pieces)
        np.savez(
            path,
            pieces=np.array(self._pieces, np.uint8).reshape(count, PIECE_PX[1], PIECE_PX[0], 3),
            boxes=np.array(self._boxes, np.float32).reshape(count, 4),
            keypoints=np.array(self._keypoints, np.float32).reshape(count, 17, 3),
            px_of_frame=np.array(self._px_of_frame, np.float32),
            shares=np.array(self._shares, np.float32),
        )


def _overlap(box: Array, others: Array) -> Array:
    """The overlap (N,) of a box (4,) with others (N, 4), as a share of the smaller one's area."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1)
    shared: Array = np.clip(sides, 0.0, None).prod(axis=1)
    return np.asarray(shared / np.minimum(areas, (box[2:] - box[:2]).prod()))


def _thinned(picture: Bytes, scale: float) -> Bytes:
    """The picture blurred as much as making it smaller by `scale` averages."""
    blurred: Bytes = cv2.GaussianBlur(picture, (0, 0), 0.4 / scale).astype(np.uint8)
    return blurred
