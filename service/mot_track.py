"""Runs the box tracker over a MOT-style folder, online or with a look back.

Online rows are what a live camera gives: each frame is answered before the next is seen. `offline`
fills short gaps of a track by straight lines, and is named wherever its figures stand.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from service.mot_files import MotSequence
from vision.box_settings import BoxSettings
from vision.box_tracker import BoxTracker

Array = NDArray[np.float64]

_LONGEST_GAP_S = 1.0
_LEAST_HITS = 3


def track_sequence(
    sequence: MotSequence, settings: BoxSettings | None = None, use_ground: bool = False
) -> Array:
    """Rows (R, 7) of frame, id, left, top, width, height, score; with `use_ground` and a
    cam_para.txt the people walk on its floor."""
    tracker = BoxTracker(settings, sequence.ground if use_ground else None)
    rows = [np.zeros((0, 7))]
    for frame, boxes in sequence.by_frame():
        found = tracker.step(round(frame * 1e9 / sequence.frame_rate_hz), boxes)
        rows.append(
            np.column_stack(
                [np.full(len(found.ids), float(frame)), found.ids, found.boxes, found.scores]
            )
        )
    return np.concatenate(rows)


def fill_gaps(rows: Array, frame_rate_hz: float) -> Array:
    """The rows with each track's gaps of up to a second filled by straight lines, sorted by frame
    and id: the offline answer."""
    filled = [rows]
    for track in np.unique(rows[:, 1]):
        own = rows[rows[:, 1] == track]
        if len(own) < _LEAST_HITS:
            continue
        for before, after in pairwise(own):
            missing = int(after[0] - before[0]) - 1
            if 0 < missing <= _LONGEST_GAP_S * frame_rate_hz:
                share = np.arange(1, missing + 1)[:, None] / (missing + 1)
                filled.append(np.round(before + share * (after - before), 6))
                filled[-1][:, 0] = before[0] + np.arange(1, missing + 1)
    joined = np.concatenate(filled)
    return joined[np.lexsort((joined[:, 1], joined[:, 0]))]
