"""Real noise of plates without end: a play head that wanders to and fro over a recording.

The recording is that of `service.realism_plates`. A head that turns round at random moments never
jumps from one reading to another, so that what it plays has the noise, its correlation in time and
between plates, the vibration and the bursts of the real shelf, yet no steps of its own.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from service.realism_plates import recorded_shelves

Array = NDArray[np.float64]
Half = Literal["first", "second"]

RECORDING = "autocheckout-benchmark-1"
RATE_HZ = 60
MOVED_G = 50.0  # a change of half-second medians by more is a pick, not noise
RUN_S = (0.7, 4.0)  # how long the head plays one way
LEVEL_SAMPLES = 24


def shelf_noise(real_data: Path, half: Half) -> dict[str, Array]:
    """Readings (samples, plates) by shelf around their medians, of one half of the recording.

    Where somebody took something meanwhile it is the longest part of the half without. Raises
    RealDataError.
    """
    noise = {}
    for shelf, grams in recorded_shelves(real_data / RECORDING).items():
        middle = len(grams) // 2
        part = _untouched(grams[:middle] if half == "first" else grams[middle:])
        noise[shelf] = part - np.median(part, axis=0)
    return noise


def _untouched(grams: Array) -> Array:
    """The longest run of whole half-seconds in which no plate's median moves by `MOVED_G`."""
    window = RATE_HZ // 2
    count = len(grams) // window
    medians = np.median(grams[: count * window].reshape(count, window, -1), axis=1)
    moved = np.abs(np.diff(medians, axis=0)).max(axis=1) > MOVED_G
    edges = [0, *(np.flatnonzero(moved) + 1).tolist(), count]
    first, last = max(
        ((a + (a > 0), b - (b < count)) for a, b in itertools.pairwise(edges)),
        key=lambda run: run[1] - run[0],
    )
    return grams[first * window : last * window]


def level_sigma_g(noise: Array) -> Array:
    """By how much means of 0.4 s vary on each plate, grams rms: what a step is measured against."""
    count = len(noise) // LEVEL_SAMPLES
    means = noise[: count * LEVEL_SAMPLES].reshape(count, LEVEL_SAMPLES, -1).mean(axis=1)
    spread: Array = means.std(axis=0)
    return spread


def play(noise: Array, samples: int, rng: np.random.Generator) -> Array:
    """`samples` readings (samples, plates) of a head that wanders over `noise`."""
    runs: list[NDArray[np.int64]] = []
    total, way = 0, 1
    while total < samples:
        length = int(rng.uniform(*RUN_S) * RATE_HZ)
        runs.append(np.full(length, way, dtype=np.int64))
        total, way = total + length, -way
    place = int(rng.integers(len(noise))) + np.cumsum(np.concatenate(runs)[:samples])
    place %= 2 * len(noise)  # reflected at both ends
    heads = np.where(place < len(noise), place, 2 * len(noise) - 1 - place)
    played: Array = noise[heads]
    return played
