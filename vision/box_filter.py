"""The motion of boxes in one picture: one small Kalman filter for each of a box's four axes.

A table holds a track a row: centre x and y, width and height in pixels, their
rates, and per axis the three numbers of a 2×2 covariance. The axes are independent, so that this
is `vision.kalman` with diagonal noise (a test holds them equal), unrolled and compiled: a frame of
50 tracks takes some microseconds. All noise grows with the box's height, as distance does.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vision.box_settings import BoxSettings

Array = NDArray[np.float64]

X, Y, WIDTH, HEIGHT = 0, 1, 2, 3
RATE = 4  # columns 4 to 7: the rates of the four axes, px/s
SPREAD = 8  # columns 8 to 19: for each axis var(place), cov(place, rate), var(rate)
ID, SEEN_S, HITS, CONFIRMED, SCORE, DETECTION = 20, 21, 22, 23, 24, 25
COLUMNS = 26

_LEAST_HEIGHT_PX = 4.0
_LEAST_WIDTH_PX = 2.0


@njit(cache=True)
def predict(
    tracks: Array, count: int, at_s: float, dt_s: float, to_plane: Array, settings: BoxSettings
) -> None:
    """Move the first `count` rows on by `dt_s`. `to_plane` is a floor's homography of pixels to
    metres (3, 3), or zeros where none is known."""
    for i in range(count):
        track = tracks[i]
        unseen = at_s - track[SEEN_S] > 1.5 * dt_s
        keep = math.exp(-dt_s / settings.coast_s) if unseen else 1.0
        walk = walking(track, to_plane, settings)
        for axis in range(4):
            wander, drift = noise(track, axis, walk, settings)
            if unseen:  # a hidden walker slows down; nobody grows unseen
                track[RATE + axis] *= keep if axis < 2 else 0.0
            track[axis] += track[RATE + axis] * dt_s
            at = SPREAD + 3 * axis
            place, both, rate = track[at], track[at + 1], track[at + 2]
            change = drift * drift * dt_s
            track[at] = (
                place + 2 * dt_s * both + dt_s * dt_s * (rate + change / 3) + wander * wander * dt_s
            )
            track[at + 1] = both + dt_s * (rate + change / 2)
            track[at + 2] = rate + change
        track[HEIGHT] = max(track[HEIGHT], _LEAST_HEIGHT_PX)
        track[WIDTH] = max(track[WIDTH], _LEAST_WIDTH_PX)


@njit(cache=True)
def walking(track: Array, to_plane: Array, settings: BoxSettings) -> tuple[float, float]:
    """How far a metre on the floor reaches in the picture, in box heights, along x and y.

    Without a floor a person is `person_m` tall, and a step in depth moves the foot `depth` times
    as far as one sideways (for a level camera the tangent of the angle below the horizon). With
    one, by the Jacobian of its homography at the foot point (UCMCTrack, AAAI 2024).
    """
    sideways = 1.0 / settings.person_m
    guess = (sideways, sideways * settings.depth)
    u, v = track[X], track[Y] + track[HEIGHT] / 2
    scale = to_plane[2, 0] * u + to_plane[2, 1] * v + to_plane[2, 2]
    if scale <= 1e-6:
        return guess
    x = (to_plane[0, 0] * u + to_plane[0, 1] * v + to_plane[0, 2]) / scale
    y = (to_plane[1, 0] * u + to_plane[1, 1] * v + to_plane[1, 2]) / scale
    a = (to_plane[0, 0] - x * to_plane[2, 0]) / scale
    b = (to_plane[0, 1] - x * to_plane[2, 1]) / scale
    c = (to_plane[1, 0] - y * to_plane[2, 0]) / scale
    d = (to_plane[1, 1] - y * to_plane[2, 1]) / scale
    determinant = abs(a * d - b * c)
    if determinant < 1e-12:
        return guess
    along_x = math.hypot(d, b) / determinant / track[HEIGHT]
    along_y = math.hypot(c, a) / determinant / track[HEIGHT]
    return along_x, along_y


@njit(cache=True)
def noise(
    track: Array, axis: int, walk: tuple[float, float], settings: BoxSettings
) -> tuple[float, float]:
    """What is not modelled about an axis: px per √s of place, px/s per √s of rate."""
    height = track[HEIGHT]
    if axis >= 2:
        return settings.size_wander * height, settings.size_drift * height
    reach = walk[0] if axis == 0 else walk[1]
    return settings.wander_m * reach * height, settings.drift_m_s * reach * height


@njit(cache=True)
def correct(track: Array, box: Array, settings: BoxSettings) -> None:
    """Correct a row by a detection: centre x and y, width, height, score. A surprise beyond
    `robust` standard deviations counts with its noise raised (Huber)."""
    height = track[HEIGHT]
    for axis in range(4):
        spread = measured(axis, height, settings)
        surprise = box[axis] - track[axis]
        at = SPREAD + 3 * axis
        place, both, rate = track[at], track[at + 1], track[at + 2]
        squared = surprise * surprise / (place + spread)
        if squared > settings.robust * settings.robust:
            spread *= math.sqrt(squared) / settings.robust
        total = place + spread
        gain, rate_gain = place / total, both / total
        track[axis] += gain * surprise
        track[RATE + axis] += rate_gain * surprise
        track[at] = place - gain * place
        track[at + 1] = both - gain * both
        track[at + 2] = rate - rate_gain * both


@njit(cache=True)
def measured(axis: int, height: float, settings: BoxSettings) -> float:
    """The variance of a detected box along an axis, px²."""
    sigma = height * (settings.place_sigma if axis < 2 else settings.size_sigma)
    return sigma * sigma


@njit(cache=True)
def begin(
    track: Array, box: Array, number: int, at_s: float, to_plane: Array, settings: BoxSettings
) -> None:
    """Fill a row with a new track on a detection, of unknown speed."""
    track[:] = 0.0
    track[:4] = box[:4]
    walk = walking(track, to_plane, settings)
    for axis in range(4):
        at = SPREAD + 3 * axis
        track[at] = 4 * measured(axis, box[HEIGHT], settings)
        reach = walk[axis] if axis < 2 else settings.size_start
        speed = settings.start_m_s if axis < 2 else 1.0
        track[at + 2] = (speed * reach * box[HEIGHT]) ** 2
    track[ID], track[SEEN_S], track[HITS], track[SCORE] = number, at_s, 1, box[4]
