"""People in one picture: a small pose network in ONNX Runtime, and its output as `Detection`s.

The network is an ultralytics pose head without suppression: (1, 5 + 3·17, N) with centre, size and
score of each box and 17 COCO keypoints (x, y, visibility), all in pixels of the network's input.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from vision.frame import Picture, check_frame

Array = NDArray[np.float64]

JOINTS = 17
PAD_GREY = 114
LOW_SCORE = 0.15  # below this a box is noise
SAME_BODY_IOU = 0.6
_UNIT = np.float32(1 / 255)


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """One person in one picture.

    `box` (4,) is x1, y1, x2, y2; `keypoints` (17, 3) are x, y and confidence 0…1 in COCO order;
    pixels of the original picture.
    """

    box: Array
    score: float
    keypoints: Array


class Detector(Protocol):
    """Whatever finds people in a picture."""

    def detect(self, rgb: Picture, camera: str = ...) -> list[Detection]:
        """The people in `rgb`. Raises FrameError naming `camera` where the picture is broken."""


class ModelMissing(Exception):
    """A weight file is not there; the message says how to get it."""


class PoseDetector:
    """The pose network on the processor."""

    def __init__(self, model_path: Path | str, threads: int = 1) -> None:
        path = Path(model_path)
        if not path.is_file():
            raise ModelMissing(
                f"{path}: no such weights. They are part of the repository under models/, "
                "listed in models/manifest.json; any ultralytics pose model with one class, "
                "exported to ONNX without NMS, can stand in."
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        port = self._session.get_inputs()[0]
        self._port: str = port.name
        self._height, self._width = int(port.shape[2]), int(port.shape[3])
        self._canvas = np.empty((self._height, self._width, 3), dtype=np.uint8)
        self._blob = np.empty((1, 3, self._height, self._width), dtype=np.float32)

    def detect(self, rgb: Picture, camera: str = "picture") -> list[Detection]:
        """The people in `rgb` (H, W, 3) uint8, best score first.

        Raises FrameError naming `camera` where the picture cannot be used.
        """
        picture = check_frame(rgb, camera)
        blob, ratio, left, top = self._letterbox(picture)
        out: Any = self._session.run(None, {self._port: blob})[0]
        return decode(out[0], ratio, (left, top), (picture.shape[1], picture.shape[0]))

    def _letterbox(self, rgb: Picture) -> tuple[NDArray[np.float32], float, int, int]:
        """Network input (1, 3, H, W) in 0…1, its scale, and the pixels padded left and above."""
        height, width = rgb.shape[:2]
        ratio = min(self._width / width, self._height / height)
        inner_w, inner_h = round(width * ratio), round(height * ratio)
        left, top = (self._width - inner_w) // 2, (self._height - inner_h) // 2
        self._canvas[:] = PAD_GREY
        self._canvas[top : top + inner_h, left : left + inner_w] = cv2.resize(
            rgb, (inner_w, inner_h), interpolation=cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR
        )
        for channel, plane in enumerate(cv2.split(self._canvas)):
            np.multiply(plane, _UNIT, out=self._blob[0, channel])
        return self._blob, ratio, left, top


def decode(
    raw: NDArray[np.float32], ratio: float, pad: tuple[int, int], size: tuple[int, int]
) -> list[Detection]:
    """Detections from the head's output (5 + 51, N), best first.

    `ratio` and `pad` (left, top) are those of the letterbox, `size` is the picture's width, height.
    """
    chosen = np.flatnonzero(raw[4] >= LOW_SCORE)
    if not len(chosen):
        return []
    rows = raw[:, chosen].T.astype(np.float64)
    rows = rows[np.argsort(-rows[:, 4], kind="stable")]
    offset = np.array([pad[0], pad[1]], dtype=np.float64)
    centre, half = rows[:, :2], rows[:, 2:4] / 2
    boxes = np.concatenate([centre - half - offset, centre + half - offset], axis=1) / ratio
    boxes = np.clip(boxes, 0.0, np.array([size[0], size[1], size[0], size[1]], dtype=np.float64))
    keypoints = rows[:, 5:].reshape(-1, JOINTS, 3)
    keypoints[:, :, :2] = (keypoints[:, :, :2] - offset) / ratio
    kept = suppress(boxes, SAME_BODY_IOU)
    return [Detection(boxes[i], float(rows[i, 4]), keypoints[i]) for i in kept]


def suppress(boxes: Array, same_iou: float) -> list[int]:
    """Indices of the boxes (N, 4), best first, that no better kept box covers by `same_iou`."""
    overlap = iou(boxes, boxes)
    kept: list[int] = []
    for i in range(len(boxes)):
        if not kept or overlap[i, kept].max() < same_iou:
            kept.append(i)
    return kept


def iou(a: Array, b: Array) -> Array:
    """Intersection over union of boxes (N, 4) and (M, 4): (N, M)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0.0, None), axis=2)
    area_a, area_b = np.prod(a[:, 2:] - a[:, :2], axis=1), np.prod(b[:, 2:] - b[:, :2], axis=1)
    union: Array = area_a[:, None] + area_b[None, :] - shared
    return np.asarray(shared / np.maximum(union, 1e-9))
