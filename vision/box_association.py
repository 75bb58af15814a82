"""Which detection in one picture belongs to which track: likeness of boxes, in compiled tables.

Likeness is the overlap of the predicted and the detected box, weighted by how well their heights
agree (HMIoU, Hybrid-SORT, AAAI 2024), blended with the motion's own likelihood, and by the
detection's score (ByteTrack, ECCV 2022). Costs are 1 − likeness; `APART` where boxes do not touch.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vision.box_filter import (
    CONFIRMED,
    DETECTION,
    HEIGHT,
    SEEN_S,
    SPREAD,
    WIDTH,
    X,
    Y,
    measured,
)
from vision.box_settings import BoxSettings
from vision.gated_assignment import assign_gated

Array = NDArray[np.float64]
Index = NDArray[np.int64]

APART = 9.0
_SEEN_LATELY_S = 0.2
_REACH_LIMIT = 0.9  # cost below which a pair may tell of the camera's motion
_ZOOM_PX = 100.0  # distance from the centre from which zoom is told from noise


@njit(cache=True)
def costs(
    tracks: Array,
    rows: Index,
    boxes: Array,
    columns: Index,
    score_share: float,
    reach: float,
    settings: BoxSettings,
) -> Array:
    """Costs (N, M) of giving boxes (centre x, y, width, height, score) to tracks. `reach` widens
    both boxes by so many standard deviations of the prediction."""
    found = np.full((len(rows), len(columns)), APART)
    for i in range(len(rows)):
        track = tracks[rows[i]]
        wide, high = track[WIDTH], track[HEIGHT]
        more_x = reach * math.sqrt(track[SPREAD])
        more_y = reach * math.sqrt(track[SPREAD + 3])
        spread_x = track[SPREAD] + measured(X, high, settings)
        spread_y = track[SPREAD + 3] + measured(Y, high, settings)
        spread_h = track[SPREAD + 3 * HEIGHT] + measured(HEIGHT, high, settings)
        for j in range(len(columns)):
            box = boxes[columns[j]]
            dx, dy, dh = box[X] - track[X], box[Y] - track[Y], box[HEIGHT] - high
            over_x = min((wide + box[WIDTH]) / 2 - abs(dx), wide, box[WIDTH]) + more_x
            over_y = min((high + box[HEIGHT]) / 2 - abs(dy), high, box[HEIGHT]) + more_y
            if over_x <= 0 or over_y <= 0:
                continue
            shared = over_x * over_y
            union = (
                (wide + more_x) * (high + more_y)
                + (box[WIDTH] + more_x) * (box[HEIGHT] + more_y)
                - shared
            )
            heights = over_y / (high + box[HEIGHT] + 2 * more_y - over_y)
            likeness = shared / union * heights**settings.height_power
            squared = dx * dx / spread_x + dy * dy / spread_y + dh * dh / spread_h
            motion = math.exp(-squared / (2 * settings.motion_width))
            likeness += settings.motion_share * (motion - likeness)
            found[i, j] = 1.0 - likeness * (1.0 + score_share * (box[4] - 1.0))
    return found


@njit(cache=True)
def match(
    tracks: Array,
    rows: Index,
    boxes: Array,
    columns: Index,
    score_share: float,
    limit: float,
    settings: BoxSettings,
) -> None:
    """Write into the tracks which detection each was given by the best assignment."""
    if len(rows) == 0 or len(columns) == 0:
        return
    chosen = assign_gated(costs(tracks, rows, boxes, columns, score_share, 0.0, settings), limit)
    for i in range(len(rows)):
        if chosen[i] >= 0:
            tracks[rows[i], DETECTION] = columns[chosen[i]]


@njit(cache=True)
def unmatched_tracks(
    tracks: Array, count: int, confirmed: bool, at_s: float, within_s: float
) -> Index:
    """Rows without a detection that were seen `within_s` before `at_s`."""
    rows = np.empty(count, np.int64)
    found = 0
    for i in range(count):
        track = tracks[i]
        if (
            (track[CONFIRMED] > 0) == confirmed
            and track[DETECTION] < 0
            and at_s - track[SEEN_S] <= within_s
        ):
            rows[found] = i
            found += 1
    return rows[:found]


@njit(cache=True)
def unmatched_boxes(tracks: Array, count: int, boxes: Array, least: float, below: float) -> Index:
    """Detections that no track was given, with scores from `least` to just below `below`."""
    taken = np.zeros(len(boxes), np.bool_)
    for i in range(count):
        if tracks[i, DETECTION] >= 0:
            taken[int(tracks[i, DETECTION])] = True
    columns = np.empty(len(boxes), np.int64)
    found = 0
    for j in range(len(boxes)):
        if not taken[j] and least <= boxes[j, 4] < below:
            columns[found] = j
            found += 1
    return columns[:found]


@njit(cache=True)
def median(numbers: Array, count: int) -> float:
    """The median of the first `count` numbers, of which there are few."""
    ranked = np.empty(count)
    for i in range(count):
        j = i
        while j > 0 and ranked[j - 1] > numbers[i]:
            ranked[j] = ranked[j - 1]
            j -= 1
        ranked[j] = numbers[i]
    middle: float = (ranked[(count - 1) // 2] + ranked[count // 2]) / 2
    return middle


@njit(cache=True)
def follow_camera(
    tracks: Array, count: int, boxes: Array, sure: Index, at_s: float, settings: BoxSettings
) -> None:
    """Move all tracks by what most of them seem to have moved at once: shift and zoom.

    The surprises of a loose first assignment are the camera's motion where they agree: their
    median, shrunk by its own uncertainty (James & Stein, 1961), so that a still camera stays
    still. No picture is looked at.
    """
    rows = unmatched_tracks(tracks, count, True, at_s, _SEEN_LATELY_S)
    if len(rows) < settings.camera_least or len(sure) < settings.camera_least:
        return
    chosen = assign_gated(
        costs(tracks, rows, boxes, sure, 0.0, settings.camera_reach, settings), _REACH_LIMIT
    )
    gaps = np.zeros((2, len(rows)))
    places = np.empty((2, len(rows)))
    found = 0
    for i in range(len(rows)):
        if chosen[i] >= 0:
            for axis in range(2):
                places[axis, found] = tracks[rows[i], axis]
                gaps[axis, found] = boxes[sure[chosen[i]], axis] - tracks[rows[i], axis]
            found += 1
    if found < settings.camera_least:
        return
    shift, centre, scatter = np.empty(2), np.empty(2), np.empty(2)
    for axis in range(2):
        shift[axis] = median(gaps[axis], found)
        centre[axis] = median(places[axis], found)
        scatter[axis] = 1.48 * median(np.abs(gaps[axis] - shift[axis]), found)
    zoom = 0.0
    if found >= 2 * settings.camera_least:
        along, across = 0.0, 0.0
        for i in range(found):
            for axis in range(2):
                gap = gaps[axis, i] - shift[axis]
                arm = places[axis, i] - centre[axis]
                trust = 1.0 / max(abs(gap), 0.5 * scatter[axis] + 0.5)
                along += trust * arm * gap
                across += trust * (arm * arm + settings.camera_zoom * _ZOOM_PX**2)
        zoom = along / across
    for axis in range(2):
        doubt = scatter[axis] ** 2 / (found * max(shift[axis] ** 2, 1e-9))
        sure_of = max(0.0, 1.0 - settings.camera_doubt * doubt)
        for i in range(count):
            tracks[i, axis] += sure_of * shift[axis] + zoom * (tracks[i, axis] - centre[axis])
