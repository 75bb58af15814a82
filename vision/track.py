"""The life of one track, and the state of all of them after one tick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sensors.wire import LinkReport

Array = NDArray[np.float64]


@dataclass(slots=True)
class Life:
    """What a track has lived through, in independent looks (evidence.py): `looks` counts those in
    which a camera showed it, `paired` those in which two did or more, the last of them at
    `paired_ns`, `doubted` those in which no camera told it from a confirmed track nearby."""

    id: str
    born_ns: int
    seen_ns: int
    looks: float = 0.0
    paired: float = 0.0
    paired_ns: int = 0
    doubted: float = 0.0
    confirmed: bool = False


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
