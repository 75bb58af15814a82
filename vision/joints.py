"""A second look at each person: a crop of the whole picture, through a small network of its own.

A detector looks at pictures made small, where a hand is two pixels wide. The crop has the picture's
own pixels. The network gives a heat map for each joint (Xiao et al., Simple Baselines, ECCV 2018);
the place is the mean of the map about its peak (integral regression, Sun et al., ECCV 2018), and
the map's spread tells how sure it is. It also says where what is seen of the person ends, and how
likely it is a person at all, as the later stages of a cascade do (Cai & Vasconcelos, Cascade R-CNN,
CVPR 2018).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from vision.bodies import one_of_each
from vision.detection import JOINTS, Array, Detection, sound
from vision.detector_heads import LOW_SCORE
from vision.detector_onnx import WeightsUnusable
from vision.frame import Picture

ROWS, COLUMNS, STRIDE = 128, 96, 4
ROOM = 1.25  # the crop is that much larger than the person's box
PAD_GREY = 114
_NEAR = 2  # cells about the peak that tell the place
_COARSEST = 0.5  # crops that are made smaller than this are blurred first, or pixels are skipped
# How far joints lay off in crops of held-out stores: with the square of the map's spread, as wide
# maps have two peaks; all in pixels of the crop.
_OF_SQUARE_PX, _LEAST_PX, _MOST_PX = 0.075, 0.6, 30.0
_X = np.arange(COLUMNS // STRIDE) * STRIDE + (STRIDE - 1) / 2
_Y = np.arange(ROWS // STRIDE) * STRIDE + (STRIDE - 1) / 2
_CELL_ROWS, _CELL_COLUMNS = np.arange(len(_Y)), np.arange(len(_X))
_MOST_AT_ONCE = 64
_OUTPUTS = ("heat", "visible", "box", "person")
# So of the product of both looks' scores as many are people as of the first one's alone, in 100 to
# 900 of each tenth between 0.15 and 0.9 in pictures of two generated stores.
_BOTH_LOOKS = 0.75


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What N crops show, in their pixels: `keypoints` (N, 17, 3) x, y and probability of being
    visible, the standard deviation `sigma_px` (N, 17) of their places, the `boxes` (N, 4) of what
    is seen of a person, by the middles of its outermost pixels ± ½, and how likely it is a
    `person` (N,) at all."""

    keypoints: Array
    sigma_px: Array
    boxes: Array
    person: Array


class Finder(Protocol):
    """Whatever finds people in pictures."""

    def detect_all(self, frames: Mapping[str, Picture]) -> dict[str, list[Detection]]:
        """The people in each camera's picture, best score first."""


class JointRefiner:
    """The network of `weights`, on the processor; any number of crops at once.

    Raises WeightsUnusable where it does not tell all that a second look is to tell.
    """

    def __init__(self, weights: Path | str, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(weights), options, providers=["CPUExecutionProvider"]
        )
        said = [port.name for port in self._session.get_outputs()]
        if said != list(_OUTPUTS):
            raise WeightsUnusable(
                f"{weights}: gives {', '.join(said)}, expected {', '.join(_OUTPUTS)}: train "
                "it anew with `openaisle train joints`"
            )

    def refine(
        self, frames: Mapping[str, Picture], found: Mapping[str, Sequence[Detection]]
    ) -> dict[str, list[Detection]]:
        """The detections with new keypoints and their `sigma_px`, boxes and scores, in the order
        given; a score says of both looks what the first one's said of itself."""
        turns = [crop_of(d.box) for camera in found for d in found[camera]]
        pictures = [frames[camera] for camera in found for _ in found[camera]]
        if not turns:
            return {camera: [] for camera in found}
        look = self.look(np.stack([cut(p, turn) for p, turn in zip(pictures, turns, strict=True)]))
        # A crop's turn is a scale and a shift: back is (place − shift) / scale.
        scale = np.array([turn[0, 0] for turn in turns])
        shift = np.array([turn[:, 2] for turn in turns])
        keypoints, sigma = look.keypoints, look.sigma_px / scale[:, None]
        keypoints[:, :, :2] = (keypoints[:, :, :2] - shift[:, None]) / scale[:, None, None]
        # Coordinates are of pixels' middles; a box's edges lie between pixels.
        boxes = (look.boxes - np.tile(shift, 2)) / scale[:, None] + 0.5
        refined: dict[str, list[Detection]] = {}
        n = 0
        for camera, detections in found.items():
            rows, columns = frames[camera].shape[:2]
            refined[camera] = []
            for detection in detections:
                refined[camera].append(
                    Detection(
                        np.clip(boxes[n], 0.0, [columns, rows, columns, rows]),
                        float((detection.score * look.person[n]) ** _BOTH_LOOKS),
                        keypoints[n],
                        sigma[n],
                    )
                )
                n += 1
        return refined

    def look(self, crops: NDArray[np.uint8]) -> Look:
        """What `crops` (N, 128, 96, 3) show."""
        parts = [
            self._session.run(None, {"crops": crops[k : k + _MOST_AT_ONCE]})
            for k in range(0, len(crops), _MOST_AT_ONCE)
        ]
        heat, visible, boxes, person = (
            np.concatenate([np.asarray(part[k]) for part in parts]) for k in range(4)
        )
        places, sigma = read_maps(heat)
        keypoints = np.concatenate([places, visible[..., None]], axis=2).astype(np.float64)
        return Look(keypoints, sigma, boxes.astype(np.float64), person.astype(np.float64))


