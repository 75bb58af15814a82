"""People by an ultralytics `.pt` network in PyTorch, on a GPU or the processor.

All cameras' pictures go through it as one batch. Torch and ultralytics are the extra `train`, and
are imported only here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vision.detection import Detection
from vision.detector_heads import HeadUnknown, recognise
from vision.detector_onnx import WeightsUnusable
from vision.frame import Picture, check_frame
from vision.letterbox import Letterboxer


class TorchMissing(Exception):
    """The packages that `.pt` weights need are not installed."""


class TorchDetector:
    """A people or pose network on `device` ("cpu", "cuda", "cuda:1"; best there is if None).

    Its input is `input_px` (height, width), by default square at the size it was trained for;
    `head` says what it finds.
    """

    def __init__(
        self,
        path: Path,
        threads: int = 1,
        device: str | None = None,
        input_px: tuple[int, int] | None = None,
    ) -> None:
        self._torch: Any = need_torch(f"{path.name} is a PyTorch file")
        if device is None:
            device = "cuda" if self._torch.cuda.is_available() else "cpu"
        if device == "cpu":
            self._torch.set_num_threads(threads)
        self.device = device
        net = load_yolo(path)
        self._half = device.startswith("cuda")
        try:
            model = net.model.to(device).fuse().eval()
        except Exception as error:
            raise WeightsUnusable(f"{path}: cannot be used on {device}: {error}") from None
        self._model = model.half() if self._half else model.float()
        trained_px = net.overrides.get("imgsz") or 640
        side = max(trained_px) if isinstance(trained_px, list | tuple) else int(trained_px)
        self.input_px = input_px or (side, side)
        self._letterboxer = Letterboxer(1, *self.input_px)
        try:
            self.head = recognise((1, *self._run().shape[1:]), dict(net.names), net.task)
        except HeadUnknown as error:
            raise WeightsUnusable(f"{path}: {error}") from None

    def detect_all(self, frames: Mapping[str, Picture]) -> dict[str, list[Detection]]:
        """The people in each camera's picture (H, W, 3) uint8, best score first.

        Raises FrameError naming the camera whose picture cannot be used.
        """
        pictures = {camera: check_frame(frame, camera) for camera, frame in frames.items()}
        if not pictures:
            return {}
        if len(self._letterboxer.blob) != len(pictures):
            self._letterboxer = Letterboxer(len(pictures), *self.input_px)
        boxes = [self._letterboxer.fill(n, rgb) for n, rgb in enumerate(pictures.values())]
        return {
            camera: self.head.decode(raw, box)
            for camera, box, raw in zip(pictures, boxes, self._run(), strict=True)
        }

    def _run(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        batch = self._torch.from_numpy(self._letterboxer.blob).to(self.device)
        with self._torch.inference_mode():
            out = self._model(batch.half() if self._half else batch)
        while isinstance(out, list | tuple):  # the head returns its parts besides
            out = out[0]
        return np.asarray(out.float().cpu().numpy())


def load_yolo(path: Path) -> Any:
    """An ultralytics model from a `.pt` file. Raises TorchMissing and WeightsUnusable."""
    need_torch(f"{path.name} is a PyTorch file")
    from ultralytics import YOLO  # noqa: PLC0415

    try:
        return YOLO(str(path))
    except Exception as error:  # whatever a pickle can do
        brief = (str(error).splitlines() or [type(error).__name__])[0][:300]
        raise WeightsUnusable(f"{path}: ultralytics cannot load it: {brief}") from None


def need_torch(why: str) -> Any:
    """PyTorch, where it and ultralytics can be imported. Raises TorchMissing."""
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    os.environ.setdefault("YOLO_VERBOSE", "false")
    try:
        import torch  # noqa: PLC0415
        import ultralytics  # noqa: F401, PLC0415
    except ImportError as error:
        raise TorchMissing(
            f"{why}, which needs PyTorch and Ultralytics ({error.name} is missing): "
            "pip install 'openaisle[train]'; or export the weights to ONNX where they are"
        ) from error
    return torch
