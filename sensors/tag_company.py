"""Which tags an antenna reads together: the company of each tag, and how much of it is heard.

Tags fade together: a body stands before them, or the reader's beam is elsewhere. So silence tells
of absence only as far as the tag's company is heard meanwhile. Likeness of two tags is the
Jaccard index of the slots in which they were read, to the fourth power, so that the nearest count
most. With more tags than columns, some share a column and are heard as one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

COLUMNS = 64
UNKNOWN_SLOTS = 3.0  # slots in which two tags that were never met are taken to differ
LIKENESS_EVERY = 8  # slots after which likenesses are worked out anew


class Company:
    """The company of the tags before one antenna, n rows."""

    def __init__(self) -> None:
        self._together = np.zeros((0, COLUMNS), dtype=np.float32)
        self._slots = np.zeros(0)
        self._column = np.zeros(0, dtype=np.intp)
        self._column_slots = np.zeros(COLUMNS)
        self._likeness = np.zeros((0, COLUMNS))
        self._before = np.zeros(COLUMNS, dtype=bool)
        self._met = 0
        self._age = 0

    def grow(self, more: int) -> None:
        """Begin with `more` tags, whose company is not known yet."""
        self._together = np.pad(self._together, ((0, more), (0, 0)))
        self._slots = np.pad(self._slots, (0, more))
        columns = (self._met + np.arange(more)) % COLUMNS
        self._column = np.concatenate([self._column, columns])
        self._likeness = np.pad(self._likeness, ((0, more), (0, 0)))
        self._met += more

    def keep(self, rows: Mask) -> None:
        """Forget all rows but these."""
        self._together = self._together[rows]
        self._slots = self._slots[rows]
        self._column = self._column[rows]
        self._likeness = self._likeness[rows]

    def heard(self, read: NDArray[np.intp]) -> Array:
        """The share (n,) of each tag's company that is among the rows `read` in this slot."""
        columns = np.zeros(COLUMNS)
        columns[self._column[read]] = 1.0
        share: Array = self._likeness @ columns
        return share

    def learn(self, read: NDArray[np.intp]) -> None:
        """Take in which rows were read in this slot; company is who was in it or the one before."""
        now = np.zeros(COLUMNS, dtype=bool)
        now[self._column[read]] = True
        self._together[read] += now | self._before
        self._slots[read] += 1.0
        self._column_slots += now
        self._before = now
        self._age += 1
        if self._age >= LIKENESS_EVERY:
            self._age = 0
            self._compare()

    def forget(self, kept: float) -> None:
        """Let everything learnt so far count for `kept` (0 to 1) of what it did."""
        self._together *= np.float32(kept)
        self._slots *= kept
        self._column_slots *= kept

    def _compare(self) -> None:
        together = np.minimum(self._together, self._column_slots)
        either = self._slots[:, None] + self._column_slots - together
        likeness = (together / (either + UNKNOWN_SLOTS)) ** 4
        likeness[np.arange(len(likeness)), self._column] = 0.0
        of_all = likeness.sum(axis=1, keepdims=True)
        self._likeness = likeness / np.maximum(of_all, 1e-3)
