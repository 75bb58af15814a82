"""Tells views in which nothing moves, so that no detector need look at them again.

A picture is shrunk to a few hundred grey cells and compared with the one that the detector last
looked at, and with what the view shows when nobody is there. Noise and flicker of the light are
taken from the picture itself: most cells of a view do not change in a tenth of a second.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.frame import Picture

_Cells = NDArray[np.float32]

LOOK_NS = 1_000_000_000  # a still view is looked at again after this long
_GRID = (40, 30)  # cells across and down
_ROWS_LEFT_OUT = 4  # of the picture, but for one: shrinking it is most of the work
_LEAST_CHANGE = 3.0  # grey levels of a cell's mean; a hand far off changes one by ten
_SIGMAS = 6.0
_MAD = 1.4826  # of a standard deviation in median absolute deviations
_LEAST_CELLS = 2
_STRANGE_CELLS = 6  # unlike the empty view: somebody may stand there unseen
_EMPTY_MEMORY_S = 10.0


@dataclass(slots=True)
class _Memory:
    """Of one camera: the cells last looked at and when, and those of the empty view."""

    cells: _Cells
    looked_ns: int
    empty: _Cells | None = None
    empty_ns: int = 0


class MotionGate:
    """Remembers what each camera showed when it was last looked at."""

    def __init__(self) -> None:
        self._memory: dict[str, _Memory] = {}
        self._now: dict[str, _Cells] = {}

    def is_still(self, camera: str, at_ns: int, picture: Picture, *, empty: bool) -> bool:
        """Whether what was found in the last look holds for this picture (H, W, 3) too.

        `empty` says that nobody was found then: a view in which something stands that is no part
        of the empty store is not still, however little it moves.
        """
        cells = self._now[camera] = _shrink(picture)
        memory = self._memory.get(camera)
        if memory is None or not 0 <= at_ns - memory.looked_ns < LOOK_NS:
            return False
        if _changed(cells, memory.cells) >= _LEAST_CELLS:
            return False
        return not (
            empty and memory.empty is not None and _changed(cells, memory.empty) >= _STRANGE_CELLS
        )

    def looked(self, camera: str, at_ns: int, *, empty: bool) -> None:
        """A detector looked at the picture last asked about, and found nobody where `empty`."""
        cells = self._now[camera]
        before = self._memory.get(camera)
        known, known_ns = (None, at_ns) if before is None else (before.empty, before.empty_ns)
        if empty:
            age_s = max(0.0, (at_ns - known_ns) / 1e9)
            share = np.float32(1.0 - np.exp(-age_s / _EMPTY_MEMORY_S))
            known = cells if known is None else known + share * (cells - known)
        self._memory[camera] = _Memory(cells, at_ns, known, at_ns if empty else known_ns)

    def forget(self, camera: str) -> None:
        """The camera gave no usable picture: what it showed before says nothing any more."""
        self._memory.pop(camera, None)


def _shrink(picture: Picture) -> _Cells:
    """Mean green of the cells of a picture (H, W, 3), as floats."""
    rows = picture[::_ROWS_LEFT_OUT]
    return cv2.resize(rows, _GRID, interpolation=cv2.INTER_AREA)[..., 1].astype(np.float32)


def _changed(cells: _Cells, before: _Cells) -> int:
    """How many cells differ by more than noise, and than what all of them differ by."""
    apart = (cells - before).ravel()
    half = apart.size // 2
    apart -= np.partition(apart, half)[half]
    np.abs(apart, out=apart)
    noise = _MAD * float(np.partition(apart, half)[half])
    return int(np.count_nonzero(apart > max(_LEAST_CHANGE, _SIGMAS * noise)))
