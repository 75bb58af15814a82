"""How simulated sensors are held against real ones: quantiles side by side, and a stated test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.plate_statistics import kolmogorov_smirnov

Array = NDArray[np.float64]

QUANTILES = (0.1, 0.5, 0.9, 1.0)


class RealDataError(Exception):
    """The real data are not there or not as expected; the message names the file."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One property of real and of simulated sensors.

    `real` and `simulated` are its values at QUANTILES; `distance` is the Kolmogorov–Smirnov
    statistic between all values. `test` states what had to hold, `passed` whether it did.
    """

    what: str
    unit: str
    real: tuple[float, ...]
    simulated: tuple[float, ...]
    counts: tuple[int, int]
    distance: float
    test: str
    passed: bool

    def as_json(self) -> dict[str, Any]:
        """The same for machines."""
        return {
            "what": self.what,
            "unit": self.unit,
            "quantiles": list(QUANTILES),
            "real": list(self.real),
            "simulated": list(self.simulated),
            "counts": {"real": self.counts[0], "simulated": self.counts[1]},
            "kolmogorov_smirnov": self.distance,
            "test": self.test,
            "passed": self.passed,
        }


@dataclass(frozen=True, slots=True)
class Quoted:
    """A figure that the design quotes for real sensors, and what the recordings at hand say.

    `holds` is None where they cannot say.
    """

    what: str
    quoted: str
    found: str
    holds: bool | None

    def as_json(self) -> dict[str, Any]:
        """The same for machines."""
        return {
            "what": self.what,
            "quoted": self.quoted,
            "found": self.found,
            "holds": self.holds,
        }


Part = Callable[[Path], list[Comparison]]  # reads a folder of real data; raises RealDataError
Quotes = Callable[[Path], list[Quoted]]  # the same


def compare(
    what: str,
    unit: str,
    real: Array,
    simulated: Array,
    *,
    farthest: float | None = None,
    factor: float | None = None,
    at: tuple[float, ...] = (0.1, 0.5, 0.9),
) -> Comparison:
    """Hold two samples against each other.

    Passes where the Kolmogorov–Smirnov distance is at most `farthest` and the quantiles `at` lie
    within `factor` of the real ones; what is None is not asked for.
    """
    distance = kolmogorov_smirnov(real, simulated)
    tests, passed = [], True
    if farthest is not None:
        tests.append(f"distance ≤ {farthest:g}")
        passed = passed and distance <= farthest
    if factor is not None:
        tests.append(f"{', '.join(f'p{q:.0%}'[:-1] for q in at)} within × {factor:g}")
        ratio = np.quantile(simulated, at) / np.quantile(real, at)
        passed = passed and bool(((ratio <= factor) & (ratio >= 1 / factor)).all())
    return Comparison(
        what=what,
        unit=unit,
        real=_quantiles(real),
        simulated=_quantiles(simulated),
        counts=(len(real), len(simulated)),
        distance=round(distance, 4),
        test="; ".join(tests),
        passed=passed,
    )


def _quantiles(values: Array) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in np.quantile(values, QUANTILES))
