"""Who is where: the tracks and hands of the last seconds, and which tracklet is which visit.

People enter only at gates, so a tracklet that appears inside belongs to somebody whose tracklet
has ended: the link's log-likelihood ratio, else the walk it would take, says to whom.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from sensors.observations import HandPoint, TrackletLink, TrackPoint

Array = NDArray[np.float64]

NS = 1_000_000_000
MEMORY_NS = 25 * NS
LOST_AFTER_NS = 800_000_000
ORPHAN_AFTER_NS = 500_000_000
SAME_PERSON_M = 0.45
GATE_REACH_M = 1.3
PLACE_SIGMA_M = 0.4
WANDER_M_S = 0.7
MOST_WANDER_M = 4.0
SOON_S, LATE_S, LATE_SHARE = 0.4, 4.0, 0.08  # from coming in to being seen
FOUND_PER_S = 0.25  # of those who are lost
LEAST_GAIN = -3.0  # nats: so unlikely a continuation is none
RIVALS = 2.5  # nats: as likely to be somebody else, as far as a charge goes
BESIDE_M = 0.4  # farther from a gate than whoever passed it, and perhaps it was they


@dataclass(slots=True)
class Track:
    """One tracklet's recent past."""

    tracklet: str
    born_ns: int
    points: deque[TrackPoint] = field(default_factory=lambda: deque(maxlen=600))
    hands: deque[HandPoint] = field(default_factory=lambda: deque(maxlen=1200))
    visit: str | None = None

    @property
    def last(self) -> TrackPoint:
        return self.points[-1]

    def at(self, at_ns: int) -> TrackPoint:
        """The point nearest in time to `at_ns`."""
        return min(self.points, key=lambda p: abs(p.at_ns - at_ns))


