"""How long tags stay silent before one antenna reads them again: the antenna's own statistics.

Misses gather on particular tags, so the silences are a mixture: of each kind of tag (read at once,
read mostly, hardly read) the antenna counts silences in bins of growing width, and of each tag it
learns of which kind it is. A silence is measured on the clock of the tag's company
(`sensors.tag_company`), in slots in which all of its company was heard. Counts begin with what
other antennas showed, and fade: an antenna that is hung elsewhere is learnt anew.

Method: expectation–maximisation for mixtures of histograms, one step for each silence.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensors.tag_kinds import KINDS, SHARES

Array = NDArray[np.float64]

EDGES: Array = np.concatenate([[0.0, 0.001], np.geomspace(0.05, 512.0, 21)])
"""Bounds of the bins; the first bin holds tags that were read in two slots in a row."""
_WIDTHS: Array = np.diff(EDGES)
FIRST_WEIGHT = 10.0  # silences that the beginning of each kind counts for
LEAST_SURVIVAL = 2e-5  # a silence as long as nobody has seen may happen all the same
REMEMBERED = 0.98  # what a tag showed before counts by that less with each silence


class SilenceStatistics:
    """The distributions of silences before one antenna, of k kinds of tags."""

    def __init__(self) -> None:
        first = np.array(SHARES)
        self._begun: Array = FIRST_WEIGHT * first / first.sum(axis=1, keepdims=True)
        self._counts = self._begun.copy()
        self._first: Array = np.log(np.array(KINDS) / sum(KINDS))
        self._ended: Array = np.zeros(first.shape)
        self._learnt()

    def newcomer(self) -> Array:
        """Logarithms of how likely a new tag is of each kind, (k,)."""
        return self._first

    def learn(self, silences: Array, kinds: Array) -> Array:
        """Take in silences (m,) that ended with a read, of tags whose kinds are likely so (m, k).

        What the kinds are now: logarithms, not normalised.
        """
        if not len(silences):
            return kinds
        bins = self._bins(silences)
        after = self._first + REMEMBERED * (kinds - self._first) + self._log_shares[:, bins].T
        after -= after.max(axis=1, keepdims=True)
        np.add.at(self._counts.T, bins, _normalised(after))
        self._learnt()
        return after

    def survival(self, silences: Array, kinds: Array) -> Array:
        """The probability that a silence lasts longer, of tags (n,) whose kinds are likely so."""
        bins = self._bins(silences)
        into = np.minimum((silences - EDGES[bins]) / _WIDTHS[bins], 1.0)
        longer = 1.0 - self._ended[:, bins] - into * self._shares[:, bins]
        np.maximum(longer, LEAST_SURVIVAL, out=longer)
        of_kinds: Array = np.einsum("kn,nk->n", longer, _normalised(kinds))
        return of_kinds

    def forget(self, kept: float) -> None:
        """Let what was learnt so far count for `kept` (0 to 1) of what it did."""
        self._counts = self._begun + kept * (self._counts - self._begun)
        self._learnt()

    def _bins(self, silences: Array) -> NDArray[np.intp]:
        return np.minimum(np.searchsorted(EDGES, silences, side="right"), len(_WIDTHS)) - 1

    def _learnt(self) -> None:
        total = self._counts.sum(axis=1, keepdims=True)
        self._shares: Array = self._counts / total
        self._log_shares: Array = np.log(self._shares)
        np.cumsum(self._shares[:, :-1], axis=1, out=self._ended[:, 1:])


def _normalised(logarithms: Array) -> Array:
    likely = np.exp(logarithms)
    shares: Array = likely / likely.sum(axis=1, keepdims=True)
    return shares
