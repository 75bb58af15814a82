"""How racks shake: each board rings and sways by itself, harder when the floor does.

A motion is noise with a resonance (an autoregression of second order), the same for all plates of
a board but for how much, and to which side, each feels it. Real plates were found to be noisy like
this rather than white: neighbours agree, and a reading foretells the next, or its opposite.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_BAND_HZ = 1.5  # width of a resonance
_BURST_S = 1.5  # how long the floor shakes more, or less
_RUN_IN = 50  # batches until motions have forgotten that they began at rest


class Vibration:
    """The motions of some boards, batch by batch of `samples` readings a `period_s` apart.

    `hz` (motions,) are the resonances, `feel_g` (motions, plates) what each plate feels of a
    motion, grams rms; `burst_log_sigma` is the spread of the floor's shaking, of its logarithm.
    """

    def __init__(
        self,
        hz: Array,
        feel_g: Array,
        burst_log_sigma: float,
        samples: int,
        period_s: float,
        rng: np.random.Generator,
    ) -> None:
        self._feel_g = feel_g
        self._burst = burst_log_sigma
        self._keep = math.exp(-samples * period_s / _BURST_S)
        self._rng = rng
        self._step = np.stack([_step_matrix(one, samples, period_s) for one in hz])
        self._last = np.zeros((len(hz), 2))
        self._floor = float(rng.normal())
        for _ in range(_RUN_IN):
            self._move()

    def batch(self) -> Array:
        """Grams that the plates read too much: (samples, plates)."""
        before = self._floor
        kick = self._rng.normal(0.0, math.sqrt(1 - self._keep**2))
        self._floor = self._keep * before + float(kick)
        motion = self._move()
        floor = np.exp(self._burst * np.linspace(before, self._floor, motion.shape[1]))
        grams: Array = (motion.T * floor[:, None]) @ self._feel_g
        return grams

    def _move(self) -> Array:
        """The motions of the next batch, unit variance: (motions, samples)."""
        drive = self._rng.standard_normal((len(self._step), self._step.shape[1]))
        inputs = np.concatenate([self._last, drive], axis=1)
        motion: Array = (self._step @ inputs[:, :, None])[:, :, 0]
        self._last = motion[:, :-3:-1]
        return motion


def _step_matrix(hz: float, samples: int, period_s: float) -> Array:
    """(samples, 2 + samples): motions of a batch from the last two values, newest first, and noise.

    x[t] = a·x[t-1] + b·x[t-2] + s·e[t] with variance 1; Box & Jenkins, Time Series Analysis, ch. 3.
    """
    radius = math.exp(-math.pi * _BAND_HZ * period_s)
    a = 2 * radius * math.cos(2 * math.pi * hz * period_s)
    b = -radius * radius
    s = math.sqrt((1 + b) * ((1 - b) ** 2 - a * a) / (1 - b))
    rows: list[Array] = []
    older, newer = np.zeros(2 + samples), np.zeros(2 + samples)
    newer[0], older[1] = 1.0, 1.0
    for t in range(samples):
        now = a * newer + b * older
        now[2 + t] = s
        rows.append(now)
        older, newer = newer, now
    return np.stack(rows)