class People:
    """All tracklets and their visits, on a floor of so many square metres."""

    def __init__(self, floor_m2: float = 100.0) -> None:
        self._floor_m2 = floor_m2
        self._tracks: dict[str, Track] = {}
        self._links: dict[str, dict[str, float]] = {}
        self._current: dict[str, str | None] = {}
        self._last_seen: dict[str, tuple[int, float, float]] = {}
        self._mistakable: set[str] = set()

    def mistakable(self, visit: str) -> bool:
        """Whether a person may have been taken for another since they came in."""
        return visit in self._mistakable

    def saw(self, point: TrackPoint) -> None:
        """A tracklet was seen on the floor."""
        track = self._tracks.get(point.tracklet)
        if track is None:
            track = self._tracks[point.tracklet] = Track(point.tracklet, point.at_ns)
        track.points.append(point)
        if track.visit is not None:
            self._last_seen[track.visit] = (point.at_ns, point.x_m, point.y_m)

    def saw_hand(self, hand: HandPoint) -> None:
        """A hand was seen; hands of tracklets that have no floor point yet are forgotten."""
        track = self._tracks.get(hand.tracklet)
        if track is not None:
            track.hands.append(hand)

    def linked(self, link: TrackletLink) -> None:
        """Vision says how likely two tracklets are one person."""
        self._links.setdefault(link.later, {})[link.earlier] = link.log_likelihood_ratio

    def begin(self, visit: str, at_ns: int, x_m: float, y_m: float) -> str | None:
        """A visit begins at a gate; the free tracklet nearest to it is the shopper's."""
        self._current[visit] = None
        self._last_seen[visit] = (at_ns, x_m, y_m)
        near = [
            (self._distance(track, at_ns, x_m, y_m), track)
            for track in self._tracks.values()
            if track.visit is None and abs(track.at(at_ns).at_ns - at_ns) < LOST_AFTER_NS
        ]
        near.sort(key=lambda pair: pair[0])
        if near and near[0][0] < GATE_REACH_M:
            self._assign(near[0][1], visit)
        return self._current[visit]

    def doubt(self, persons: Collection[str]) -> None:
        """Any of these may be somebody else from now on."""
        self._mistakable.update(persons)

    def end(self, visit: str) -> None:
        """A visit is over; its tracklets stay known so that nobody inherits them."""
        self._current.pop(visit, None)
        self._mistakable.discard(visit)

    def nearest(self, at_ns: int, x_m: float, y_m: float, among: list[str]) -> str | None:
        """The person who was nearest to a place at a time, within gate reach; where another was
        nearly as near, both may be mistaken from now on."""
        near: list[tuple[float, str]] = []
        for visit in among:
            distance = math.inf
            for track in self._of(visit):
                if abs(track.at(at_ns).at_ns - at_ns) < LOST_AFTER_NS:
                    distance = min(distance, self._distance(track, at_ns, x_m, y_m))
            seen_ns, x, y = self._last_seen[visit]
            if math.isinf(distance) and at_ns - seen_ns < 15 * NS:
                distance = math.hypot(x - x_m, y - y_m) + 0.3
            if distance < GATE_REACH_M:
                near.append((distance, visit))
        if not near:
            return None
        near.sort()
        rivals = [visit for distance, visit in near if distance < near[0][0] + BESIDE_M]
        if len(rivals) > 1:
            self._mistakable.update(rivals)
        return near[0][1]

    def hands_between(self, visit: str, from_ns: int, to_ns: int) -> list[HandPoint]:
        """What was seen of a visit's hands in a span of time; what was only guessed of hidden ones
        speaks neither for nor against anybody."""
        return [
            h
            for t in self._of(visit)
            for h in t.hands
            if from_ns <= h.at_ns <= to_ns and not h.occluded
        ]

    def body_at(self, visit: str, at_ns: int) -> TrackPoint | None:
        """Where a visit's shopper stood at a time; None where nobody saw them within a second."""
        points = [t.at(at_ns) for t in self._of(visit)]
        points = [p for p in points if abs(p.at_ns - at_ns) < NS]
        return min(points, key=lambda p: abs(p.at_ns - at_ns)) if points else None

    def tracklet_of(self, visit: str) -> str | None:
        """The tracklet that a visit's shopper has now."""
        return self._current.get(visit)

    def owner_of(self, tracklet: str) -> str | None:
        """The person to whom a tracklet was given, if it is known and was given to somebody."""
        return self._visit_of(tracklet)

    def tracklets_of(self, persons: Collection[str]) -> set[str]:
        """The tracklets of the last seconds that were given to any of these persons."""
        return {t.tracklet for t in self._tracks.values() if t.visit in persons}

    def owners(self) -> list[tuple[str, str, str]]:
        """Every tracklet that was given to somebody, with the visit and the person of it."""
        return [
            (t.tracklet, visit_of(t.visit), t.visit)
            for t in self._tracks.values()
            if t.visit is not None
        ]

    def repair(self, now_ns: int) -> list[tuple[str, str]]:
        """Give free tracklets to visits that have lost theirs; (visit, tracklet) for each.

        All at once, so that what each gains by its own adds up to most: that it continues them,
        and that it is time for them to be seen. Who would have gained nearly as much by another
        tracklet may be mistaken from now on.
        """
        self._forget(now_ns)
        lost = [v for v in self._current if self._is_lost(v, now_ns)]
        free = self._free(now_ns) if lost else []
        if not free:
            return []
        gains = np.array(
            [[self._affinity(v, t) + self._appears(v, now_ns) for t in free] for v in lost]
        )
        pairs = _best_pairs(gains)
        given = []
        for row, column in pairs:
            without = gains.copy()
            without[row, column] = LEAST_GAIN
            others = _best_pairs(without)
            if _total(gains, pairs) - _total(gains, others) < RIVALS:
                differing = {r for r, _ in set(pairs) ^ set(others)}
                if len(differing) > 1:
                    self._mistakable |= {lost[r] for r in differing}
        for row, column in pairs:
            self._assign(free[column], lost[row])
            given.append((lost[row], free[column].tracklet))
        return given

    def _free(self, now_ns: int) -> list[Track]:
        """Tracklets of nobody that are seen now, and not beside one of somebody."""
        live = [t for t in self._tracks.values() if now_ns - t.last.at_ns < LOST_AFTER_NS]
        taken = [t for t in live if t.visit is not None]
        return [
            t
            for t in live
            if t.visit is None
            and now_ns - t.born_ns > ORPHAN_AFTER_NS
            and not any(_apart(t.last, o.last) < SAME_PERSON_M for o in taken)
        ]

    def _affinity(self, visit: str, track: Track) -> float:
        """Log-likelihood ratio that `track` continues `visit`, against somebody else's.

        Where vision weighed the two, its ratio, less what the walk speaks against it; else the
        walk alone: a Gaussian that widens with the time unseen, against the floor's area.
        """
        links = self._links.get(track.tracklet, {})
        linked = [ratio for earlier, ratio in links.items() if self._visit_of(earlier) == visit]
        seen_ns, x, y = self._last_seen[visit]
        first = track.points[0]
        gap_s = max(0.0, (first.at_ns - seen_ns) / NS)
        variance = (PLACE_SIGMA_M + min(MOST_WANDER_M, WANDER_M_S * gap_s)) ** 2
        away_m2 = (first.x_m - x) ** 2 + (first.y_m - y) ** 2
        walked = -0.5 * away_m2 / variance - math.log(2 * math.pi * variance / self._floor_m2)
        return max(linked) + min(0.0, walked) if linked else walked

    def _appears(self, visit: str, now_ns: int) -> float:
        """log of how much likelier a visit's person is to be seen first just now than one who was
        lost. Whoever comes in is mostly seen soon, seldom late; once late, it may be any time."""
        if self._current[visit] is not None:
            return 0.0
        since_s = max(0.0, (now_ns - self._last_seen[visit][0]) / NS)
        soon = (1 - LATE_SHARE) * math.exp(-since_s / SOON_S)
        late = LATE_SHARE * math.exp(-since_s / LATE_S)
        return math.log((soon / SOON_S + late / LATE_S) / (soon + late) / FOUND_PER_S)

    def _visit_of(self, tracklet: str) -> str | None:
        track = self._tracks.get(tracklet)
        return track.visit if track else None

    def _is_lost(self, visit: str, now_ns: int) -> bool:
        tracklet = self._current[visit]
        track = self._tracks.get(tracklet) if tracklet else None
        return track is None or now_ns - track.last.at_ns > LOST_AFTER_NS

    def _of(self, visit: str) -> list[Track]:
        return [t for t in self._tracks.values() if t.visit == visit]

    def _assign(self, track: Track, visit: str) -> None:
        track.visit = visit
        self._current[visit] = track.tracklet
        self._last_seen[visit] = (track.last.at_ns, track.last.x_m, track.last.y_m)

    def _distance(self, track: Track, at_ns: int, x_m: float, y_m: float) -> float:
        point = track.at(at_ns)
        return math.hypot(point.x_m - x_m, point.y_m - y_m)

    def _forget(self, now_ns: int) -> None:
        gone = [t.tracklet for t in self._tracks.values() if now_ns - t.last.at_ns > MEMORY_NS]
        for tracklet in gone:
            if tracklet not in self._current.values():
                del self._tracks[tracklet]
                self._links.pop(tracklet, None)


def visit_of(person: str) -> str:
    """The visit of a person, as `fusion.gates` names them."""
    return person.partition("+")[0]


def _best_pairs(gains: Array) -> list[tuple[int, int]]:
    """The pairs (row, column) of gains that add up to most, one to one; none below LEAST_GAIN."""
    rows, columns = linear_sum_assignment(gains - LEAST_GAIN, maximize=True)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(r, c) for r, c in pairs if gains[r, c] > LEAST_GAIN]


def _total(gains: Array, pairs: Sequence[tuple[int, int]]) -> float:
    return math.fsum(float(gains[pair]) - LEAST_GAIN for pair in pairs)


def _apart(a: TrackPoint, b: TrackPoint) -> float:
    return math.hypot(a.x_m - b.x_m, a.y_m - b.y_m)
