"""People by a network in ONNX Runtime, on the processor.

Measured on one thread, a batch of four pictures takes as long as four batches of one, or longer:
so pictures go in one by one unless the network was exported for a fixed batch.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from vision.detection import Detection
from vision.detector_heads import Head, HeadUnknown, recognise
from vision.frame import Picture, check_frame
from vision.letterbox import Letterboxer

_FREE_SIDE_PX = 640  # of the input, where neither the network nor its notes fix one


class WeightsUnusable(Exception):
    """Weights cannot find people here; the message names the file and says why."""


class OnnxDetector:
    """A people or pose network as ultralytics exports it; `head` says what it finds and
    `input_px` (height, width) at which size."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime has an exception class of its own for each code
            raise WeightsUnusable(f"{path}: ONNX Runtime cannot load it: {_brief(error)}") from None
        notes = _notes(self._session.get_modelmeta().custom_metadata_map)
        ports = self._session.get_inputs()
        shape = ports[0].shape
        if len(ports) != 1 or len(shape) != 4 or shape[1] not in (3, "channels"):
            raise WeightsUnusable(
                f"{path}: takes {', '.join(f'{p.name} {p.shape}' for p in ports)}; expected one "
                "input of RGB pictures (batch, 3, height, width)"
            )
        if ports[0].type != "tensor(float)":
            raise WeightsUnusable(
                f"{path}: takes {ports[0].type}, expected tensor(float): export it without half"
            )
        self._port: str = ports[0].name
        self._batch = shape[0] if isinstance(shape[0], int) else 1
        self.input_px = _size(shape, notes.get("imgsz"))
        self._letterboxer = Letterboxer(self._batch, *self.input_px)
        try:
            self.head: Head = recognise(
                (1, *self._run().shape[1:]), notes.get("names"), notes.get("task")
            )
        except HeadUnknown as error:
            raise WeightsUnusable(f"{path}: {error}") from None
        except Exception as error:
            raise WeightsUnusable(f"{path}: cannot be run: {_brief(error)}") from None

    def detect_all(self, frames: Mapping[str, Picture]) -> dict[str, list[Detection]]:
        """The people in each camera's picture (H, W, 3) uint8, best score first.

        Raises FrameError naming the camera whose picture cannot be used.
        """
        pictures = [(camera, check_frame(frame, camera)) for camera, frame in frames.items()]
        found: dict[str, list[Detection]] = {}
        for start in range(0, len(pictures), self._batch):
            some = pictures[start : start + self._batch]
            boxes = [self._letterboxer.fill(slot, rgb) for slot, (_, rgb) in enumerate(some)]
            for (camera, _), box, raw in zip(some, boxes, self._run(), strict=False):
                found[camera] = self.head.decode(raw, box)
        return found

    def _run(self) -> NDArray[np.float32]:
        out: Any = self._session.run(None, {self._port: self._letterboxer.blob})[0]
        return np.asarray(out)


def _notes(written: Mapping[str, str]) -> dict[str, Any]:
    """What ultralytics writes into its exports: `names`, `imgsz` and `task`, where legible."""
    notes: dict[str, Any] = {}
    if "task" in written:
        notes["task"] = written["task"]
    for key, kind in (("names", dict), ("imgsz", list)):
        try:
            value = ast.literal_eval(written.get(key, ""))
        except (ValueError, SyntaxError):
            continue
        if isinstance(value, kind):
            notes[key] = value
    return notes


def _size(shape: list[Any], noted: list[int] | None) -> tuple[int, int]:
    free = noted if noted and len(noted) == 2 else [_FREE_SIDE_PX, _FREE_SIDE_PX]
    height, width = (
        int(fixed if isinstance(fixed, int) else side)
        for fixed, side in zip(shape[2:], free, strict=True)
    )
    return height, width


def _brief(error: Exception) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0][:300]
