"""Counts what real vision reported of people whose true places are known.

Reports and people are matched instant by instant (Hungarian, within `MATCH_M`, a tracklet keeping
its person where it can).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from sensors.store import Store
from sensors.wire import HandReport, VisionReport
from simulator.emulation import COMPANY, CROWD_M, STEP_S, VIEWS, company_of, crowd_of
from simulator.reaches import HandWay, Held
from simulator.sightings import SightingTally
from simulator.visibility import Sight

Array = NDArray[np.float64]

MATCH_M = 1.0
_KEEP_M = 0.3  # how much nearer another tracklet must be to be taken instead of the last one
_LINK_S = 5.0
_LINK_M = 1.5
_STOLEN_M, _OWN_M = 0.25, 0.4
_TOLD_NS = 3_000_000_000  # so late vision may tell of a reach
_CROWDS = len(CROWD_M) + 1


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """One instant: people as they were, and what vision made of it.

    `bodies` (N, 3) are x, y, height; `hands` (N, 2, 3), left then right; `reaching` (N, 2).
    `holds` are the GTINs in both hands, empty where nobody noted them.
    """

    at_ns: int
    names: Sequence[str]
    bodies: Array
    hands: Array
    reaching: NDArray[np.bool_]
    without: Sequence[str]
    report: VisionReport
    holds: Sequence[tuple[str | None, str | None]] = ()


@dataclass(slots=True)
class Tally:
    """What is counted over all runs."""

    person_s: float = 0.0
    starts: list[float] = field(default_factory=list)
    found_s: Array = field(default_factory=lambda: np.zeros((VIEWS, _CROWDS)))
    lost_s: Array = field(default_factory=lambda: np.zeros((VIEWS, _CROWDS)))
    losses: Array = field(default_factory=lambda: np.zeros((VIEWS, _CROWDS)))
    finds: Array = field(default_factory=lambda: np.zeros((VIEWS, _CROWDS)))
    breaks: Array = field(default_factory=lambda: np.zeros((VIEWS, _CROWDS)))
    swaps: Array = field(default_factory=lambda: np.zeros(COMPANY))
    company_s: Array = field(default_factory=lambda: np.zeros(COMPANY))
    gaps: list[float] = field(default_factory=list)
    kept_gaps: list[float] = field(default_factory=list)
    forgotten_gaps: list[float] = field(default_factory=list)
    floor: dict[int, list[Array]] = field(default_factory=lambda: defaultdict(list))
    sigma: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    floor_runs: list[Array] = field(default_factory=list)
    ghosts: list[tuple[float, float]] = field(default_factory=list)
    chain: Array = field(default_factory=lambda: np.zeros((2, VIEWS, 3, 3)))
    hand: dict[tuple[int, int], list[Array]] = field(default_factory=lambda: defaultdict(list))
    hand_runs: list[Array] = field(default_factory=list)
    sides: Array = field(default_factory=lambda: np.zeros((2, 2)))
    side_turns: int = 0
    stolen: Array = field(default_factory=lambda: np.zeros((_CROWDS, 2)))
    stolen_bursts: int = 0
    right: list[float] = field(default_factory=list)
    wrong: list[float] = field(default_factory=list)
    could_be_right: int = 0
    could_be_wrong: int = 0
    sightings: SightingTally = field(default_factory=SightingTally)


@dataclass(slots=True)
class _Known:
    """What was known of one person up to the last instant."""

    on_floor_ns: int
    tracklet: str | None = None
    seen_ns: int | None = None
    floor_run: list[Array] = field(default_factory=list)
    states: list[int | None] = field(default_factory=lambda: [None, None])
    hand_runs: list[list[Array]] = field(default_factory=lambda: [[], []])
    wrong_side: bool | None = None
    stolen: bool = False


class Watcher:
    """Goes through one run and counts into a tally."""

    def __init__(self, store: Store, sight: Sight, sums: Tally) -> None:
        self._floor = store.floor
        self._sight = sight
        self._sums = sums
        self._known: dict[str, _Known] = {}
        self._owners: dict[str, str] = {}
        self._ended: dict[str, tuple[int, float, float]] = {}
        self._last: dict[str, tuple[int, float, float]] = {}
        self._ghosts: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self._gondolas = store.gondolas
        self._ways: dict[tuple[str, int], HandWay] = {}
        self._reached: list[tuple[str, Held, int]] = []

    def watch(self, instants: Sequence[Watched]) -> None:
        for instant in instants:
            self._instant(instant)
        for known in self._known.values():
            self._forget(known)
        for tracklet, seen in self._ghosts.items():
            if tracklet not in self._owners:
                self._sums.ghosts.append(
                    ((seen[-1][0] - seen[0][0]) / 1e9, float(np.median([d for _, d in seen])))
                )

    def _instant(self, now: Watched) -> None:
        sums = self._sums
        for name in sorted(self._known.keys() - set(now.names)):
            self._forget(self._known.pop(name))
        pairs = self._match(now)
        self._links(now, pairs)
        clear = self._sight.clear(now.bodies, now.hands, now.without)
        self._sightings(now, pairs, np.minimum(clear.hands, VIEWS - 1))
        by_tracklet: dict[str, list[HandReport]] = defaultdict(list)
        for hand in now.report.hands:
            if not hand.occluded:
                by_tracklet[hand.tracklet].append(hand)
        tracks = {track.tracklet: track for track in now.report.tracks}
        before = {name: known.tracklet for name, known in self._known.items()}
        for n, name in enumerate(now.names):
            if not self._on_floor(now.bodies[n]):
                continue
            known = self._known.setdefault(name, _Known(now.at_ns))
            gap_m = _gap(now.bodies, n)
            views, crowd = min(int(clear.bodies[n]), VIEWS - 1), crowd_of(gap_m)
            sums.person_s += STEP_S
            company = _company(now.bodies, n)
            sums.company_s[company] += STEP_S
            tracklet = pairs.get(name)
            self._follow(now, known, tracklet, views, crowd, company, before, name)
            if tracklet is None:
                known.states = [None, None]
                continue
            track = tracks[tracklet]
            error = np.array([track.x_m, track.y_m]) - now.bodies[n, :2]
            sums.floor[views].append(error)
            known.floor_run.append(error)
            xx, _, yy = track.covariance
            sums.sigma[views].append(math.sqrt((xx + yy) / 2))
            self._hands(now, n, known, by_tracklet[tracklet], clear.hands[n], crowd)
        self._last.update((t.tracklet, (now.at_ns, t.x_m, t.y_m)) for t in now.report.tracks)

    def _sightings(self, now: Watched, pairs: dict[str, str], views: NDArray[np.int64]) -> None:
        """What was told of hands, beside what the hand of that tracklet held that came nearest."""
        for n, (name, holds) in enumerate(zip(now.names, now.holds, strict=False)):
            for side in (0, 1):
                way = self._ways.setdefault((name, side), HandWay(self._gondolas))
                x, y, z = now.hands[n, side].tolist()
                for held in way.look(now.at_ns, (x, y, z), holds[side]):
                    self._sums.sightings.reached(int(views[n, side]))
                    self._reached.append((name, held, int(views[n, side])))
        self._reached = [one for one in self._reached if one[1].ended_ns > now.at_ns - _TOLD_NS]
        names = {tracklet: name for name, tracklet in pairs.items()}
        for told in now.report.sightings:
            own = [
                (abs(held.began_ns - told.began_ns), k)
                for k, (name, held, _) in enumerate(self._reached)
                if name == names.get(told.tracklet) and held.moment == told.moment
            ]
            if own:
                _, held, seen = self._reached.pop(min(own)[1])
                self._sums.sightings.saw(told, held.gtin, seen)

    def _match(self, now: Watched) -> dict[str, str]:
        tracks = now.report.tracks
        if not tracks or not now.names:
            return {}
        places = np.array([(t.x_m, t.y_m) for t in tracks])
        apart = np.linalg.norm(now.bodies[:, None, :2] - places[None], axis=2)
        cost = np.minimum(apart, 3 * MATCH_M)
        for n, name in enumerate(now.names):
            for t, track in enumerate(tracks):
                if self._owners.get(track.tracklet) == name:
                    cost[n, t] -= _KEEP_M
        rows, columns = linear_sum_assignment(cost)
        pairs = {}
        for n, t in zip(rows.tolist(), columns.tolist(), strict=True):
            if apart[n, t] < MATCH_M:
                pairs[now.names[n]] = tracks[t].tracklet
        for t, track in enumerate(tracks):
            if track.tracklet not in pairs.values():
                away = float(apart[:, t].min())
                self._ghosts[track.tracklet].append((now.at_ns, away))
        return pairs

    def _follow(
        self,
        now: Watched,
        known: _Known,
        tracklet: str | None,
        views: int,
        crowd: int,
        company: int,
        before: dict[str, str | None],
        name: str,
    ) -> None:
        """Count whether somebody was found, lost, or given another tracklet."""
        sums = self._sums
        if tracklet is None:
            if known.seen_ns is not None:
                lost_now = now.at_ns - known.seen_ns < 1.5 * STEP_S * 1e9
                sums.losses[views, crowd] += lost_now
                sums.lost_s[views, crowd] += STEP_S
            self._forget(known)
            return
        if known.seen_ns is None:
            sums.starts.append((now.at_ns - known.on_floor_ns) / 1e9)
        else:
            gap_s = (now.at_ns - known.seen_ns) / 1e9 - STEP_S
            was_lost = gap_s > 0.5 * STEP_S
            sums.found_s[views, crowd] += STEP_S
            sums.finds[views, crowd] += was_lost
            if tracklet == known.tracklet:
                if was_lost:
                    sums.kept_gaps.append(gap_s)
            elif any(t == tracklet and other != name for other, t in before.items()):
                sums.swaps[company] += 1
            elif was_lost:
                sums.forgotten_gaps.append(gap_s)
            else:
                sums.breaks[views, crowd] += 1
                sums.gaps.append(max(gap_s, 0.0))
        known.tracklet, known.seen_ns = tracklet, now.at_ns
        self._owners[tracklet] = name

    def _hands(
        self,
        now: Watched,
        n: int,
        known: _Known,
        reports: list[HandReport],
        clear: NDArray[np.int64],
        crowd: int,
    ) -> None:
        sums = self._sums
        told = np.array([(h.x_m, h.y_m, h.z_m) for h in reports]).reshape(-1, 3)
        apart = np.linalg.norm(now.hands[n][:, None] - told[None], axis=2)
        rows, columns = linear_sum_assignment(apart)
        got = dict(zip(rows.tolist(), columns.tolist(), strict=True))
        others = np.delete(now.hands, n, axis=0).reshape(-1, 3)
        stolen_now = False
        for side in (0, 1):
            reaching = int(now.reaching[n, side])
            views = min(int(clear[side]), VIEWS - 1)
            state = 0
            if side in got:
                report = reports[got[side]]
                state = 1 if report.views < 2 else 2
                away = float(apart[side, got[side]])
                taken = len(others) > 0 and (
                    away > _OWN_M
                    and float(np.linalg.norm(others - told[got[side]], axis=1).min()) < _STOLEN_M
                )
                sums.stolen[crowd, int(taken)] += 1
                stolen_now = stolen_now or taken
                if not taken:
                    error = _in_own_frame(now.bodies[n], now.hands[n, side], told[got[side]])
                    sums.hand[reaching, state].append(np.append(error, report.sigma_m))
                    known.hand_runs[side].append(error[:3])
                if len(reports) == 2:
                    wrong = (report.side == "left") != (side == 0)
                    sums.sides[reaching, int(wrong)] += 1
                    if known.wrong_side is not None and side == 0:
                        sums.side_turns += wrong != known.wrong_side
                    if side == 0:
                        known.wrong_side = wrong
            else:
                self._end_hand_run(known, side)
            last = known.states[side]
            if last is not None:
                sums.chain[reaching, views, last, state] += 1
            known.states[side] = state
        sums.stolen_bursts += stolen_now and not known.stolen
        known.stolen = stolen_now

    def _links(self, now: Watched, pairs: dict[str, str]) -> None:
        """Links of tracklets that begin now, to those that ended lately and nearby."""
        names = {tracklet: name for name, tracklet in pairs.items()}
        told = {(link.later, link.earlier): link for link in now.report.links}
        live = {track.tracklet for track in now.report.tracks}
        ended = {
            t: at
            for t, at in self._last.items()
            if t not in live and now.at_ns - at[0] < _LINK_S * 1e9 and t in self._owners
        }
        for track in now.report.tracks:
            if track.tracklet in self._last or track.tracklet not in names:
                continue
            for earlier, (_, x, y) in ended.items():
                if math.hypot(track.x_m - x, track.y_m - y) > _LINK_M:
                    continue
                right = self._owners[earlier] == names[track.tracklet]
                link = told.get((track.tracklet, earlier))
                if right:
                    self._sums.could_be_right += 1
                else:
                    self._sums.could_be_wrong += 1
                if link is not None:
                    found = self._sums.right if right else self._sums.wrong
                    found.append(link.log_likelihood_ratio)

    def _forget(self, known: _Known) -> None:
        if len(known.floor_run) > 1:
            self._sums.floor_runs.append(np.array(known.floor_run))
        known.floor_run = []
        for side in (0, 1):
            self._end_hand_run(known, side)

    def _end_hand_run(self, known: _Known, side: int) -> None:
        if len(known.hand_runs[side]) > 1:
            self._sums.hand_runs.append(np.array(known.hand_runs[side]))
        known.hand_runs[side] = []

    def _on_floor(self, body: Array) -> bool:
        floor = self._floor
        along = floor.x_min_m < body[0] < floor.x_max_m
        return bool(along and floor.y_min_m < body[1] < floor.y_max_m)


def _in_own_frame(body: Array, hand: Array, told: Array) -> Array:
    """Error (away from the body, left, up) and its causes (1, distance, height), (6,)."""
    reach = hand[:2] - body[:2]
    distance = max(float(np.hypot(*reach)), 1e-6)
    ahead = reach / distance
    error = told - hand
    away = float(error[:2] @ ahead)
    left = float(error[1] * ahead[0] - error[0] * ahead[1])
    return np.array([away, left, error[2], 1.0, distance, hand[2]])


def _gap(bodies: Array, n: int) -> float:
    apart = np.hypot(bodies[:, 0] - bodies[n, 0], bodies[:, 1] - bodies[n, 1])
    apart[n] = np.inf
    return float(apart.min())


def _company(bodies: Array, n: int) -> int:
    away = np.hypot(bodies[:, 0] - bodies[n, 0], bodies[:, 1] - bodies[n, 1])
    return company_of(int((away < CROWD_M[0]).sum()) - 1)
