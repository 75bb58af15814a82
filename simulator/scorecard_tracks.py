"""How well vision keeps people apart: its tracklets against where everybody truly stood.

The correspondence is that of CLEAR MOT (Bernardin & Stiefelhagen, 2008): a tracklet stays with
its person while it is near them; what is left is assigned at least total distance. A tracklet
that goes over to another person is a swap; a person who goes on under another tracklet, a break.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec
import numpy as np
from scipy.optimize import linear_sum_assignment

from sensors.observations import Observation, TrackPoint
from sensors.store import Floor
from simulator.truth import Truth

NEAR_M = 0.6
SAME_MOMENT_NS = 150_000_000
SAMPLE_S = 0.5

Spot = tuple[float, float]


class Tracking(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds that people spent on the floor, unseen for some; swaps and breaks meanwhile."""

    shopper_s: float = 0.0
    unseen_s: float = 0.0
    swaps: int = 0
    breaks: int = 0

    def __add__(self, other: Tracking) -> Tracking:
        return Tracking(**{f: getattr(self, f) + getattr(other, f) for f in self.__struct_fields__})


def tracking(points: Iterable[Observation], truth: Truth, floor: Floor) -> Tracking:
    """Compare TrackPoints (other observations are left out) with the true paths."""
    seen: dict[int, dict[str, Spot]] = defaultdict(dict)
    for point in points:
        if isinstance(point, TrackPoint):
            seen[point.at_ns][point.tracklet] = (point.x_m, point.y_m)
    moments = sorted(seen)
    people: dict[int, dict[str, Spot]] = defaultdict(dict)
    for name, path in truth.paths.items():
        for at_ns, x, y in path:
            if floor.x_min_m < x < floor.x_max_m and floor.y_min_m < y < floor.y_max_m:
                people[at_ns][name] = (x, y)
    person_of: dict[str, str] = {}
    tracklet_of: dict[str, str] = {}
    before_ns, before = 0, dict[str, Spot]()
    total = Tracking()
    for at_ns in sorted(people):
        stayed = before if at_ns - before_ns < 1.5e9 * SAMPLE_S else {}
        tracklet_of = {p: t for p, t in tracklet_of.items() if p in stayed}
        before_ns, before = at_ns, people[at_ns]
        tracks = _nearest(seen, moments, at_ns)
        pairs = _match(tracks, people[at_ns], person_of)
        swaps = sum(person_of.get(t, p) != p for t, p in pairs.items())
        breaks = sum(t not in person_of and p in tracklet_of for t, p in pairs.items())
        person_of.update(pairs)
        tracklet_of.update({p: t for t, p in pairs.items()})
        total += Tracking(
            shopper_s=SAMPLE_S * len(people[at_ns]),
            unseen_s=SAMPLE_S * (len(people[at_ns]) - len(pairs)),
            swaps=swaps,
            breaks=breaks,
        )
    return total


def _nearest(
    seen: Mapping[int, dict[str, Spot]], moments: list[int], at_ns: int
) -> dict[str, Spot]:
    i = bisect_left(moments, at_ns)
    near = [m for m in moments[max(0, i - 1) : i + 1] if abs(m - at_ns) <= SAME_MOMENT_NS]
    return seen[min(near, key=lambda m: abs(m - at_ns))] if near else {}


def _match(
    tracks: dict[str, Spot], people: dict[str, Spot], person_of: Mapping[str, str]
) -> dict[str, str]:
    """Person by tracklet: those of before where still near, the others at least distance."""
    kept: dict[str, str] = {}
    for tracklet, spot in tracks.items():
        person = person_of.get(tracklet)
        free = person is not None and person not in kept.values()
        if free and person in people and math.dist(spot, people[person]) < NEAR_M:
            kept[tracklet] = person
    open_tracks = [t for t in tracks if t not in kept]
    open_people = [p for p in people if p not in kept.values()]
    if open_tracks and open_people:
        cost = np.array(
            [[math.dist(tracks[t], people[p]) for p in open_people] for t in open_tracks]
        )
        rows, columns = linear_sum_assignment(np.minimum(cost, 10 * NEAR_M))
        for row, column in zip(rows, columns, strict=True):
            if cost[row, column] < NEAR_M:
                kept[open_tracks[row]] = open_people[column]
    return kept
