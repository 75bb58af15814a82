"""Pictures of any size laid into a network's input: scaled, centred, padded with grey."""

from __future__ import annotations

import cv2
import numpy as np

from vision.detector_heads import Letterbox
from vision.frame import Picture

PAD_GREY = 114
_UNIT = np.float32(1 / 255)


class Letterboxer:
    """Fills the input (batch, 3, height, width) of a network, RGB 0…1, in place."""

    def __init__(self, batch: int, height: int, width: int) -> None:
        self.height, self.width = height, width
        self.blob = np.full((batch, 3, height, width), PAD_GREY * _UNIT, dtype=np.float32)
        self._canvas = np.full((height, width, 3), PAD_GREY, dtype=np.uint8)
        self._inner: tuple[int, int, int, int] | None = None

    def fill(self, slot: int, rgb: Picture) -> Letterbox:
        """Lay a picture (H, W, 3) into place `slot` of `blob`; how it lies there."""
        height, width = rgb.shape[:2]
        ratio = min(self.width / width, self.height / height)
        inner_w, inner_h = max(1, round(width * ratio)), max(1, round(height * ratio))
        left, top = (self.width - inner_w) // 2, (self.height - inner_h) // 2
        if self._inner != (left, top, inner_w, inner_h):
            self._inner = left, top, inner_w, inner_h
            self._canvas[:] = PAD_GREY
        cv2.resize(
            rgb,
            (inner_w, inner_h),
            dst=self._canvas[top : top + inner_h, left : left + inner_w],
            interpolation=cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR,
        )
        for channel, plane in enumerate(cv2.split(self._canvas)):
            np.multiply(plane, _UNIT, out=self.blob[slot, channel])
        return Letterbox(ratio, left, top, (width, height))
