"""Finds small people in large pictures: a detector looks at overlapping tiles, then at the whole.

A network that takes 320 pixels sees a person of 60 pixels in a picture of 800 as one of 24; in
tiles of a third of the picture as one of 60. Costs as many looks as there are tiles, and one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from vision.detection import Array, Detection
from vision.detector import Detector
from vision.frame import Picture, check_frame

_SAME = 0.6  # of the smaller of two boxes that lies in the other: they are one person, or a part
_CUT_PX = 2.0  # a box that ends so near to a tile's inner edge may be a part of somebody


class TiledDetector:
    """Another detector, looking through `columns` × `rows` tiles that overlap by `overlap`."""

    def __init__(self, detector: Detector, columns: int, rows: int, overlap: float = 0.25) -> None:
        if columns < 1 or rows < 1 or not 0.0 <= overlap < 1.0:
            raise ValueError(f"{columns}×{rows} tiles that overlap by {overlap} are none")
        self._detector = detector
        self._shape = columns, rows
        self._overlap = overlap

    def detect_all(self, frames: Mapping[str, Picture]) -> dict[str, list[Detection]]:
        """The people in each camera's picture (H, W, 3) uint8, best score first.

        Raises FrameError naming the camera whose picture cannot be used.
        """
        return {
            camera: self._detect(camera, check_frame(f, camera)) for camera, f in frames.items()
        }

    def _detect(self, camera: str, rgb: Picture) -> list[Detection]:
        high, wide = rgb.shape[:2]
        found = list(self._detector.detect_all({camera: rgb})[camera])
        for x0, x1 in _spans(wide, self._shape[0], self._overlap):
            for y0, y1 in _spans(high, self._shape[1], self._overlap):
                tile = np.ascontiguousarray(rgb[y0:y1, x0:x1])
                for seen in self._detector.detect_all({camera: tile})[camera]:
                    box = seen.box + np.array([x0, y0, x0, y0])
                    inner = (
                        (x0 > 0 and box[0] < x0 + _CUT_PX)
                        or (y0 > 0 and box[1] < y0 + _CUT_PX)
                        or (x1 < wide and box[2] > x1 - _CUT_PX)
                        or (y1 < high and box[3] > y1 - _CUT_PX)
                    )
                    if inner:
                        continue
                    keypoints = seen.keypoints + np.where(
                        seen.keypoints[:, 2:] > 0, (x0, y0, 0.0), 0.0
                    )
                    found.append(replace(seen, box=box, keypoints=keypoints))
        found.sort(key=lambda detection: -detection.score)
        boxes = np.array([d.box for d in found]).reshape(-1, 4)
        return [found[i] for i in _distinct(boxes)]


def _spans(side: int, tiles: int, overlap: float) -> list[tuple[int, int]]:
    """Where tiles begin and end along one side of a picture."""
    long = side / (1 + (tiles - 1) * (1 - overlap))
    step = long * (1 - overlap)
    return [(round(k * step), min(side, round(k * step + long))) for k in range(tiles)]


def _distinct(boxes: Array) -> list[int]:
    """Indices of boxes (N, 4), best first, that no better kept one holds for the most part."""
    kept: list[int] = []
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    for i, box in enumerate(boxes):
        low = np.maximum(boxes[kept, :2], box[:2])
        high = np.minimum(boxes[kept, 2:], box[2:])
        shared = np.prod(np.clip(high - low, 0.0, None), axis=1)
        if not kept or (shared / np.minimum(area[kept], area[i])).max() < _SAME:
            kept.append(i)
    return kept
