"""What a product looks like, as numbers: crops of pictures become unit vectors in ONNX Runtime.

Pictures of one product give near vectors, of two products far ones; products that the network was
never trained on too, so that a new product needs pictures in a gallery (`vision.gallery`), not
training.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from vision.detector import ModelMissing
from vision.frame import FrameError, Picture
from vision.gallery import Gallery, Scale

Vectors = NDArray[np.float32]

WEIGHTS = Path(__file__).resolve().parent.parent / "models" / "product-embedding.onnx"
SCALE_KEYS = ("temperature", "unknown_at", "correlation")  # in the weights' own notes
PAD_GREY = 114
_BATCH = 32


class Embedder(Protocol):
    """Whatever tells products apart by their looks."""

    @property
    def network(self) -> str:
        """The name of these very weights; galleries of other weights do not fit."""

    @property
    def dimensions(self) -> int:
        """The length D of its vectors."""

    def embed(self, crops: Sequence[Picture]) -> Vectors:
        """Unit vectors (N, D) of N crops (H, W, 3), RGB uint8, of any sizes."""


class ProductEmbedder:
    """The embedding network on the processor: (N, S, S, 3) uint8 in, (N, D) unit vectors out."""

    def __init__(self, model_path: Path | str = WEIGHTS, threads: int = 1) -> None:
        path = Path(model_path)
        if not path.is_file():
            raise ModelMissing(
                f"{path}: no such weights. `openaisle products train` makes them; "
                "those of the repository lie under models/."
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        content = path.read_bytes()
        try:
            self._session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
            port, out = self._session.get_inputs()[0], self._session.get_outputs()[0]
            self._side, self._dimensions = int(port.shape[1]), int(out.shape[1])
            fits = port.type == "tensor(uint8)" and list(port.shape[2:]) == [self._side, 3]
        except Exception as error:  # the runtime's own classes are not public
            raise ModelMissing(f"{path}: not a network that embeds products: {error}") from error
        if not fits:
            raise ModelMissing(
                f"{path}: not a network that embeds products: it takes {port.type} {port.shape}, "
                "not uint8 (N, S, S, 3)"
            )
        self._port: str = port.name
        self._notes: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        self._network = hashlib.sha256(content).hexdigest()[:16]

    @property
    def network(self) -> str:
        """The first digits of the weights' digest."""
        return self._network

    @property
    def dimensions(self) -> int:
        """The length D of its vectors."""
        return self._dimensions

    @property
    def side_px(self) -> int:
        """The side S of the square that crops are fitted into."""
        return self._side

    def embed(self, crops: Sequence[Picture]) -> Vectors:
        """Unit vectors (N, D) of N crops (H, W, 3), RGB uint8, of any sizes.

        Crops are scaled to the network's square with their shape kept, and padded with grey.
        Raises FrameError for what is not such a picture.
        """
        found = np.empty((len(crops), self._dimensions), dtype=np.float32)
        for first in range(0, len(crops), _BATCH):
            batch = np.stack([fit_square(c, self._side) for c in crops[first : first + _BATCH]])
            out: Any = self._session.run(None, {self._port: batch})[0]
            found[first : first + len(batch)] = out
        return found

    def new_gallery(self) -> Gallery:
        """An empty gallery for this network, with the scale that its training found."""
        known = {key: float(self._notes[key]) for key in SCALE_KEYS if key in self._notes}
        return Gallery(self._network, self._dimensions, Scale(**known))

    def trained_scale(self) -> Scale | None:
        """The scale with which it was trained, before its temperature was fitted, if it says so."""
        if "trained_temperature" not in self._notes:
            return None
        return Scale(temperature=float(self._notes["trained_temperature"]))


def fit_square(crop: Picture, side_px: int) -> Picture:
    """The crop (H, W, 3) scaled into a square (S, S, 3), in its middle, grey around it.

    Raises FrameError for what is not such a picture.
    """
    if crop.dtype != np.uint8 or crop.ndim != 3 or crop.shape[2] != 3 or not crop.size:
        raise FrameError(f"crop: expected uint8 (H, W, 3), found {crop.dtype} of {crop.shape}")
    height, width = crop.shape[:2]
    ratio = side_px / max(height, width)
    inner_w, inner_h = max(1, round(width * ratio)), max(1, round(height * ratio))
    way = cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR
    scaled = np.asarray(cv2.resize(crop, (inner_w, inner_h), interpolation=way), dtype=np.uint8)
    if inner_w == inner_h:
        return scaled
    square = np.full((side_px, side_px, 3), PAD_GREY, dtype=np.uint8)
    left, top = (side_px - inner_w) // 2, (side_px - inner_h) // 2
    square[top : top + inner_h, left : left + inner_w] = scaled
    return square