class Refined:
    """A detector whose people get joints, boxes and scores from a `JointRefiner`, which also tell
    who was found twice."""

    def __init__(
        self, finder: Finder, refiner: JointRefiner, least_score: float = LOW_SCORE
    ) -> None:
        self._finder, self._refiner, self._least_score = finder, refiner, least_score

    def detect_all(self, frames: Mapping[str, Picture]) -> dict[str, list[Detection]]:
        """The people in each camera's picture, best score first."""
        found = self._finder.detect_all(frames)
        refined = self._refiner.refine(frames, {c: sound(people) for c, people in found.items()})
        return {camera: self._kept(people) for camera, people in refined.items()}

    def _kept(self, people: Sequence[Detection]) -> list[Detection]:
        """Those who are people after both looks, each once, best score first."""
        likely = [one for one in sound(people) if one.score >= self._least_score]
        return one_of_each(sorted(likely, key=lambda one: -one.score))


def crop_of(box: Array) -> Array:
    """The map (2, 3) from pixels of the picture to those of the crop around `box` (4,)."""
    centre, (width, height) = (box[:2] + box[2:]) / 2, np.maximum(box[2:] - box[:2], 2.0)
    scale = ROWS / (ROOM * max(height, width * ROWS / COLUMNS))
    # Coordinates are of pixels' middles; a box's edges lie between pixels.
    shift = np.array([COLUMNS - 1, ROWS - 1]) / 2 - scale * (centre - 0.5)
    return np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]])


def cut(picture: Picture, turn: Array) -> NDArray[np.uint8]:
    """The crop (128, 96, 3) of `picture` that `turn` describes; grey outside the picture."""
    scale = turn[0, 0]
    if scale < _COARSEST:
        low = np.floor(-turn[:, 2] / scale - 4).astype(int)
        high = np.ceil((np.array([COLUMNS, ROWS]) - turn[:, 2]) / scale + 4).astype(int)
        low = np.clip(low, 0, [picture.shape[1] - 1, picture.shape[0] - 1])
        picture = picture[low[1] : max(high[1], low[1] + 1), low[0] : max(high[0], low[0] + 1)]
        picture = cv2.GaussianBlur(picture, (0, 0), 0.4 / scale).astype(np.uint8)
        turn = turn.copy()
        turn[:, 2] += scale * low
    crop = cv2.warpAffine(
        picture, turn, (COLUMNS, ROWS), flags=cv2.INTER_LINEAR, borderValue=(PAD_GREY,) * 3
    )
    return crop.astype(np.uint8, copy=False)


def read_maps(heat: NDArray[np.float32]) -> tuple[Array, Array]:
    """Places (N, 17, 2) and their standard deviations (N, 17) in pixels of the crop, from heat
    maps (N, 17, 32, 24) before their softmax."""
    count = len(heat)
    flat = heat.reshape(count, JOINTS, -1)
    share = np.exp(flat - flat.max(axis=2, keepdims=True))
    share /= share.sum(axis=2, keepdims=True)
    peak = share.argmax(axis=2)
    row, column = np.divmod(peak, len(_X))
    maps = share.reshape(heat.shape)
    by_row = maps.sum(axis=3, dtype=np.float64)
    by_column = maps.sum(axis=2, dtype=np.float64)
    mean_x, mean_y = by_column @ _X, by_row @ _Y
    spread = by_column @ _X**2 - mean_x**2 + by_row @ _Y**2 - mean_y**2
    near_rows = np.abs(_CELL_ROWS - row[..., None]) <= _NEAR
    near_columns = np.abs(_CELL_COLUMNS - column[..., None]) <= _NEAR
    near = maps * near_rows[..., None] * near_columns[..., None, :]
    mass = near.sum(axis=(2, 3))
    x, y = (near.sum(axis=2) @ _X) / mass, (near.sum(axis=3) @ _Y) / mass
    sigma = np.minimum(_OF_SQUARE_PX * np.maximum(spread, 0.0) / 2 + _LEAST_PX, _MOST_PX)
    return np.stack([x, y], axis=2), sigma
