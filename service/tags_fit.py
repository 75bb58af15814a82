"""The kinds of tags and their silences that the presence estimator begins with, fitted to reads.

Method: expectation–maximisation for a mixture of histograms, each tag of one kind; the silence in
which a tag is when the recording ends is censored, and divided among the bins that it may still
reach. Begun from tags in the order of their mean silence.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sensors.tag_gaps import EDGES
from sensors.tag_presence import PresenceModel
from service.realism_rfid import ANTENNA
from service.tags_play import Player, Site

Array = NDArray[np.float64]

KINDS = 6
_ROUNDS = 60
_UNSEEN = 0.2  # silences that each bin is taken to have had besides
DIGITS = 4


def fit_kinds(sites: Sequence[Site]) -> tuple[tuple[float, ...], tuple[tuple[float, ...], ...]]:
    """How many tags are of each kind, and the shares of silences by kind and bin.

    From the recordings to learn from alone, not from those held out.
    """
    ended, lasting = _silences(sites)
    bins = ended.shape[1]
    means = (ended @ np.arange(bins) + lasting) / (ended.sum(axis=1) + 1)
    order = np.argsort(np.argsort(means, kind="stable"), kind="stable")
    likely = np.eye(KINDS)[order * KINDS // len(means)]
    shares = np.full((KINDS, bins), 1 / bins)
    for _ in range(_ROUNDS):
        counts = likely.T @ ended + _UNSEEN
        for kind in range(KINDS):
            open_in = np.bincount(lasting, weights=likely[:, kind], minlength=bins)
            for first in np.flatnonzero(open_in):
                beyond = shares[kind, first:]
                counts[kind, first:] += open_in[first] * beyond / beyond.sum()
        shares = counts / counts.sum(axis=1, keepdims=True)
        longer = np.cumsum(shares[:, ::-1], axis=1)[:, ::-1]
        logs = np.log(likely.mean(axis=0)) + ended @ np.log(shares).T + np.log(longer[:, lasting]).T
        logs -= logs.max(axis=1, keepdims=True)
        likely = np.exp(logs) + 1e-9
        likely /= likely.sum(axis=1, keepdims=True)
    return _rounded(likely.mean(axis=0)), tuple(_rounded(of_kind) for of_kind in shares)


def _silences(sites: Sequence[Site]) -> tuple[Array, NDArray[np.intp]]:
    """By tag: how many silences ended in each bin (n, bins), and the bin of the last one (n,)."""
    ended: list[NDArray[np.intp]] = []
    lasting: list[float] = []
    for site in sites:
        player = Player(PresenceModel())
        before: dict[str, float] = {}
        found: dict[str, list[float]] = {}
        for recording in site.learnt:
            for _ in player.play(recording):
                now = player.presences.silences(ANTENNA)
                if now == before:  # the slot is not over
                    continue
                for epc, silence in now.items():
                    if silence == 0.0 and epc in before:
                        found.setdefault(epc, []).append(before[epc])
                before = now
        for epc, silence in before.items():
            ended.append(np.bincount(_bins(found.get(epc, [])), minlength=len(EDGES) - 1))
            lasting.append(silence)
    return np.array(ended, dtype=np.float64), _bins(lasting)


def _bins(silences: Sequence[float]) -> NDArray[np.intp]:
    bins = np.searchsorted(EDGES, np.array(silences), side="right") - 1
    return np.minimum(bins, len(EDGES) - 2)


def _rounded(shares: Array) -> tuple[float, ...]:
    return tuple(max(round(float(share), DIGITS), 10.0**-DIGITS) for share in shares)
