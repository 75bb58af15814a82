"""The life of one track, and the state of all of them after one tick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sensors.wire import LinkReport

Array = NDArray[np.float64]

_WAY_NS = 400_000_000  # between places that are remembered
_WAY_PLACES = 8


@dataclass(slots=True)
class Life:
    """What a track has lived through, in independent looks (evidence.py): `looks` counts those in
    which a camera showed it, `paired` those in which two did or more, the last of them at
    `paired_ns`, `doubted` those in which no camera told it from a confirmed track nearby; `way` is
    where it was lately, with the time."""

    id: str
    born_ns: int
    seen_ns: int
    looks: float = 0.0
    paired: float = 0.0
    paired_ns: int = 0
    doubted: float = 0.0
    confirmed: bool = False
    way: list[tuple[int, float, float]] = field(default_factory=list)

    def was_at(self, at_ns: int, x_m: float, y_m: float) -> None:
        """Remember a place of the last seconds now and then."""
        if not self.way or at_ns - self.way[-1][0] >= _WAY_NS:
            self.way = [*self.way[1 - _WAY_PLACES :], (at_ns, x_m, y_m)]

    def way_until(self, at_ns: int) -> Array:
        """Where it was lately (K, 3): x and y with the seconds since then."""
        return np.array([(x, y, (at_ns - then_ns) / 1e9) for then_ns, x, y in self.way])


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """The tracker after one tick.

    `lives`, `mean` (N, 4), `covariance` (N, 4, 4) and `chance` (N,), the probability that there
    is somebody, run in parallel over all tracks, tentative ones too; `owners[camera][d]` is the
    track of that camera's detection d, or −1.
    """

    lives: Sequence[Life]
    mean: Array
    covariance: Array
    chance: Array
    owners: dict[str, NDArray[np.intp]]
    links: list[LinkReport] = field(default_factory=list)
