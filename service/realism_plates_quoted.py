"""What the design quotes of load cells, held against the recordings: noise, cross-talk, drift.

The plates are those of the AutoCheckout recording, the drift that of the garden scale of
`service.realism_plates`.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.realism import Quoted
from service.realism_plates import RATE_HZ, RECORDING, SCALE, daily_range, recorded_plates
from simulator.plate_statistics import at_rest

Array = NDArray[np.float64]

SHELF_PLATES = 12  # of the shelf on which the recording's one pick is


def quoted_of_plates(real_data: Path) -> list[Quoted]:
    """The figures of load cells. Raises RealDataError."""
    grams = recorded_plates(real_data / RECORDING)
    noise = at_rest(grams, RATE_HZ).noise_g
    days = daily_range(real_data / SCALE)
    low, high = np.quantile(noise, (0.25, 0.75))
    spread = math.sqrt(float(np.median(grams.var(axis=0))))
    return [
        Quoted(
            "plates: standard deviation",
            "median 0.5 to 1.8 g, worst 7 g",
            f"median {spread:.1f} g; of a second {np.median(noise):.1f} g ({low:.1f} to {high:.1f}"
            f" for half of the plates), worst {noise.max():.0f} g",
            0.5 <= spread <= 1.8,
        ),
        _cross_talk(grams),
        Quoted(
            "plates: drift of a day",
            "median 16 to 19 g, up to 80 g",
            f"median {np.median(days):.0f} g, worst {days.max():.0f} g in {len(days)} days",
            bool(15 <= np.median(days) <= 20),
        ),
        _spikes(grams, noise),
    ]


def _cross_talk(grams: Array) -> Quoted:
    """What the neighbours of the one plate that something was taken from felt of it."""
    window = RATE_HZ
    change = np.median(grams[-window:], axis=0) - np.median(
        grams[-6 * window : -5 * window], axis=0
    )
    plate = int(np.abs(change).argmax())
    first = plate // SHELF_PLATES * SHELF_PLATES
    beside = [p for p in (plate - 1, plate + 1) if first <= p < first + SHELF_PLATES]
    shares = [float(change[p] / change[plate]) for p in beside]
    found = " and ".join(f"{share:.1%}" for share in shares)
    return Quoted(
        "plates: what neighbours feel of a step",
        "1 to 2 %",
        f"{found} of the one pick, {change[plate]:.0f} g",
        None,  # a single pick is too few to say
    )


def _spikes(grams: Array, noise: Array) -> Quoted:
    """Single readings that leave both of their neighbours by more than 100 g, to one side."""
    up, down = grams[1:-1] - grams[:-2], grams[1:-1] - grams[2:]
    spikes = (np.minimum(np.abs(up), np.abs(down)) > 100.0 + 10 * noise) & (up * down > 0)
    return Quoted(
        "plates: spikes above 100 g",
        "one in 1,000 readings of a poor cell",
        f"{int(spikes.sum())} in {spikes.size:,} readings of {grams.shape[1]} cells",
        None,
    )
