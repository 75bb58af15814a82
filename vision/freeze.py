"""Notices a camera that sends the same picture again and again.

A sensor's noise changes every picture a little, compression hides much of that, and a keyframe
shows it again. So a picture is compared with the first of its run, at a grid of single pixels
(no averaging, which would hide the noise), and the run must last longer than keyframes lie apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision.frame import Picture

FROZEN_AFTER_S = 10.0
SAME_WITHIN = 0.05  # mean absolute difference in grey levels: see docs/cameras.md
_FEWEST = 8
_ROWS, _COLUMNS = 48, 64


class FreezeWatch:
    """Call `look` with each picture of one camera."""

    def __init__(self, after_s: float = FROZEN_AFTER_S, same_within: float = SAME_WITHIN) -> None:
        self._after_ns = round(after_s * 1e9)
        self._same_within = same_within
        self._first: NDArray[np.int16] | None = None
        self._since_ns = 0
        self._count = 0

    def look(self, at_ns: int, rgb: Picture) -> bool:
        """Whether the pictures up to this one, taken at `at_ns`, have long been one and the same.

        `rgb` is (H, W, 3) uint8.
        """
        rows = np.linspace(0, rgb.shape[0] - 1, _ROWS).astype(np.intp)
        columns = np.linspace(0, rgb.shape[1] - 1, _COLUMNS).astype(np.intp)
        grid = rgb[rows[:, None], columns, 1].astype(np.int16)
        if self._first is None or np.abs(grid - self._first).mean() > self._same_within:
            self._first, self._since_ns, self._count = grid, at_ns, 1
            return False
        self._count += 1
        return self._count >= _FEWEST and at_ns - self._since_ns >= self._after_ns
