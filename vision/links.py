"""How likely a new tracklet is the person of one that was lost: motion and clothes as evidence.

The ratio compares "the lost person walked on to here" with "somebody else appeared here", who
comes through an entry gate or from any unseen place. A tracklet that went astray lost its person
some time before its own end: then the person walked here from one of the places where it was
lately, and may have a new tracklet long before the old one ends.
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

ASTRAY_M = 2.0  # so far at most is a tracklet from its person when that one has a new tracklet
_REMEMBERED_S = 20.0
_WANDER_M_S = 0.7
_MOST_WANDER_M = 4.0
_PLACE_SIGMA_M = 0.2
_OVERLAP_S = 0.5
_ASTRAY_S = 4.0  # a tracklet without a person ends within so long
_ASTRAY_PER_S = 0.7  # log-likelihood ratio of each second that it did not
_UNSEEN_S = 0.4  # between a tracklet's going astray and the birth of the next
_CLOTHES = 0.5  # many people dress alike, more of them than two drawn at random
_GATE_SIGMA_M = 0.8
_LEAST = -4.0


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """A tracklet at one end of its life: state (4,), covariance (4, 4) and colours (6,); `way`
    (K, 3) is where it was lately, x and y with the seconds since then."""

    id: str
    born_ns: int
    seen_ns: int
    mean: Array
    covariance: Array
    colours: Array
    way: Array


class LinkFinder:
    """Remembers lost tracklets for a while and weighs new ones against them."""

    def __init__(self, place: Store | Site) -> None:
        site = site_of(place)
        self._area_m2 = site.area_m2
        self._entries = list(site.entries)
        self._lost: list[Trace] = []
        self._astray: dict[tuple[str, str], float] = {}

    def on_confirmed(self, at_ns: int, born: Trace, near: Sequence[Trace]) -> list[LinkReport]:
        """Links of a new tracklet to those lost before it.

        One of those who live `near` may have gone astray and lost its person to the new one.
        Whether it has shows when it ends; where it was is weighed now, before it strays farther.
        """
        for other in near:
            self._astray[other.id, born.id] = self.astray(other, born)
        # A clock that was set back leaves traces of a time to come.
        self._lost = [t for t in self._lost if abs(at_ns - t.seen_ns) < _REMEMBERED_S * 1e9]
        return _links(
            (lost, born, self.ratio(lost, born))
            for lost in self._lost
            if _overlap_s(lost, born) <= _OVERLAP_S
        )

    def on_lost(self, at_ns: int, lost: Trace, living: Sequence[Trace]) -> list[LinkReport]:
        """Links of a tracklet that just ended to those that were born meanwhile."""
        self._lost.append(lost)
        links = _links((lost, born, self._since(lost, born)) for born in living)
        names = {trace.id for trace in living}
        self._astray = {pair: r for pair, r in self._astray.items() if names.issuperset(pair)}
        return links

    def _since(self, lost: Trace, born: Trace) -> float:
        """The ratio for one who was born while the other lived or later; −∞ if too early."""
        overlap_s = _overlap_s(lost, born)
        ended = self.ratio(lost, born) if overlap_s <= _OVERLAP_S else -math.inf
        if overlap_s > _ASTRAY_S:
            return ended
        astray = self._astray.get((lost.id, born.id), -math.inf)
        return max(ended, astray - _ASTRAY_PER_S * max(0.0, overlap_s))

    def ratio(self, lost: Trace, born: Trace) -> float:
        """Log-likelihood ratio that `born` is the person of `lost`, who was on it to its end."""
        gap_s = max(0.0, (born.seen_ns - lost.seen_ns) / 1e9)
        return _walked(lost.mean[:2], gap_s, born) - self._came(born) + _alike(lost, born)

    def astray(self, other: Trace, born: Trace) -> float:
        """Log-likelihood ratio that `born` is the person whom `other` lost at one of the places
        where it was lately, each as likely."""
        walked = [
            _walked(np.array(place), max(0.0, ago_s - _UNSEEN_S), born)
            for *place, ago_s in other.way.tolist()
        ]
        mean = float(np.logaddexp.reduce(walked)) - math.log(len(walked))
        return mean - self._came(born) + _alike(other, born)

    def _came(self, born: Trace) -> float:
        """Log density with which somebody else appears where `born` did."""
        density = 0.5 / self._area_m2
        for entry in self._entries:
            off = born.mean[:2] - entry
            density += (
                0.5
                / len(self._entries)
                * math.exp(-0.5 * float(off @ off) / _GATE_SIGMA_M**2)
                / (2 * math.pi * _GATE_SIGMA_M**2)
            )
        return math.log(density)


def _links(weighed: Iterable[tuple[Trace, Trace, float]]) -> list[LinkReport]:
    return [
        LinkReport(earlier=lost.id, later=born.id, log_likelihood_ratio=round(ratio, 3))
        for lost, born, ratio in weighed
        if ratio > _LEAST
    ]


def _overlap_s(lost: Trace, born: Trace) -> float:
    """For how long both were there; negative where one came after the other."""
    return (lost.seen_ns - born.born_ns) / 1e9


def _walked(place: Array, gap_s: float, born: Trace) -> float:
    """Log density of somebody's having come from a place (2,) to that of `born` in a time."""
    wander = _PLACE_SIGMA_M + min(_MOST_WANDER_M, _WANDER_M_S * gap_s)
    variance = wander**2 + float(np.trace(born.covariance[:2, :2])) / 2
    away = born.mean[:2] - place
    return -0.5 * float(away @ away) / variance - math.log(2 * math.pi * variance)


def _alike(one: Trace, other: Trace) -> float:
    return _CLOTHES * float(same_person(one.colours[None], other.colours[None])[0, 0])
