"""Tare and gain of one load cell, and what picks whose product is certain say of the gain.

A reading is `tare_g` + `gain` × load. Calibration sets both; afterwards only *verified* picks may
correct the gain: those that a count, an audit or a labeler has confirmed, never what the engine
itself made of a weight, or a wrong guess would confirm itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

FARTHEST = 0.05  # from 1: a cell that is off by more is broken, not worn
GATE_SIGMAS = 4.0  # a pick that is off by more was something else
LEAST_SIGMA = 0.0005  # hysteresis: no cell is known better


@dataclass(frozen=True, slots=True)
class PlateGain:
    """What is known of one cell: its tare, its gain and the standard deviation of the gain.

    New cells are within 0.5 % (the data sheets' span tolerance after a calibration).
    """

    tare_g: float = 0.0
    gain: float = 1.0
    gain_sigma: float = 0.005
    picks: int = 0

    def load_g(self, reading_g: float) -> float:
        """The load that a reading means."""
        return (reading_g - self.tare_g) / self.gain

    def calibrated(self, empty_g: float, loaded_g: float, weight_g: float) -> PlateGain:
        """Anew from two readings: of the empty plate, and with a known weight on it.

        Raises ValueError where these readings make no cell's gain.
        """
        gain = (loaded_g - empty_g) / weight_g if weight_g > 0 else math.nan
        if not abs(gain - 1.0) <= FARTHEST:
            raise ValueError(
                f"{empty_g:g} g empty and {loaded_g:g} g with {weight_g:g} g make a gain of"
                f" {gain:.3f}; expected 1 ± {FARTHEST:g}: is the weight right, the plate free?"
            )
        return PlateGain(empty_g, gain, LEAST_SIGMA, 0)

    def learned(
        self, delta_g: float, sigma_g: float, weight_g: float, weight_sigma_g: float
    ) -> PlateGain:
        """After a verified pick or put-back: the reading changed by `delta_g` ± `sigma_g` where
        units that weigh `weight_g` (signed as the change) ± `weight_sigma_g` moved.

        A Kalman filter of one constant. What is off by more than `GATE_SIGMAS` is not believed.
        The gain never gets surer than the product's own weight is: an error of the catalogue is
        the same in every pick of it, and does not average out.
        """
        doubt = weight_sigma_g / abs(weight_g) if weight_g else math.inf
        if self.gain_sigma <= max(doubt, LEAST_SIGMA):
            return self
        noise = sigma_g**2 + (self.gain * weight_sigma_g) ** 2
        off_g = delta_g - self.gain * weight_g
        variance = noise + (weight_g * self.gain_sigma) ** 2
        if off_g * off_g > GATE_SIGMAS**2 * variance:
            return self
        weight = weight_g * self.gain_sigma**2 / variance
        gain = min(max(self.gain + weight * off_g, 1.0 - FARTHEST), 1.0 + FARTHEST)
        sigma = self.gain_sigma * math.sqrt(noise / variance)
        return replace(
            self,
            gain=gain,
            gain_sigma=max(sigma, doubt, LEAST_SIGMA),
            picks=self.picks + 1,
        )
