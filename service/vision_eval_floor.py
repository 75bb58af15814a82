"""How well people are kept apart and placed on the floor, and their hands in space.

Tracks and people are paired at every exposure by least distance, at most `NEAR_M` apart. IDF1 is
that of Ristani et al. (2016): the best one-to-one naming of whole tracklets; once as vision gives
them, and once with tracklets joined by its own links.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from sensors.observations import TrackPoint
from sensors.store import Floor
from sensors.wire import HandReport, LinkReport, TrackReport, VisionReport
from simulator.picture_truth import SeenPerson, TruePerson
from simulator.scorecard_tracks import NEAR_M, Tracking, tracking
from simulator.truth import Truth

Array = NDArray[np.float64]

PATH_NS = 500_000_000
_WRIST_OF = {"left": 9, "right": 10}
_CHI2_95 = 5.991  # of two degrees of freedom


@dataclass(slots=True)
class FloorTally:
    """Whole runs: errors in metres, squared normalised errors, and what identities came of."""

    errors_m: list[float] = field(default_factory=list)
    nees: list[float] = field(default_factory=list)
    person_moments: int = 0
    track_moments: int = 0
    named: int = 0  # track moments that the best naming of tracklets gives the right person
    linked: int = 0  # the same of tracklets joined by links
    tracking: Tracking = field(default_factory=Tracking)
    hands_m: dict[int, list[float]] = field(default_factory=lambda: {1: [], 2: []})
    hands_due: Counter[int] = field(default_factory=Counter)
    hands_turned: int = 0

    def add(self, other: FloorTally) -> None:
        """Count other runs in."""
        self.errors_m += other.errors_m
        self.nees += other.nees
        self.person_moments += other.person_moments
        self.track_moments += other.track_moments
        self.named += other.named
        self.linked += other.linked
        self.tracking += other.tracking
        for views, errors in other.hands_m.items():
            self.hands_m[views] += errors
        self.hands_due += other.hands_due
        self.hands_turned += other.hands_turned

    def figures(self) -> dict[str, float | int]:
        """Everything as numbers; `nees` is 1 where covariances are what they say."""
        hours = self.tracking.shopper_s / 3600
        both = self.person_moments + self.track_moments
        at_all = self.hands_m[1] + self.hands_m[2]
        return {
            "shopper_s": self.tracking.shopper_s,
            "floor_median_m": _quantile(self.errors_m, 0.5),
            "floor_90_m": _quantile(self.errors_m, 0.9),
            "nees": float(np.mean(self.nees)) / 2 if self.nees else float("nan"),
            "nees_median": float(np.median(self.nees)) / 1.386 if self.nees else float("nan"),
            "nees_within_95": float((np.array(self.nees or [np.nan]) < _CHI2_95).mean()),
            "idf1": 2 * self.named / both if both else float("nan"),
            "idf1_linked": 2 * self.linked / both if both else float("nan"),
            "swaps": self.tracking.swaps,
            "swaps_per_shopper_hour": self.tracking.swaps / hours if hours else float("nan"),
            "breaks_per_shopper_hour": self.tracking.breaks / hours if hours else float("nan"),
            "unseen_share": self.tracking.unseen_s / self.tracking.shopper_s if hours else 0.0,
            "hands_seen": self.hands_due[1] + self.hands_due[2],
            "hands_found": len(at_all) / max(1, self.hands_due.total()),
            "hand_median_m": _quantile(at_all, 0.5),
            "hand_90_m": _quantile(at_all, 0.9),
            "hands_seen_twice": self.hands_due[2],
            "hands_found_twice": len(self.hands_m[2]) / max(1, self.hands_due[2]),
            "hand_median_m_twice": _quantile(self.hands_m[2], 0.5),
            "hand_90_m_twice": _quantile(self.hands_m[2], 0.9),
            "hand_sides": 1.0 - self.hands_turned / max(1, len(at_all)),
        }


class FloorWatch:
    """Follows one run, exposure by exposure; `close` tells what came of it."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._tally = FloorTally()
        self._met: Counter[tuple[str, str]] = Counter()
        self._links: list[LinkReport] = []
        self._points: list[TrackPoint] = []
        self._paths: dict[str, list[tuple[int, float, float]]] = {}
        self._path_ns: int | None = None

    def see(self, report: VisionReport, people: Sequence[TruePerson]) -> dict[str, TruePerson]:
        """Count one report in; the person of each tracklet."""
        self._note(report, people)
        pairs = pair(report.tracks, people)
        tally = self._tally
        tally.person_moments += sum(self._inside(one.x_m, one.y_m) for one in people)
        for track in report.tracks:
            person = pairs.get(track.tracklet)
            if person is None:
                tally.track_moments += self._inside(track.x_m, track.y_m)
            elif self._inside(person.x_m, person.y_m):
                tally.track_moments += 1
                self._met[track.tracklet, person.shopper] += 1
                off = np.array([track.x_m - person.x_m, track.y_m - person.y_m])
                xx, xy, yy = track.covariance
                tally.errors_m.append(float(np.hypot(*off)))
                tally.nees.append(float(off @ np.linalg.solve([[xx, xy], [xy, yy]], off)))
        return pairs

    def see_hands(
        self,
        hands: Iterable[HandReport],
        pairs: Mapping[str, TruePerson],
        views: Mapping[str, Sequence[SeenPerson]],
    ) -> None:
        """Count hands of one report in: those whose wrist some camera sees are due, and are
        compared with the true middles of the palms, whichever is called left."""
        seen: Counter[tuple[int, str]] = Counter()
        for shown in views.values():
            for one in shown:
                for side, joint in _WRIST_OF.items():
                    seen[one.number, side] += one.keypoints[joint][2] == 2
        said: dict[str, list[HandReport]] = {}
        for hand in (hand for hand in hands if not hand.occluded):
            said.setdefault(hand.tracklet, []).append(hand)
        for tracklet, person in pairs.items():
            if not self._inside(person.x_m, person.y_m):
                continue
            palms = {"left": person.left_hand_m, "right": person.right_hand_m}
            for side in palms:
                if seen[person.number, side]:
                    self._tally.hands_due[min(2, seen[person.number, side])] += 1
            for hand, side in _hold(said.get(tracklet, []), palms):
                if not seen[person.number, side]:
                    continue
                off = np.array([hand.x_m, hand.y_m, hand.z_m]) - palms[side]
                views_of_it = min(2, seen[person.number, side])
                self._tally.hands_m[views_of_it].append(float(np.linalg.norm(off)))
                self._tally.hands_turned += hand.side != side

    def close(self, scene: str, seed: int) -> FloorTally:
        """Settle identities, once the run has ended."""
        truth = Truth(scene=scene, seed=seed, visits=[], moves=[], stock={}, paths=self._paths)
        self._tally.tracking = tracking(self._points, truth, self._floor)
        self._tally.named = _best_naming(self._met)
        joined = _joined(self._links)
        linked: Counter[tuple[str, str]] = Counter()
        for (tracklet, person), moments in self._met.items():
            linked[joined.get(tracklet, tracklet), person] += moments
        self._tally.linked = _best_naming(linked)
        return self._tally

    def _note(self, report: VisionReport, people: Sequence[TruePerson]) -> None:
        self._links += report.links
        self._points += [
            TrackPoint(
                at_ns=report.at_ns,
                time_sigma_ns=0,
                tracklet=track.tracklet,
                x_m=track.x_m,
                y_m=track.y_m,
                covariance=track.covariance,
            )
            for track in report.tracks
        ]
        if self._path_ns is None or report.at_ns - self._path_ns >= PATH_NS:
            self._path_ns = report.at_ns
            for one in people:
                self._paths.setdefault(one.shopper, []).append((report.at_ns, one.x_m, one.y_m))

    def _inside(self, x_m: float, y_m: float) -> bool:
        floor = self._floor
        return floor.x_min_m < x_m < floor.x_max_m and floor.y_min_m < y_m < floor.y_max_m


