"""The one interface to whatever finds people in pictures, and which file gets which backend.

`load_detector("weights.onnx").detect_all({"cam1": rgb})` gives `{"cam1": [Detection, …]}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from vision.detection import JOINTS, Array, Detection, iou, suppress
from vision.detector_heads import LOW_SCORE, Head, HeadUnknown
from vision.detector_onnx import OnnxDetector, WeightsUnusable
from vision.detector_torch import TorchDetector, TorchMissing
from vision.follow import Following
from vision.frame import Picture
from vision.joints import JointRefiner

__all__ = [
    "JOINTS",
    "LOW_SCORE",
    "Array",
    "Detection",
    "Detector",
    "Head",
    "HeadUnknown",
    "ModelMissing",
    "OnnxDetector",
    "TorchDetector",
    "TorchMissing",
    "WeightsUnusable",
    "iou",
    "load_detector",
    "load_eyes",
    "suppress",
]

FIRST_LOOK_SCORE = 0.05  # of a network whose people are looked at again, and told from nobody then


class Detector(Protocol):
    """Whatever finds people in pictures."""

    def detect_all(self, frames: Mapping[str, Picture]) -> dict[str, list[Detection]]:
        """The people in each camera's picture, best score first.

        Raises FrameError naming the camera whose picture cannot be used.
        """


class ModelMissing(Exception):
    """A weight file is not there; the message says how to get it."""


def load_detector(
    path: Path | str, threads: int = 1, device: str | None = None
) -> OnnxDetector | TorchDetector:
    """A detector from weights: `.onnx` on the processor, `.pt` on `device` ("cuda" where there is
    one, if None).

    Raises ModelMissing where there is no such file, WeightsUnusable where it holds nothing that
    finds people, TorchMissing where a `.pt` file needs packages that are not installed.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelMissing(
            f"{path}: no such weights. Ours are part of the repository under models/; "
            "`openaisle models list` shows what there is, and `openaisle models import FILE` "
            "takes any ultralytics people or pose weights."
        )
    match path.suffix.lower():
        case ".onnx":
            return OnnxDetector(path, threads)
        case ".pt":
            return TorchDetector(path, threads, device)
    raise WeightsUnusable(f"{path}: expected weights in a file that ends in .onnx or .pt")


def load_eyes(
    path: Path | str,
    threads: int = 1,
    device: str | None = None,
    *,
    least_score: float | None = None,
) -> Detector:
    """As `load_detector`; joints come from a second look at each person where `NAME.joints.onnx`
    lies beside the weights `NAME.onnx`, and boxes from `NAME.boxes.onnx`, where that lies there
    too: the same network without joints of its own. People below `least_score` are left out, by
    default those whom trackers have no use for."""
    path = Path(path)
    joints, boxes = path.with_suffix(".joints.onnx"), path.with_suffix(".boxes.onnx")
    if not joints.is_file():
        detector = load_detector(path, threads, device)
        detector.head = replace(detector.head, least_score=least_score or LOW_SCORE)
        return detector
    detector = load_detector(boxes if boxes.is_file() else path, threads, device)
    first_least = min(FIRST_LOOK_SCORE, least_score or LOW_SCORE)
    detector.head = replace(detector.head, least_score=first_least)
    return Following(detector, JointRefiner(joints, threads), least_score or LOW_SCORE)
