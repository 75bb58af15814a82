"""How likely a new tracklet is the person of one that was lost: motion and clothes as evidence.

The ratio compares "the lost person walked on to here" with "somebody else appeared here", who
comes through an entry gate or from any unseen place.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors.store import Store
from sensors.wire import LinkReport
from vision.appearance import same_person
from vision.site import Site, site_of

Array = NDArray[np.float64]

_REMEMBERED_S = 20.0
_WANDER_M_S = 0.7
_MOST_WANDER_M = 4.0
_PLACE_SIGMA_M = 0.2
_OVERLAP_S = 0.5
_GATE_SIGMA_M = 0.8
_LEAST = -4.0


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """A tracklet at one end of its life: state (4,), covariance (4, 4) and colours (6,)."""

    id: str
    born_ns: int
    seen_ns: int
    mean: Array
    covariance: Array
    colours: Array


class LinkFinder:
    """Remembers lost tracklets for a while and weighs new ones against them."""

    def __init__(self, place: Store | Site) -> None:
        site = site_of(place)
        self._area_m2 = site.area_m2
        self._entries = list(site.entries)
        self._lost: list[Trace] = []

    def on_confirmed(self, at_ns: int, born: Trace) -> list[LinkReport]:
        """Links of a new tracklet to those lost before it."""
        # A clock that was set back leaves traces of a time to come.
        self._lost = [t for t in self._lost if abs(at_ns - t.seen_ns) < _REMEMBERED_S * 1e9]
        return self._weigh((lost, born) for lost in self._lost)

    def on_lost(self, at_ns: int, lost: Trace, living: Sequence[Trace]) -> list[LinkReport]:
        """Links of a tracklet that just ended to those that were born meanwhile."""
        self._lost.append(lost)
        return self._weigh((lost, born) for born in living)

    def _weigh(self, pairs: Iterable[tuple[Trace, Trace]]) -> list[LinkReport]:
        links = []
        for lost, born in pairs:
            if born.born_ns < lost.seen_ns - _OVERLAP_S * 1e9:
                continue
            ratio = self.ratio(lost, born)
            if ratio > _LEAST:
                links.append(
                    LinkReport(earlier=lost.id, later=born.id, log_likelihood_ratio=round(ratio, 3))
                )
        return links

    def ratio(self, lost: Trace, born: Trace) -> float:
        """Log-likelihood ratio that `born` is the person of `lost`."""
        gap_s = max(0.0, (born.seen_ns - lost.seen_ns) / 1e9)
        wander = _PLACE_SIGMA_M + min(_MOST_WANDER_M, _WANDER_M_S * gap_s)
        variance = wander**2 + float(np.trace(born.covariance[:2, :2])) / 2
        away = born.mean[:2] - lost.mean[:2]
        walked = -0.5 * float(away @ away) / variance - math.log(2 * math.pi * variance)
        other = 0.5 / self._area_m2
        for entry in self._entries:
            off = born.mean[:2] - entry
            other += (
                0.5
                / len(self._entries)
                * math.exp(-0.5 * float(off @ off) / _GATE_SIGMA_M**2)
                / (2 * math.pi * _GATE_SIGMA_M**2)
            )
        looks = float(same_person(lost.colours[None], born.colours[None])[0, 0])
        return walked - math.log(other) + looks
