"""Who stays where in a picture: joints hardly move from one look of a camera to the next.

Floor points of people who stand close together are less sure than the people are apart, while the
pictures still tell them apart. The likelihood of a track's having the detection that its last one
became breaks such ties; like clothes it does not outvote places, since a detection that went over
to somebody else in between, or was given to the wrong track before, is followed as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.view import View

Array = NDArray[np.float64]

_LONGEST_S = 0.25  # between two looks: later joints may be anywhere
_SEEN = 0.3  # confidence of a joint that tells where somebody went
_FEWEST = 3  # so many of them show a person
# Standard deviations of where joints go in a tenth of a second, in heights of the person's box:
# those of the person themself, and of somebody else nearby.
_SAME, _OTHER = 0.04, 0.4
_TENTH_S = 0.1
_MOST = 2.0  # log-likelihood ratio, either way


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """What a camera showed at its last look, and the track's id of each detection, or ''."""

    at_ns: int
    view: View
    owners: Sequence[str]


class Continuity:
    """Remembers each camera's last look."""

    def __init__(self) -> None:
        self._last: dict[str, _Look] = {}

    def ratios(self, at_ns: int, view: View, ids: Sequence[str]) -> Array:
        """Log-likelihood ratios (N, M) of a view's M detections being of the tracks `ids`, for
        what the same camera last showed of them; 0 of tracks that it did not show."""
        ratios = np.zeros((len(ids), len(view.scores)))
        last = self._last.get(view.camera)
        gap_s = np.inf if last is None else (at_ns - last.at_ns) / 1e9
        if last is None or not 0.0 < gap_s <= _LONGEST_S:
            return ratios
        row = {name: i for i, name in enumerate(ids)}
        known = [d for d, owner in enumerate(last.owners) if owner in row]
        if known:
            same = _same_body(last.view, known, view, gap_s)
            ratios[[row[last.owners[d]] for d in known]] = same
        return ratios

    def remember(self, at_ns: int, view: View, owners: Sequence[str]) -> None:
        """Keep a look with the track's id of each detection; '' where there is none."""
        self._last[view.camera] = _Look(at_ns, view, owners)


def _same_body(before: View, which: Sequence[int], now: View, gap_s: float) -> Array:
    """Log-likelihood ratios (P, M) that P of the detections of one look became those M of the
    next: by how far their joints moved, the mean of those seen in both."""
    was, to = before.keypoints[which], now.keypoints
    seen = (was[:, None, :, 2] >= _SEEN) & (to[None, :, :, 2] >= _SEEN)
    count = seen.sum(axis=2)
    away = np.sqrt(((to[None, :, :, :2] - was[:, None, :, :2]) ** 2).sum(axis=3))
    heights = before.boxes[which, 3] - before.boxes[which, 1]
    away = (away * seen).sum(axis=2) / np.maximum(count, 1) / heights[:, None]
    sigma = _SAME * max(1.0, gap_s / _TENTH_S)
    ratio = 2 * np.log(_OTHER / sigma) - 0.5 * (away / sigma) ** 2
    return np.where(count >= _FEWEST, np.clip(ratio, -_MOST, _MOST), 0.0)
