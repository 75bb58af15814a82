"""The ChArUco board that cameras are calibrated with: its layout, and its corners in a picture.

A chessboard with a coded marker in every white square (Garrido-Jurado et al., Pattern Recognition
47, 2014): a part of it is enough, since every corner knows which one it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.frame import Picture

Array = NDArray[np.float64]

_MODULES = 10  # to a square; a marker of 4×4 bits with its border has six
_MARKER = 6
_WINDOW = 0.14  # of a square, around a corner: what is free of its markers
LEAST_CORNERS = 6


@dataclass(frozen=True)
class Board:
    """`columns` × `rows` squares of `square_m` metres.

    Raises ValueError where there are too few squares, or too many for the codes.
    """

    columns: int = 9
    rows: int = 6
    square_m: float = 0.03

    def __post_init__(self) -> None:
        if min(self.columns, self.rows) < 3 or self.columns * self.rows > 200:
            raise ValueError("a board has 3 or more columns and rows, and at most 200 squares")
        if not 0 < self.square_m < 1:
            raise ValueError("squares are more than 0 and less than 1 metre wide")

    @cached_property
    def _layout(self) -> cv2.aruco.CharucoBoard:
        codes = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_100)
        size = (self.columns, self.rows)
        return cv2.aruco.CharucoBoard(
            size, self.square_m, self.square_m * _MARKER / _MODULES, codes
        )

    @cached_property
    def _detector(self) -> cv2.aruco.CharucoDetector:
        fine = cv2.aruco.DetectorParameters()
        fine.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_CONTOUR
        return cv2.aruco.CharucoDetector(
            self._layout, cv2.aruco.CharucoParameters(), fine, cv2.aruco.RefineParameters()
        )

    @property
    def size_m(self) -> tuple[float, float]:
        """Width and height of all squares."""
        return self.columns * self.square_m, self.rows * self.square_m

    def modules(self) -> NDArray[np.bool_]:
        """What is black of the print, in tenths of a square: (10 · rows, 10 · columns)."""
        size = (self.columns * _MODULES, self.rows * _MODULES)
        return np.asarray(self._layout.generateImage(size)) < 128

    def on_floor(self, corners_m: Array, x_m: float, y_m: float, yaw_deg: float) -> Array:
        """Corners (N, 2) of the board as (N, 3) in the store, when it lies face up with its lower
        left corner at x, y and its lower edge turned by `yaw_deg` from the floor's x axis."""
        c, s = np.cos(np.radians(yaw_deg)), np.sin(np.radians(yaw_deg))
        along, up = corners_m[:, 0], self.size_m[1] - corners_m[:, 1]
        return np.column_stack(
            [x_m + c * along - s * up, y_m + s * along + c * up, np.zeros(len(corners_m))]
        )

    def find(self, rgb: Picture) -> BoardView | None:
        """The board's corners in a picture (H, W, 3); None where fewer than six are seen, or
        only some in a line."""
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        pixels, ids, _, _ = self._detector.detectBoard(grey)
        if ids is None or len(ids) < LEAST_CORNERS:
            return None
        if self._layout.checkCharucoCornersCollinear(ids):
            return None
        corners = np.asarray(self._layout.getChessboardCorners(), dtype=np.float64)
        which = np.asarray(ids).ravel().astype(np.intp)
        places = _refined(np.asarray(grey, np.uint8), np.asarray(pixels, np.float32))
        return BoardView(which, places, corners[which, :2])


@dataclass(frozen=True, slots=True, eq=False)
class BoardView:
    """One picture of the board: which corners `ids` (N,), where in the picture, `pixels` (N, 2),
    and where on the board from its upper left corner, `corners_m` (N, 2), right and down."""

    ids: NDArray[np.intp]
    pixels: Array
    corners_m: Array


def _refined(grey: NDArray[np.uint8], pixels: NDArray[np.float32]) -> Array:
    """Corners (N, 2) where the four squares meet, looked for no farther than markers leave free."""
    start = np.ascontiguousarray(pixels.reshape(-1, 1, 2), dtype=np.float32)
    apart = np.linalg.norm(start - start.reshape(1, -1, 2), axis=2)
    np.fill_diagonal(apart, np.inf)
    reach = int(np.clip(_WINDOW * np.percentile(apart.min(axis=1), 20), 2, 15))
    until = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 50, 1e-3)
    found = cv2.cornerSubPix(grey, start.copy(), (reach, reach), (-1, -1), until)
    return np.asarray(found, dtype=np.float64).reshape(-1, 2)
