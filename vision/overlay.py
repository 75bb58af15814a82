"""Pictures for people to look at: boxes, joints and tracklets, and no faces.

The head of every detected person is pixelated before anything else is drawn; a picture leaves the
worker only through here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np

from vision.detector import Array, Detection
from vision.frame import Picture

_HEAD = 5  # the first COCO joints: nose, eyes, ears
_SHOULDERS = slice(5, 7)
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
        _pixelate(picture, head_box(one.detection))
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


def head_box(detection: Detection) -> Array:
    """The box (4,) around a head: its joints with a margin, up to the top of the body's box; where
    no joint of it is sure, the top of that box."""
    x1, y1, x2, y2 = detection.box
    height = y2 - y1
    keypoints = detection.keypoints
    top = [x1, y1, x2, y1 + 0.17 * height]
    sure = keypoints[:_HEAD, 2] >= _SURE
    if sure.any():
        head = keypoints[:_HEAD, :2][sure]
        shoulders = keypoints[_SHOULDERS, :2]
        spread = max(float(np.hypot(*(shoulders[0] - shoulders[1]))), 0.12 * height) * 0.5
        low, high = head.min(axis=0) - spread, head.max(axis=0) + spread
        return np.array([low[0], min(low[1], y1), high[0], high[1]])
    return np.array(top)


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
    blocks = max(1, (x2 - x1) // _BLOCK_PX), max(1, (y2 - y1) // _BLOCK_PX)
    small = cv2.resize(region, blocks, interpolation=cv2.INTER_AREA)
    region[:] = cv2.resize(small, (x2 - x1, y2 - y1), interpolation=cv2.INTER_NEAREST)


def _colour(tracklet: str | None) -> tuple[int, int, int]:
    if tracklet is None:
        return _UNKNOWN
    digits = "".join(ch for ch in tracklet.rsplit(":", 1)[-1] if ch.isdigit())
    return _PALETTE[int(digits or 0) % len(_PALETTE)]
