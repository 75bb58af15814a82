"""Tracks people in one camera's picture from their boxes alone: no images, no appearance.

Per frame, as the floor tracker does it: predict all tracks, follow the camera's own motion, give
sure detections to tracks, then doubtful ones to tracks that would else be missed (ByteTrack, ECCV
2022), begin tracks on sure detections left over, and let unseen ones go after seconds, not frames.
Ids belong to the tracker. With a `Ground` the motion's noise is that of people walking on that
floor, carried into the picture (UCMCTrack, AAAI 2024); without one a level floor is guessed from
the height of the boxes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vision.box_association import follow_camera, match, unmatched_boxes, unmatched_tracks
from vision.box_filter import (
    COLUMNS,
    CONFIRMED,
    DETECTION,
    HITS,
    ID,
    SCORE,
    SEEN_S,
    begin,
    correct,
    predict,
)
from vision.box_settings import BoxSettings
from vision.ground import Ground

Array = NDArray[np.float64]

_FIRST_ROOM = 64
_ALL = 2.0  # above any score
_EVER_S = 1e12
_TICK_S = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class BoxTracks:
    """Confirmed tracks of one frame, in parallel: `ids` (N,), `boxes` (N, 4) as left, top, width,
    height in px, `scores` (N,), and `detections` (N,), the index of the detection of each, or −1
    for one that is shown where it is believed to be."""

    ids: NDArray[np.int64]
    boxes: Array
    scores: Array
    detections: NDArray[np.int64]


class BoxTracker:
    """Owns the tracks of one camera; the first id is 1."""

    def __init__(self, settings: BoxSettings | None = None, ground: Ground | None = None) -> None:
        self._settings = settings or BoxSettings()
        self._to_plane = np.zeros((3, 3)) if ground is None else ground.to_plane
        self._tracks = np.zeros((_FIRST_ROOM, COLUMNS))
        self._count = 0
        self._born = 0
        self._start_ns: int | None = None
        self._at_s = 0.0

    def step(self, at_ns: int, detections: Array) -> BoxTracks:
        """Take in one frame's detections (K, 5): left, top, width, height in px, and score.

        Frames come in order of time; an earlier `at_ns` counts as no time passed.
        """
        first = self._start_ns is None
        if self._start_ns is None:
            self._start_ns = at_ns
        at_s = (at_ns - self._start_ns) / 1e9
        dt_s = max(0.0, at_s - self._at_s)
        self._at_s += dt_s
        boxes = np.empty((len(detections), 5))
        boxes[:, 2:] = detections[:, 2:5]
        boxes[:, :2] = detections[:, :2] + detections[:, 2:4] / 2
        if self._count + len(boxes) > len(self._tracks):
            room = np.zeros((2 * (self._count + len(boxes)), COLUMNS))
            room[: self._count] = self._tracks[: self._count]
            self._tracks = room
        self._count, self._born, shown = _step(
            self._tracks,
            self._count,
            self._born,
            boxes,
            self._at_s,
            dt_s,
            first,
            self._to_plane,
            self._settings,
        )
        return BoxTracks(
            ids=shown[:, 0].astype(np.int64),
            boxes=shown[:, 1:5],
            scores=shown[:, 5],
            detections=shown[:, 6].astype(np.int64),
        )


@njit(cache=True)
def _step(
    tracks: Array,
    count: int,
    born: int,
    boxes: Array,
    at_s: float,
    dt_s: float,
    first: bool,
    to_plane: Array,
    settings: BoxSettings,
) -> tuple[int, int, Array]:
    """One frame; the counts of tracks and ids after it, and what is shown (N, 7)."""
    predict(tracks, count, at_s, dt_s, to_plane, settings)
    for i in range(count):
        tracks[i, DETECTION] = -1
    sure = unmatched_boxes(tracks, count, boxes, settings.sure_score, _ALL)
    follow_camera(tracks, count, boxes, sure, at_s, settings)
    rows = unmatched_tracks(tracks, count, True, at_s, _EVER_S)
    match(tracks, rows, boxes, sure, settings.score_share, settings.sure_limit, settings)
    rows = unmatched_tracks(tracks, count, True, at_s, 1.5 * dt_s)
    doubtful = unmatched_boxes(tracks, count, boxes, settings.least_score, settings.sure_score)
    match(tracks, rows, boxes, doubtful, 0.0, settings.doubtful_limit, settings)
    rows = unmatched_tracks(tracks, count, False, at_s, _EVER_S)
    sure = unmatched_boxes(tracks, count, boxes, settings.sure_score, _ALL)
    match(tracks, rows, boxes, sure, settings.score_share, settings.tentative_limit, settings)
    unexplained = unmatched_boxes(tracks, count, boxes, settings.birth_score, _ALL)
    kept = 0
    for i in range(count):
        track = tracks[i]
        if track[DETECTION] >= 0:
            box = boxes[int(track[DETECTION])]
            correct(track, box, settings)
            track[SEEN_S], track[SCORE] = at_s, box[4]
            track[HITS] += 1
            if track[HITS] >= settings.confirm_hits:
                track[CONFIRMED] = 1
        life_s = settings.lost_s if track[CONFIRMED] > 0 else settings.tentative_s
        if at_s - track[SEEN_S] <= life_s + _TICK_S:
            tracks[kept] = tracks[i]
            kept += 1
    count = kept
    for j in unexplained:
        born += 1
        begin(tracks[count], boxes[j], born, at_s, to_plane, settings)
        tracks[count, DETECTION] = j
        if first:  # whoever is there when the camera starts
            tracks[count, CONFIRMED] = 1
        count += 1
    shown = np.empty((count, 7))
    found = 0
    for i in range(count):
        track = tracks[i]
        if track[CONFIRMED] > 0 and at_s - track[SEEN_S] <= settings.shown_s + _TICK_S:
            shown[found, 0] = track[ID]
            shown[found, 1] = track[0] - track[2] / 2
            shown[found, 2] = track[1] - track[3] / 2
            shown[found, 3:5] = track[2:4]
            shown[found, 5], shown[found, 6] = track[SCORE], track[DETECTION]
            found += 1
    return count, born, shown[:found]
