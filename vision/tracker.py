"""Tracklets on the floor, from all cameras of one worker at once.

Each tick predicts every track, then lets one camera after the other correct them, the sharpest
first: the camera's detections are given to tracks so that their joint likelihood against detections
of nobody is greatest, on the ground plane (UCMCTrack, AAAI 2024). A track is believed in as far as
the cameras that should show it do (evidence.py); how often they do is learned (reliability.py).
Detections left over begin new tracks (births.py); two tracks on one person are merged
(duplicates.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from sensors.store import Store
from sensors.wire import LinkReport
from vision import evidence, kalman
from vision.appearance import COLOURS, blend, same_person
from vision.births import Birth, Known, Midwife
from vision.continuity import Continuity
from vision.coverage import Coverage
from vision.duplicates import Duplicates, Owned, told_apart
from vision.links import ASTRAY_M, LinkFinder, Trace
from vision.racks import Racks
from vision.reliability import Reliability, sharpest_first
from vision.rig import Rig
from vision.site import Site, site_of
from vision.track import Life, Step
from vision.view import View
from vision.visibility import Visibility

Array = NDArray[np.float64]

SURE_SCORE = 0.45
LOST_S = 1.5
_TENTATIVE_S = 0.6
_ACCEL_M_S2 = 0.7
_SWAY_M_S = 0.2  # how far a body sways about its path in a second, over what acceleration explains
_START_SPEED_M_S = 1.0
_COAST_S = 1.5  # an unseen walker's speed decays with this time constant
_COLOUR_SHARE = 0.1
_GATE = 16.0  # squared Mahalanobis distance
_APPEARANCE = 0.5  # clothes break ties; they do not outvote motion
_ROBUST = 6.0  # squared Mahalanobis distance from which a detection's noise is raised
_MOST_GAP_S = 2.0
_LONGEST_GAP_S = 10.0  # where everybody went in a longer one nobody can say
_CROWDED_M = 0.7  # so near to a confirmed track another may be a second one on its person
_BELIEVED = 0.0  # log odds from which a track is somebody
_DROPPED = -3.9  # and from which it is nobody
_LOOKS = 0.6  # independent looks by two cameras, or by one where only it sees, before that
_ALONE_LOOKS = 1.6
_SURE = 0.8  # probability from which a track teaches how reliable its cameras are
_IN_VIEW = 0.95
_MANY_CAMERAS = 3  # where so many see a place, one that sees somebody there is wrong
_GHOST_S = 3.0


class Tracker:
    """Owns the tracks of one worker at one place; `prefix` begins all of their ids."""

    def __init__(self, place: Store | Site, rig: Rig, prefix: str) -> None:
        site = site_of(place)
        self._rig = rig
        self._prefix = prefix
        self._coverage = Coverage(site)
        self._racks = Racks(site)
        self._links = LinkFinder(site)
        self._continuity = Continuity()
        self._duplicates = Duplicates(rig)
        self._visibility = Visibility(rig, self._coverage)
        self._reliability = Reliability(rig)
        self._midwife = Midwife(rig, site.area_m2, self._reliability, self._visibility)
        self._lives: list[Life] = []
        self._mean = np.zeros((0, 4))
        self._covariance = np.zeros((0, 4, 4))
        self._log_odds = np.zeros(0)
        self._colours = np.zeros((0, COLOURS))
        self._born = 0
        self._at_ns: int | None = None

    def step(self, at_ns: int, views: Sequence[View]) -> Step:
        """Take in what the cameras saw at `at_ns`; one view for each camera that works."""
        dt_s = 0.0 if self._at_ns is None else max(0.0, (at_ns - self._at_ns) / 1e9)
        weight = 1.0 if self._at_ns is None else evidence.weight_of_look(dt_s)
        if self._at_ns is not None and abs(at_ns - self._at_ns) > _LONGEST_GAP_S * 1e9:
            self._end_all(at_ns)
        self._at_ns = at_ns
        self._predict(dt_s, at_ns)
        owners = {view.camera: np.full(len(view.scores), -1, dtype=np.intp) for view in views}
        cameras = [view.camera for view in views]
        chance = evidence.probability(self._log_odds)
        places = self._mean[:, :2]
        shares = self._visibility.shares(places, cameras, places, chance)
        for v in sharpest_first([view.covariance[view.placed] for view in views]):
            self._correct(at_ns, views[v], owners[cameras[v]], shares[v], weight)
        self._racks.keep_out(self._mean)
        known = len(self._lives)
        self._bear(at_ns, views, owners, weight)
        self._learn(views, owners, shares, known, weight)
        self._count(at_ns, owners, weight)
        owned = [(view, owners[view.camera]) for view in views]
        links = self._confirm(at_ns, owned, weight)
        merged = self._duplicates.find(
            min(dt_s, _MOST_GAP_S), [life.id for life in self._lives], self._mean[:, :2], owned
        )
        names = [*(life.id for life in self._lives), ""]  # the last for detections of nobody
        for view, owner in owned:
            self._continuity.remember(at_ns, view, [names[i] for i in owner.tolist()])
        links += self._forget(at_ns, merged, owned)
        return Step(
            tuple(self._lives),
            self._mean.copy(),
            self._covariance.copy(),
            evidence.probability(self._log_odds),
            owners,
            links,
        )

    def _predict(self, dt_s: float, at_ns: int) -> None:
        if not self._lives or dt_s == 0.0:
            return
        unseen = np.array([at_ns - life.seen_ns > 1.5e9 * dt_s for life in self._lives])
        self._mean[unseen, 2:] *= np.exp(-dt_s / _COAST_S)
        self._mean, self._covariance = kalman.predict(
            self._mean, self._covariance, dt_s, _ACCEL_M_S2
        )
        self._covariance[:, [0, 1], [0, 1]] += _SWAY_M_S**2 * dt_s
        self._log_odds = evidence.survive(self._log_odds, dt_s)

    def _correct(
        self, at_ns: int, view: View, owner: NDArray[np.intp], share: Array, weight: float
    ) -> None:
        """Give a camera's detections to tracks, of which it should show `share` (N,)."""
        if not self._lives:
            return
        camera = self._rig.index[view.camera]
        found = np.clip(self._reliability.found[camera] * share, 1e-3, 0.995)
        missed = np.ones(len(self._lives), dtype=np.bool_)
        columns = np.flatnonzero(view.placed)
        if len(columns):
            ratio, squared = self._ratios(view, columns, camera)
            chance = evidence.probability(self._log_odds)
            stay = self._continuity.ratios(at_ns, view, [life.id for life in self._lives])
            gain = (
                ratio
                + stay[:, columns]
                + np.log(found / (1.0 - found) * np.maximum(chance, 1e-4))[:, None]
            )
            gain = np.where(squared < _GATE, np.maximum(gain, 0.0), 0.0)
            tracks, picked = linear_sum_assignment(gain, maximize=True)
            taken = gain[tracks, picked] > 0.0
            tracks, picked = tracks[taken], picked[taken]
            owner[columns[picked]] = tracks
            missed[tracks] = False
            seen = np.log(found[tracks]) + np.minimum(ratio[tracks, picked], evidence.MOST_OF_ONE)
            self._log_odds[tracks] += weight * seen
            self._move(view, tracks, columns[picked], squared[tracks, picked])
        self._log_odds[missed] += weight * np.log1p(-found[missed])
        self._log_odds = np.clip(self._log_odds, 3 * _DROPPED, evidence.MOST_ODDS)

    def _ratios(self, view: View, columns: NDArray[np.intp], camera: int) -> tuple[Array, Array]:
        """Log-likelihood ratios (N, M) of detections being of each track rather than of nobody,
        and squared Mahalanobis distances (N, M)."""
        squared, log_volume = kalman.distances(
            self._mean, self._covariance, view.xy_m[columns], view.covariance[columns]
        )
        stray = self._reliability.stray_density(camera, view.xy_m[columns])
        ratio = evidence.log_density(squared, log_volume) - stray
        ratio += evidence.of_looks(view)[columns]
        ratio += _APPEARANCE * same_person(self._colours, view.colours[columns])
        return ratio, squared

    def _move(
        self,
        view: View,
        track: NDArray[np.intp],
        detection: NDArray[np.intp],
        squared: Array,
    ) -> None:
        doubt = np.maximum(1.0, squared / _ROBUST)
        self._mean[track], self._covariance[track] = kalman.update(
            self._mean[track],
            self._covariance[track],
            view.xy_m[detection],
            view.covariance[detection] * doubt[:, None, None],
        )
        clear = view.clear[detection]
        self._colours[track[clear]] = blend(
            self._colours[track[clear]], view.colours[detection[clear]], _COLOUR_SHARE
        )

    def _bear(
        self,
        at_ns: int,
        views: Sequence[View],
        owners: dict[str, NDArray[np.intp]],
        weight: float,
    ) -> None:
        known = Known(self._mean[:, :2], evidence.probability(self._log_odds))
        births = self._midwife.find(views, owners, known, SURE_SCORE, weight)
        for birth in births:
            if birth.log_odds < _DROPPED or not self._coverage.room_for(birth.xy_m):
                continue
            self._begin(at_ns, birth)
            for camera, detection in birth.members:
                owners[camera][detection] = len(self._lives) - 1

    def _begin(self, at_ns: int, birth: Birth) -> None:
        self._lives.append(Life(f"{self._prefix}{self._born}", at_ns, at_ns))
        self._born += 1
        covariance = np.eye(4)[None] * _START_SPEED_M_S**2
        covariance[0, :2, :2] = birth.covariance
        mean = np.array([[*birth.xy_m, 0.0, 0.0]])
        self._mean = np.concatenate([self._mean, mean])
        self._covariance = np.concatenate([self._covariance, covariance])
        self._log_odds = np.append(self._log_odds, min(birth.log_odds, evidence.MOST_ODDS))
        self._colours = np.concatenate([self._colours, birth.colours[None]])

    def _learn(
        self,
        views: Sequence[View],
        owners: dict[str, NDArray[np.intp]],
        shares: Array,
        known: int,
        weight: float,
    ) -> None:
        """How reliable each camera is, by the tracks that were `known` before; their `shares`
        (C, N) of being in view are those of before, too."""
        chance = np.append(evidence.probability(self._log_odds), 0.0)
        sure = chance[:known] > _SURE
        for view, share in zip(views, shares, strict=True):
            owner = owners[view.camera]
            hit = np.zeros(len(chance), dtype=np.bool_)
            hit[owner[owner >= 0]] = True
            due = np.flatnonzero(sure & (share > _IN_VIEW))
            strays = float((1.0 - chance[owner[view.placed]]).sum())
            self._reliability.learn(self._rig.index[view.camera], weight, hit[due], strays)

    def _count(self, at_ns: int, owners: dict[str, NDArray[np.intp]], weight: float) -> None:
        views = np.zeros(len(self._lives), dtype=np.intp)
        for owner in owners.values():
            views[owner[owner >= 0]] += 1
        places = self._mean[:, :2].tolist()
        for life, seen, place in zip(self._lives, views.tolist(), places, strict=True):
            life.was_at(at_ns, *place)
            if seen:
                life.seen_ns = at_ns
                life.looks += weight
                if seen >= 2:
                    life.paired += weight
                    life.paired_ns = at_ns

    def _confirm(self, at_ns: int, owned: Owned, weight: float) -> list[LinkReport]:
        links: list[LinkReport] = []
        cameras = [view.camera for view, _ in owned]
        for i, life in enumerate(self._lives):
            if life.confirmed or life.seen_ns != at_ns:
                continue
            if not self._coverage.room_for(self._mean[i, :2]):
                continue
            covering = self._coverage.cameras_seeing(self._mean[i, :2], cameras)
            alone = (life.looks >= _LOOKS and covering < 2) or (
                life.looks >= _ALONE_LOOKS and covering < _MANY_CAMERAS
            )
            apart = all(told_apart(i, j, owned) for j in self._neighbours(i, _CROWDED_M))
            life.doubted += 0.0 if apart else weight
            seen = life.paired >= _LOOKS or alone
            if apart and seen and life.looks >= 2 * life.doubted and self._log_odds[i] > _BELIEVED:
                life.confirmed = True
                near = [self._trace(at_ns, j) for j in self._neighbours(i, ASTRAY_M)]
                links += self._links.on_confirmed(at_ns, self._trace(at_ns, i), near)
        return links

    def _neighbours(self, i: int, within_m: float) -> list[int]:
        """The confirmed tracks nearer than `within_m` to track i."""
        apart = ((self._mean[:, :2] - self._mean[i, :2]) ** 2).sum(axis=1)
        near = np.flatnonzero(apart < within_m**2).tolist()
        return [j for j in near if j != i and self._lives[j].confirmed]

    def _forget(self, at_ns: int, merged: list[tuple[int, int]], owned: Owned) -> list[LinkReport]:
        """Drop merged and lost tracks; links that their end makes likely."""
        links = [
            LinkReport(
                earlier=self._lives[keep].id,
                later=self._lives[drop].id,
                log_likelihood_ratio=Duplicates.EVIDENCE,
            )
            for keep, drop in merged
            if self._lives[keep].confirmed and self._lives[drop].confirmed
        ]
        cameras = [view.camera for view, _ in owned]
        dropped = {drop for _, drop in merged}
        stay: list[int] = []
        lost: list[int] = []
        inside = self._coverage.holds(self._mean[:, :2])
        for i, life in enumerate(self._lives):
            unseen_s = (at_ns - life.seen_ns) / 1e9
            lifetime_s = LOST_S if life.confirmed and inside[i] else _TENTATIVE_S
            if i in dropped or self._is_ghost(at_ns, i, cameras):
                continue
            if unseen_s <= lifetime_s and self._log_odds[i] > _DROPPED:
                stay.append(i)
            elif life.confirmed:
                lost.append(i)
        living = [self._trace(at_ns, i) for i in stay if lost and self._lives[i].confirmed]
        for i in lost:
            links += self._links.on_lost(at_ns, self._trace(at_ns, i), living)
        if len(stay) < len(self._lives):
            place = np.full(len(self._lives) + 1, -1, dtype=np.intp)
            place[stay] = np.arange(len(stay))
            for _, owner in owned:
                owner[:] = place[owner]
            self._lives = [self._lives[i] for i in stay]
            self._mean, self._covariance = self._mean[stay], self._covariance[stay]
            self._log_odds, self._colours = self._log_odds[stay], self._colours[stay]
        return links

    def _end_all(self, at_ns: int) -> None:
        """End every track: nothing was seen for long, or the clock was set anew."""
        for i, life in enumerate(self._lives):
            if life.confirmed:
                self._links.on_lost(at_ns, self._trace(at_ns, i), [])
        self._lives = []
        self._mean, self._covariance = self._mean[:0], self._covariance[:0]
        self._log_odds, self._colours = self._log_odds[:0], self._colours[:0]

    def _is_ghost(self, at_ns: int, i: int, cameras: list[str]) -> bool:
        """Whether only one of many cameras has shown a confirmed track for a long time."""
        life = self._lives[i]
        if not life.confirmed or at_ns - max(life.paired_ns, life.born_ns) < _GHOST_S * 1e9:
            return False
        return self._coverage.cameras_seeing(self._mean[i, :2], cameras) >= _MANY_CAMERAS

    def _trace(self, at_ns: int, i: int) -> Trace:
        life = self._lives[i]
        return Trace(
            life.id,
            life.born_ns,
            life.seen_ns,
            self._mean[i].copy(),
            self._covariance[i].copy(),
            self._colours[i].copy(),
            life.way_until(at_ns),
        )