def pair(tracks: Sequence[TrackReport], people: Sequence[TruePerson]) -> dict[str, TruePerson]:
    """Person by tracklet, at least total distance, none farther than `NEAR_M`."""
    if not tracks or not people:
        return {}
    where = np.array([(t.x_m, t.y_m) for t in tracks])
    true = np.array([(p.x_m, p.y_m) for p in people])
    apart = np.sqrt(((where[:, None] - true) ** 2).sum(axis=2))
    rows, columns = linear_sum_assignment(np.minimum(apart, 10 * NEAR_M))
    return {
        tracks[row].tracklet: people[column]
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        if apart[row, column] < NEAR_M
    }


def _hold(
    hands: Sequence[HandReport], palms: Mapping[str, tuple[float, float, float]]
) -> list[tuple[HandReport, str]]:
    """Each hand with the side that it truly is, by least total distance."""

    def away(order: Iterable[str]) -> float:
        return sum(
            float(np.linalg.norm(np.array([hand.x_m, hand.y_m, hand.z_m]) - palms[side]))
            for hand, side in zip(hands, order, strict=True)
        )

    orders = list(itertools.permutations(palms, len(hands)))
    return list(zip(hands, min(orders, key=away), strict=True)) if orders else []


def _best_naming(met: Counter[tuple[str, str]]) -> int:
    """Moments that the best one-to-one naming of tracks by people gets right."""
    tracks, people = sorted({t for t, _ in met}), sorted({p for _, p in met})
    table = np.zeros((len(tracks), len(people)))
    for (track, person), moments in met.items():
        table[tracks.index(track), people.index(person)] = moments
    rows, columns = linear_sum_assignment(-table)
    return int(table[rows, columns].sum())


def _joined(links: Sequence[LinkReport]) -> dict[str, str]:
    """The first tracklet of the chain that each one belongs to: likely links, the best first, each
    tracklet with one before and one after it."""
    best: dict[tuple[str, str], float] = {}
    for link in links:
        best[link.earlier, link.later] = link.log_likelihood_ratio  # the newest counts
    before: dict[str, str] = {}
    followed: set[str] = set()
    for (earlier, later), ratio in sorted(best.items(), key=lambda one: -one[1]):
        if ratio > 0 and later not in before and earlier not in followed:
            before[later] = earlier
            followed.add(earlier)
    return {later: _first(later, before) for later in before}


def _first(tracklet: str, before: Mapping[str, str]) -> str:
    met = {tracklet}
    while tracklet in before and before[tracklet] not in met:
        tracklet = before[tracklet]
        met.add(tracklet)
    return tracklet


def _quantile(errors: Sequence[float], share: float) -> float:
    return float(np.quantile(errors, share)) if errors else float("nan")
