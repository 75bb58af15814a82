"""Pictures for people to look at: boxes, joints and tracklets, and no faces.

The head of every detected person is pixelated before anything else is drawn; a picture leaves the
worker only through here.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np

from vision.detector import Array, Detection
from vision.frame import Picture

_HEAD = 5  # the first COCO joints: nose, eyes, ears
_HEAD_OF_HEIGHT, _HEAD_OF_WIDTH = 0.2, 0.5  # how deep a head reaches into the body's box
_SURE = 0.3
_BLOCK_PX = 8
_LINKS = (
    *((5, 6), (5, 7), (7, 9), (6, 8), (8, 10), (5, 11), (6, 12)),
    *((11, 12), (11, 13), (13, 15), (12, 14), (14, 16)),
)
_UNKNOWN = (150, 150, 150)
_PALETTE = (
    *((0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167)),
    *((86, 180, 233), (213, 94, 0), (240, 228, 66)),
)


class Shown(Protocol):
    """A detection with its tracklet."""

    @property
    def detection(self) -> Detection: ...

    @property
    def tracklet(self) -> str | None: ...


def draw(rgb: Picture, shown: Sequence[Shown]) -> Picture:
    """A copy of `rgb` (H, W, 3) with heads pixelated, boxes, joints and short ids drawn in."""
    picture = rgb.copy()
    for one in shown:
        for box in head_boxes(one.detection):
            _pixelate(picture, box)
    for one in shown:
        colour = _colour(one.tracklet)
        x1, y1, x2, y2 = np.round(one.detection.box).astype(int).tolist()
        cv2.rectangle(picture, (x1, y1), (x2, y2), colour, 1 if one.tracklet is None else 2)
        joints = np.round(one.detection.keypoints[:, :2]).astype(int).tolist()
        sure = (one.detection.keypoints[:, 2] >= _SURE).tolist()
        for a, b in _LINKS:
            if sure[a] and sure[b]:
                cv2.line(picture, joints[a], joints[b], colour, 1, cv2.LINE_AA)
        for at, known in zip(joints[_HEAD:], sure[_HEAD:], strict=True):
            if known:
                cv2.circle(picture, at, 2, colour, -1, cv2.LINE_AA)
        if one.tracklet is not None:
            label = one.tracklet.rsplit(":", 1)[-1]
            place = (x1 + 2, max(12, y1 - 4))
            cv2.putText(picture, label, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 3)
            cv2.putText(picture, label, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1)
    return picture


def head_boxes(detection: Detection) -> list[Array]:
    """Boxes (4,) that cover the head: the top of the body's box, over its whole width, and where
    the joints of the head say that it is. Both, so that a misplaced joint uncovers nobody."""
    x1, y1, x2, y2 = detection.box
    height, width = y2 - y1, x2 - x1
    deep = min(max(_HEAD_OF_HEIGHT * height, _HEAD_OF_WIDTH * width), 0.45 * height)
    boxes = [np.array([x1, y1 - 0.1 * deep, x2, y1 + deep])]
    head = detection.keypoints[:_HEAD]
    sure = head[:, 2] >= _SURE
    if sure.any():
        around = 0.09 * height
        low, high = head[sure, :2].min(axis=0) - around, head[sure, :2].max(axis=0) + around
        boxes.append(np.concatenate([low, high]))
    return boxes


def to_jpeg(rgb: Picture, quality: int = 80) -> bytes:
    """JPEG bytes of a picture (H, W, 3)."""
    done, encoded = cv2.imencode(
        ".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not done:
        raise ValueError(f"a picture of {rgb.shape} cannot be encoded as JPEG")
    return encoded.tobytes()


def _pixelate(picture: Picture, box: Array) -> None:
    height, width = picture.shape[:2]
    x1, y1 = max(0, int(box[0])), max(0, int(box[1]))
    x2, y2 = min(width, int(np.ceil(box[2]))), min(height, int(np.ceil(box[3])))
    if x2 <= x1 or y2 <= y1:
        return
    region = picture[y1:y2, x1:x2]
    block = max(_BLOCK_PX, (y2 - y1) // 4)
    blocks = max(1, (x2 - x1) // block), max(1, (y2 - y1) // block)
    small = cv2.resize(region, blocks, interpolation=cv2.INTER_AREA)
    region[:] = cv2.resize(small, (x2 - x1, y2 - y1), interpolation=cv2.INTER_NEAREST)


def _colour(tracklet: str | None) -> tuple[int, int, int]:
    if tracklet is None:
        return _UNKNOWN
    label = tracklet.rsplit(":", 1)[-1]
    number = int(label) if label.isdecimal() else zlib.crc32(label.encode())
    return _PALETTE[number % len(_PALETTE)]
