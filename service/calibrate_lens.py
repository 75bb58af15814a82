"""From pictures of a board to a camera's intrinsics: which pictures to take, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.film_source import stills
from vision.board import Board, BoardView
from vision.frame import Picture
from vision.lens_fit import LensFit, LensFitError, fit_lens

MOST_VIEWS = 60
_MOVED = 0.03  # of the picture's width that the board must have moved since it was last taken
_EVERY_S = 0.4  # between looks at a film: a board that is carried about is looked for so often


class CalibrationError(Exception):
    """A calibration cannot be made; the message says what is missing."""


@dataclass(frozen=True, slots=True, eq=False)
class LensRun:
    """What the pictures gave: `names` of the views that were fitted to or dropped, in order."""

    source: str
    board: Board
    looked: int
    names: tuple[str, ...]
    views: tuple[BoardView, ...]
    fit: LensFit
    shown: Picture

    def values(self) -> dict[str, float | int]:
        """The keys of a store file's camera."""
        fit = self.fit
        return {
            "width_px": fit.size_px[0],
            "height_px": fit.size_px[1],
            "fx": fit.focal_px[0],
            "fy": fit.focal_px[1],
            "cx": fit.centre_px[0],
            "cy": fit.centre_px[1],
            "k1": fit.radial[0],
            "k2": fit.radial[1],
        }

    def warnings(self) -> list[str]:
        """What to mend, and which pictures were left out."""
        dropped = [
            f"{self.names[k]} contradicts the others and was left out: blurred, or the board bent"
            for k in self.fit.dropped
        ]
        return [*self.fit.warnings(), *dropped]

    def facts(self) -> dict[str, Any]:
        """The result for machines."""
        fit = self.fit
        keys = ("fx", "fy", "cx", "cy", "k1", "k2")
        views = zip(fit.used, fit.rms_of_views_px, fit.residuals_px, fit.tilt_deg, strict=True)
        return {
            "source": self.source,
            "values": self.values(),
            "sigma": dict(zip(keys, fit.sigma.tolist(), strict=True)),
            "rms_px": fit.rms_px,
            "fuller_rms_px": fit.fuller_rms_px,
            "covered": fit.covered,
            "looked_at": self.looked,
            "pictures": [
                {"name": self.names[k], "rms_px": rms, "corners": len(left), "tilt_deg": tilt}
                for k, rms, left, tilt in views
            ],
            "dropped": [self.names[k] for k in fit.dropped],
            "warnings": self.warnings(),
        }


def calibrate_lens(
    source: str, board: Board, progress: Callable[[int, int], None] | None = None
) -> LensRun:
    """Find the board in a folder, video or stream, and fit the lens.

    Of a film, pictures in which the board moved on are taken, up to 60. `progress` is told how
    many pictures were looked at and how many showed the board. Raises FilmError, CalibrationError.
    """
    names: list[str] = []
    views: list[BoardView] = []
    size_px: tuple[int, int] | None = None
    shown: Picture | None = None
    looked, next_s, last = 0, 0.0, None
    for still in stills(source):
        film = still.name.startswith("frame ")
        if film and still.at_s < next_s:
            continue
        next_s = still.at_s + _EVERY_S
        looked += 1
        size = still.rgb.shape[1], still.rgb.shape[0]
        if size_px is not None and size != size_px:
            raise CalibrationError(
                f"{still.name}: {size[0]}×{size[1]} pixels, those before it {size_px[0]}×"
                f"{size_px[1]}: all pictures must come from one camera at one size"
            )
        size_px = size
        view = board.find(still.rgb)
        if view is not None and not (film and last is not None and _same(last, view, size[0])):
            names.append(still.name)
            views.append(view)
            last = view
            shown = still.rgb
        if progress is not None:
            progress(looked, len(views))
        if len(views) >= MOST_VIEWS:
            break
    if size_px is None or shown is None:
        raise CalibrationError(
            f"{source}: the board is in none of {looked} pictures: are --columns {board.columns}"
            f" and --rows {board.rows} those of the print? Is it whole, lit and in focus?"
        )
    try:
        fit = fit_lens(views, size_px)
    except LensFitError as error:
        raise CalibrationError(f"{source}: {error}") from error
    return LensRun(source, board, looked, tuple(names), tuple(views), fit, shown)


def _same(first: BoardView, second: BoardView, width_px: int) -> bool:
    common: NDArray[np.intp]
    common, a, b = np.intersect1d(first.ids, second.ids, return_indices=True)
    if not len(common):
        return False
    way = first.pixels[a] - second.pixels[b]
    return float(np.hypot(way[:, 0], way[:, 1]).mean()) < _MOVED * width_px
