"""A camera's intrinsics from pictures of a board: focal lengths, centre, radial distortion.

Zhang's method (PAMI 2000) as OpenCV has it, with k1 and k2 alone, which is what the store file
holds; a fuller lens model is fitted beside it, to say when these two do not suffice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.board import BoardView

Array = NDArray[np.float64]

LEAST_VIEWS = 3
GOOD_VIEWS = 10
_CELLS = (8, 6)
_GOOD_COVER = 0.6
_GOOD_TILT_DEG = 25.0
_TILTED_VIEWS = 3
_ODD_TIMES, _ODD_PX = 3.0, 0.5
_FULLER = 0.85  # of the residuals that a fuller lens model leaves, for it to be needed
_FOCAL_DOUBT = 0.005


class LensFitError(Exception):
    """No intrinsics follow from the pictures; the message says what is wrong with them."""


@dataclass(frozen=True, slots=True, eq=False)
class LensFit:
    """Fitted intrinsics; `sigma` has the standard deviations of fx, fy, cx, cy, k1, k2.

    Per view that was used, in their order: `used` their places among those given,
    `residuals_px` (N_i, 2) and `tilt_deg`, the angle of the board to the picture. `dropped` are
    places of views that contradict the others. `covered` is the share of the picture's cells in
    which corners were seen; `fuller_rms_px` what a model with k3 and tangential terms leaves.
    """

    size_px: tuple[int, int]
    focal_px: tuple[float, float]
    centre_px: tuple[float, float]
    radial: tuple[float, float]
    sigma: Array
    used: tuple[int, ...]
    dropped: tuple[int, ...]
    residuals_px: tuple[Array, ...]
    tilt_deg: tuple[float, ...]
    covered: float
    fuller_rms_px: float

    @property
    def rms_px(self) -> float:
        """Root mean square of all residuals."""
        return float(np.sqrt((np.concatenate(self.residuals_px) ** 2).sum(axis=1).mean()))

    @property
    def rms_of_views_px(self) -> list[float]:
        """Root mean square residual of each used view."""
        return [float(np.sqrt((r**2).sum(axis=1).mean())) for r in self.residuals_px]

    def warnings(self) -> list[str]:
        """What an installer should mend before the figures are trusted, a sentence each."""
        found = []
        if len(self.used) < GOOD_VIEWS:
            found.append(f"only {len(self.used)} usable pictures: {GOOD_VIEWS} or more are good")
        if self.covered < _GOOD_COVER:
            found.append(
                f"the board was seen in {self.covered:.0%} of the picture: show it in every"
                " corner and along every edge"
            )
        tilted = sum(tilt >= _GOOD_TILT_DEG for tilt in self.tilt_deg)
        if tilted < _TILTED_VIEWS:
            found.append(
                f"the board is tilted by {_GOOD_TILT_DEG:g}° or more in {tilted} pictures: tilt it"
                f" in {_TILTED_VIEWS} or more, or focal length and distance cannot be told apart"
            )
        doubt = float(np.max(self.sigma[:2] / self.focal_px))
        if doubt > _FOCAL_DOUBT:
            found.append(f"the focal length is known to ± {doubt:.1%} only")
        if self.fuller_rms_px < _FULLER * self.rms_px:
            found.append(
                f"k1 and k2 do not describe this lens: {self.rms_px:.2f} px are left, with k3 and"
                f" tangential terms {self.fuller_rms_px:.2f} px; a narrower lens, or a crop of the"
                " middle of the picture, would do"
            )
        return found


def fit_lens(views: Sequence[BoardView], size_px: tuple[int, int]) -> LensFit:
    """Intrinsics of a camera of a size (width, height) from views of one board.

    A view whose residuals are several times those of the others is left out. Raises LensFitError
    for fewer than three views, or for views that allow no fit.
    """
    if len(views) < LEAST_VIEWS:
        raise LensFitError(
            f"the board was found in {len(views)} pictures: at least {LEAST_VIEWS} are needed,"
            f" {GOOD_VIEWS} or more are good"
        )
    kept = list(range(len(views)))
    fit = _fit(views, kept, size_px)
    while len(kept) > LEAST_VIEWS:
        rms = np.array(fit.rms_of_views_px)
        worst = int(rms.argmax())
        if rms[worst] < max(_ODD_PX, _ODD_TIMES * float(np.median(rms))):
            break
        del kept[worst]
        fit = _fit(views, kept, size_px)
    return fit


def _fit(views: Sequence[BoardView], kept: list[int], size_px: tuple[int, int]) -> LensFit:
    chosen = [views[k] for k in kept]
    flags = cv2.CALIB_FIX_K3 | cv2.CALIB_ZERO_TANGENT_DIST
    points = [
        np.column_stack([v.corners_m, np.zeros(len(v.ids))]).astype(np.float32) for v in chosen
    ]
    pixels = [v.pixels.astype(np.float32) for v in chosen]
    start = np.eye(3)
    none = np.zeros(5)
    try:
        _, matrix, bend, turns, shifts, sigma, _, _ = cv2.calibrateCameraExtended(
            points, pixels, size_px, start.copy(), none.copy(), flags=flags
        )
        fuller = cv2.calibrateCamera(points, pixels, size_px, start.copy(), none.copy(), flags=0)
    except cv2.error as error:
        raise LensFitError(f"the pictures allow no fit: {error.err}") from error
    if not np.isfinite(matrix).all() or min(matrix[0, 0], matrix[1, 1]) <= 0:
        raise LensFitError("the pictures allow no fit: tilt the board more, in more pictures")
    residuals, tilts = [], []
    for point, pixel, turned, shift in zip(points, pixels, turns, shifts, strict=True):
        drawn, _ = cv2.projectPoints(point, turned, shift, matrix, bend)
        residuals.append(np.asarray(pixel - drawn.reshape(-1, 2), dtype=np.float64))
        upright = abs(float(np.asarray(cv2.Rodrigues(turned)[0])[2, 2]))
        tilts.append(float(np.degrees(np.arccos(min(1.0, upright)))))
    return LensFit(
        size_px=size_px,
        focal_px=(float(matrix[0, 0]), float(matrix[1, 1])),
        centre_px=(float(matrix[0, 2]), float(matrix[1, 2])),
        radial=(float(bend.ravel()[0]), float(bend.ravel()[1])),
        sigma=np.asarray(sigma, dtype=np.float64).ravel()[:6],
        used=tuple(kept),
        dropped=tuple(k for k in range(len(views)) if k not in kept),
        residuals_px=tuple(residuals),
        tilt_deg=tuple(tilts),
        covered=_covered(chosen, size_px),
        fuller_rms_px=float(fuller[0]),
    )


def _covered(views: Sequence[BoardView], size_px: tuple[int, int]) -> float:
    pixels = np.concatenate([view.pixels for view in views])
    cells = np.floor(pixels / size_px * _CELLS).astype(np.intp)
    inside = ((cells >= 0) & (cells < _CELLS)).all(axis=1)
    return len(np.unique(cells[inside], axis=0)) / (_CELLS[0] * _CELLS[1])
