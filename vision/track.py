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
    """What a track has lived through; `paired` counts ticks with two cameras or more, the last of
    them at `paired_ns`,
    `doubted` those in which no camera told it from a confirmed track nearby."""

    id: str
    born_ns: int
    seen_ns: int
    hits: int = 0
    paired: int = 0
    paired_ns: int = 0
    doubted: int = 0
    confirmed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """The tracker after one tick.

    `lives`, `mean` (N, 4) and `covariance` (N, 4, 4) run in parallel over all tracks, tentative
    ones too; `owners[camera][d]` is the track of that camera's detection d, or −1.
    """

    lives: Sequence[Life]
    mean: Array
    covariance: Array
    owners: dict[str, NDArray[np.intp]]
    links: list[LinkReport] = field(default_factory=list)
